import type { PlanInput } from '../step.ts';
import { no, yes, type Verdict } from './verdict.ts';

export function nodesReachable(input: Pick<PlanInput, 'observed'>): Verdict {
  const { observed } = input;
  const silent = observed.nodes.flatMap(({ name }) => {
    const fact = observed.probes[name];
    return fact?.state === 'unknown' ? [fact.why] : [];
  });
  const [first] = silent;
  if (first !== undefined) return no(first.reason, [...new Set(silent.map(({ message }) => message))].join(' '));
  if (observed.cluster.state === 'unknown') return no(observed.cluster.why.reason, observed.cluster.why.message);
  return yes(`All ${observed.nodes.length} nodes answered.`);
}

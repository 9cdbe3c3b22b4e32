import { formerMembers } from '../membership.ts';
import { osUnsupported, silence } from '../node-state.ts';
import { members, type PlanInput } from '../step.ts';
import { no, yes, type Verdict } from './verdict.ts';

export function nodesReachable(input: Pick<PlanInput, 'observed'>): Verdict {
  const { cluster } = input.observed;
  const all = members(input);
  const silent = all.flatMap(({ name, fact }) => (fact.state === 'unknown' ? [{ name, why: fact.why }] : []));
  const [first] = silent;
  if (first !== undefined) {
    const messages = silent.map(({ name, why }) => silence(input, name, why).message);
    return no(first.why.reason, [...new Set(messages)].join(' '));
  }
  if (cluster.state === 'unknown') return no(cluster.why.reason, cluster.why.message);
  const old = all.flatMap(({ name, probe }) => (probe === undefined ? [] : (osUnsupported(name, probe) ?? [])));
  if (old.length > 0) return no('OsUnsupported', old.map(({ message }) => message).join(' '));
  return yes(`All ${all.length} nodes answered.${formerNodes(input)}`);
}

const formerNodes = (input: Pick<PlanInput, 'observed'>): string =>
  formerMembers(input)
    .map((name) => ` ${notMember(name)}`)
    .join('');

export const notMember = (name: string): string =>
  `${name} is listed in spec.nodes.hosts and is no node of the cluster any more: it is left out. Take it out of the list, or join it again.`;

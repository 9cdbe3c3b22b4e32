import { agentFindings } from './arc-agent.ts';
import { notMember } from './conditions/nodes.ts';
import { bounded, seconds, word, type StatusDraft } from './draft.ts';
import { valueOf, type Observed } from './facts.ts';
import type { Memory } from './memory.ts';
import { findings, type Finding } from './node-state.ts';
import type { Plan } from './plan.ts';
import { arcWanted, members, registeredTo, type PlanInput } from './step.ts';
import { agentTrouble } from './steps/start-arc-registration-task.ts';
import { arcNotShown } from './steps/sync.ts';

type NodesDraft = NonNullable<StatusDraft['nodes']>;
type NodeItem = NodesDraft['items'][number];

const maximumNodes = 16;

export function reportNodes(input: PlanInput): NodesDraft {
  const { observed, target, spec } = input;
  const notShown = new Set(arcNotShown(input));
  const isKnown = observed.arcSettings.state !== 'unknown';
  const all = members(input);
  const arcConnected = arcWanted(input) ? all.filter(({ name }) => !notShown.has(name)).length : 0;
  const total = all.length;
  return {
    total,
    registered: all.filter(({ probe }) => probe !== undefined && registeredTo(probe, target.resourceId)).length,
    arcConnected,
    arcSummary: spec.arc.state === 'Enabled' ? `${isKnown ? arcConnected : '?'}/${total}` : spec.arc.state,
    items: reportNodeItems(observed).map((item) => ({ ...item, ...trouble(item.name, input, notShown) })),
  };
}

/** Why a node is not as it should be: the worst first, and what its agent says itself. */
function trouble(name: string, input: PlanInput, notShown: Set<string>): Pick<NodeItem, 'reason' | 'message'> {
  const member = members(input).find((one) => one.name === name);
  if (member === undefined) return { reason: 'NodeNotMember', message: bounded(notMember(name)) };
  const { probe } = member;
  const agentSays = probe !== undefined && (probe.agent?.errorCode ?? '') !== '' && notShown.has(name);
  const found: Finding[] = [
    ...findings(input, member),
    ...agentFindings(input, member),
    ...(agentSays ? [{ reason: 'NodesNotConnected', message: `${name}: ${agentTrouble(probe)}.` } as const] : []),
  ];
  const [worst] = found;
  return worst === undefined
    ? { reason: undefined, message: undefined }
    : { reason: worst.reason, message: bounded(found.map(({ message }) => message).join(' ')) };
}

export function reportNodeItems({ nodes, probes, hostKeys, arcSettings }: Observed): NodesDraft['items'] {
  const details = valueOf(arcSettings)?.properties.perNodeDetails ?? [];
  const arcStatus = new Map(details.map(({ name, state }) => [name.toLowerCase(), state]));
  return nodes.slice(0, maximumNodes).map(({ name, address }) => {
    const fact = probes[name];
    const probe = valueOf(fact);
    const why = fact?.state === 'unknown' ? fact.why : undefined;
    return {
      name,
      address: address === '' ? undefined : address,
      registrationStatus: word(probe?.registration.registrationStatus),
      connectionStatus: word(probe?.registration.connectionStatus),
      arcStatus: word(arcStatus.get(name.toLowerCase())),
      agentVersion: word(probe?.agent?.version),
      agentUpdates: probe === undefined ? undefined : probe.microsoftUpdate ? 'MicrosoftUpdate' : 'Manual',
      agentProxy: probe?.agent?.proxyUrl == null ? undefined : bounded(probe.agent.proxyUrl, 512),
      hostKey: hostKeys[name],
      lastProbeTime: fact?.state === 'present' ? seconds(fact.at) : undefined,
      reason: why?.reason,
      message: why === undefined ? undefined : bounded(why.message),
    };
  });
}

export const reportPlan = ({ pending }: Plan): StatusDraft['plan'] => ({
  steps: pending.slice(0, 32).map(({ step, on, state, message }) => ({
    name: step,
    target: bounded(on, 512),
    state,
    message: bounded(message),
  })),
});

/** That Azure is busy with the same thing is no failure. */
export const consecutiveFailures = ({ failures }: Pick<Memory, 'failures'>): number =>
  Math.max(0, ...[...failures.values()].map(({ count, reason }) => (reason === 'WaitingForAzure' ? 0 : count)));

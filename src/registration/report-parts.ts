import { bounded, seconds, word, type StatusDraft } from './draft.ts';
import { valueOf, type Observed } from './facts.ts';
import { arcWanted, members, registeredTo, type PlanInput } from './step.ts';
import { agentTrouble } from './steps/start-arc-registration-task.ts';
import { arcNotShown } from './steps/sync.ts';

type NodesDraft = NonNullable<StatusDraft['nodes']>;

const maximumNodes = 16;

export function reportNodes(input: PlanInput): NodesDraft {
  const { observed, target, spec } = input;
  const notShown = new Set(arcNotShown(input));
  const isKnown = observed.arcSettings.state !== 'unknown';
  const arcConnected = arcWanted(input) ? observed.nodes.filter(({ name }) => !notShown.has(name)).length : 0;
  const total = observed.nodes.length;
  return {
    total,
    registered: members(input).filter(({ probe }) => probe !== undefined && registeredTo(probe, target.resourceId))
      .length,
    arcConnected,
    arcSummary: spec.arc.state === 'Enabled' ? `${isKnown ? arcConnected : '?'}/${total}` : spec.arc.state,
    items: reportNodeItems(observed).map((item) => withAgentTrouble(item, input, notShown)),
  };
}

/** What a node's agent says itself of why it is not connected. */
function withAgentTrouble(item: NodesDraft['items'][number], { observed }: PlanInput, notShown: Set<string>) {
  const probe = valueOf(observed.probes[item.name]);
  const code = probe?.agent?.errorCode ?? '';
  if (probe === undefined || code === '' || !notShown.has(item.name)) return item;
  return { ...item, reason: 'NodesNotConnected', message: bounded(agentTrouble(probe)) };
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
      hostKey: hostKeys[name],
      lastProbeTime: fact?.state === 'present' ? seconds(fact.at) : undefined,
      reason: why?.reason,
      message: why === undefined ? undefined : bounded(why.message),
    };
  });
}

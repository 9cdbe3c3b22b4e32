import type { Extension, Machine } from '../azure/models.ts';
import { sameId } from '../azure/resource-ids.ts';
import { valueOf, type FactKey } from './facts.ts';
import {
  arcDisableBegun,
  members,
  pollSeconds,
  underWay,
  unread,
  waiting,
  type Evaluation,
  type Member,
  type PlanInput,
} from './step.ts';

// What the steps have in common that take things away.

/** Arc is taken away: because it is not wanted, because the cluster leaves, or because that was begun and has to be finished first (9113). */
export const arcUnwanted = (input: PlanInput): boolean =>
  input.leaving === true || input.spec.arc.state === 'Disabled' || arcDisableBegun(input);

/** A person decided that Azure is cleaned up although nodes do not answer. */
const leavesSilentNodes = ({ leaving, spec }: PlanInput): boolean =>
  leaving === true && spec.deletion.whenNodesUnreachable === 'AzureOnly';

/** The nodes on which something is taken away: all, but where silent ones are left as they are. */
export const nodesAsked = (input: PlanInput): Member[] =>
  members(input).filter(({ probe }) => probe !== undefined || !leavesSilentNodes(input));

/** Nothing is begun on some nodes while others do not answer: that would end half way. */
export function silentNode(input: PlanInput, on: string): Evaluation<never> | undefined {
  const silent = nodesAsked(input).find(({ probe }) => probe === undefined);
  return silent === undefined ? undefined : unread(on, silent.fact);
}

/** What is read of the cluster itself is not waited for where no node of it is. */
export const clusterIsLeft = (input: PlanInput): boolean =>
  leavesSilentNodes(input) && input.observed.cluster.state === 'unknown';

/** Arc is set up on the cluster, or was not taken away completely. */
export const holdsArc = ({ probe }: Member): boolean =>
  /^(Enabled|DisableInProgress)$/.test(probe?.arc?.clusterArcStatus ?? '');

/** Extensions that Azure manages go with their parent, and cannot be deleted. */
export const deletableExtensions = ({ observed }: PlanInput): Extension[] =>
  (valueOf(observed.extensions) ?? []).filter(({ properties }) => properties?.managedBy !== 'Azure');

/** The agents remove the extensions: without them that fails, so they are waited for unless a person decided otherwise. */
export function extensionsHold(input: PlanInput, on: string): Evaluation<never> | undefined {
  const { extensions } = input.observed;
  if (input.spec.deletion.extensions === 'Ignore') return undefined;
  if (extensions.state === 'unknown') return unread(on, extensions);
  const names = deletableExtensions(input).map(({ name }) => name);
  return names.length === 0
    ? undefined
    : waiting(on, `after the removal of extensions: ${names.join(', ')}`, [], 0, 'Progressing');
}

/** Arc-enabled servers that are nodes of this cluster, as Azure has them. */
export const machinesOfCluster = ({ observed, target }: PlanInput): Machine[] =>
  (valueOf(observed.machines) ?? []).filter(({ properties }) =>
    sameId(properties?.parentClusterResourceId, target.resourceId),
  );

/** Microsoft's roles do not let Arc-enabled servers be read: then those that the nodes have removed themselves are not looked for. */
export const machinesForbidden = ({ observed: { machines } }: PlanInput): boolean =>
  machines.state === 'unknown' && machines.why.reason === 'ActionsMissing';

/** What lies in the groups, as a fact. */
export const whatIsInGroups = ['groupResources/resourceGroup', 'groupResources/arcResourceGroup'] as const;

/** It was asked for, or Azure is removing it already. `facts` show when it is gone. */
export function beingDeleted(
  input: PlanInput,
  given: {
    step: string;
    on: string;
    facts: FactKey[];
    provisioningState: string | null | undefined;
    message: string;
  },
): Evaluation<never> | undefined {
  const { step, on, facts, provisioningState, message } = given;
  const started = underWay(input, step, on, facts);
  if (started !== undefined || !/^Deleting$/i.test(provisioningState ?? '')) return started;
  return waiting(on, message, facts, pollSeconds(input, step, on));
}

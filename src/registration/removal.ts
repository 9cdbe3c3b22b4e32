import type { Extension, Machine } from '../azure/models.ts';
import { sameId } from '../azure/resource-ids.ts';
import { valueOf } from './facts.ts';
import {
  arcDisableBegun,
  members,
  nonEmpty,
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

/** Azure is removing it already. */
export const isDeleting = (provisioningState: string | null | undefined): boolean =>
  nonEmpty(provisioningState) && /^Deleting$/i.test(provisioningState);

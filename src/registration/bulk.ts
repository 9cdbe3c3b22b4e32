import type { Resources } from '../azure/inventory.ts';
import type { ClusterResource, Machine, ResourceGroup, RoleAssignment } from '../azure/models.ts';
import { countsAt, resourceGroupId } from '../azure/resource-ids.ts';
import type { Target } from './target.ts';

// What rows of Resource Graph tell of one registration. Undefined: nothing to rely on, so it is read live. Rows never prove an absence.

export const clusterFrom = ({ clusters }: Resources, { resourceId }: Target): ClusterResource | undefined =>
  clusters.get(resourceId.toLowerCase());

export const resourceGroupFrom = (
  groups: ReadonlyMap<string, ResourceGroup>,
  { subscriptionId }: Target,
  name: string,
): ResourceGroup | undefined => groups.get(resourceGroupId(subscriptionId, name).toLowerCase());

/** `known`: what was read last. Each of them has to have a row: one that is missing may be hidden from this principal, or gone. */
export function machinesFrom(
  { machines }: Resources,
  { subscriptionId, arcResourceGroup }: Target,
  known: readonly Machine[] | undefined,
): Machine[] | undefined {
  const rows = machines.get(resourceGroupId(subscriptionId, arcResourceGroup).toLowerCase()) ?? [];
  const ids = new Set(rows.map(({ id }) => id.toLowerCase()));
  return known?.every(({ id }) => ids.has(id.toLowerCase())) === true ? rows : undefined;
}

export const roleAssignmentsFrom = (
  assignments: readonly RoleAssignment[],
  scope: string,
  principalId: string,
): RoleAssignment[] =>
  assignments.filter(({ properties }) => properties.principalId === principalId && countsAt(properties.scope, scope));

/**
 * Clusters, by their ids in lower case, whose row or a row of whose Arc-enabled servers is another than before, is new, or is gone. That a
 * cluster has synchronised again is no change.
 */
export function changedClusters(before: Resources, after: Resources): Set<string> {
  const changed = new Set(differing(lasting(before), lasting(after)).map(([id]) => id));
  for (const [, { properties }] of differing(machinesById(before), machinesById(after))) {
    const parent = properties?.parentClusterResourceId;
    if (parent !== undefined && parent !== null) changed.add(parent.toLowerCase());
  }
  return changed;
}

/** Both the old and the new row of each. */
const differing = <T>(before: ReadonlyMap<string, T>, after: ReadonlyMap<string, T>): [string, T][] =>
  [...before, ...after].filter(([id]) => JSON.stringify(before.get(id)) !== JSON.stringify(after.get(id)));

const lasting = ({ clusters }: Resources): ReadonlyMap<string, ClusterResource> =>
  new Map(
    [...clusters].map(([id, { properties, ...row }]) => [
      id,
      { ...row, properties: { ...properties, lastSyncTimestamp: null } },
    ]),
  );

const machinesById = ({ machines }: Resources): ReadonlyMap<string, Machine> =>
  new Map([...machines.values()].flat().map((machine) => [machine.id.toLowerCase(), machine]));

import { describe, expect, test } from 'vitest';
import type { Resources } from '../azure/inventory.ts';
import type { ClusterResource, Machine } from '../azure/models.ts';
import { changedClusters, clusterFrom, machinesFrom, resourceGroupFrom, roleAssignmentsFrom } from './bulk.ts';
import { buildResource, buildTarget, resourceId, subscriptionId } from './testing/builders.ts';

const target = buildTarget();
const groupId = `/subscriptions/${subscriptionId}/resourceGroups/hci001-rg`;
const machine = (name: string, properties: Machine['properties'] = {}): Machine => ({
  id: `${groupId}/providers/Microsoft.HybridCompute/machines/${name}`,
  name,
  properties: { status: 'Connected', parentClusterResourceId: resourceId, ...properties },
});
const resources = (clusters: ClusterResource[], machines: Machine[] = []): Resources => ({
  clusters: new Map(clusters.map((cluster) => [cluster.id.toLowerCase(), cluster])),
  machines: new Map([[groupId.toLowerCase(), machines]]),
});
const assignedAt = (scope: string, principalId = 'principal') => ({
  id: scope,
  name: scope,
  properties: { roleDefinitionId: 'role', principalId, scope },
});
const changed = (before: Resources, after: Resources) => [...changedClusters(before, after)];

describe('what rows tell', () => {
  test('of a cluster and a group, whatever the case of their ids; and nothing where there is no row', () => {
    const row = { ...buildResource(), id: resourceId.toUpperCase() };
    expect(clusterFrom(resources([row]), target)).toBe(row);
    expect(clusterFrom(resources([]), target)).toBeUndefined();
    const group = { name: 'HCI001-RG', location: 'eastus', provisioningState: 'Succeeded', tags: {} };
    const groups = new Map([[groupId.toLowerCase(), group]]);
    expect(resourceGroupFrom(groups, target, 'HCI001-RG')).toBe(group);
    expect(resourceGroupFrom(groups, target, 'other-rg')).toBeUndefined();
  });

  test('of Arc-enabled servers, when none of those that are known is missing', () => {
    const [one, two] = [machine('one'), machine('two')];
    expect(machinesFrom(resources([], [one, two]), target, [two])).toEqual([one, two]);
    expect(machinesFrom(resources([], [one]), target, [one, two])).toBeUndefined();
    expect(machinesFrom(resources([], [one]), target, undefined)).toBeUndefined();
    expect(machinesFrom(resources([], [one]), target, [{ ...one, id: one.id.toUpperCase() }])).toEqual([one]);
  });

  test('of role assignments: of the principal, at the scope or above it', () => {
    const here = assignedAt(groupId);
    const above = assignedAt(`/subscriptions/${subscriptionId}`);
    const rows = [
      here,
      above,
      assignedAt(`${groupId}/providers/x/y/z`),
      assignedAt(`${groupId}-2`),
      assignedAt(groupId, 'another'),
    ];
    expect(roleAssignmentsFrom(rows, groupId.toUpperCase(), 'principal')).toEqual([here, above]);
  });
});

describe('a cluster has changed', () => {
  const cluster = buildResource();
  const id = resourceId.toLowerCase();
  const start = resources([cluster], [machine('one')]);

  test.each<[string, Resources]>([
    ['a member of its row', resources([buildResource({ properties: { connectivityStatus: 'x' } })], [machine('one')])],
    ['its tags', resources([buildResource({ tags: {} })], [machine('one')])],
    ['its row is gone', resources([], [machine('one')])],
    ['the status of a server', resources([cluster], [machine('one', { status: 'Disconnected' })])],
    ['a server more', resources([cluster], [machine('one'), machine('two')])],
    ['a server less', resources([cluster])],
    ['a server that has another parent now', resources([cluster], [machine('one', { parentClusterResourceId: null })])],
  ])('%s', (_, after) => {
    expect(changed(start, after)).toEqual([id]);
    expect(changed(after, start)).toEqual([id]);
  });

  test('not when it only synchronised again, and not when it is another that changed', () => {
    const synchronised = buildResource({ properties: { lastSyncTimestamp: '2026-03-01T11:59:00Z' } });
    expect(changed(start, resources([synchronised], [machine('one')]))).toEqual([]);
    const other = { ...cluster, id: `${resourceId}-2` };
    expect(changed(start, resources([cluster, other], [machine('one')]))).toEqual([`${id}-2`]);
  });
});

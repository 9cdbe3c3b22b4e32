import { roleDefinitions } from '../authorization.ts';
import { clusterView } from '../resourceManager/clusters.ts';
import { machineView } from '../resourceManager/machines.ts';
import type { World } from '../world.ts';
import type { Row } from './evaluate.ts';

/** A row with what decides who sees it. */
export interface IndexedRow {
  readonly table: string;
  readonly id: string;
  /** What the caller must be allowed to do at the row's resource. */
  readonly action: string;
  readonly row: Row;
}

// Properties appear as the newest api-version shows them.
const apiVersion = '2026-10-01';

/** Every column of the tables, in their order. */
export const columns = [
  'id',
  'name',
  'type',
  'tenantId',
  'kind',
  'location',
  'resourceGroup',
  'subscriptionId',
  'managedBy',
  'sku',
  'plan',
  'properties',
  'tags',
  'identity',
  'zones',
  'extendedLocation',
];

function indexed(
  world: World,
  table: string,
  type: string,
  action: string,
  resource: { id: string; name: string; location?: string; tags?: unknown; identity?: unknown; properties: unknown },
): IndexedRow {
  const [, , subscriptionId = '', , resourceGroup = ''] = resource.id.split('/');
  return {
    table,
    id: resource.id,
    action,
    row: {
      id: resource.id,
      name: resource.name,
      type: type.toLowerCase(),
      tenantId: world.state.tenantId,
      kind: '',
      location: resource.location ?? '',
      resourceGroup: resourceGroup.toLowerCase(),
      subscriptionId,
      managedBy: '',
      sku: null,
      plan: null,
      properties: resource.properties,
      tags: resource.tags ?? null,
      identity: resource.identity ?? null,
      zones: null,
      extendedLocation: null,
    },
  };
}

/** What Resource Graph's tables hold of the state: no arcSettings, which nobody has found there. */
export function allRows(world: World): IndexedRow[] {
  const { state } = world;
  const resources = (type: string, found: readonly Parameters<typeof indexed>[4][]) =>
    found.map((resource) => indexed(world, 'resources', type, `${type}/read`, resource));
  const groupType = 'Microsoft.Resources/subscriptions/resourceGroups';
  const subscriptionType = 'Microsoft.Resources/subscriptions';
  return [
    ...resources(
      'Microsoft.AzureStackHCI/clusters',
      Object.values(state.clusters).map((cluster) => clusterView({ world, apiVersion }, cluster)),
    ),
    ...resources(
      'Microsoft.HybridCompute/machines',
      Object.values(state.machines).map((machine) => machineView(machine, apiVersion)),
    ),
    ...resources('Microsoft.HybridCompute/machines/extensions', Object.values(state.machineExtensions)),
    ...Object.values(state.resourceGroups).map((group) =>
      indexed(world, 'resourcecontainers', groupType, `${groupType}/read`, {
        ...group,
        properties: { provisioningState: group.provisioningState },
      }),
    ),
    ...Object.entries(state.subscriptions).map(([id, subscription]) =>
      indexed(world, 'resourcecontainers', subscriptionType, `${subscriptionType}/read`, {
        id: `/subscriptions/${id}`,
        name: subscription.displayName,
        properties: { state: subscription.state },
      }),
    ),
    ...Object.values(state.roleAssignments).map((assignment) => {
      const type = 'Microsoft.Authorization/roleAssignments';
      const { id, name, effectiveAt: _, effectiveUntil: __, ...properties } = assignment;
      return indexed(world, 'authorizationresources', type, `${type}/read`, { id, name, properties });
    }),
    ...roleDefinitions(world).flatMap((role) =>
      role.assignableScopes
        .filter((scope) => scope.startsWith('/subscriptions/'))
        .map((scope) => {
          const type = 'Microsoft.Authorization/roleDefinitions';
          const { name, roleName, description, permissions, assignableScopes, type: roleType } = role;
          const id = `${scope}/providers/${type}/${name}`;
          const properties = { roleName, description, permissions, assignableScopes, type: roleType };
          return indexed(world, 'authorizationresources', type, `${type}/read`, { id, name, properties });
        }),
    ),
  ];
}

/** What Resource Graph knows: the state as it was `resourceGraphLagSeconds` ago. */
export interface ResourceGraphIndex {
  /** To be called whenever the state may have changed. */
  readonly observe: () => void;
  readonly rows: () => readonly IndexedRow[];
}

export function createResourceGraphIndex(world: World): ResourceGraphIndex {
  let history: { at: number; text: string; rows: readonly IndexedRow[] }[] = [];
  const horizon = () => world.now().getTime() - world.settings.resourceGraphLagSeconds * 1000;
  return {
    observe: () => {
      if (world.settings.resourceGraphLagSeconds === 0) {
        history = [];
        return;
      }
      const rows = allRows(world);
      const text = JSON.stringify(rows);
      const latest = history.at(-1);
      if (latest?.text === text) return;
      history.push({ at: latest === undefined ? -Infinity : world.now().getTime(), text, rows: structuredClone(rows) });
      const visible = history.findLastIndex((entry) => entry.at <= horizon());
      history = history.slice(Math.max(0, visible));
    },
    rows: () => {
      if (history.length === 0) return allRows(world);
      return (history.findLast((entry) => entry.at <= horizon()) ?? history[0])?.rows ?? [];
    },
  };
}

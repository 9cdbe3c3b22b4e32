import { randomUUID } from 'node:crypto';
import { Type, type Static } from 'typebox';
import { Value } from 'typebox/value';
import { createdByTag } from '../../src/registration/target.ts';
import { roleIds } from '../simulators/azure/authorization.ts';
import type { SimulatedAzure } from '../simulators/azure/azure.ts';
import { State as AzureState } from '../simulators/azure/state.ts';
import { ClusterState, type State as NodesState } from '../simulators/nodes/state.ts';

/** What one registration is made of in both simulators. */
const Registration = Type.Object({
  azure: Type.Pick(AzureState, [
    'resourceGroups',
    'clusters',
    'arcSettings',
    'machines',
    'roleAssignments',
    'applications',
    'servicePrincipals',
  ]),
  cluster: ClusterState,
});
export type Registration = Static<typeof Registration>;

const entriesOf = <T>(map: Record<string, T>, holds: (key: string, value: T) => boolean): Record<string, T> =>
  Object.fromEntries(Object.entries(map).filter(([key, value]) => holds(key, value)));

/** Takes a cluster that was registered out of the simulators' states. Its name must occur in nothing else. */
export function takeTemplate(azure: AzureState, nodes: NodesState, name: string): Registration {
  const cluster = nodes.clusters[name];
  if (cluster === undefined) throw new Error(`there is no simulated cluster ${name}`);
  const inGroup = (key: string) => key.toLowerCase().includes(`/resourcegroups/${name}-rg`);
  const applications = entriesOf(azure.applications, (_, { displayName }) => displayName.startsWith(name));
  const appIds = new Set(Object.values(applications).map(({ appId }) => appId));
  const clusters = entriesOf(azure.clusters, inGroup);
  const machines = entriesOf(azure.machines, inGroup);
  const identities = new Set([
    ...Object.values(clusters).map(({ identity }) => identity?.principalId),
    ...Object.values(machines).map(({ identity }) => identity.principalId),
  ]);
  return structuredClone({
    azure: {
      resourceGroups: entriesOf(azure.resourceGroups, inGroup),
      clusters,
      arcSettings: entriesOf(azure.arcSettings, inGroup),
      machines,
      roleAssignments: entriesOf(azure.roleAssignments, inGroup),
      applications,
      servicePrincipals: entriesOf(
        azure.servicePrincipals,
        (_, principal) => appIds.has(principal.appId) || identities.has(principal.id),
      ),
    },
    cluster,
  });
}

const guid = /[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}/gi;

/** Ids that all registrations of a lab have in common. */
export const commonIds = ({ tenantId, subscriptionId, principals, state }: SimulatedAzure): ReadonlySet<string> =>
  new Set([
    tenantId,
    subscriptionId,
    state.resourceProviderObjectId,
    createdByTag.CreatedBy.toLowerCase(),
    ...Object.values(roleIds),
    ...Object.values(principals).flatMap(({ clientId, objectId }) => [clientId, objectId]),
  ]);

/** The same registration for another cluster, with ids of its own. */
export function copyTemplate(
  template: Registration,
  names: { from: string; to: string },
  common: ReadonlySet<string>,
  own: ClusterState,
): Registration {
  const ids = new Map([[template.cluster.id.toLowerCase(), own.id]]);
  const text = JSON.stringify(template)
    .replaceAll(names.from, names.to)
    .replaceAll(guid, (id) => {
      const key = id.toLowerCase();
      if (common.has(key)) return id;
      const other = ids.get(key) ?? randomUUID();
      ids.set(key, other);
      return other;
    });
  const copy = Value.Parse(Registration, JSON.parse(text));
  const { dnsSuffix, authorizedKeys, execution, createdTime } = own;
  Object.assign(copy.cluster, { dnsSuffix, authorizedKeys, execution, createdTime });
  for (const [name, node] of Object.entries(copy.cluster.nodes)) {
    const at = own.nodes[name];
    if (at === undefined) throw new Error(`${names.to} has no node ${name}`);
    Object.assign(node, { id: at.id, address: at.address, hostKey: at.hostKey });
  }
  return copy;
}

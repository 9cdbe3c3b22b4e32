import { randomUUID } from 'node:crypto';
import { markTag } from '../../src/registration/target.ts';
import type { ClusterState, NodeState } from '../simulators/nodes/state.ts';
import type { StateCase } from './cases.ts';
import type { Registration } from './template.ts';

/** What the node script keeps of certificates; gone where the cmdlet registered the cluster. */
const recordsKey = 'HKLM:\\SOFTWARE\\HciRegistration';

const drop = (map: Record<string, unknown>, holds: (key: string) => boolean): void => {
  for (const key of Object.keys(map)) if (holds(key)) Reflect.deleteProperty(map, key);
};

/** Takes from a complete registration what the case says is not there. `fresh` is the cluster as it was before it was registered. */
export function applyCase(
  complete: Registration,
  fresh: ClusterState,
  given: StateCase,
  resourceProviderObjectId: string,
): Registration {
  const { azure } = complete;
  const cluster = given.uri === 'empty' ? unregister(complete.cluster, fresh, given) : complete.cluster;
  const nodes = Object.values(cluster.nodes);

  if (given.uri === 'other' && cluster.registration !== undefined) {
    cluster.registration.resourceUri += '-elsewhere';
    cluster.registration.resourceName += '-elsewhere';
  }
  if (!given.certificates)
    for (const node of nodes) drop(node.registry, (key) => key.toUpperCase().startsWith(recordsKey.toUpperCase()));
  if (!given.arcSettings || !given.arcIdentity || given.uri === 'empty' || given.cloud === 'absent') {
    dropArc(complete, given);
    delete cluster.arc;
    delete cluster.arcRegistrationTask;
    for (const node of nodes) dropAgent(node);
  }
  if (!given.identity) dropIdentity(complete, nodes);
  if (!given.providerRole)
    for (const [id, { principalId }] of Object.entries(azure.roleAssignments))
      if (principalId === resourceProviderObjectId) delete azure.roleAssignments[id];
  for (const resource of Object.values(azure.clusters)) {
    if (!given.marked) delete resource.tags?.[markTag];
    if (given.cloud === 'otherRegion') resource.location = 'westeurope';
    if (given.cloud === 'otherCluster' && resource.properties.reportedProperties !== undefined)
      resource.properties.reportedProperties.clusterId = randomUUID();
    if (given.uri === 'empty' && given.cloud !== 'otherCluster') delete resource.properties.reportedProperties;
  }
  if (given.cloud === 'absent') for (const map of Object.values(azure)) drop(map, () => true);
  for (const [index, node] of nodes.entries()) applyKind(node, given.nodes[index]);
  return { azure, cluster };
}

function unregister(cluster: ClusterState, fresh: ClusterState, { certificates, cloud }: StateCase): ClusterState {
  const other = structuredClone(fresh);
  if (!certificates || cloud === 'absent') return other;
  for (const [name, node] of Object.entries(other.nodes)) {
    const { certificateStore, generatedCertificate, registrationCertificate, registry } = cluster.nodes[name] ?? node;
    Object.assign(node, { certificateStore, generatedCertificate, registrationCertificate, registry });
  }
  return other;
}

function dropArc({ azure }: Registration, { arcSettings, cloud }: StateCase): void {
  const objectIds = new Set<string | undefined>();
  for (const [id, { properties }] of Object.entries(azure.arcSettings)) {
    objectIds.add(properties.arcServicePrincipalObjectId);
    drop(azure.applications, (key) => key === properties.arcApplicationObjectId);
    delete properties.arcApplicationClientId;
    delete properties.arcApplicationObjectId;
    delete properties.arcServicePrincipalObjectId;
    delete properties.arcApplicationTenantId;
    properties.perNodeDetails = [];
    properties.aggregateState = 'NotSpecified';
    if (!arcSettings || cloud === 'absent') delete azure.arcSettings[id];
  }
  drop(azure.servicePrincipals, (key) => objectIds.has(key));
  drop(azure.machines, () => true);
  for (const [id, { principalId }] of Object.entries(azure.roleAssignments))
    if (objectIds.has(principalId)) delete azure.roleAssignments[id];
}

function dropAgent(node: NodeState): void {
  delete node.agent;
  node.arcStatus = 2;
  node.arcRegistrationTask = { running: false };
}

/** Nodes that signed in as the application lose their connection. */
function dropIdentity({ azure }: Registration, nodes: NodeState[]): void {
  for (const resource of Object.values(azure.clusters)) {
    const { properties } = resource;
    drop(azure.applications, (key) => key === properties.aadApplicationObjectId);
    drop(azure.servicePrincipals, (key) => key === properties.aadServicePrincipalObjectId);
    delete properties.aadClientId;
    delete properties.aadApplicationObjectId;
    delete properties.aadServicePrincipalObjectId;
    delete resource.identity;
  }
  for (const node of nodes) if (node.registered) node.connectionStatus = 'Disconnected';
}

function applyKind(node: NodeState, kind: StateCase['nodes'][number] | undefined): void {
  if (kind === 'down') node.power = 'down';
  if (kind === 'firmware') {
    node.outOfPolicy = true;
    node.bios.version = '9.9.9';
  }
  if (kind === '20H2') {
    node.build = '20H2';
    node.cloudManagementServices = [];
    dropAgent(node);
  }
}

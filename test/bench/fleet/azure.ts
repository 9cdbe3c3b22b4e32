import { randomUUID } from 'node:crypto';
import { clusterResourceId, resourceGroupId, roles } from '../../../src/azure/resource-ids.ts';
import type { SimulatedAzure } from '../../simulators/azure/azure.ts';
import { roleIds } from '../../simulators/azure/authorization.ts';
import type { Cluster, RoleAssignment } from '../../simulators/azure/state.ts';
import { idKey } from '../../simulators/azure/world.ts';

/** A cluster that is registered and Arc-enabled, as Azure has it. */
export interface FleetCluster {
  name: string;
  subscriptionId: string;
  resourceGroup: string;
  resourceId: string;
  clusterId: string;
  cloudId: string;
  appId: string;
  arcAppId: string;
}

/** Azure allows 980 resource groups in a subscription. */
export const clustersPerSubscription = 200;
export const nodeNames = ['NODE1', 'NODE2', 'NODE3', 'NODE4'];

const past = '2026-01-01T00:00:00.000Z';
const namespaces = [
  'microsoft.azurestackhci',
  'microsoft.hybridcompute',
  'microsoft.guestconfiguration',
  'microsoft.hybridconnectivity',
];

/** Puts so many registered clusters into the simulated Azure, `mark` on each, and gives the controller its rights. */
export function seedFleet(azure: SimulatedAzure, count: number, mark: (name: string) => string): FleetCluster[] {
  const { state } = azure;
  const subscriptions = Array.from({ length: Math.ceil(count / clustersPerSubscription) }, (_, index) =>
    index === 0 ? azure.subscriptionId : randomUUID(),
  );
  for (const id of subscriptions) {
    const providers = Object.fromEntries(namespaces.map((namespace) => [namespace, 'Registered']));
    state.subscriptions[id] = { displayName: id, state: 'Enabled', providers };
    for (const role of [roleIds.contributor, roleIds.userAccessAdministrator]) {
      assign(azure, `/subscriptions/${id}`, role, azure.principals.controller.objectId);
    }
  }
  return Array.from({ length: count }, (_, index) => {
    const subscriptionId = subscriptions[Math.floor(index / clustersPerSubscription)] ?? azure.subscriptionId;
    const name = `hci${String(index + 1).padStart(5, '0')}`;
    return seedCluster(azure, subscriptionId, name, mark(name));
  });
}

function assign({ state }: SimulatedAzure, scope: string, role: string, principalId: string): void {
  const name = randomUUID();
  const id = `${scope}/providers/Microsoft.Authorization/roleAssignments/${name}`;
  const [, , subscriptionId] = scope.split('/');
  const assignment: RoleAssignment = {
    id,
    name,
    scope,
    roleDefinitionId: `/subscriptions/${subscriptionId}/providers/Microsoft.Authorization/roleDefinitions/${role}`,
    principalId,
    principalType: 'ServicePrincipal',
    description: null,
    condition: null,
    createdOn: past,
    createdBy: principalId,
    updatedOn: past,
    updatedBy: principalId,
    effectiveAt: past,
  };
  state.roleAssignments[idKey(id)] = assignment;
}

const systemData = {
  createdBy: 'bench',
  createdByType: 'Application',
  createdAt: past,
  lastModifiedBy: 'bench',
  lastModifiedByType: 'Application',
  lastModifiedAt: past,
};

function seedCluster(azure: SimulatedAzure, subscriptionId: string, name: string, mark: string): FleetCluster {
  const { state, tenantId } = azure;
  const resourceGroup = `${name}-rg`;
  const group = resourceGroupId(subscriptionId, resourceGroup);
  const resourceId = clusterResourceId({ subscriptionId, resourceGroup, resourceName: name });
  const [clusterId, cloudId, appId, arcAppId] = [randomUUID(), randomUUID(), randomUUID(), randomUUID()];
  state.resourceGroups[idKey(group)] = {
    id: group,
    name: resourceGroup,
    location: 'eastus',
    provisioningState: 'Succeeded',
  };
  const properties: Cluster['properties'] = {
    provisioningState: 'Succeeded',
    status: 'ConnectedRecently',
    connectivityStatus: 'Connected',
    cloudId,
    aadClientId: appId,
    aadTenantId: tenantId,
    aadApplicationObjectId: randomUUID(),
    aadServicePrincipalObjectId: randomUUID(),
    resourceProviderObjectId: state.resourceProviderObjectId,
    softwareAssuranceProperties: { softwareAssuranceStatus: 'Disabled', softwareAssuranceIntent: 'Disable' },
    desiredProperties: { windowsServerSubscription: 'Disabled', diagnosticLevel: 'Basic' },
    reportedProperties: {
      clusterName: name,
      clusterId,
      clusterVersion: '10.0.20349',
      nodes: [],
      lastUpdated: past,
      imdsAttestation: 'Disabled',
      diagnosticLevel: 'Basic',
    },
    trialDaysRemaining: 0,
    billingModel: 'Trial',
    registrationTimestamp: past,
    lastSyncTimestamp: new Date().toISOString(),
    serviceEndpoint: azure.serviceEndpoint,
  };
  state.clusters[idKey(resourceId)] = {
    id: resourceId,
    name,
    location: 'eastus',
    etag: '"1"',
    tags: { HciClusterRegistration: mark },
    systemData,
    identity: { type: 'SystemAssigned', principalId: randomUUID(), tenantId },
    properties,
  };
  const machines = nodeNames.map((node) => `${group}/providers/Microsoft.HybridCompute/machines/${node}`);
  const arcPrincipal = randomUUID();
  const arcSettings = `${resourceId}/arcSettings/default`;
  state.arcSettings[idKey(arcSettings)] = {
    id: arcSettings,
    name: 'default',
    etag: '"1"',
    systemData,
    properties: {
      connectivityProperties: { enabled: true, serviceConfigurations: [] },
      provisioningState: 'Succeeded',
      arcInstanceResourceGroup: resourceGroup,
      aggregateState: 'Connected',
      perNodeDetails: nodeNames.map((node, index) => ({
        name: node,
        arcInstance: machines[index] ?? '',
        state: 'Connected',
      })),
      arcApplicationTenantId: tenantId,
      arcApplicationClientId: arcAppId,
      arcApplicationObjectId: randomUUID(),
      arcServicePrincipalObjectId: arcPrincipal,
      defaultExtensions: [],
    },
  };
  for (const [index, node] of nodeNames.entries()) {
    const id = machines[index] ?? '';
    state.machines[idKey(id)] = {
      id,
      name: node,
      location: 'eastus',
      identity: { type: 'SystemAssigned', principalId: randomUUID(), tenantId },
      properties: { status: 'Connected', agentVersion: '1.49.02887.2150', parentClusterResourceId: resourceId },
    };
  }
  assign(azure, group, roles['Azure Connected Machine Resource Manager'], state.resourceProviderObjectId);
  assign(azure, group, roles['Azure Connected Machine Onboarding'], arcPrincipal);
  assign(azure, group, roles['Azure Connected Machine Resource Administrator'], arcPrincipal);
  return { name, subscriptionId, resourceGroup, resourceId, clusterId, cloudId, appId, arcAppId };
}

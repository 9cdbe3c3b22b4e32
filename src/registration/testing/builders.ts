import { apiVersion } from '../../api/group.ts';
import type { Reason } from '../../api/reasons.ts';
import { kind, type HciClusterRegistration } from '../../api/registration.ts';
import type { RegistrationSpec } from '../../api/spec.ts';
import { cloudEndpoints } from '../../azure/clouds.ts';
import type { ArcSettings, ClusterResource, Machine } from '../../azure/models.ts';
import type { ClusterProbe, Probe } from '../../nodes/operations.ts';
import type { ArcSecret, Fact, Observed } from '../facts.ts';
import { createMemory } from '../memory.ts';
import type { PlanInput } from '../step.ts';
import { resolveTarget, type Target } from '../target.ts';

// One registration of two nodes, in the state that each test changes.

export const now = new Date('2026-03-01T12:00:00.000Z');
export const before = (seconds: number): Date => new Date(now.getTime() - seconds * 1000);
export const after = (seconds: number): Date => before(-seconds);

export const present = <T>(value: T): Fact<T> => ({ state: 'present', value, at: now, via: 'live' });
export const absent: Fact<never> = { state: 'absent', at: now, via: 'live' };
export const unknown = (reason: Reason = 'AzureRequestFailed', message = 'it could not be read'): Fact<never> => ({
  state: 'unknown',
  why: { reason, message },
  at: now,
});

export const subscriptionId = '11111111-1111-4111-8111-111111111111';
export const tenantId = '22222222-2222-4222-8222-222222222222';
export const clusterId = '33333333-3333-4333-8333-333333333333';
export const instanceId = 'test-instance';
export const nodeNames = ['NODE1', 'NODE2'];
export const endpoints = cloudEndpoints('AzureCloud');

export const buildSpec = (changes: Partial<RegistrationSpec> = {}): RegistrationSpec => ({
  azure: {
    cloud: 'AzureCloud',
    tenantId,
    subscriptionId,
    region: 'eastus',
    identity: {
      type: 'ClientSecret',
      clientSecret: { clientId: '44444444-4444-4444-8444-444444444444', secretRef: { name: 'sign-in' } },
    },
  },
  nodes: {
    discovery: 'Cluster',
    hosts: nodeNames.map((name) => ({ name, address: `${name.toLowerCase()}.corp.example.com` })),
    transport: {
      type: 'SSH',
      ssh: { user: 'hcireg', port: 22, secretRef: { name: 'ssh' }, execution: 'Dispatcher' },
    },
  },
  arc: { state: 'Enabled', onboarding: { type: 'ResourceProvider' } },
  credentialRotation: { mode: 'Auto', renewBefore: '720h' },
  managementPolicy: 'Manage',
  adoptionPolicy: 'IfOwned',
  deletion: { whenNodesUnreachable: 'Wait', extensions: 'Wait' },
  suspend: false,
  syncInterval: '15m',
  nodeProbeInterval: '1h',
  ...changes,
});

export function buildRegistration(
  changes: { spec?: RegistrationSpec; status?: HciClusterRegistration['status']; generation?: number } = {},
): HciClusterRegistration {
  return {
    apiVersion,
    kind,
    metadata: {
      name: 'hci001',
      namespace: 'edge',
      uid: '55555555-5555-4555-8555-555555555555',
      resourceVersion: '1',
      generation: changes.generation ?? 1,
      creationTimestamp: '2026-03-01T00:00:00Z',
    },
    spec: changes.spec ?? buildSpec(),
    ...(changes.status === undefined ? {} : { status: changes.status }),
  };
}

export function buildTarget(spec: RegistrationSpec = buildSpec()): Target {
  const target = resolveTarget(
    buildRegistration({ spec }),
    { clusterName: 'hci001', resourceUris: [] },
    endpoints,
    instanceId,
  );
  if (target === undefined) throw new Error('the name is known');
  return target;
}

export const resourceId = buildTarget().resourceId;

export const buildResource = (
  changes: Partial<Omit<ClusterResource, 'properties'>> & { properties?: ClusterResource['properties'] } = {},
): ClusterResource => ({
  id: resourceId,
  name: 'hci001',
  location: 'eastus',
  tags: { ...buildTarget().tags },
  identity: { type: 'SystemAssigned', principalId: 'identity-principal' },
  ...changes,
  properties: {
    status: 'ConnectedRecently',
    cloudId: 'cloud-id',
    aadClientId: 'application-client-id',
    aadApplicationObjectId: 'application-object-id',
    aadServicePrincipalObjectId: 'application-principal-id',
    resourceProviderObjectId: 'provider-principal-id',
    serviceEndpoint: 'https://eastus.service.example.com',
    lastSyncTimestamp: before(3600).toISOString(),
    reportedProperties: { clusterName: 'hci001', clusterId },
    ...changes.properties,
  },
});

export const buildArcSettings = (changes: ArcSettings['properties'] = {}): ArcSettings => ({
  id: `${resourceId}/arcSettings/default`,
  properties: {
    arcInstanceResourceGroup: 'hci001-rg',
    arcApplicationClientId: 'arc-client-id',
    arcApplicationObjectId: 'arc-object-id',
    arcServicePrincipalObjectId: 'arc-principal-id',
    aggregateState: 'Connected',
    perNodeDetails: nodeNames.map((name) => ({ name, state: 'Connected' })),
    ...changes,
  },
});

export const buildMachine = (name: string, parentClusterResourceId: string): Machine => ({
  id: `/machines/${name}`,
  name,
  properties: { status: 'Connected', parentClusterResourceId },
});

type ProbeChanges = Partial<Omit<Probe, 'registration'>> & { registration?: Partial<Probe['registration']> };

/** A node that is registered, connected and Arc-enabled. */
export const buildProbe = (name: string, { registration, ...changes }: ProbeChanges = {}): Probe => ({
  script: { release: '1.0.0', execution: 'Dispatcher' },
  computerName: name,
  registration: {
    clusterStatus: 'ClusterRegistered',
    registrationStatus: 'Registered',
    registrationDate: '2026-01-01T00:00:00Z',
    azureResourceName: 'hci001',
    azureResourceUri: resourceId,
    connectionStatus: 'Connected',
    lastConnected: '2026-03-01T11:00:00Z',
    nextSync: '2026-03-01T23:00:00Z',
    region: 'eastus',
    imdsAttestation: null,
    diagnosticLevel: 'Basic',
    ...registration,
  },
  certificate: {
    created: createdCertificate(name),
    set: setCertificate(name),
  },
  arc: {
    clusterArcStatus: 'Enabled',
    nodesArcStatus: Object.fromEntries(nodeNames.map((node) => [node.toLowerCase(), 'Enabled'])),
    applicationId: 'arc-client-id',
  },
  arcSecret: { appId: 'arc-client-id', keyId: 'key-1' },
  agent: {
    version: '1.49.02887.2150',
    status: 'Connected',
    resourceName: name,
    resourceGroup: 'hci001-rg',
    subscriptionId,
    tenantId,
    location: 'eastus',
    lastHeartbeat: '2026-03-01T11:59:00Z',
    errorCode: null,
    errorDetails: null,
    proxyUrl: null,
    proxyBypass: [],
  },
  arcRegistrationTask: { state: 'Ready', lastRunTime: '2026-01-01T00:00:00Z', lastTaskResult: 0 },
  deploymentLaunchType: null,
  microsoftUpdate: true,
  customImdsHostAddress: null,
  os: {
    build: 20349,
    ubr: 2700,
    displayVersion: '22H2',
    bootTime: '2026-02-01T00:00:00Z',
    currentTime: '2026-03-01T12:00:00Z',
    languageMode: 'FullLanguage',
  },
  bios: { manufacturer: 'Contoso', version: '1', releaseDate: null, secureBoot: true },
  commands: ['New-AzureStackHCIRegistrationCertificate', 'Set-AzureStackHCIRegistration'],
  cloudManagementServices: ['HciClusterAgentSvc'],
  services: {},
  ...changes,
});

type Certificates = Probe['certificate'];

/** What New-AzureStackHCIRegistrationCertificate made, for two years. */
export const createdCertificate = (
  name: string,
  changes: Partial<NonNullable<Certificates['created']>> = {},
): NonNullable<Certificates['created']> => ({
  certificate: 'AAAA',
  thumbprint: thumbprint(name),
  notAfter: '2028-01-01T00:00:00Z',
  createdTime: '2026-01-01T00:00:00Z',
  ...changes,
});
/** The same in use. */
export const setCertificate = (
  name: string,
  changes: Partial<NonNullable<Certificates['set']>> = {},
): NonNullable<Certificates['set']> => ({
  ...createdCertificate(name),
  appId: 'application-client-id',
  cloudId: 'cloud-id',
  ...changes,
});

/** What our Secret tells of the Arc service principal's secret: the nodes hold the first one. */
export const buildArcSecret = (changes: Partial<ArcSecret> = {}): ArcSecret => ({
  appId: 'arc-client-id',
  handedOver: { keyId: 'key-1', notBefore: '2026-02-01T00:00:00Z', notAfter: '2028-02-01T00:00:00Z' },
  held: undefined,
  answered: {},
  ...changes,
});

/** A node that was never registered. */
export const unregistered = {
  clusterStatus: 'NotYetRegistered',
  registrationStatus: 'NotYetRegistered',
  registrationDate: null,
  azureResourceName: null,
  azureResourceUri: null,
  connectionStatus: null,
  lastConnected: null,
  nextSync: null,
} as const satisfies ProbeChanges['registration'];

/** 40 hexadecimal digits that follow from the name. */
export const thumbprint = (name: string): string =>
  Buffer.from(name).toString('hex').toUpperCase().padEnd(40, '0').slice(0, 40);

export const buildCluster = (changes: Partial<ClusterProbe> = {}): ClusterProbe => ({
  name: 'hci001',
  id: clusterId,
  functionalLevel: 12,
  dnsName: 'hci001.corp.example.com',
  dnsSuffix: 'corp.example.com',
  nodes: nodeNames.map((name) => ({ name, state: 'Up', statusInformation: null, drainStatus: null })),
  cloudManagement: { state: 'Online', serviceName: 'HciClusterAgentSvc' },
  ...changes,
});

const assignment = (principalId: string, definition: string) => ({
  id: `/roleAssignments/${definition}`,
  name: definition,
  properties: {
    principalId,
    roleDefinitionId: `/subscriptions/${subscriptionId}/providers/Microsoft.Authorization/roleDefinitions/${definition}`,
    scope: `/subscriptions/${subscriptionId}/resourceGroups/hci001-rg`,
  },
});

/** Everything is as it should be: nothing is left to do. */
export const buildObserved = (changes: Partial<Observed> = {}): Observed => ({
  nodes: nodeNames.map((name) => ({ name, address: `${name.toLowerCase()}.corp.example.com`, source: 'spec' })),
  probes: Object.fromEntries(nodeNames.map((name) => [name, present(buildProbe(name))])),
  hostKeys: {},
  cluster: present(buildCluster()),
  signIn: present(true),
  signInValidity: { notBefore: undefined, notAfter: after(300 * 86_400) },
  permissions: present([{ actions: ['*'], notActions: [] }]),
  groupPermissions: {},
  providers: Object.fromEntries(
    endpoints.resourceProviders.map((namespace) => [
      namespace,
      present({
        namespace,
        registrationState: 'Registered',
        clusterLocations: namespace === 'Microsoft.AzureStackHCI' ? ['East US', 'West Europe'] : [],
      }),
    ]),
  ),
  resourceGroup: present({ name: 'hci001-rg', location: 'eastus', provisioningState: 'Succeeded', tags: {} }),
  arcResourceGroup: present({ name: 'hci001-rg', location: 'eastus', provisioningState: 'Succeeded', tags: {} }),
  resource: present(buildResource()),
  arcSettings: present(buildArcSettings()),
  extensions: absent,
  groupResources: {},
  machines: present(nodeNames.map((name) => buildMachine(name, resourceId))),
  providerRoles: present([assignment('provider-principal-id', 'f5819b54-e033-4d82-ac66-4fec3cbf3f4c')]),
  arcRoles: present([
    assignment('arc-principal-id', 'b64e21ea-ac4e-4cdf-9dc9-5b892992bee7'),
    assignment('arc-principal-id', 'cd570a14-e51a-42ad-bac8-bafd67325302'),
  ]),
  arcSecret: present(buildArcSecret()),
  onboardingSecret: absent,
  onboardingRecord: absent,
  onboardingApplication: absent,
  arcSignIn: absent,
  operations: {},
  clockSkewMs: 0,
  ...changes,
});

/** The probes of all nodes, each changed alike. */
export const probes = (changes: ProbeChanges): Observed['probes'] =>
  Object.fromEntries(nodeNames.map((name) => [name, present(buildProbe(name, changes))]));

export function buildInput(changes: Partial<PlanInput> = {}): PlanInput {
  const spec = changes.spec ?? buildSpec();
  return { spec, target: buildTarget(spec), observed: buildObserved(), memory: createMemory(), now, ...changes };
}

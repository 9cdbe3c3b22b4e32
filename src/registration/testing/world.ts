import type { ArcSettings, ClusterResource, Machine, RoleAssignment } from '../../azure/models.ts';
import { resourceGroupId, roleAssignmentName, roles, type RoleName } from '../../azure/resource-ids.ts';
import type { RegistrationSpec } from '../../api/spec.ts';
import type { ArcSecret, Fact, Observed, SecretKey } from '../facts.ts';
import { registeredTo } from '../step.ts';
import { createdByTag, markTag, type Target } from '../target.ts';
import {
  buildArcSettings,
  buildCluster,
  buildMachine,
  buildProbe,
  buildResource,
  createdCertificate,
  setCertificate,
  thumbprint,
  unregistered,
} from './builders.ts';
import type { Probe } from '../../nodes/operations.ts';

// A world without I/O: what is in Azure, on the nodes and in our Secret, and how it is observed. `effects.ts` changes it.

export interface World {
  now: Date;
  spec: RegistrationSpec;
  target: Target;
  providers: Record<string, string>;
  /** Resource groups that exist, by name in lower case, with their provisioning state. */
  groups: Map<string, string>;
  resource: ClusterResource | undefined;
  providerRoles: Set<RoleName>;
  arcSettings: ArcSettings | undefined;
  arcRoles: Set<RoleName>;
  /** The registration is being deleted. */
  leaving?: boolean;
  /** Groups that carry Az.StackHCI's tag, by name in lower case. */
  tagged: Set<string>;
  /** What others have put into groups: the group of each resource, in lower case. */
  foreign: string[];
  /** Arc extensions, with who manages them. */
  extensions: Map<string, 'User' | 'Azure'>;
  /** Arc-enabled servers of the Arc group. */
  machines: Machine[];
  /** Thumbprints with which the cluster's application signs in. */
  uploaded: Set<string>;
  secret: ArcSecret | undefined;
  /** When the secret that is held begins to work. */
  secretWorksFrom: Date;
  /** Fingerprint of what the Secret of the user's own Arc service principal holds. */
  onboardingSecret: string;
  onboardingRecord:
    | { handedOver: string | undefined; repair: string | undefined; found: string | undefined }
    | undefined;
  /** Fingerprint of the user's secret that the nodes hold. */
  onboardedWith: string | undefined;
  nodes: Map<string, Probe>;
  cloudManagement: boolean;
  /** Nodes whose firmware keeps them out of policy, whatever is synchronised. */
  outOfPolicy: Set<string>;
  /** Nodes that the cluster does not call simply up. */
  nodeStates: Map<string, { state: string; drainStatus?: string }>;
  /** Hosts that are listed, were evicted, and do not answer. */
  formerHosts: string[];
  /** What will have happened by then. */
  later: { at: Date; happen: () => void }[];
  operations: Map<string, 'InProgress' | 'Succeeded' | 'Failed'>;
  made: number;
}

/** What a start may already hold of a registration. */
export interface Start {
  nodeCount: number;
  arcState: 'Enabled' | 'Disabled' | 'Unmanaged';
  onboarding: 'ResourceProvider' | 'ServicePrincipal';
  separateArcGroup: boolean;
  consent: boolean;
  providerStates: string[];
  group: 'absent' | 'Succeeded' | 'Deleting';
  arcGroup: 'absent' | 'Succeeded';
  resource: boolean;
  marked: boolean;
  identity: 'none' | 'UserAssigned' | 'SystemAssigned';
  application: boolean;
  providerObjectId: boolean;
  providerRole: boolean;
  certificates: ('none' | 'expiring' | 'usable' | 'uploaded' | 'set' | 'setForAnother')[];
  registered: boolean[];
  connected: boolean;
  customImds: boolean[];
  cloudManagement: boolean;
  arcSettings: boolean;
  arcIdentity: boolean;
  arcRoles: boolean[];
  secret: 'none' | 'held' | 'dropped' | 'ofAnother';
  initialized: boolean;
  task: 'none' | 'ready' | 'failed';
  agents: boolean[];
  shown: boolean[];
  justBooted: boolean;
}

const application = {
  aadClientId: 'application-client-id',
  aadApplicationObjectId: 'application-object-id',
  aadServicePrincipalObjectId: 'application-principal-id',
};
export const applicationProperties = application;
export const arcApplicationProperties = {
  arcApplicationClientId: 'arc-client-id',
  arcApplicationObjectId: 'arc-object-id',
  arcServicePrincipalObjectId: 'arc-principal-id',
};

export const ownArcApplication = { appId: 'own-client-id', principalId: 'own-principal-id' };

export const isOwn = ({ spec }: Pick<World, 'spec'>): boolean => spec.arc.onboarding.type === 'ServicePrincipal';

/** Client and object id of the principal with which the nodes are to be onboarded. */
export const arcPrincipal = (
  world: Pick<World, 'spec' | 'arcSettings'>,
): { appId: string | null | undefined; principalId: string | null | undefined } =>
  isOwn(world)
    ? ownArcApplication
    : {
        appId: world.arcSettings?.properties.arcApplicationClientId,
        principalId: world.arcSettings?.properties.arcServicePrincipalObjectId,
      };

/** Nothing of the cluster resource but what a PUT makes. */
export const newResource = (target: Target, tags: Record<string, string>): ClusterResource => ({
  ...buildResource(),
  id: target.resourceId,
  tags,
  properties: {
    cloudId: 'cloud-id',
    serviceEndpoint: 'https://eastus.service.example.com',
    status: 'NotYetRegistered',
  },
});

/** A secret that was made at this time, for two years. */
export const newKey = (keyId: string, at: Date): SecretKey => ({
  keyId,
  notBefore: at.toISOString(),
  notAfter: new Date(at.getTime() + 730 * 86_400_000).toISOString(),
});

const pick = <T>(values: T[], index: number): T | undefined => values[index % Math.max(1, values.length)];

/** The world that a start describes, as far as one part can exist without another. */
export function buildWorld(start: Start, spec: RegistrationSpec, target: Target, now: Date): World {
  const names = Array.from({ length: start.nodeCount }, (_, index) => `NODE${index + 1}`);
  const groups = new Map<string, string>();
  if (start.group !== 'absent') groups.set(target.resourceGroup.toLowerCase(), start.group);
  if (start.arcGroup !== 'absent' && start.separateArcGroup)
    groups.set(target.arcResourceGroup.toLowerCase(), start.arcGroup);

  const hasResource = start.resource && start.group === 'Succeeded';
  const hasApplication = hasResource && start.application;
  const hasArcGroup = groups.get(target.arcResourceGroup.toLowerCase()) === 'Succeeded';
  const hasArcSettings = hasResource && start.arcSettings && start.arcState !== 'Unmanaged';
  const hasArcIdentity = hasArcSettings && start.arcIdentity;
  const hasArcPrincipal = isOwn({ spec }) ? hasArcSettings : hasArcIdentity;
  const isInitialized = hasArcPrincipal && start.initialized;
  const world: World = {
    now,
    spec,
    target,
    providers: Object.fromEntries(
      target.endpoints.resourceProviders.map((namespace, index) => [
        namespace,
        hasResource ? 'Registered' : (pick(start.providerStates, index) ?? 'NotRegistered'),
      ]),
    ),
    groups,
    resource: undefined,
    providerRoles: new Set(
      hasArcGroup && hasResource && start.providerObjectId && start.providerRole
        ? ['Azure Connected Machine Resource Manager']
        : [],
    ),
    arcSettings: undefined,
    arcRoles: new Set(
      hasArcPrincipal && hasArcGroup
        ? (['Azure Connected Machine Onboarding', 'Azure Connected Machine Resource Administrator'] as const).filter(
            (_, index) => pick(start.arcRoles, index) === true,
          )
        : [],
    ),
    tagged: new Set(),
    foreign: [],
    extensions: new Map(),
    machines: [],
    uploaded: new Set(),
    secret: undefined,
    secretWorksFrom: now,
    onboardingSecret: 'first-secret',
    onboardingRecord: undefined,
    onboardedWith: isOwn({ spec }) && isInitialized ? 'first-secret' : undefined,
    nodes: new Map(),
    cloudManagement: start.cloudManagement,
    outOfPolicy: new Set(),
    nodeStates: new Map(),
    formerHosts: [],
    later: [],
    operations: new Map(),
    made: 0,
  };
  if (start.group === 'Deleting') {
    world.later.push({
      at: new Date(now.getTime() + 20_000),
      happen: () => groups.delete(target.resourceGroup.toLowerCase()),
    });
  }
  for (const [namespace, state] of Object.entries(world.providers)) {
    if (state === 'Registering')
      world.later.push({
        at: new Date(now.getTime() + 3000),
        happen: () => {
          world.providers[namespace] = 'Registered';
        },
      });
  }
  if (hasResource) {
    world.resource = newResource(target, start.marked ? { ...target.tags } : { department: 'retail' });
    world.resource.identity = start.identity === 'none' ? null : { type: start.identity };
    Object.assign(
      world.resource.properties,
      hasApplication ? application : {},
      start.providerObjectId ? { resourceProviderObjectId: 'provider-principal-id' } : {},
    );
  }
  if (hasArcSettings) {
    world.arcSettings = buildArcSettings({
      arcInstanceResourceGroup: target.arcResourceGroup,
      ...(hasArcIdentity
        ? arcApplicationProperties
        : { arcApplicationClientId: null, arcApplicationObjectId: null, arcServicePrincipalObjectId: null }),
      perNodeDetails: [],
    });
  }
  if (start.secret !== 'none') {
    const key = newKey('key', now);
    world.secret = {
      appId: start.secret === 'ofAnother' ? 'another-client-id' : 'arc-client-id',
      handedOver: start.secret === 'dropped' ? key : undefined,
      held: start.secret === 'dropped' ? undefined : key,
      answered: {},
    };
  }
  for (const [index, name] of names.entries()) {
    const certificate = pick(start.certificates, index) ?? 'none';
    const registered = hasApplication && pick(start.registered, index) === true;
    const set = hasApplication && certificate === 'set';
    if (certificate === 'uploaded' || set) world.uploaded.add(thumbprint(name));
    const agent = pick(start.agents, index) === true && isInitialized;
    world.nodes.set(
      name,
      buildProbe(name, {
        registration: registered
          ? {
              connectionStatus: start.connected ? 'Connected' : null,
              lastConnected: start.connected ? new Date(now.getTime() - 3_600_000).toISOString() : null,
              azureResourceUri: target.resourceId,
            }
          : unregistered,
        certificate: {
          created:
            certificate === 'none'
              ? null
              : createdCertificate(name, certificate === 'expiring' ? { notAfter: '2026-03-20T00:00:00Z' } : {}),
          set: set
            ? setCertificate(name)
            : certificate === 'setForAnother'
              ? setCertificate(name, { appId: 'another-client-id', cloudId: 'another-cloud-id' })
              : null,
        },
        arc: {
          clusterArcStatus: isInitialized ? 'Enabled' : 'Disabled',
          nodesArcStatus: { [name.toLowerCase()]: agent ? 'Enabled' : 'Disabled' },
          applicationId: isInitialized ? (isOwn({ spec }) ? ownArcApplication.appId : 'arc-client-id') : null,
        },
        arcSecret: isInitialized && start.secret === 'dropped' ? { appId: 'arc-client-id', keyId: 'key' } : null,
        ...(agent ? { agent: connectedAgent(name, target) } : { agent: null }),
        arcRegistrationTask: {
          none: null,
          ready: { state: 'Ready', lastRunTime: null, lastTaskResult: null },
          failed: { state: 'Ready', lastRunTime: '2026-01-01T00:00:00Z', lastTaskResult: 1 },
        }[start.task],
        customImdsHostAddress: pick(start.customImds, index) === true ? '127.0.0.1' : null,
        os: {
          ...buildProbe(name).os,
          currentTime: now.toISOString(),
          bootTime: new Date(now.getTime() - (start.justBooted ? 60_000 : 86_400_000)).toISOString(),
        },
      }),
    );
    if (agent && registered && pick(start.shown, index) === true) show(world, name);
  }
  return world;
}

export const connectedAgent = (name: string, target: Target): NonNullable<Probe['agent']> => ({
  version: '1.49.02887.2150',
  status: 'Connected',
  resourceName: name,
  resourceGroup: target.arcResourceGroup,
  subscriptionId: target.subscriptionId,
  tenantId: target.tenantId,
  location: target.region,
  lastHeartbeat: null,
  errorCode: null,
  errorDetails: null,
  proxyUrl: null,
  proxyBypass: [],
});

/** Azure shows the node as Arc-connected. */
export function show(world: World, name: string): void {
  const details = world.arcSettings?.properties.perNodeDetails;
  if (Array.isArray(details)) details.push({ name, state: 'Connected' });
}

export function advance(world: World, seconds: number): void {
  world.now = new Date(world.now.getTime() + seconds * 1000);
  const due = world.later.filter(({ at }) => at <= world.now);
  world.later = world.later.filter(({ at }) => at > world.now);
  for (const { happen } of due) happen();
}

const assignments = (target: Target, principalId: string, names: Iterable<RoleName>): RoleAssignment[] => {
  const scope = resourceGroupId(target.subscriptionId, target.arcResourceGroup);
  return [...names].map((role) => ({
    id: role,
    name: roleAssignmentName(scope, principalId, role),
    properties: { principalId, roleDefinitionId: `/roleDefinitions/${roles[role]}`, scope },
  }));
};

/** All there is, as the controller would read it now. `unread` are the keys of facts that cannot be read. */
export function observe(
  world: World,
  unread: ReadonlySet<string>,
  operationUrls: ReadonlyMap<string, string>,
): Observed {
  const at = world.now;
  const fact = <T>(key: string, value: T | undefined): Fact<T> => {
    // Without a token nothing of Azure is read.
    const inAzure = !/^(cluster|arcSecret|onboardingSecret|onboardingRecord)$/.test(key) && !key.startsWith('probe/');
    if (unread.has(key) || (inAzure && unread.has('signIn'))) {
      const reason = key === 'cluster' || key.startsWith('probe/') ? 'NodeUnreachable' : 'AzureRequestFailed';
      return { state: 'unknown', why: { reason, message: `${key} could not be read` }, at };
    }
    return value === undefined ? { state: 'absent', at, via: 'live' } : { state: 'present', value, at, via: 'live' };
  };
  const { target } = world;
  const group = (key: string, name: string) => {
    const provisioningState = world.groups.get(name.toLowerCase());
    return fact(
      key,
      provisioningState === undefined
        ? undefined
        : {
            name,
            location: 'eastus',
            provisioningState,
            tags: world.tagged.has(name.toLowerCase()) ? createdByTag : {},
          },
    );
  };
  const resource = fact('resource', structuredClone(world.resource));
  const arcSettings = resource.state === 'unknown' ? resource : fact('arcSettings', structuredClone(world.arcSettings));
  const removesArc =
    world.leaving === true ||
    world.spec.arc.state === 'Disabled' ||
    world.arcSettings?.properties.aggregateState === 'DisableInProgress' ||
    undefined;
  const sameGroup = target.arcResourceGroup.toLowerCase() === target.resourceGroup.toLowerCase();
  const nodes = [...world.nodes.keys()];
  const cluster = buildCluster({
    nodes: nodes.map((name) => ({
      name,
      state: 'Up',
      statusInformation: null,
      drainStatus: null,
      ...world.nodeStates.get(name),
    })),
    cloudManagement: world.cloudManagement ? { state: 'Online', serviceName: 'HciClusterAgentSvc' } : null,
  });
  const now = world.now.toISOString();
  return {
    nodes: [...nodes, ...world.formerHosts].map((name) => ({ name, address: name, source: 'spec' })),
    probes: Object.fromEntries([
      ...[...world.nodes].map(
        ([name, probe]) =>
          [name, fact(`probe/${name}`, { ...structuredClone(probe), os: { ...probe.os, currentTime: now } })] as const,
      ),
      ...world.formerHosts.map((name) => {
        const why = { reason: 'NodeUnreachable', message: `${name} is silent.` } as const;
        return [name, { state: 'unknown', why, at } as const] as const;
      }),
    ]),
    hostKeys: {},
    cluster: fact('cluster', cluster),
    signIn: fact('signIn', true as const),
    signInValidity: undefined,
    permissions: fact('permissions', [{ actions: ['*'], notActions: [] }]),
    groupPermissions: {},
    providers: Object.fromEntries(
      Object.entries(world.providers).map(([namespace, registrationState]) => [
        namespace,
        fact(`provider/${namespace}`, { namespace, registrationState, clusterLocations: [] }),
      ]),
    ),
    resourceGroup: group('resourceGroup', target.resourceGroup),
    arcResourceGroup: group(sameGroup ? 'resourceGroup' : 'arcResourceGroup', target.arcResourceGroup),
    resource,
    arcSettings,
    extensions:
      arcSettings.state === 'unknown'
        ? arcSettings
        : fact(
            'extensions',
            removesArc &&
              world.arcSettings &&
              [...world.extensions].map(([name, managedBy]) => ({ id: name, name, properties: { managedBy } })),
          ),
    groupResources: {
      ...(world.leaving === true && world.resource === undefined
        ? { resourceGroup: fact('groupResources/resourceGroup', inGroup(world, target.resourceGroup)) }
        : {}),
      ...(removesArc === true && !sameGroup && world.arcSettings === undefined
        ? { arcResourceGroup: fact('groupResources/arcResourceGroup', inGroup(world, target.arcResourceGroup)) }
        : {}),
    },
    machines: fact('machines', structuredClone(allMachines(world))),
    providerRoles: fact('providerRoles', assignments(target, 'provider-principal-id', world.providerRoles)),
    arcRoles: fact('arcRoles', assignments(target, arcPrincipal(world).principalId ?? '', world.arcRoles)),
    arcSecret: fact('arcSecret', structuredClone(world.secret)),
    onboardingSecret: fact(
      'onboardingSecret',
      isOwn(world)
        ? { appId: ownArcApplication.appId, fingerprint: world.onboardingSecret, hint: 'abc', notAfter: undefined }
        : undefined,
    ),
    onboardingRecord: fact(
      'onboardingRecord',
      world.onboardingRecord && { appId: ownArcApplication.appId, ...world.onboardingRecord },
    ),
    onboardingApplication: { state: 'absent', at, via: 'live' },
    arcSignIn: observeArcSignIn(world, fact),
    operations: Object.fromEntries(
      [...operationUrls].map(([key, url]) => [
        key,
        fact(`operation/${key}`, { status: world.operations.get(url) ?? 'Failed' }),
      ]),
    ),
    clockSkewMs: 0,
  };
}

/** Undefined: there is no such group. */
export function inGroup(world: World, group: string): { id: string }[] | undefined {
  const name = group.toLowerCase();
  if (!world.groups.has(name)) return undefined;
  const { target } = world;
  return [
    ...(world.resource !== undefined && name === target.resourceGroup.toLowerCase() ? [{ id: world.resource.id }] : []),
    ...(name === target.arcResourceGroup.toLowerCase() ? allMachines(world).map(({ id }) => ({ id })) : []),
    ...world.foreign.filter((other) => other === name).map((id) => ({ id })),
  ];
}

export const allMachines = (world: World): Machine[] => [...world.machines, ...machinesOf(world)];

/** What connected agents have made. */
const machinesOf = ({ nodes, target }: World): Machine[] =>
  [...nodes].flatMap(([name, { agent }]) =>
    agent?.status === 'Connected' ? [buildMachine(name, target.resourceId)] : [],
  );

function observeArcSignIn(
  world: World,
  fact: <T>(key: string, value: T | undefined) => Fact<T>,
): Observed['arcSignIn'] {
  if (isOwn(world)) return fact('arcSignIn', { principalId: ownArcApplication.principalId });
  const held = world.secret;
  const appId = world.arcSettings?.properties.arcApplicationClientId;
  if (held?.held === undefined || appId === null || appId === undefined)
    return fact<{ principalId: string }>('arcSignIn', undefined);
  if (held.appId === appId && world.secretWorksFrom <= world.now)
    return fact('arcSignIn', { principalId: 'arc-principal-id' });
  return { state: 'unknown', why: { reason: 'CredentialRejected', message: 'AADSTS7000215' }, at: world.now };
}

/** Nothing of Arc is left, in Azure or on a node, that is the cluster's own. */
export const isWithoutArc = (world: World): boolean =>
  world.arcSettings === undefined &&
  world.extensions.size === 0 &&
  (world.arcRoles.size === 0 || isOwn(world)) &&
  world.secret?.held === undefined &&
  world.machines.every(({ properties }) => properties?.parentClusterResourceId !== world.target.resourceId) &&
  [...world.nodes.values()].every(
    ({ agent, arc, arcRegistrationTask }) =>
      agent === null &&
      arcRegistrationTask === null &&
      arc?.clusterArcStatus !== 'Enabled' &&
      arc?.applicationId === null,
  );

/** Is everything there that a registration is made of? */
export function isRegistered(world: World): boolean {
  const { target, resource } = world;
  const nodes = [...world.nodes.values()];
  const arc =
    world.spec.arc.state === 'Unmanaged' ||
    (world.spec.arc.state === 'Disabled' && isWithoutArc(world)) ||
    (world.spec.arc.state === 'Enabled' &&
      world.providerRoles.size === 1 &&
      nodes.every(({ agent, arc: node }) => agent?.status === 'Connected' && node?.clusterArcStatus === 'Enabled') &&
      (!isOwn(world) || world.onboardedWith === world.onboardingSecret) &&
      world.arcSettings?.properties.perNodeDetails?.length === nodes.length &&
      world.secret?.held === undefined);
  return (
    arc &&
    resource?.tags?.[markTag] === target.mark &&
    resource.identity?.type.includes('SystemAssigned') === true &&
    nodes.every(
      (probe) => registeredTo(probe, target.resourceId) && probe.registration.connectionStatus === 'Connected',
    )
  );
}

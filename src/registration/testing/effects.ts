import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { AzureError } from '../../azure/errors.ts';
import type { Probe } from '../../nodes/operations.ts';
import { registeredTo, type PlanInput } from '../step.ts';
import type { RunnableStep } from '../plan.ts';
import type { StepName } from '../steps/index.ts';
import { afterSeconds, must, node, operation, type Done, type Effects } from './effect-parts.ts';
import { buildCluster, thumbprint } from './builders.ts';
import { knownForRemoval, removalEffects } from './removal-effects.ts';
import {
  applicationProperties,
  arcPrincipal,
  arcApplicationProperties,
  connectedAgent,
  newKey,
  newResource,
  show,
  type World,
} from './world.ts';

const delays = { provider: 3, application: 5, upload: 3, arcApplication: 4, secret: 5, agent: 8 };

const assign =
  (
    field: 'providerRoles' | 'arcRoles',
    principal: (world: World) => string | null | undefined,
  ): Effects['AssignArcRoles'] =>
  (world, { scope, principalId, role }) => {
    must(world.groups.get(scope.split('/').at(-1)?.toLowerCase() ?? '') === 'Succeeded', `${scope} is not there`);
    must(principalId === principal(world), `${principalId} is not the principal`);
    must(!world[field].has(role), `${role} is assigned`);
    world[field].add(role);
  };

const effects: Effects = {
  CreateResourceGroup(world, { name }) {
    must(!world.groups.has(name.toLowerCase()), `${name} is there`);
    world.groups.set(name.toLowerCase(), 'Succeeded');
    world.tagged.add(name.toLowerCase());
  },
  RegisterResourceProvider(world, { namespace }) {
    world.providers[namespace] = 'Registering';
    afterSeconds(world, delays.provider, () => {
      world.providers[namespace] = 'Registered';
    });
  },
  CreateCluster(world, { tags }) {
    must(world.resource === undefined, 'the cluster resource is there');
    must(world.groups.get(world.target.resourceGroup.toLowerCase()) === 'Succeeded', 'the group is not there');
    must(world.providers['Microsoft.AzureStackHCI'] === 'Registered', 'the provider is not registered');
    must(
      [...world.nodes.values()].every(({ registration }) => registration.azureResourceUri === null),
      'a node is registered already',
    );
    world.resource = newResource(world.target, tags);
  },
  AdoptCluster(world, { tags }) {
    must(world.resource, 'there is nothing to adopt');
    for (const [name, value] of Object.entries(world.resource.tags ?? {}))
      must(tags[name] === value, `the tag ${name} would be lost`);
    world.resource.tags = tags;
  },
  SetSystemAssignedIdentity(world, { type }) {
    must(world.resource, 'there is no cluster resource');
    must(
      world.resource.identity?.type !== 'UserAssigned' || type.includes('UserAssigned'),
      'the user-assigned identity would be lost',
    );
    world.resource.identity = { type };
  },
  CreateClusterIdentity(world) {
    const { resource } = world;
    must(resource, 'there is no cluster resource');
    must(resource.properties.aadClientId === undefined, 'there is an application');
    const operationUrl = operation(world, delays.application, () =>
      Object.assign(resource.properties, applicationProperties),
    );
    return { operationUrl };
  },
  RefreshResourceProviderObjectId(world) {
    must(world.resource, 'there is no cluster resource');
    world.resource.properties.resourceProviderObjectId = 'provider-principal-id';
  },
  AssignResourceManagerRole: assign('providerRoles', ({ resource }) => resource?.properties.resourceProviderObjectId),
  NewRegistrationCertificate(world, { node: name }) {
    const probe = node(world, name);
    const notAfter = new Date(world.now.getTime() + 700 * 86_400_000).toISOString();
    const fresh = thumbprint(`${name}/${(world.made += 1)}`);
    const created = { certificate: 'AAAA', thumbprint: fresh, notAfter, createdTime: world.now.toISOString() };
    probe.certificate = { ...probe.certificate, created };
  },
  UploadCertificate(world, { certificates, thumbprints }) {
    must(world.resource?.properties.aadClientId, 'there is no application');
    must(certificates.length > 0, 'there is no certificate');
    const operationUrl = operation(world, delays.upload, () => {
      // It replaces what was there: the strictest that Azure may do.
      const uploaded = new Set(thumbprints.split(','));
      for (const [name, { certificate }] of world.nodes) {
        const inUse = certificate.set?.thumbprint ?? '';
        must(uploaded.has(inUse) || !world.uploaded.has(inUse), `${name} is locked out`);
      }
      world.uploaded = uploaded;
    });
    return { operationUrl, detail: thumbprints };
  },
  SetRegistrationCertificate(world, { node: name, parameters }) {
    const { certificate } = node(world, name);
    must(certificate.created, `${name} has no certificate`);
    must(world.uploaded.has(certificate.created.thumbprint), `the certificate of ${name} does not sign in`);
    certificate.set = {
      ...certificate.created,
      appId: parameters.appId,
      cloudId: parameters.cloudId,
    };
  },
  SetRegistration(world, { parameters }) {
    for (const [name, { certificate, registration }] of world.nodes) {
      const usable = certificate.set?.appId === parameters.appId || registration.azureResourceUri !== null;
      must(usable, `${name} cannot sign in`);
      Object.assign(registration, {
        registrationStatus: 'Registered',
        azureResourceUri: parameters.resourceArmId,
        ...(registration.connectionStatus === 'RepairRegistrationRequired' ? { connectionStatus: null } : {}),
        nextSync: world.now.toISOString(),
      });
    }
  },
  StartCloudManagement(world) {
    must(!world.cloudManagement, 'it is online');
    world.cloudManagement = true;
  },
  RemoveCustomImdsHostAddress(world, { node: name }) {
    node(world, name).customImdsHostAddress = null;
  },
  CreateArcSettings(world, { arcResourceGroup }) {
    must(world.resource, 'there is no cluster resource');
    must(world.arcSettings === undefined, 'there are Arc settings');
    must(world.groups.get(arcResourceGroup.toLowerCase()) === 'Succeeded', 'the group is not there');
    world.arcSettings = {
      id: 'arcSettings',
      properties: { arcInstanceResourceGroup: arcResourceGroup, perNodeDetails: [], defaultExtensions: [] },
    };
  },
  ConsentToDefaultExtensions(world) {
    must(world.spec.arc.defaultExtensions === 'Consent', 'nobody consented');
    must(world.arcSettings, 'there are no Arc settings');
    world.arcSettings.properties.defaultExtensions = [{ category: 'Telemetry', consentTime: world.now.toISOString() }];
  },
  CreateArcIdentity(world) {
    const { arcSettings } = world;
    must(arcSettings, 'there are no Arc settings');
    must((arcSettings.properties.arcApplicationClientId ?? null) === null, 'there is an Arc identity');
    const operationUrl = operation(world, delays.arcApplication, () =>
      Object.assign(arcSettings.properties, arcApplicationProperties),
    );
    return { operationUrl };
  },
  AssignArcRoles: assign('arcRoles', (world) => arcPrincipal(world).principalId),
  GeneratePassword(world, { appId, requests }) {
    must(appId === world.arcSettings?.properties.arcApplicationClientId, 'that is not the Arc application');
    must(world.arcRoles.size === 2, 'the Arc principal has not its roles');
    const same = world.secret?.appId === appId ? world.secret : undefined;
    must(same?.held === undefined, 'a secret is held');
    world.secret = {
      appId,
      handedOver: same?.handedOver,
      held: newKey(`key-${(world.made += 1)}`, world.now),
      answered: { ...same?.answered, ...requests },
    };
    world.secretWorksFrom = new Date(world.now.getTime() + delays.secret * 1000);
  },
  InitializeArcIntegration(world, { node: name, parameters, fingerprint, repair }) {
    must(world.arcRoles.size === 2, 'the Arc principal has not its roles');
    must(parameters.appId === arcPrincipal(world).appId, 'that is not the principal that was asked for');
    if (fingerprint === undefined) {
      const { secret } = world;
      must(secret?.held, 'there is no secret');
      must(secret.held.keyId === parameters.keyId, 'that is not the secret that is held');
      must(secret.appId === parameters.appId && world.secretWorksFrom <= world.now, 'the secret does not work');
    } else {
      must(fingerprint === world.onboardingSecret, 'the Secret holds another one');
      const isHeld = world.onboardingRecord?.handedOver === fingerprint;
      must(!isHeld || world.onboardingRecord?.repair !== repair, 'the nodes hold it');
      world.onboardingRecord = { handedOver: fingerprint, repair, found: undefined };
    }
    world.onboardedWith = fingerprint;
    for (const { arc, registration } of world.nodes.values()) {
      must(arc, 'the node knows no Arc');
      must(registration.azureResourceUri, 'the node is not registered');
      Object.assign(arc, { clusterArcStatus: 'Enabled', applicationId: parameters.appId });
    }
    node(world, name).arcSecret = { appId: parameters.appId, keyId: parameters.keyId };
  },
  DropArcSecret(world) {
    const { secret } = world;
    must(secret?.held, 'there is no secret');
    const { keyId } = secret.held;
    const isWanted =
      world.spec.arc.state === 'Enabled' && world.arcSettings?.properties.aggregateState !== 'DisableInProgress';
    must(
      !isWanted ||
        arcPrincipal(world).appId !== secret.appId ||
        [...world.nodes.values()].some(({ arcSecret }) => arcSecret?.keyId === keyId),
      'no node holds the secret',
    );
    world.secret = { ...secret, handedOver: secret.held, held: undefined };
  },
  RegisterArcRegistrationTask(world) {
    for (const probe of world.nodes.values()) {
      must(probe.registration.azureResourceUri, 'the node is not registered');
      must(probe.arc?.clusterArcStatus === 'Enabled', 'Arc is not initialized');
      must(probe.arcRegistrationTask === null, 'the task is there');
      probe.arcRegistrationTask = { state: 'Ready', lastRunTime: null, lastTaskResult: null };
    }
  },
  DisconnectAgent(world, { node: name }) {
    const { agent } = node(world, name);
    must(agent, `${name} has no agent`);
    must(agent.status === 'Disconnected' || agent.status === 'Expired', `the agent of ${name} is connected`);
    must(
      world.machines.every((machine) => machine.name.toLowerCase() !== name.toLowerCase()),
      `Azure has the resource of ${name}`,
    );
    Object.assign(agent, { status: 'Disconnected', resourceName: null, resourceGroup: null, subscriptionId: null });
  },
  SetAgentProxy(world, { node: name, proxy }) {
    const { agent } = node(world, name);
    must(agent, `${name} has no agent`);
    must(!/@/.test(proxy.url), 'the proxy has a password in it');
    agent.proxyUrl = proxy.url;
    agent.proxyBypass = proxy.bypass === '' ? [] : proxy.bypass.split(',');
  },
  StartArcRegistrationTask(world, { node: name }) {
    const probe = node(world, name);
    must(probe.arcRegistrationTask, 'there is no task');
    must(probe.registration.azureResourceUri, `${name} is not registered`);
    must(probe.arc?.applicationId === arcPrincipal(world).appId, `${name} would onboard as another principal`);
    must(probe.arcRegistrationTask.state !== 'Running', 'the task runs');
    probe.arcRegistrationTask.state = 'Running';
    afterSeconds(world, delays.agent, () => {
      probe.arcRegistrationTask = { state: 'Ready', lastRunTime: world.now.toISOString(), lastTaskResult: 0 };
      const { proxyUrl = null, proxyBypass = [] } = probe.agent ?? {};
      must(probe.agent?.status !== 'Disconnected' || probe.agent.resourceName === null, `${name} holds a resource`);
      probe.agent = { ...connectedAgent(name, world.target), proxyUrl, proxyBypass };
      if (probe.arc !== null) probe.arc.nodesArcStatus[name.toLowerCase()] = 'Enabled';
    });
  },
  RecordOnboardingSecret(world, { fingerprint }) {
    must(world.onboardedWith !== undefined, 'the nodes hold no secret of it');
    must(world.onboardingRecord === undefined, 'it is on record');
    world.onboardingRecord = { handedOver: undefined, repair: undefined, found: fingerprint };
  },
  RemoveStaleMachine(world, { machineId }) {
    const machine = world.machines.find(({ id }) => id === machineId);
    must(machine, 'there is no such machine');
    must(!world.nodes.has(machine.name), `${machine.name} is a node`);
    must(machine.properties?.status === 'Disconnected', `${machine.name} is connected`);
    must(machine.properties?.parentClusterResourceId === world.target.resourceId, `${machine.name} is not ours`);
    world.machines = world.machines.filter((other) => other !== machine);
  },
  SyncAfterRegistration: synchronize,
  Sync: synchronize,
  SyncOnRequest: synchronize,
  ...removalEffects,
};

/** With what was set; what the cmdlet set is not on record. */
function signsIn({ resource, uploaded }: World, { certificate: { set } }: Probe): boolean {
  const appId = resource?.properties.aadClientId ?? undefined;
  return appId !== undefined && (set === null || (set.appId === appId && uploaded.has(set.thumbprint)));
}

function synchronize(world: World): void {
  const at = world.now.toISOString();
  for (const [name, probe] of world.nodes) {
    must(registeredTo(probe, world.target.resourceId), `${name} is not registered`);
    left(world, name);
    const isIn = signsIn(world, probe);
    const isBroken = probe.registration.connectionStatus === 'RepairRegistrationRequired';
    const connected = isBroken ? 'RepairRegistrationRequired' : isIn ? 'Connected' : 'Disconnected';
    const connectionStatus = world.outOfPolicy.has(name) ? 'OutOfPolicy' : connected;
    Object.assign(probe.registration, isIn ? { connectionStatus, lastConnected: at } : { connectionStatus });
    const { resource } = world;
    if (isIn && resource !== undefined)
      resource.properties.reportedProperties = { clusterName: 'hci001', clusterId: buildCluster().id };
    const details = world.arcSettings?.properties.perNodeDetails ?? [];
    if (probe.agent?.status === 'Connected' && details.every((detail) => detail.name !== name)) show(world, name);
  }
}

const OnNode = Type.Object({ node: Type.String() });

/** Does to the world what the step's write does. Throws OutOfOrder where Azure or the node would refuse. */
export function apply<N extends StepName>(world: World, runnable: RunnableStep<N>): Done | void {
  const given: unknown = runnable.arguments;
  if (Value.Check(OnNode, given)) left(world, given.node);
  return effects[runnable.step](world, runnable.arguments, runnable.on);
}

/** Nothing is changed on a node that is not up, or has just booted. */
function left(world: World, name: string): void {
  const state = world.nodeStates.get(name);
  must(state === undefined, `${name} is ${state?.state}`);
  must(world.now.getTime() - Date.parse(node(world, name).os.bootTime) >= 600_000, `${name} has just booted`);
}

const absent = (what: string, fact: { state: string } | undefined) =>
  must(fact?.state === 'absent', `${what} is not known to be absent`);
const present = (what: string, fact: { state: string } | undefined) =>
  must(fact?.state === 'present', `${what} is not known`);
const known = (what: string, fact: { state: string } | undefined) =>
  must(fact !== undefined && fact.state !== 'unknown', `${what} is not known`);
const allAsked = ({ observed }: PlanInput) => {
  for (const { name } of observed.nodes) present(name, observed.probes[name]);
};

/** Creating steps, and what must be known to be missing, or known at all, when they run. */
const creates: { [N in StepName]?: (input: PlanInput, on: string) => void } = {
  CreateResourceGroup: ({ observed, target }, on) =>
    absent(on, on === target.resourceGroup ? observed.resourceGroup : observed.arcResourceGroup),
  CreateCluster(input) {
    absent('the cluster resource', input.observed.resource);
    allAsked(input);
  },
  CreateArcSettings: ({ observed }) => absent('the Arc settings', observed.arcSettings),
  GeneratePassword(input) {
    known('the Secret', input.observed.arcSecret);
    allAsked(input);
  },
  InitializeArcIntegration({ spec, observed }) {
    if (spec.arc.onboarding.type !== 'ServicePrincipal') return;
    present("the user's Secret", observed.onboardingSecret);
    known('what the nodes were given', observed.onboardingRecord);
  },
  AssignResourceManagerRole: ({ observed }) => known('what roles there are', observed.providerRoles),
  AssignArcRoles: ({ observed }) => known('what roles there are', observed.arcRoles),
  NewRegistrationCertificate: ({ observed }, on) => present(on, observed.probes[on]),
  CreateClusterIdentity: ({ observed }) => present('the cluster resource', observed.resource),
  AdoptCluster: ({ observed }) => present('the cluster resource', observed.resource),
  RemoveStaleMachine({ observed }) {
    for (const fact of [observed.machines, observed.cluster, observed.resource])
      must(fact.state === 'present' && fact.via === 'live', 'it was not read live');
  },
  CreateArcIdentity: ({ observed }) => present('the Arc settings', observed.arcSettings),
  ...knownForRemoval,
  DisconnectAgent(input, on) {
    present(on, input.observed.probes[on]);
    known('the Arc-enabled servers', input.observed.machines);
  },
};

/** Throws OutOfOrder when a step that makes something runs without knowing that it is missing. */
export const assertKnown = (input: PlanInput, step: StepName, on: string): void => creates[step]?.(input, on);

/** A failure that passes. */
export const passingFailure = (outcomeUnknown: boolean): AzureError =>
  outcomeUnknown
    ? new AzureError({ code: 'NoAnswer', message: 'no answer', outcomeUnknown: true })
    : new AzureError({ code: 'InternalServerError', status: 500, message: 'passing' });

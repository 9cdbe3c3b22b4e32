import { describe, expect, test } from 'vitest';
import type { Observed } from './facts.ts';
import { plan } from './plan.ts';
import type { PlanInput } from './step.ts';
import { stepNames, type StepName } from './steps/index.ts';
import { buildCluster, buildMachine, buildSpec, endpoints, resourceId, unknown } from './testing/builders.ts';
import { noTrouble, simulate } from './testing/simulate.ts';
import { cmdletStart, emptyStart, ownStart, worldOf } from './testing/starts.ts';
import type { World } from './testing/world.ts';

// What could not be read never looks like what is not there: for each step, the facts without which it does not run.

const worlds = [
  worldOf({ ...emptyStart, separateArcGroup: true, consent: true, customImds: [true] }),
  worldOf({ ...emptyStart, group: 'Succeeded', resource: true, identity: 'UserAssigned' }),
  worldOf({ ...cmdletStart, marked: true, onboarding: 'ServicePrincipal' }),
  staleAgents(),
  evicted(),
  disabling(),
];

/** Arc is taken away: with an extension, a server that no node removes, and a group of its own that is left empty. */
function disabling() {
  const world = worldOf({ ...ownStart, arcState: 'Disabled', separateArcGroup: true });
  world.extensions.set('monitoring', 'User');
  world.tagged.add('arc-rg');
  world.machines.push(buildMachine('EVICTED', world.target.resourceId));
  return world;
}

/** Agents that have lost their resources in Azure, and use no proxy. */
function staleAgents(): World {
  const world = worldOf(ownStart);
  world.spec = { ...world.spec, arc: { ...world.spec.arc, proxy: { url: 'http://proxy.corp.example.com:8080' } } };
  for (const { agent } of world.nodes.values()) if (agent !== null) agent.status = 'Disconnected';
  return world;
}

/** A node was evicted, and left its Arc-enabled server. */
function evicted() {
  const world = worldOf(ownStart);
  if (world.resource !== undefined)
    world.resource.properties.reportedProperties = { clusterName: 'hci001', clusterId: buildCluster().id };
  world.machines.push({
    id: '/machines/NODE9',
    name: 'NODE9',
    properties: { status: 'Disconnected', parentClusterResourceId: resourceId },
  });
  return world;
}

/** For each step, what was observed when it ran first. */
function firstRuns(): Map<StepName, PlanInput> {
  const found = new Map<StepName, PlanInput>();
  for (const world of worlds) {
    for (const { input, plan: planned } of simulate(world, { ...noTrouble, syncRequested: true })) {
      for (const { step } of planned.runnable) {
        const { memory } = input;
        if (!found.has(step))
          found.set(step, {
            ...input,
            memory: { ...memory, submissions: [...memory.submissions], operations: new Map(memory.operations) },
          });
      }
    }
  }
  return found;
}
const inputs = firstRuns();

const single = [
  'cluster',
  'signIn',
  'permissions',
  'resourceGroup',
  'arcResourceGroup',
  'resource',
  'arcSettings',
  'extensions',
  'machines',
  'providerRoles',
  'arcRoles',
  'arcSecret',
  'onboardingSecret',
  'onboardingRecord',
  'arcSignIn',
] as const satisfies (keyof Observed)[];

function unreadVariants({ observed }: PlanInput): [string, Observed][] {
  return [
    ...single.map((key): [string, Observed] => [key, { ...observed, [key]: unknown() }]),
    ...endpoints.resourceProviders.map((namespace): [string, Observed] => [
      namespace,
      { ...observed, providers: { ...observed.providers, [namespace]: unknown() } },
    ]),
    ...observed.nodes.map(({ name }): [string, Observed] => [
      name,
      { ...observed, probes: { ...observed.probes, [name]: unknown() } },
    ]),
  ];
}

const providers = endpoints.resourceProviders;
const group = ['resourceGroup', 'arcResourceGroup'];
const nodes = ['NODE1', 'NODE2'];

/** Facts without which the step runs on nothing; of those in `each`, only on what is called so. */
const dependsOn: Record<StepName, { all: string[]; each?: Record<string, string> }> = {
  CreateResourceGroup: {
    all: ['resource', 'cluster', ...nodes],
    each: { resourceGroup: 'hci001-rg', arcResourceGroup: 'arc-rg' },
  },
  RegisterResourceProvider: { all: [], each: Object.fromEntries(providers.map((name) => [name, name])) },
  CreateCluster: { all: ['resource', 'cluster', ...group, ...providers, ...nodes] },
  AdoptCluster: { all: ['resource', 'cluster'] },
  SetSystemAssignedIdentity: { all: ['resource'] },
  CreateClusterIdentity: { all: ['resource'] },
  RefreshResourceProviderObjectId: { all: ['resource'] },
  AssignResourceManagerRole: { all: ['resource', 'providerRoles', ...group] },
  NewRegistrationCertificate: {
    all: ['resource', 'cluster'],
    each: { NODE1: 'NODE1', NODE2: 'NODE2' },
  },
  UploadCertificate: { all: ['resource', 'cluster', ...nodes] },
  SetRegistrationCertificate: { all: ['resource', 'cluster', ...nodes] },
  SetRegistration: { all: ['resource', 'cluster', ...nodes] },
  StartCloudManagement: { all: ['resource', 'cluster'] },
  SyncAfterRegistration: { all: ['resource', 'cluster', ...nodes] },
  RemoveCustomImdsHostAddress: { all: ['resource', 'cluster'], each: { NODE1: 'NODE1', NODE2: 'NODE2' } },
  CreateArcSettings: { all: ['resource', 'arcSettings', ...group, ...nodes] },
  StartDisablingArc: { all: ['resource', 'arcSettings', 'cluster', ...nodes] },
  InitializeDisableProcess: { all: ['resource', 'cluster', 'arcSettings', ...nodes] },
  DeleteExtension: { all: ['resource', 'cluster', 'arcSettings', 'extensions', ...nodes] },
  UnregisterArcRegistrationTask: { all: ['resource', 'cluster', 'arcSettings', 'extensions', ...nodes] },
  DisableArcIntegration: { all: ['resource', 'cluster', 'arcSettings', 'extensions', ...nodes] },
  DeleteMachine: { all: ['resource', 'cluster', 'arcSettings', 'machines', ...nodes] },
  RemoveArcRoles: { all: ['resource', 'cluster', 'arcSettings', 'machines', 'arcRoles', ...nodes] },
  DeleteArcSettings: { all: ['resource', 'cluster', 'arcSettings', 'extensions', 'machines', 'arcRoles', ...nodes] },
  ClearArcIntegration: { all: ['resource', 'cluster', 'arcSettings', ...nodes] },
  RemoveResourceManagerRole: { all: ['resource', 'cluster', 'arcSettings', 'machines', 'providerRoles', ...nodes] },
  DeleteResourceGroup: {
    all: ['resource', 'cluster', 'arcSettings', 'machines', 'arcResourceGroup', 'providerRoles', ...nodes],
  },
  // From the first synchronisation on Azure knows the cluster by its id, and it is compared.
  ConsentToDefaultExtensions: { all: ['cluster', 'arcSettings'] },
  CreateArcIdentity: { all: ['cluster', 'arcSettings', ...providers] },
  AssignArcRoles: { all: ['cluster', 'arcSettings', 'arcRoles', ...group] },
  GeneratePassword: { all: ['cluster', 'arcSettings', 'arcRoles', 'arcSecret', ...nodes] },
  InitializeArcIntegration: {
    all: ['resource', 'cluster', 'arcSettings', 'arcRoles', 'arcSecret', 'arcSignIn', ...nodes],
  },
  // The first node was asked to hand it over, and has record of it.
  DropArcSecret: { all: ['cluster', 'arcSettings', 'arcSecret', 'NODE1'] },
  RegisterArcRegistrationTask: { all: ['resource', 'cluster', 'arcSettings', ...nodes] },
  DisconnectAgent: { all: ['resource', 'cluster', 'machines'], each: { NODE1: 'NODE1', NODE2: 'NODE2' } },
  SetAgentProxy: { all: ['resource', 'cluster'], each: { NODE1: 'NODE1', NODE2: 'NODE2' } },
  StartArcRegistrationTask: {
    all: ['resource', 'cluster', 'arcSettings'],
    each: { NODE1: 'NODE1', NODE2: 'NODE2' },
  },
  RecordOnboardingSecret: { all: ['onboardingSecret', 'onboardingRecord', ...nodes] },
  RemoveStaleMachine: { all: ['resource', 'cluster', 'machines'] },
  Sync: { all: ['resource', 'cluster', ...nodes] },
  SyncOnRequest: { all: ['cluster', 'arcSettings', ...nodes] },
};

describe.each(stepNames)('%s', (name) => {
  const input = inputs.get(name);
  if (input === undefined) throw new Error(`${name} never runs in the two starts`);
  const runsOn = (observed: Observed) =>
    plan({ ...input, observed })
      .runnable.filter(({ step }) => step === name)
      .map(({ on }) => on);
  const always = runsOn(input.observed);

  test.each(unreadVariants(input))('without knowing %s', (key, observed) => {
    const { all, each } = dependsOn[name];
    expect(runsOn(observed)).toEqual(all.includes(key) ? [] : always.filter((on) => on !== each?.[key]));
  });
});

test('without any fact nothing runs', () => {
  const [input] = inputs.values();
  if (input === undefined) throw new Error('nothing ran');
  const observed: Observed = { ...input.observed };
  for (const key of single) Object.assign(observed, { [key]: unknown() });
  observed.providers = Object.fromEntries(providers.map((name) => [name, unknown()]));
  observed.probes = Object.fromEntries(nodes.map((name) => [name, unknown()]));
  expect(plan({ ...input, observed }).runnable).toEqual([]);
});

test('an adoption that hangs on what the nodes say waits for all of them, and refuses nothing meanwhile', () => {
  const { input } = [...simulate(worldOf({ ...emptyStart, group: 'Succeeded', resource: true }))][0] ?? {};
  if (input === undefined) throw new Error('no round');
  const spec = buildSpec({ adoptionPolicy: 'IfOwned' });
  const probes = { ...input.observed.probes, NODE2: unknown('NodeUnreachable') };
  const planned = plan({ ...input, spec, observed: { ...input.observed, probes } });
  expect(planned.refusal).toBeUndefined();
  expect(planned.runnable.map(({ step }) => step)).not.toContain('AdoptCluster');
  expect(planned.pending).toContainEqual(
    expect.objectContaining({ step: 'AdoptCluster', state: 'Waiting', reason: 'NodeUnreachable' }),
  );
  expect(plan({ ...input, spec }).refusal).toMatchObject({ reason: 'AdoptionRefused' });
});

import { describe, expect, test } from 'vitest';
import type { Observed } from '../facts.ts';
import { createMemory, type Memory } from '../memory.ts';
import type { PlanInput, Step } from '../step.ts';
import { markTag } from '../target.ts';
import {
  absent,
  after,
  before,
  buildArcSettings,
  buildCluster,
  buildInput,
  buildObserved,
  buildProbe,
  buildResource,
  buildSpec,
  buildTarget,
  createdCertificate,
  nodeNames,
  now,
  present,
  probes,
  resourceId,
  thumbprint,
  unregistered,
} from '../testing/builders.ts';
import { steps, type StepName } from './index.ts';

const observing = (changes: Partial<Observed>, memory: Memory = createMemory()) =>
  buildInput({ observed: buildObserved(changes), memory });
const evaluate = (name: StepName, input: PlanInput) => {
  const step: Step<unknown> = steps[name];
  return step.evaluate(input);
};
const states = (name: StepName, input: PlanInput) => evaluate(name, input).map(({ state }) => state);
const resourceWith = (properties: Parameters<typeof buildResource>[0]) =>
  observing({ resource: present(buildResource(properties)) });
const day = 86_400;
const fresh = { registration: unregistered, certificate: { created: null, set: null } };

const submitted = (waitUntilTime: string): Memory =>
  createMemory([
    { step: 'CreateClusterIdentity', target: 'hci001', submittedTime: before(10).toISOString(), waitUntilTime },
  ]);

describe('a long-running operation', () => {
  const withoutApplication = { resource: present(buildResource({ properties: { aadClientId: null } })) };
  const started = (status: string | undefined, memory = submitted(after(60).toISOString())) =>
    evaluate(
      'CreateClusterIdentity',
      observing(
        {
          ...withoutApplication,
          operations: status === undefined ? {} : { 'CreateClusterIdentity/hci001': present({ status }) },
        },
        memory,
      ),
    );

  test('is started where its effect is missing', () => {
    expect(started(undefined, createMemory())).toMatchObject([{ state: 'Ready', arguments: { resourceId } }]);
  });
  test('is awaited, also by what only status knows of it, and looked at ever more seldom', () => {
    expect(started(undefined)).toMatchObject([
      { state: 'Waiting', reason: 'WaitingForAzure', readAgain: expect.arrayContaining(['resource']), afterSeconds: 5 },
    ]);
    expect(started('InProgress')).toMatchObject([{ state: 'Waiting' }]);
    // Its end says nothing: only its effect does.
    expect(started('Succeeded')).toMatchObject([{ state: 'Waiting' }]);
  });
  test('is started again when it failed, or took too long', () => {
    expect(started('Failed')).toMatchObject([{ state: 'Ready' }]);
    expect(started('canceled')).toMatchObject([{ state: 'Ready' }]);
    expect(started(undefined, submitted(now.toISOString()))).toMatchObject([{ state: 'Ready' }]);
  });
  test('what memory knows of it wins over status', () => {
    const memory = submitted(before(1).toISOString());
    memory.operations.set('CreateClusterIdentity/hci001', { url: 'x', waitUntil: after(5), detail: undefined });
    expect(started(undefined, memory)).toMatchObject([{ state: 'Waiting' }]);
  });
});

describe('the cluster resource', () => {
  test('adoption keeps the tags that are there', () => {
    const input = buildInput({
      spec: buildSpec({ adoptionPolicy: 'Always' }),
      observed: buildObserved({ resource: present(buildResource({ tags: { cost: '1' } })) }),
    });
    expect(evaluate('AdoptCluster', input)).toMatchObject([
      { state: 'Ready', arguments: { resourceId, tags: { cost: '1', [markTag]: buildTarget().mark } } },
    ]);
    expect(evaluate('AdoptCluster', observing({ resource: absent }))).toEqual([]);
  });
  test.each([
    [null, 'SystemAssigned'],
    [{ type: 'None' }, 'SystemAssigned'],
    [{ type: 'UserAssigned' }, 'SystemAssigned, UserAssigned'],
  ])('identity %j becomes %s', (identity, type) => {
    expect(evaluate('SetSystemAssignedIdentity', resourceWith({ identity }))).toMatchObject([
      { state: 'Ready', arguments: { type } },
    ]);
  });
  test('a system-assigned identity beside another is enough', () => {
    const identity = { type: 'SystemAssigned, UserAssigned' };
    expect(states('SetSystemAssignedIdentity', resourceWith({ identity }))).toEqual(['Done']);
  });
  test('a group that is being deleted is waited for', () => {
    const group = present({ name: 'hci001-rg', location: 'eastus', provisioningState: 'Deleting', tags: {} });
    expect(evaluate('CreateResourceGroup', observing({ resourceGroup: group }))).toMatchObject([
      { state: 'Waiting', readAgain: ['resourceGroup'], afterSeconds: 15 },
    ]);
  });
});

const assignment = (principalId: string, definition: string) =>
  present([
    {
      id: 'x',
      name: 'x',
      properties: { principalId, roleDefinitionId: `/roleDefinitions/${definition}`, scope: '/' },
    },
  ]);

describe('roles', () => {
  const manager = 'f5819b54-e033-4d82-ac66-4fec3cbf3f4c';
  test.each([
    ['it', assignment('Provider-Principal-Id', manager.toUpperCase()), 'Done'],
    ['that of another principal', assignment('another', manager), 'Ready'],
    ['another role', assignment('provider-principal-id', 'b24988ac-6180-42a0-ab88-20f7382dd24c'), 'Ready'],
    ['none', absent, 'Ready'],
  ])('%s', (_, providerRoles, state) => {
    expect(states('AssignResourceManagerRole', observing({ providerRoles }))).toEqual([state]);
  });
  test('without the principal, the step waits for it', () => {
    const input = resourceWith({ properties: { resourceProviderObjectId: null } });
    expect(evaluate('AssignResourceManagerRole', input)).toMatchObject([{ state: 'Waiting', readAgain: ['resource'] }]);
  });
});

const created = (days: number) => ({
  ...createdCertificate('NODE1', { createdTime: '2024-03-01T00:00:00Z' }),
  notAfter: after(days * day).toISOString(),
});

describe('certificates', () => {
  test.each([
    [60, 'Ready'],
    [61, 'Done'],
  ])('one that is good for %i days: %s', (days, state) => {
    const input = observing({ probes: probes({ ...fresh, certificate: { created: created(days), set: null } }) });
    expect(states('NewRegistrationCertificate', input)).toEqual([state, state]);
  });

  const some = {
    NODE1: present(buildProbe('NODE1')),
    NODE2: present(
      buildProbe('NODE2', {
        ...fresh,
        certificate: { created: { ...created(300), thumbprint: thumbprint('NODE2') }, set: null },
      }),
    ),
  };
  const both = nodeNames.map(thumbprint).toSorted().join(',');
  test('one upload carries those of all nodes', () => {
    expect(evaluate('UploadCertificate', observing({ probes: some }))).toMatchObject([
      { state: 'Ready', arguments: { certificates: ['AAAA', 'AAAA'], thumbprints: both } },
    ]);
  });
  test.each([
    ['these', both, 'Succeeded', 'Done'],
    ['these, still under way', both, 'InProgress', 'Waiting'],
    ['others', thumbprint('NODE1'), 'Succeeded', 'Ready'],
  ])('what was uploaded: %s', (_, detail, status, state) => {
    const memory = createMemory();
    memory.operations.set('UploadCertificate/hci001', { url: 'x', waitUntil: after(60), detail });
    const operations = { 'UploadCertificate/hci001': present({ status }) };
    expect(states('UploadCertificate', observing({ probes: some, operations }, memory))).toEqual([state]);
  });

  test('each node is told what Register-AzStackHCI tells it', () => {
    const expected = {
      serviceEndpoint: 'https://eastus.service.example.com',
      billingServiceApiScope: 'https://azurestackhci-usage.trafficmanager.net/.default',
      graphServiceApiScope: 'https://graph.microsoft.com/.default',
      aadAuthority: 'https://login.microsoftonline.com',
      appId: 'application-client-id',
      tenantId: buildTarget().tenantId,
      cloudId: 'cloud-id',
      certificateThumbprint: '',
    };
    const input = observing({ probes: some });
    expect(evaluate('SetRegistrationCertificate', input)).toEqual([
      { state: 'Done', on: 'NODE1' },
      { state: 'Ready', on: 'NODE2', arguments: { node: 'NODE2', parameters: expected } },
    ]);
    expect(evaluate('SetRegistration', input)).toEqual([
      {
        state: 'Ready',
        on: 'hci001',
        arguments: {
          node: 'NODE1',
          parameters: {
            ...expected,
            subscriptionId: buildTarget().subscriptionId,
            objectId: 'application-object-id',
            resourceName: 'hci001',
            providerNamespace: 'Microsoft.AzureStackHCI',
            resourceArmId: resourceId,
            servicePrincipalClientId: 'application-principal-id',
          },
        },
      },
    ]);
  });
  test.each(['serviceEndpoint', 'aadClientId', 'cloudId'])('not while Azure has not filled in %s', (property) => {
    const input = observing({
      probes: probes(fresh),
      resource: present(buildResource({ properties: { [property]: '' } })),
    });
    expect(states('SetRegistrationCertificate', input)).toEqual(['Waiting', 'Waiting']);
    expect(states('SetRegistration', input)).toEqual(['Waiting']);
  });
  test('what is about the cluster runs on a node that is up', () => {
    const [first, second] = buildCluster().nodes;
    if (first === undefined || second === undefined) throw new Error('two nodes');
    const cluster = present(buildCluster({ nodes: [{ ...first, state: 'Paused' }, second] }));
    expect(evaluate('SetRegistration', observing({ probes: some, cluster }))).toMatchObject([
      { state: 'Ready', arguments: { node: 'NODE2' } },
    ]);
    const down = present(buildCluster({ nodes: [first, second].map((node) => ({ ...node, state: 'Down' })) }));
    expect(states('SetRegistration', observing({ probes: some, cluster: down }))).toEqual(['Waiting']);
  });
});

describe('Cloud Management', () => {
  const offline = present(buildCluster({ cloudManagement: { state: 'Offline', serviceName: null } }));
  test.each([
    [['HciClusterAgentSvc'], 'HciClusterAgentSvc'],
    [['HciClusterAgentSvc', 'HciCloudManagementSvc'], 'HciCloudManagementSvc'],
  ])('%j: %s', (cloudManagementServices, serviceName) => {
    const input = observing({ cluster: offline, probes: probes({ cloudManagementServices }) });
    expect(evaluate('StartCloudManagement', input)).toMatchObject([{ state: 'Ready', arguments: { serviceName } }]);
  });
  test('does not apply where there is none, nor before the cluster has a next synchronisation', () => {
    const mixed = {
      NODE1: present(buildProbe('NODE1', { cloudManagementServices: ['HciClusterAgentSvc', 'HciCloudManagementSvc'] })),
      NODE2: present(buildProbe('NODE2', { cloudManagementServices: ['HciClusterAgentSvc'] })),
    };
    const missing = present(buildCluster({ cloudManagement: null }));
    expect(evaluate('StartCloudManagement', observing({ probes: mixed, cluster: missing }))).toMatchObject([
      { state: 'Ready', arguments: { serviceName: 'HciClusterAgentSvc' } },
    ]);
    expect(evaluate('StartCloudManagement', observing({ probes: probes({ cloudManagementServices: [] }) }))).toEqual(
      [],
    );
    const unsynced = probes({ registration: { nextSync: null } });
    expect(evaluate('StartCloudManagement', observing({ cluster: offline, probes: unsynced }))).toEqual([]);
  });
});

const asking = (defaultExtensions: 'Consent' | 'Decline' | undefined, build = 20349, given = false) =>
  buildInput({
    spec: buildSpec({
      arc: { ...buildSpec().arc, ...(defaultExtensions === undefined ? {} : { defaultExtensions }) },
    }),
    observed: buildObserved({
      probes: probes({ os: { ...buildProbe('NODE1').os, build } }),
      arcSettings: present(buildArcSettings({ defaultExtensions: given ? [{ category: 'Telemetry' }] : [] })),
    }),
  });

describe('consent to the default extensions', () => {
  test.each([
    ['given', asking('Consent'), ['Ready']],
    ['given and told', asking('Consent', 20349, true), ['Done']],
    ['declined', asking('Decline'), []],
    ['not given', asking(undefined), []],
    ['given on a version that has none', asking('Consent', 20348), []],
  ])('%s', (_, input, expected) => {
    expect(states('ConsentToDefaultExtensions', input)).toEqual(expected);
  });
});

const notShown = { arcSettings: present(buildArcSettings({ perNodeDetails: [] })) };
const booted = (minutes: number) => {
  const os = { ...buildProbe('NODE2').os, bootTime: before(minutes * 60).toISOString() };
  return observing({ ...notShown, probes: { ...probes({}), NODE2: present(buildProbe('NODE2', { os })) } });
};

describe('Sync', () => {
  const never = { registration: { connectionStatus: null, lastConnected: null } };
  test('brings Azure up to date', () => {
    expect(evaluate('Sync', observing(notShown))).toMatchObject([
      { state: 'Ready', arguments: { node: 'NODE1' }, meanwhile: { reason: 'ArcSyncPending' } },
    ]);
    expect(states('Sync', observing({ probes: probes(never) }))).toEqual(['Ready']);
  });
  test('never while a node has just booted: it would delete its Arc resource', () => {
    expect(evaluate('Sync', booted(9))).toMatchObject([
      { state: 'Waiting', message: expect.stringContaining('NODE2') },
    ]);
    expect(states('Sync', booted(10))).toEqual(['Ready']);
  });
  test('is tried once where nodes are out of policy, and then a person must act', () => {
    const out = buildProbe('NODE2', { registration: { connectionStatus: 'OutOfPolicy' } });
    const memory = createMemory();
    const one = observing({ probes: { ...probes({}), NODE2: present(out) } }, memory);
    expect(states('Sync', one)).toEqual(['Ready']);
    memory.successes.set('Sync/hci001', { count: 1, at: before(90), nextTry: before(30) });
    expect(evaluate('Sync', one)).toMatchObject([
      { state: 'Blocked', reason: 'NodeOutOfPolicy', message: expect.stringContaining('NODE2.') },
    ]);
    const all = observing({ probes: probes({ registration: { connectionStatus: 'OutOfPolicy' } }) }, memory);
    expect(evaluate('Sync', all)).toMatchObject([{ state: 'Blocked', reason: 'OutOfPolicy' }]);
  });
  test('is of no use before all are registered', () => {
    expect(states('Sync', observing({ ...notShown, probes: probes({ registration: unregistered }) }))).toEqual([
      'Waiting',
    ]);
  });
});

const node = (changes: Parameters<typeof buildProbe>[1]) =>
  observing({ probes: { ...probes({}), NODE2: present(buildProbe('NODE2', changes)) } });

describe('onboarding of a node to Arc', () => {
  const agent = buildProbe('NODE2').agent;
  if (agent === null) throw new Error('it has an agent');
  test.each([
    ['no agent', { agent: null }],
    ['a disconnected one', { agent: { ...agent, status: 'Disconnected' } }],
    [
      'a cluster that does not count it',
      { arc: { clusterArcStatus: 'Enabled', nodesArcStatus: {}, applicationId: 'arc-client-id' } },
    ],
  ])('%s', (_, changes) => {
    expect(states('StartArcRegistrationTask', node(changes))).toEqual(['Done', 'Ready']);
  });
  test.each([
    ['one in another group', { resourceGroup: 'other-rg' }],
    ['one in another subscription', { subscriptionId: 'other' }],
    ['one of another tenant', { tenantId: 'other' }],
  ])('%s is left to a person', (_, changes) => {
    const input = node({ agent: { ...agent, ...changes } });
    const [, second] = evaluate('StartArcRegistrationTask', input);
    expect(second).toMatchObject({ state: 'Blocked', reason: 'ArcAgentConflict' });
    expect(evaluate('DisconnectAgent', input)).toEqual([]);
  });
  test('is awaited while the task runs', () => {
    const arcRegistrationTask = { state: 'Running', lastRunTime: null, lastTaskResult: 267_009 };
    expect(states('StartArcRegistrationTask', node({ agent: null, arcRegistrationTask }))).toEqual(['Done', 'Waiting']);
  });
  test('a task that failed is started again, not at once and over and over', () => {
    const arcRegistrationTask = { state: 'Ready', lastRunTime: before(1).toISOString(), lastTaskResult: 1 };
    const input = node({ agent: null, arcRegistrationTask });
    const again = (waitUntilTime: Date) => ({
      ...input,
      memory: createMemory([
        {
          step: 'StartArcRegistrationTask',
          target: 'NODE2',
          submittedTime: before(10).toISOString(),
          waitUntilTime: waitUntilTime.toISOString(),
        },
      ]),
    });
    expect(states('StartArcRegistrationTask', again(after(50)))).toEqual(['Done', 'Waiting']);
    expect(states('StartArcRegistrationTask', again(before(1)))).toEqual(['Done', 'Ready']);
  });
});

test('nothing of Arc is done where the operating system has none, or somebody else does it', () => {
  const ofArc: StepName[] = [
    'CreateArcSettings',
    'CreateArcIdentity',
    'AssignArcRoles',
    'GeneratePassword',
    'InitializeArcIntegration',
    'DropArcSecret',
    'RegisterArcRegistrationTask',
    'StartArcRegistrationTask',
  ];
  const unmanaged = buildInput({
    spec: buildSpec({ arc: { state: 'Unmanaged', onboarding: { type: 'ResourceProvider' } } }),
  });
  for (const input of [observing({ arcSettings: absent, probes: probes({ arc: null }) }), unmanaged])
    expect(ofArc.flatMap((name) => evaluate(name, input))).toEqual([]);
  expect(evaluate('AssignResourceManagerRole', unmanaged)).toEqual([]);
  expect(evaluate('RegisterResourceProvider', unmanaged).map(({ on }) => on)).toEqual(['Microsoft.AzureStackHCI']);
});

import type { OperationName } from '../../src/nodes/operations.ts';
import type { Build } from '../simulators/nodes/builds.ts';
import { builds } from '../simulators/nodes/builds.ts';
import { imdsKey, microsoftUpdateKey, proxyKey, stampKey } from '../simulators/nodes/cmdlets/items.ts';
import type { ClusterState, NodeState, State } from '../simulators/nodes/state.ts';
import type { Expected } from './cases.ts';
import { unknownPage, unreachable } from './expectedReads.ts';
import { clusterName, type Given, type Prepared, type StageName } from './prepare.ts';

// What nodes are like in the field: releases, cultures, old agents, stopped services, locks, firmware.

export interface Condition {
  readonly name: string;
  readonly prepare: (state: State) => void;
  /** Default: the stage where each operation has its place. */
  readonly stage?: StageName;
  /** Where it is otherwise than on a node without troubles. */
  readonly expected?: Partial<Record<OperationName, Expected>>;
  /** Arguments beside those that fit. */
  readonly given?: (fitting: Given, stages: Prepared['stages']) => Partial<Record<OperationName, object>>;
  /** Default: all operations. */
  readonly only?: readonly OperationName[];
}

const cluster = (state: State): ClusterState => {
  const found = state.clusters[clusterName];
  if (found === undefined) throw new Error('there is no cluster');
  return found;
};
const node = (state: State, name = 'NODE1'): NodeState => {
  const found = cluster(state).nodes[name];
  if (found === undefined) throw new Error(`there is no ${name}`);
  return found;
};
const each = (change: (node: NodeState) => void) => (state: State) => {
  for (const one of Object.values(cluster(state).nodes)) change(one);
};
const first = (change: (node: NodeState) => void) => (state: State) => change(node(state));

const release = (build: Build): ((state: State) => void) =>
  each((one) => {
    one.build = build;
    one.cloudManagementServices = [...builds[build].cloudManagementServices];
  });

const error = (words: RegExp): Expected => ({ error: words });
const mutating: readonly OperationName[] = [
  'newRegistrationCertificate',
  'setRegistrationCertificate',
  'removeRegistrationCertificate',
  'setRegistration',
  'removeRegistration',
  'startCloudManagement',
  'removeCloudManagement',
  'sync',
  'removeCustomImdsHostAddress',
  'initializeArcIntegration',
  'clearArcIntegration',
  'disableArcIntegration',
  'registerArcRegistrationTask',
  'unregisterArcRegistrationTask',
  'startArcRegistrationTask',
  'setAgentProxy',
  'disconnectAgent',
];
const forAll = (names: readonly OperationName[], expected: Expected): Partial<Record<OperationName, Expected>> =>
  Object.fromEntries(names.map((name) => [name, expected]));

const records = 'HKLM:\\SOFTWARE\\HciRegistration';
const locks = `${records}\\Locks`;
const startTime = '2026-01-02T03:04:05.678Z';
/** As the lock of a process is named: its id, and when it started in ticks of its ISO text. */
const lockedBy = (processId: number): string => `${locks}\\${processId}-202601020304056780000`;
const lock = { Operation: 'sync', Since: '2026-01-02T03:04:06.0000000Z', CorrelationId: 'other' };

const noCommand = error(/^CommandNotFoundException/);
const serviceStopped = error(/^ServiceNotRunning/);

const longText = 'Ä'.repeat(3000);
const hciEvent = (id: number, message: string, second: number): NodeState['eventLog'][number] => ({
  logName: 'Microsoft-AzureStack-HCI/Admin',
  source: 'Microsoft-AzureStack-HCI',
  id,
  level: 3,
  time: new Date(Date.UTC(2026, 1, 3, 4, 5, second)).toISOString(),
  message,
});

export const conditions: readonly Condition[] = [
  {
    name: '20H2',
    prepare: (state) => {
      release('20H2')(state);
      delete cluster(state).arc;
    },
    expected: {
      startCloudManagement: error(/Start-ClusterGroup/),
      initializeArcIntegration: noCommand,
      clearArcIntegration: noCommand,
      disableArcIntegration: noCommand,
    },
  },
  { name: '21H2', prepare: release('21H2'), expected: { startCloudManagement: error(/Start-ClusterGroup/) } },
  {
    name: '21H2, another cloud than the public one',
    prepare: release('21H2'),
    given: () => ({ initializeArcIntegration: { cloud: 'AzureUSGovernmentCloud' } }),
    expected: { initializeArcIntegration: error(/^CloudNotSupported$/) },
    only: ['initializeArcIntegration'],
  },
  {
    name: '23H2',
    prepare: release('23H2'),
    given: () => ({ startCloudManagement: { serviceName: 'HciCloudManagementSvc' } }),
  },
  {
    name: '24H2',
    prepare: release('24H2'),
    given: () => ({ startCloudManagement: { serviceName: 'HciCloudManagementSvc' } }),
  },
  { name: 'culture de-DE', prepare: each((one) => (one.culture = 'de-DE')) },
  {
    name: 'an old agent',
    prepare: each((one) => {
      if (one.agent !== undefined) one.agent.version = '1.5.01815.2046';
    }),
    expected: { setAgentProxy: error(/^AgentRefused$/) },
  },
  {
    name: 'a very old agent',
    prepare: each((one) => {
      if (one.agent !== undefined) one.agent.version = '1.0.20338.1';
    }),
    only: ['probe', 'connectivity'],
  },
  {
    name: 'an agent that never connected',
    prepare: each((one) => {
      if (one.agent === undefined) return;
      one.agent = { ...one.agent, status: 'Disconnected', resourceName: '', errorCode: 'AZCM0042', errorDetails: 'no' };
      delete one.agent.lastHeartbeat;
    }),
    expected: { disableArcIntegration: error(/counters/) },
    only: ['probe', 'connectivity'],
  },
  {
    name: 'the folder of the agent’s installer is gone',
    prepare: first((one) => (one.files = {})),
    only: ['disableArcIntegration'],
  },
  {
    name: 'no agent',
    prepare: each((one) => {
      delete one.agent;
    }),
    only: ['probe', 'connectivity', 'events', 'clusterProbe'],
  },
  { name: 'himds stopped', prepare: each((one) => (one.himds = 'Stopped')) },
  {
    name: 'hcisvc stopped',
    prepare: each((one) => (one.hcisvc = 'Stopped')),
    expected: forAll(
      [
        'probe',
        'newRegistrationCertificate',
        'setRegistrationCertificate',
        'setRegistration',
        'sync',
        'removeRegistration',
        'removeRegistrationCertificate',
      ],
      serviceStopped,
    ),
  },
  {
    name: 'another operation is in progress',
    prepare: first((one) => {
      one.processes['1236'] = { name: 'powershell', startTime };
      one.registry[lockedBy(1236)] = { ...lock };
    }),
    expected: forAll(mutating, error(/^OperationInProgress$/)),
  },
  {
    name: 'the lock of a process that is gone',
    prepare: first((one) => {
      one.registry[lockedBy(1236)] = { ...lock };
    }),
  },
  {
    name: 'keys among the locks that are no marks of processes',
    prepare: first((one) => {
      for (const name of ['note', '99999999999-1', '-1', '1236']) one.registry[`${locks}\\${name}`] = { ...lock };
    }),
  },
  {
    name: 'the lock of a process whose id another one has now',
    prepare: first((one) => {
      one.processes['1236'] = { name: 'svchost', startTime: '2026-02-02T03:04:05.678Z' };
      one.registry[lockedBy(1236)] = { ...lock };
    }),
  },
  {
    name: 'a legacy BIOS',
    prepare: first((one) => (one.bios.firmware = 'BIOS')),
  },
  {
    name: 'no module SecureBoot',
    prepare: first((one) => (one.missingCommands = ['Confirm-SecureBootUEFI'])),
    only: ['probe'],
  },
  {
    name: 'one node is not onboarded',
    prepare: (state) => {
      node(state, 'NODE2').arcStatus = 2;
    },
    only: ['probe'],
  },
  { name: 'Secure Boot off', prepare: first((one) => (one.bios.secureBoot = false)) },
  {
    name: 'just booted',
    prepare: first((one) => (one.bootTime = new Date(Date.now() - 60_000).toISOString())),
    expected: { sync: error(/^NodeFreshlyBooted$/), startArcRegistrationTask: 'done' },
  },
  {
    name: 'another node is down',
    prepare: (state) => {
      node(state, 'NODE2').power = 'down';
    },
    expected: { sync: error(/^NodeNotUp$/) },
  },
  {
    name: 'another node is paused',
    prepare: (state) => {
      Object.assign(node(state, 'NODE2'), { clusterNodeState: 2, drainStatus: 'Completed' });
    },
    expected: { sync: error(/^NodeNotUp$/) },
  },
  {
    name: 'no service of Cloud Management',
    prepare: each((one) => (one.cloudManagementServices = [])),
    expected: { startCloudManagement: error(/Start-ClusterGroup/) },
  },
  {
    name: 'Cloud Management runs another service',
    prepare: (state) => {
      cluster(state).cloudManagement = { state: 0, hasResource: true, serviceName: 'HciCloudManagementSvc' };
    },
    only: ['clusterProbe', 'startCloudManagement', 'removeCloudManagement'],
    expected: { startCloudManagement: 'done', removeCloudManagement: 'done' },
  },
  {
    name: 'Cloud Management failed, without a resource',
    prepare: (state) => {
      cluster(state).cloudManagement = { state: 2, hasResource: false };
    },
    only: ['clusterProbe', 'startCloudManagement', 'removeCloudManagement'],
    expected: { startCloudManagement: 'done', removeCloudManagement: 'done' },
  },
  {
    name: 'Cloud Management that takes long',
    prepare: (state) => {
      cluster(state).cloudManagementStartsTo = 4;
    },
    only: ['startCloudManagement'],
    expected: { startCloudManagement: { error: /^CloudManagementNotOnline$/, afterEffect: true } },
  },
  {
    name: 'Cloud Management that is on its way, removed',
    prepare: (state) => {
      cluster(state).cloudManagement = { state: 4, hasResource: true, serviceName: 'HciClusterAgentSvc' };
    },
    only: ['clusterProbe', 'removeCloudManagement'],
    expected: { removeCloudManagement: 'done' },
  },
  {
    name: 'a certificate that the caller names',
    prepare: first((one) => {
      delete one.generatedCertificate;
    }),
    given: (_, { certificateSet }) => {
      const certificateThumbprint = (node(certificateSet).registrationCertificate?.thumbprint ?? '').toLowerCase();
      return { setRegistrationCertificate: { certificateThumbprint }, setRegistration: { certificateThumbprint } };
    },
    only: ['setRegistrationCertificate', 'setRegistration'],
  },
  {
    name: 'a certificate that somebody else had made',
    stage: 'certificateSet',
    prepare: first((one) => {
      const { Created: _, ...others } = one.registry[records] ?? {};
      one.registry[records] = others;
    }),
    only: ['probe', 'setRegistrationCertificate'],
  },
  {
    name: 'Azure cannot be reached',
    prepare: () => {},
    given: () => ({
      connectivity: { serviceEndpoint: unreachable },
      setRegistrationCertificate: { aadAuthority: unreachable },
    }),
    expected: { setRegistrationCertificate: error(/could not be reached/) },
    only: ['connectivity', 'setRegistrationCertificate'],
  },
  {
    name: 'the endpoint answers 404',
    prepare: () => {},
    only: ['connectivity'],
    given: ({ connectivity }) => ({
      connectivity: { serviceEndpoint: `${connectivity.serviceEndpoint}${unknownPage}` },
    }),
  },
  {
    name: 'an endpoint without https',
    prepare: () => {},
    only: ['connectivity'],
    given: () => ({ connectivity: { serviceEndpoint: 'http://127.0.0.1:1' } }),
    expected: { connectivity: error(/^InvalidArguments$/) },
  },
  {
    name: 'a service that Cloud Management does not have',
    prepare: () => {},
    only: ['startCloudManagement'],
    given: () => ({ startCloudManagement: { serviceName: 'spooler' } }),
    expected: { startCloudManagement: error(/^InvalidArguments$/) },
  },
  {
    name: 'events, one of them long',
    prepare: first((one) => {
      one.eventLog.push(
        ...Array.from({ length: 60 }, (_, index) =>
          hciEvent([585, 591, 592, 594, 600][index % 5] ?? 585, `n ${index}`, index),
        ),
        hciEvent(594, `out of policy: ${longText}`, 61),
      );
    }),
    only: ['events', 'probe'],
  },
  { name: 'one event', prepare: first((one) => one.eventLog.push(hciEvent(585, 'renew', 1))), only: ['events'] },
  {
    name: 'texts beyond ASCII, and longer than the contract has room for',
    prepare: first((one) => {
      one.bios.manufacturer = 'Contoso “Ärger” <&> \u4e2d\u{1f600} \u0001\t\\u0041';
      if (one.agent !== undefined) one.agent.errorDetails = `Zugriff verweigert: ${'ü'.repeat(5000)}`;
    }),
    only: ['probe'],
  },
  {
    name: 'a certificate of the administrator',
    prepare: first((one) => {
      delete one.registry[records];
    }),
    only: ['probe'],
  },
  {
    name: 'a custom IMDS address',
    prepare: first((one) => {
      one.registry[imdsKey] = { CustomIMDSHostAddress: '10.0.0.1' };
    }),
    expected: { removeCustomImdsHostAddress: 'done' },
    only: ['probe', 'removeCustomImdsHostAddress'],
  },
  {
    name: 'a proxy of the machine, with a user and a password',
    prepare: first((one) => {
      one.registry[proxyKey] = { HTTPS_PROXY: 'http://user:p@ss@proxy.corp.example.com:8080' };
      if (one.agent !== undefined)
        one.agent.errorDetails = 'no answer by http://user:p@ss@proxy.corp.example.com:8080/ to x';
    }),
    only: ['probe', 'setAgentProxy'],
  },
  {
    name: 'a proxy of the agent, which is cleared of what goes without it',
    prepare: first((one) => {
      if (one.agent !== undefined) Object.assign(one.agent, { proxyUrl: 'http://old:1', proxyBypass: ['ARM', 'Arc'] });
    }),
    given: () => ({ setAgentProxy: { url: 'https://[2001:db8::1]:8443/', bypass: '' } }),
    only: ['probe', 'setAgentProxy'],
  },
  {
    name: 'an old agent with a proxy',
    prepare: first((one) => {
      if (one.agent !== undefined)
        Object.assign(one.agent, { version: '1.5.01815.2046', proxyUrl: 'http://old:1', proxyBypass: ['ARM', 'Arc'] });
    }),
    expected: { setAgentProxy: error(/^AgentRefused$/) },
    only: ['probe', 'setAgentProxy'],
  },
  {
    name: 'an agent that knows proxies and not what goes without them',
    prepare: first((one) => {
      if (one.agent !== undefined) one.agent.version = '1.14.0.0';
    }),
    expected: { setAgentProxy: { error: /^AgentRefused$/, afterEffect: true } },
    only: ['setAgentProxy'],
  },
  ...['http://user:secret@proxy:8080', 'ftp://proxy', 'http://proxy/path?a=b', 'http://a b', ''].map((url) => ({
    name: `no address of a proxy: ${url}`,
    prepare: () => {},
    given: () => ({ setAgentProxy: { url } }),
    expected: { setAgentProxy: error(/^InvalidArguments$/) },
    only: ['setAgentProxy'] as const,
  })),
  ...['Arc,', 'Arc;ARM', '--force', 'Arc Arc'].map((bypass) => ({
    name: `no list of services: ${bypass}`,
    prepare: () => {},
    given: () => ({ setAgentProxy: { bypass } }),
    expected: { setAgentProxy: error(/^InvalidArguments$/) },
    only: ['setAgentProxy'] as const,
  })),
  ...['Disconnected', 'Expired'].map((status) => ({
    name: `an agent that holds a resource and is ${status}`,
    stage: 'enabled' as const,
    prepare: first((one) => {
      if (one.agent !== undefined) one.agent.status = status;
    }),
    expected: { disconnectAgent: 'done' as const },
    only: ['probe', 'disconnectAgent'] as const,
  })),
  {
    name: 'an agent that has forgotten its resource on a node that counts as enabled',
    stage: 'enabled',
    prepare: first((one) => {
      if (one.agent !== undefined) Object.assign(one.agent, { status: 'Disconnected', resourceName: '' });
    }),
    expected: { disconnectAgent: 'idle' },
    only: ['probe', 'startArcRegistrationTask', 'disconnectAgent'],
  },
  {
    name: 'no agent on a node that counts as enabled',
    stage: 'enabled',
    prepare: first((one) => {
      delete one.agent;
    }),
    expected: { setAgentProxy: error(/^AgentNotInstalled$/), disconnectAgent: 'idle' },
    only: ['startArcRegistrationTask', 'setAgentProxy', 'disconnectAgent'],
  },
  {
    name: 'a cluster that Azure deployed, with Microsoft Update',
    prepare: first((one) => {
      one.registry[stampKey] = { DeploymentLaunchType: 'CloudDeployment' };
      one.registry[microsoftUpdateKey] = { RegisteredWithAU: 1 };
    }),
    only: ['probe'],
  },
  {
    name: 'Microsoft Update, not for automatic updates',
    prepare: first((one) => {
      one.registry[microsoftUpdateKey] = { RegisteredWithAU: 0 };
    }),
    only: ['probe'],
  },
  {
    name: 'out of policy',
    prepare: each((one) => (one.outOfPolicy = true)),
    only: ['probe', 'sync'],
  },
  {
    name: 'a task that runs',
    stage: 'enabled',
    prepare: first((one) => (one.arcRegistrationTask = { running: true, lastRunTime: startTime })),
    expected: { startArcRegistrationTask: 'idle' },
    only: ['probe', 'startArcRegistrationTask'],
  },
  {
    name: 'no source of events',
    prepare: each((one) => (one.eventSources = [])),
  },
  {
    name: 'a secret that the cmdlet refuses and repeats',
    prepare: () => {},
    given: () => ({ initializeArcIntegration: { secret: 'not a secret, with spaces' } }),
    expected: { initializeArcIntegration: error(/ServicePrincipalSecret/) },
    only: ['initializeArcIntegration'],
  },
];

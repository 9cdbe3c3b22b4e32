import { Value } from 'typebox/value';
import { operations, type OperationName } from '../../src/nodes/operations.ts';
import { builds } from '../simulators/nodes/builds.ts';
import type { ClusterState, Counters, NodeState, State } from '../simulators/nodes/state.ts';
import type { Given } from './prepare.ts';

// What changing operations must have done, judged by the states before and after.

export interface Change {
  readonly before: State;
  readonly after: State;
  readonly clusterName: string;
  readonly nodeName: string;
  readonly given: object;
  readonly answer: unknown;
}

const Created = operations.newRegistrationCertificate.result;
const records = 'HKLM:\\SOFTWARE\\HciRegistration';

const clusterIn = ({ clusters }: State, { clusterName }: Change): ClusterState => {
  const cluster = clusters[clusterName];
  if (cluster === undefined) throw new Error(`no cluster ${clusterName}`);
  return cluster;
};
const nodeIn = (state: State, change: Change): NodeState => {
  const node = clusterIn(state, change).nodes[change.nodeName];
  if (node === undefined) throw new Error(`no node ${change.nodeName}`);
  return node;
};
const recordIn = (state: State, change: Change, name: string): unknown => {
  const value = nodeIn(state, change).registry[records]?.[name];
  return typeof value === 'string' ? JSON.parse(value) : undefined;
};

const sameJson = (a: unknown, b: unknown): boolean => JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
const sorted = (value: unknown): unknown => {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(sorted);
  const entries: [string, unknown][] = Object.entries(value);
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([key, each]) => [key, sorted(each)]));
};

/** Members of `given` that `kept` does not have, by the simulator's names. */
const notKept = (kept: object | undefined, given: object, names: readonly string[]): readonly string[] => {
  const wanted = new Map<string, unknown>(Object.entries(given));
  const have = new Map<string, unknown>(Object.entries(kept ?? {}));
  return names
    .filter((name) => have.get(name) !== wanted.get(name))
    .map((name) => `${name} was not kept as it was given`);
};

const unless = (holds: boolean, problem: string): readonly string[] => (holds ? [] : [problem]);

interface Effect {
  /** Counters that go up by one, where the operation has something to do. */
  readonly counts: readonly (keyof Counters)[] | ((change: Change) => readonly (keyof Counters)[]);
  readonly problems: (change: Change) => readonly string[];
}

const isFlagged = ({ given }: Change): boolean =>
  'setDisableInProgress' in given && given.setDisableInProgress === true;

const nothingElse: Effect['problems'] = () => [];

const application = ['appId', 'tenantId', 'cloudId', 'serviceEndpoint', 'billingServiceApiScope', 'aadAuthority'];

const effects: Partial<Record<OperationName, Effect>> = {
  newRegistrationCertificate: {
    counts: ['certificatesCreated'],
    problems: (change) => {
      const { generatedCertificate = '', certificateStore } = nodeIn(change.after, change);
      const stored = certificateStore[generatedCertificate];
      const notAfter = stored === undefined ? '' : stored.notAfter.replace('Z', '0000Z');
      const record = recordIn(change.after, change, 'Created');
      const made = { certificate: stored?.certificate, thumbprint: generatedCertificate, notAfter };
      const { createdTime: _, ...answered } = Value.Parse(Created, change.answer);
      return [
        ...unless(sameJson(answered, made), 'the answer is not the certificate that was made'),
        ...unless(sameJson(record, change.answer), 'the record is not what was answered'),
        ...unless(
          !Object.keys(nodeIn(change.after, change).files).some((path) => path.endsWith('.cer')),
          'a file was left behind',
        ),
      ];
    },
  },
  setRegistrationCertificate: {
    counts: ['certificatesSet'],
    problems: (change) => {
      const { registrationCertificate, generatedCertificate } = nodeIn(change.after, change);
      const given: Partial<Given['setRegistrationCertificate']> = change.given;
      const own = given.certificateThumbprint?.toUpperCase() ?? '';
      const thumbprint = own === '' ? generatedCertificate : own;
      const { appId, cloudId } = given;
      // Of a certificate that the script neither made nor was told, nothing is known to record.
      const made = recordIn(change.before, change, 'Created');
      const isKnown = own !== '' || made !== undefined;
      const details =
        Value.Check(Created, made) && made.thumbprint === thumbprint
          ? made
          : { certificate: null, notAfter: null, createdTime: null };
      const record = isKnown ? { ...details, thumbprint, appId, cloudId } : undefined;
      return [
        ...notKept(registrationCertificate, change.given, application),
        ...unless(registrationCertificate?.thumbprint === thumbprint, 'it is not the certificate that was meant'),
        ...unless(sameJson(recordIn(change.after, change, 'Set'), record), 'the record is not what was set'),
      ];
    },
  },
  removeRegistrationCertificate: {
    counts: ['certificatesRemoved'],
    problems: (change) =>
      unless(
        ['Created', 'Set'].every((name) => recordIn(change.after, change, name) === undefined),
        'the records are still there',
      ),
  },
  setRegistration: {
    counts: ['registrationsSet'],
    problems: (change) => [
      ...notKept(clusterIn(change.after, change).registration, change.given, [
        ...application,
        'subscriptionId',
        'objectId',
        'resourceName',
        'providerNamespace',
        'servicePrincipalClientId',
        'certificateThumbprint',
      ]),
      ...unless(
        'resourceArmId' in change.given &&
          clusterIn(change.after, change).registration?.resourceUri === change.given.resourceArmId,
        'the resource id was not kept as it was given',
      ),
    ],
  },
  removeRegistration: { counts: ['registrationsRemoved'], problems: nothingElse },
  startCloudManagement: {
    counts: ['cloudManagementStarts'],
    problems: (change) => {
      const group = clusterIn(change.after, change).cloudManagement;
      return unless(
        group?.state === 0 &&
          group.hasResource &&
          'serviceName' in change.given &&
          group.serviceName === change.given.serviceName,
        'the group is not online with its service',
      );
    },
  },
  removeCloudManagement: {
    counts: ['cloudManagementRemovals'],
    problems: (change) => unless(clusterIn(change.after, change).cloudManagement === undefined, 'the group is there'),
  },
  sync: { counts: ['syncs'], problems: nothingElse },
  removeCustomImdsHostAddress: {
    counts: [],
    problems: (change) =>
      unless(
        !Object.values(nodeIn(change.after, change).registry).some((values) => 'CustomIMDSHostAddress' in values),
        'the address is still there',
      ),
  },
  initializeArcIntegration: {
    counts: ['arcInitializations'],
    problems: (change) => {
      const { arc } = clusterIn(change.after, change);
      const wanted: Partial<Given['initializeArcIntegration']> = change.given;
      return [
        ...notKept(arc, change.given, ['secret', 'tenantId', 'subscriptionId', 'region', 'resourceGroup']),
        ...unless(arc?.applicationId === wanted.appId, 'the application was not kept as it was given'),
        ...unless(
          sameJson(recordIn(change.after, change, 'ArcSecret'), { appId: wanted.appId, keyId: wanted.keyId }),
          'the record is not what was given',
        ),
        ...unless(
          arc?.cloud === wanted.cloud || !builds[nodeIn(change.after, change).build].arcCloud,
          'the cloud was not kept as it was given',
        ),
      ];
    },
  },
  clearArcIntegration: {
    counts: (change) => (isFlagged(change) ? [] : ['arcClears']),
    problems: (change) =>
      unless(
        clusterIn(change.after, change).arc?.status === (isFlagged(change) ? 3 : undefined),
        'the cluster is not in the state that was asked for',
      ),
  },
  disableArcIntegration: {
    counts: ['arcDisables', 'machinesDeleted'],
    problems: (change) => [
      ...unless(
        nodeIn(change.after, change).agent === undefined && nodeIn(change.after, change).arcStatus === 2,
        'the agent is still there',
      ),
      ...unless(
        Object.keys(nodeIn(change.after, change).files).some((path) => path.includes('UninstallationLog')),
        'the removal of the agent has no log',
      ),
    ],
  },
  registerArcRegistrationTask: {
    counts: ['arcRegistrationTasksRegistered'],
    problems: (change) =>
      unless(
        clusterIn(change.after, change).arcRegistrationTask?.repetitionInterval === 'PT1H',
        'the task is not repeated each hour',
      ),
  },
  unregisterArcRegistrationTask: { counts: ['arcRegistrationTasksUnregistered'], problems: nothingElse },
  setAgentProxy: {
    counts: [],
    problems: (change) => {
      const agent = nodeIn(change.after, change).agent;
      const wanted: Partial<Given['setAgentProxy']> = change.given;
      return unless(
        agent?.proxyUrl === wanted.url && (agent?.proxyBypass ?? []).join(',') === wanted.bypass,
        'the agent does not have the proxy that was asked for',
      );
    },
  },
  disconnectAgent: {
    counts: [],
    problems: (change) => {
      const agent = nodeIn(change.after, change).agent;
      return unless(agent?.status === 'Disconnected' && agent.resourceName === '', 'the agent has not forgotten');
    },
  },
  startArcRegistrationTask: {
    counts: ['arcRegistrationTaskStarts'],
    problems: (change) => {
      const { arcStatus, arcRegistrationTask, agent } = nodeIn(change.after, change);
      const { arc } = clusterIn(change.before, change);
      if (arc?.status !== 1) return [];
      return unless(
        arcStatus === 1 && agent?.status === 'Connected' && arcRegistrationTask.lastTaskResult === 0,
        `the task did not onboard the node: ${JSON.stringify(arcRegistrationTask)}`,
      );
    },
  },
};

/** Without what a task that was started does beside the script, where it had to. */
const countedHere = (operation: OperationName, counters: Counters): Partial<Counters> => {
  if (operation !== 'startArcRegistrationTask') return counters;
  const { machinesCreated: _, syncs: __, ...counted } = counters;
  return counted;
};

/** What is wrong with what an operation left; `idle`: it had nothing to do. */
export const effectProblems = (operation: OperationName, idle: boolean, change: Change): readonly string[] => {
  const effect = effects[operation];
  const counted = typeof effect?.counts === 'function' ? effect.counts(change) : (effect?.counts ?? []);
  const expected = { ...countedHere(operation, change.before.counters) };
  if (!idle) for (const name of counted) expected[name] = (expected[name] ?? 0) + 1;
  const after = countedHere(operation, change.after.counters);
  const counters = sameJson(after, expected) ? [] : [`the counters are ${JSON.stringify(after)}`];
  return [...counters, ...(idle || effect === undefined ? [] : effect.problems(change))];
};

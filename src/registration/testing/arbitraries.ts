import * as fc from 'fast-check';
import { reasons, type Reason } from '../../api/reasons.ts';
import type { ArcSettings, ClusterResource, Permission } from '../../azure/models.ts';
import type { ClusterProbe, Probe } from '../../nodes/operations.ts';
import type { Fact, Observed, SecretKey } from '../facts.ts';
import { stepKey } from '../step.ts';
import { stepNames } from '../steps/index.ts';
import { createMemory, type Memory } from '../memory.ts';
import {
  buildCluster,
  buildObserved,
  buildProbe,
  buildResource,
  endpoints,
  nodeNames,
  now,
  resourceId,
} from './builders.ts';

// Whatever nodes and Azure may answer within the schemas that their answers are read with.

const hostile = fc.oneof(
  { weight: 4, arbitrary: fc.string({ maxLength: 80 }) },
  { weight: 1, arbitrary: fc.constantFrom('x'.repeat(4096), '', '\u0000\n\r', '{"a":1}', '../..', '💥'.repeat(2048)) },
);
const orNull = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null });
const reasonNames = Object.keys(reasons).filter((name): name is Reason => name in reasons);
const recent = fc.integer({ min: -40 * 86_400, max: 40 * 86_400 }).map((seconds) => at(seconds).toISOString());
const at = (seconds: number) => new Date(now.getTime() + seconds * 1000);
// The schema of nodes allows instants that no calendar has.
const instant = fc.oneof(
  recent,
  fc.constantFrom('9999-12-31T23:59:59Z', '2026-99-99T99:99:99Z', '0000-01-01T00:00:00Z'),
);

const fact = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<Fact<T>> =>
  fc.oneof(
    {
      weight: 6,
      arbitrary: value.map((present): Fact<T> => ({ state: 'present', value: present, at: now, via: 'live' })),
    },
    { weight: 1, arbitrary: fc.constant<Fact<T>>({ state: 'absent', at: now, via: 'live' }) },
    {
      weight: 2,
      arbitrary: fc
        .record({ reason: fc.constantFrom(...reasonNames), message: hostile })
        .map((why): Fact<T> => ({ state: 'unknown', why, at: now })),
    },
  );

const probe = (name: string): fc.Arbitrary<Probe> =>
  fc
    .record({
      script: fc.record({ release: hostile, execution: fc.constantFrom('Dispatcher' as const, 'Inline' as const) }),
      computerName: fc.constantFrom(name, name, name, 'NODE9'),
      registration: fc.record({
        clusterStatus: hostile,
        registrationStatus: fc.oneof(fc.constant('Registered'), hostile),
        registrationDate: orNull(instant),
        azureResourceName: orNull(hostile),
        azureResourceUri: fc.oneof(fc.constantFrom(resourceId, null), hostile),
        connectionStatus: fc.oneof(
          fc.constantFrom('Connected', 'OutOfPolicy', 'RepairRegistrationRequired', null),
          hostile,
        ),
        lastConnected: orNull(instant),
        nextSync: orNull(instant),
        region: orNull(hostile),
        imdsAttestation: orNull(hostile),
        diagnosticLevel: orNull(hostile),
      }),
      certificate: fc.record({
        created: orNull(
          fc.record({
            certificate: fc.constant('AAAA'),
            thumbprint: fc.constant('A'.repeat(40)),
            notAfter: instant,
            createdTime: instant,
          }),
        ),
        set: orNull(
          fc.record({
            thumbprint: fc.constantFrom('A'.repeat(40), 'B'.repeat(40)),
            appId: hostile,
            cloudId: hostile,
            certificate: orNull(fc.constant('AAAA')),
            notAfter: orNull(instant),
            createdTime: orNull(instant),
          }),
        ),
      }),
      agentVersion: hostile,
      arc: orNull(
        fc.record({ clusterArcStatus: hostile, nodesArcStatus: fc.constant({}), applicationId: orNull(hostile) }),
      ),
      task: orNull(fc.record({ state: hostile, lastRunTime: orNull(instant), lastTaskResult: orNull(fc.integer()) })),
      build: fc.maxSafeInteger(),
      ubr: fc.maxSafeInteger(),
      bootTime: instant,
      services: fc.constantFrom<string[][]>([], ['HciClusterAgentSvc'], ['HciCloudManagementSvc']),
    })
    .map(({ agentVersion, task, build, ubr, bootTime, services, ...rest }) => {
      const usual = buildProbe(name);
      return {
        ...usual,
        ...rest,
        agent: usual.agent && { ...usual.agent, version: agentVersion },
        arcRegistrationTask: task,
        os: { ...usual.os, build, ubr, bootTime },
        cloudManagementServices: services,
      };
    });

const cluster: fc.Arbitrary<ClusterProbe> = fc
  .record({
    name: hostile,
    id: fc.oneof(fc.constant(buildCluster().id), hostile),
    nodes: fc.uniqueArray(
      fc.record({
        name: fc.constantFrom(...nodeNames, 'NODE9'),
        state: fc.oneof(fc.constantFrom('Up', 'Up', 'Up', 'Paused', 'Down'), hostile),
        statusInformation: orNull(fc.oneof(fc.constant('Normal'), hostile)),
        drainStatus: orNull(fc.oneof(fc.constant('InProgress'), hostile)),
      }),
      { minLength: 1, maxLength: 3, selector: ({ name }) => name },
    ),
  })
  .map((changes) => buildCluster(changes));

const optionalText = fc.oneof(
  fc.constant(null),
  fc.constantFrom('application-client-id', 'arc-client-id', 'cloud-id'),
  hostile,
);
const resource: fc.Arbitrary<ClusterResource> = fc
  .record({
    location: fc.constantFrom('eastus', 'East US', 'westeurope'),
    tags: fc.constantFrom(buildResource().tags ?? {}, {}, null),
    identity: fc.constantFrom({ type: 'SystemAssigned' }, { type: 'None' }, null),
    properties: fc.record({
      status: optionalText,
      connectivityStatus: optionalText,
      cloudId: optionalText,
      aadClientId: optionalText,
      resourceProviderObjectId: optionalText,
      serviceEndpoint: optionalText,
      lastSyncTimestamp: fc.oneof(recent, hostile),
    }),
  })
  .map((changes) => buildResource(changes));
const arcSettings: fc.Arbitrary<ArcSettings> = fc
  .record({
    arcApplicationClientId: optionalText,
    arcServicePrincipalObjectId: optionalText,
    aggregateState: fc.constantFrom('Connected', 'DisableInProgress'),
    perNodeDetails: orNull(
      fc.array(fc.record({ name: fc.constantFrom(...nodeNames), state: fc.oneof(fc.constant('Connected'), hostile) })),
    ),
  })
  .map((properties) => ({ id: `${resourceId}/arcSettings/default`, properties }));

const [first = '', second = ''] = nodeNames;

const secretKey: fc.Arbitrary<SecretKey> = fc.record({
  keyId: fc.option(hostile, { nil: undefined }),
  notBefore: fc.option(fc.oneof(recent, hostile), { nil: undefined }),
  notAfter: fc.option(fc.oneof(recent, hostile), { nil: undefined }),
});

export const anyObserved: fc.Arbitrary<Observed> = fc
  .record({
    probes: fc.record({ [first]: fact(probe(first)), [second]: fact(probe(second)) }),
    cluster: fact(cluster),
    signIn: fact(fc.constant(true as const)),
    permissions: fact(fc.constantFrom<Permission[][]>([], [{ actions: ['*'], notActions: ['*/write'] }])),
    groupPermissions: fc.constant({}),
    providers: fc.record(
      Object.fromEntries(
        endpoints.resourceProviders.map((namespace) => [
          namespace,
          fact(
            fc.record({
              namespace: fc.constant(namespace),
              registrationState: hostile,
              clusterLocations: fc.constant<string[]>([]),
            }),
          ),
        ]),
      ),
    ),
    resource: fact(resource),
    arcSettings: fact(arcSettings),
    arcSecret: fact(
      fc.record({
        appId: fc.constantFrom('arc-client-id', 'another'),
        handedOver: fc.option(secretKey, { nil: undefined }),
        held: fc.option(secretKey, { nil: undefined }),
        answered: fc.constantFrom({}, { rotate: '1' }),
      }),
    ),
    signInValidity: fc.option(
      fc
        .integer({ min: -9_000_000, max: 9_000_000 })
        .map((seconds) => ({ notBefore: undefined, notAfter: at(seconds) })),
      { nil: undefined },
    ),
    clockSkewMs: fc.option(fc.integer({ min: -10_000_000, max: 10_000_000 }), { nil: undefined }),
  })
  .map((changes) => buildObserved(changes));

/** Failures, submissions and operations of steps, as earlier passes may have left them. */
export const anyMemory: fc.Arbitrary<Memory> = fc
  .array(
    fc.record({
      step: fc.constantFrom(...stepNames),
      on: fc.constantFrom('hci001', 'default', 'hci001-rg', ...nodeNames),
      count: fc.integer({ min: 1, max: 9 }),
      needsPerson: fc.boolean(),
      nextTry: fc.integer({ min: -100, max: 600 }),
      reason: fc.constantFrom(...reasonNames),
      message: hostile,
    }),
    { maxLength: 6 },
  )
  .map((failures) => {
    const memory = createMemory();
    for (const { step, on, nextTry, ...failure } of failures)
      memory.failures.set(stepKey(step, on), { ...failure, at: now, nextTry: at(nextTry) });
    return memory;
  });

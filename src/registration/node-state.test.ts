import { describe, expect, test } from 'vitest';
import type { ClusterProbe } from '../nodes/operations.ts';
import { nodesReachable } from './conditions/nodes.ts';
import { connected } from './conditions/registered.ts';
import { plan } from './plan.ts';
import { reportNodes } from './report-parts.ts';
import type { PlanInput } from './step.ts';
import type { StepName } from './steps/index.ts';
import {
  absent,
  before,
  buildCluster,
  buildInput,
  buildObserved,
  buildProbe,
  nodeNames,
  present,
  probes,
  unknown,
  unregistered,
} from './testing/builders.ts';

type ClusterNode = Partial<ClusterProbe['nodes'][number]>;

/** The cluster calls NODE2 so. */
const cluster = (changes: ClusterNode) =>
  present(
    buildCluster({
      nodes: nodeNames.map((name) => ({
        name,
        state: 'Up',
        statusInformation: 'Normal',
        drainStatus: 'NotInitiated',
        ...(name === 'NODE2' ? changes : {}),
      })),
    }),
  );
const observing = (changes: Parameters<typeof buildObserved>[0]) => buildInput({ observed: buildObserved(changes) });
const second = (changes: Parameters<typeof buildProbe>[1]) => ({
  NODE1: present(buildProbe('NODE1')),
  NODE2: present(buildProbe('NODE2', changes)),
});
const item = (input: PlanInput, name = 'NODE2') => reportNodes(input).items.find((one) => one.name === name);
const os = (changes: Partial<ReturnType<typeof buildProbe>['os']>) => ({ ...buildProbe('NODE2').os, ...changes });
const bootedAgo = (seconds: number) => ({ os: os({ bootTime: before(seconds).toISOString() }) });

describe('what is said of a node', () => {
  test.each<[string, PlanInput, string | undefined, RegExp]>([
    ['all is well', observing({}), undefined, /^$/],
    ['paused', observing({ cluster: cluster({ state: 'Paused' }) }), 'NodePaused', /^NODE2 is paused in the cluster/],
    [
      'draining',
      observing({ cluster: cluster({ state: 'Paused', drainStatus: 'InProgress' }) }),
      'NodeDraining',
      /^NODE2 is being drained/,
    ],
    ['down, and yet it answers', observing({ cluster: cluster({ state: 'Down' }) }), 'NodeDown', /NODE2 is down\.$/],
    [
      'in quarantine',
      observing({ cluster: cluster({ state: 'Down', statusInformation: 'Quarantined' }) }),
      'NodeDown',
      /is down \(Quarantined\)/,
    ],
    ['joining', observing({ cluster: cluster({ state: 'Joining' }) }), 'NodeNotUp', /NODE2 is Joining/],
    [
      'isolated',
      observing({ cluster: cluster({ statusInformation: 'Isolated' }) }),
      'NodeNotUp',
      /NODE2 is Up \(Isolated\)/,
    ],
    [
      'freshly booted',
      observing({ probes: second(bootedAgo(120)) }),
      'NodeFreshlyBooted',
      /left alone until 2026-03-01T12:08:00.000Z/,
    ],
    ['booted a while ago', observing({ probes: second(bootedAgo(601)) }), undefined, /^$/],
    [
      'a boot time that is none',
      observing({ probes: second({ os: os({ bootTime: '2026-99-99T99:99:99Z' }) }) }),
      undefined,
      /^$/,
    ],
    [
      'unreachable, and down as the cluster says',
      observing({
        cluster: cluster({ state: 'Down' }),
        probes: { NODE1: present(buildProbe('NODE1')), NODE2: unknown('NodeUnreachable', 'No connection.') },
      }),
      'NodeDown',
      /^The cluster says that NODE2 is down\. No connection\.$/,
    ],
    [
      'unreachable, and up as the cluster says',
      observing({ probes: { NODE1: present(buildProbe('NODE1')), NODE2: unknown('NodeUnreachable', 'No way.') } }),
      'NodeUnreachable',
      /^The cluster says that NODE2 is up\. No way\.$/,
    ],
    [
      'hanging',
      observing({ probes: { NODE1: present(buildProbe('NODE1')), NODE2: unknown('NodeNotAnswering', 'Silence.') } }),
      'NodeNotAnswering',
      /Silence\.$/,
    ],
    [
      'hanging, and down as the cluster says',
      observing({
        cluster: cluster({ state: 'Down' }),
        probes: { NODE1: present(buildProbe('NODE1')), NODE2: unknown('NodeNotAnswering', 'Silence.') },
      }),
      'NodeNotAnswering',
      /^The cluster says that NODE2 is down\. Silence\.$/,
    ],
    [
      'a wrong key, whatever the cluster says',
      observing({
        cluster: cluster({ state: 'Down' }),
        probes: { NODE1: present(buildProbe('NODE1')), NODE2: unknown('HostKeyMismatch', 'Another key.') },
      }),
      'HostKeyMismatch',
      /^Another key\.$/,
    ],
    [
      'another firmware',
      observing({ probes: second({ bios: { ...buildProbe('NODE2').bios, version: '9' } }) }),
      'FirmwareDiffers',
      /^NODE2 has the firmware Contoso 9, most of the other nodes have Contoso 1\.$/,
    ],
    [
      'Secure Boot off',
      observing({ probes: second({ bios: { ...buildProbe('NODE2').bios, secureBoot: false } }) }),
      'SecureBootOff',
      /^Secure Boot is off on NODE2/,
    ],
    [
      'a legacy BIOS, which knows no Secure Boot',
      observing({ probes: second({ bios: { ...buildProbe('NODE2').bios, secureBoot: null } }) }),
      undefined,
      /^$/,
    ],
    [
      'a clock that is behind',
      observing({ probes: second({ os: os({ currentTime: before(301).toISOString() }) }) }),
      'NodeClockSkew',
      /^The clock of NODE2 is 301 s behind Azure's/,
    ],
    [
      'a clock that only differs from ours, which is wrong',
      observing({ clockSkewMs: -400_000, probes: probes({ os: os({ currentTime: before(400).toISOString() }) }) }),
      undefined,
      /^$/,
    ],
    [
      'out of policy, with why',
      observing({
        probes: second({
          registration: { connectionStatus: 'OutOfPolicy' },
          bios: { ...buildProbe('NODE2').bios, version: '9', secureBoot: false },
        }),
      }),
      'NodeOutOfPolicy',
      /^NODE2 is out of policy\. Secure Boot is off on NODE2\. NODE2 has the firmware Contoso 9/,
    ],
    [
      'out of policy, and nothing shows why',
      observing({ probes: second({ registration: { connectionStatus: 'OutOfPolicy' } }) }),
      'NodeOutOfPolicy',
      /look at its TPM/,
    ],
    [
      'a repair',
      observing({ probes: second({ registration: { connectionStatus: 'RepairRegistrationRequired' } }) }),
      'RepairRegistrationRequired',
      /NODE2 asks for a repair/,
    ],
    [
      'too old: the cmdlets are not there',
      observing({ probes: second({ commands: [] }) }),
      'OsUnsupported',
      /has no New-AzureStackHCIRegistrationCertificate \(9111\)/,
    ],
    [
      'too old: the build',
      observing({ probes: second({ os: os({ build: 17784, ubr: 1373, displayVersion: '20H2' }) }) }),
      'OsUnsupported',
      /20H2 \(17784\.1373\), which is older than 20H2 \(17784\.1374\)/,
    ],
  ])('%s', (_, input, reason, message) => {
    const found = item(input);
    expect({ reason: found?.reason, message: found?.message ?? '' }).toEqual({
      reason,
      message: expect.stringMatching(message),
    });
    expect(item(input, 'NODE1')?.reason).not.toBe('NodePaused');
  });

  test('the worst comes first, and the rest is told along', () => {
    const input = observing({
      cluster: cluster({ state: 'Paused' }),
      probes: second({ bios: { ...buildProbe('NODE2').bios, secureBoot: false } }),
    });
    expect(item(input)).toMatchObject({
      reason: 'NodePaused',
      message: 'NODE2 is paused in the cluster. Secure Boot is off on NODE2.',
    });
  });

  test('the nodes out of policy are listed with why', () => {
    const input = observing({
      probes: second({
        registration: { connectionStatus: 'OutOfPolicy' },
        bios: { ...buildProbe('NODE2').bios, secureBoot: false },
      }),
    });
    expect(connected(input)).toEqual({
      status: 'False',
      reason: 'NodeOutOfPolicy',
      message: 'Out of policy: NODE2. Secure Boot is off on NODE2.',
    });
  });

  test('the firmware of half of the nodes is that of no majority', () => {
    const names = ['NODE1', 'NODE2', 'NODE3'];
    const version: Record<string, string> = { NODE1: 'a', NODE2: 'b', NODE3: 'c' };
    const input = observing({
      nodes: names.map((name) => ({ name, address: name, source: 'spec' })),
      cluster: present(
        buildCluster({
          nodes: names.map((name) => ({ name, state: 'Up', statusInformation: null, drainStatus: null })),
        }),
      ),
      probes: Object.fromEntries(
        names.map((name) => [
          name,
          present(buildProbe(name, { bios: { ...buildProbe(name).bios, version: version[name] ?? '' } })),
        ]),
      ),
    });
    expect(reportNodes(input).items.flatMap(({ reason }) => reason ?? [])).toEqual([]);
  });
});

/** Nothing of the nodes is registered, and all that Azure has is there. */
const unregisteredNodes = (changes: Parameters<typeof buildObserved>[0] = {}) =>
  observing({
    probes: probes({ registration: unregistered, certificate: { created: null, set: null } }),
    ...changes,
  });
const runnable = (input: PlanInput, step: StepName) =>
  plan(input)
    .runnable.filter((one) => one.step === step)
    .map(({ on }) => on);
const waitsOn = (input: PlanInput, step: StepName) =>
  plan(input).pending.find((one) => one.step === step && one.state === 'Waiting' && one.on === 'NODE2');

/** Two nodes that were never registered; NODE2 booted so many seconds ago. */
const bootedSecond = (seconds: number) => {
  const never = { registration: unregistered, certificate: { created: null, set: null } };
  return {
    probes: {
      NODE1: present(buildProbe('NODE1', never)),
      NODE2: present(buildProbe('NODE2', { ...never, ...bootedAgo(seconds) })),
    },
  };
};

describe('what is done meanwhile', () => {
  test.each<[string, ClusterNode]>([
    ['NodePaused', { state: 'Paused' }],
    ['NodeDraining', { state: 'Paused', drainStatus: 'InProgress' }],
    ['NodeDown', { state: 'Down' }],
    ['NodeNotUp', { state: 'Joining' }],
  ])('%s: nothing on that node, and the others go on', (reason, changes) => {
    const input = unregisteredNodes({ cluster: cluster(changes) });
    expect(runnable(input, 'NewRegistrationCertificate')).toEqual(['NODE1']);
    expect(waitsOn(input, 'NewRegistrationCertificate')).toMatchObject({
      reason,
      readAgain: ['cluster'],
      afterSeconds: 120,
    });
  });

  test('a node that has just booted is left until it is up for 10 minutes', () => {
    expect(waitsOn(unregisteredNodes(bootedSecond(590)), 'NewRegistrationCertificate')).toMatchObject({
      reason: 'NodeFreshlyBooted',
      afterSeconds: 10,
    });
    expect(runnable(unregisteredNodes(bootedSecond(600)), 'NewRegistrationCertificate')).toEqual(['NODE1', 'NODE2']);
  });

  const disconnected = { registration: { connectionStatus: 'Disconnected' } } as const;
  test.each<[string, Parameters<typeof buildObserved>[0]]>([
    ['NodePaused', { cluster: cluster({ state: 'Paused' }) }],
    ['NodeDown', { cluster: cluster({ state: 'Down' }) }],
    ['NodeFreshlyBooted', { probes: second({ ...disconnected, ...bootedAgo(60) }) }],
  ])('%s: the cluster is not synchronised', (reason, changes) => {
    const input = observing({ probes: second(disconnected), ...changes });
    expect(runnable(observing({ probes: second(disconnected) }), 'Sync')).toEqual(['hci001']);
    expect(runnable(input, 'Sync')).toEqual([]);
    expect(plan(input).pending).toMatchObject([{ step: 'Sync', state: 'Waiting', reason }]);
  });

  test('an operation for the whole cluster runs on a node that is up', () => {
    const nodes = buildCluster().nodes.map((node) => (node.name === 'NODE1' ? { ...node, state: 'Paused' } : node));
    const input = observing({
      cluster: present(buildCluster({ nodes, cloudManagement: null })),
    });
    expect(plan(input).runnable).toMatchObject([{ step: 'StartCloudManagement', arguments: { node: 'NODE2' } }]);
  });

  test('a silent node of a registered cluster does not hold what is done on the others alone', () => {
    const input = observing({
      probes: {
        NODE1: present(buildProbe('NODE1', { agent: null, customImdsHostAddress: '127.0.0.1' })),
        NODE2: unknown('NodeUnreachable'),
      },
    });
    expect(plan(input).runnable.map(({ step, on }) => `${step} ${on}`)).toEqual([
      'RemoveCustomImdsHostAddress NODE1',
      'StartArcRegistrationTask NODE1',
    ]);
  });

  test('what is too old is not registered, and a person is asked', () => {
    const input = unregisteredNodes({
      probes: probes({ registration: unregistered, certificate: { created: null, set: null }, commands: [] }),
    });
    expect(plan(input).runnable).toEqual([]);
    expect(plan(input).pending[0]).toMatchObject({ state: 'Blocked', reason: 'OsUnsupported' });
    expect(nodesReachable(input)).toMatchObject({ status: 'False', reason: 'OsUnsupported' });
  });

  test('while an upgrade is under way Arc waits, and nobody is asked', () => {
    const input = observing({ probes: second({ arc: null, agent: null }), arcSettings: absent });
    expect(plan(input).pending).toEqual([]);
  });
});

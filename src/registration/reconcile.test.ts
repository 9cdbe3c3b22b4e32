import { describe, expect, test } from 'vitest';
import { AzureError } from '../azure/errors.ts';
import { finalizer } from '../api/group.ts';
import {
  buildArcSettings,
  buildCluster,
  buildProbe,
  buildRegistration,
  buildResource,
  buildSpec,
  nodeNames,
  unregistered,
} from './testing/builders.ts';
import { startReconciler, type StoredRegistration, type Surroundings } from './testing/reconciler.ts';

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;

type Simulation = ReturnType<typeof startReconciler>;

const node2Disconnected = () =>
  buildArcSettings({
    perNodeDetails: [
      { name: 'NODE1', state: 'Connected' },
      { name: 'NODE2', state: 'Disconnected' },
    ],
  });

/** The status that a pass over a healthy cluster leaves. */
async function settledStatus() {
  const simulation = startReconciler();
  await simulation.pass();
  const { status } = simulation.surroundings.object;
  if (status === undefined) throw new Error('the pass wrote no status');
  return status;
}

const owned = (changes: Partial<StoredRegistration> & { deletionTimestamp?: string } = {}): StoredRegistration => {
  const { deletionTimestamp, ...others } = changes;
  const registration = buildRegistration();
  const metadata = { ...registration.metadata, finalizers: [finalizer] };
  return {
    ...registration,
    metadata: deletionTimestamp === undefined ? metadata : { ...metadata, deletionTimestamp },
    ...others,
  };
};

/** How often each call was made. */
const tally = (calls: readonly string[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const call of calls) counts[call] = (counts[call] ?? 0) + 1;
  return counts;
};

const countedIn = async (simulation: Simulation, ms: number): Promise<Record<string, number>> => {
  simulation.calls.length = 0;
  await simulation.run(ms);
  return tally(simulation.calls);
};

describe('what is written is decided on what was read just now', () => {
  test('a cluster that somebody else registers while CreateCluster is refused is not written over', async () => {
    let isAllowed = false;
    const simulation = startReconciler({
      cluster: undefined,
      arcSettings: undefined,
      probes: Object.fromEntries(
        nodeNames.map((name) => [
          name,
          buildProbe(name, { registration: unregistered, certificate: { created: null, set: null }, agent: null }),
        ]),
      ),
      azureWrite() {
        if (!isAllowed) throw new AzureError({ status: 403, code: 'AuthorizationFailed', message: 'no' });
      },
    });
    const { surroundings, calls } = simulation;
    await simulation.run(20 * minute);
    expect(simulation.count('ARM PUT cluster')).toBeGreaterThan(2);

    // The next pass is due for the next try, with most facts read some minutes ago.
    isAllowed = true;
    surroundings.cluster = buildResource({ tags: {} });
    surroundings.arcSettings = buildArcSettings();
    surroundings.probes = Object.fromEntries(nodeNames.map((name) => [name, buildProbe(name)]));
    calls.length = 0;
    await simulation.run(hour);

    expect(simulation.count('ARM GET cluster')).toBeGreaterThan(0);
    expect(simulation.count('NODE NODE2 probe')).toBeGreaterThan(0);
    expect(simulation.count('ARM PUT cluster')).toBe(0);
  });

  test('no sync upon a probe from before a reboot, and none to a freshly booted node', async () => {
    const syncs: { probedBefore: boolean; upForMs: number }[] = [];
    let bootedAt: number | undefined;
    const simulation: Simulation = startReconciler({
      nodeWrite(_, operation) {
        if (operation !== 'sync' || bootedAt === undefined) return;
        const upForMs = simulation.now().getTime() - bootedAt;
        syncs.push({ probedBefore: simulation.count('NODE NODE2 probe') > 0, upForMs });
      },
    });
    await simulation.run(14 * minute);

    const { surroundings, calls } = simulation;
    bootedAt = simulation.now().getTime() - 20 * second;
    surroundings.arcSettings = node2Disconnected();
    const probe = buildProbe('NODE2');
    surroundings.probes['NODE2'] = { ...probe, os: { ...probe.os, bootTime: new Date(bootedAt).toISOString() } };
    calls.length = 0;
    await simulation.run(30 * minute);

    expect(syncs.length).toBeGreaterThan(0);
    expect(syncs.filter(({ probedBefore }) => !probedBefore)).toEqual([]);
    expect(Math.min(...syncs.map(({ upForMs }) => upForMs))).toBeGreaterThanOrEqual(10 * minute);
  });
});

describe('a write whose effect does not show is repeated with growing pauses', () => {
  const cases: { name: string; start: () => Partial<Surroundings>; write: string; read: string }[] = [
    {
      name: 'RefreshResourceProviderObjectId',
      start: () => ({ cluster: buildResource({ properties: { resourceProviderObjectId: null } }) }),
      write: 'ARM PATCH cluster',
      read: 'ARM GET cluster',
    },
    {
      name: 'StartCloudManagement',
      start: () => ({
        clusterProbe: buildCluster({
          cloudManagement: { state: 'OnlinePending', serviceName: 'HciClusterAgentSvc' },
        }),
      }),
      write: 'NODE NODE1 startCloudManagement',
      read: 'NODE NODE1 clusterProbe',
    },
    {
      name: 'SetRegistration',
      start: () => ({
        probes: { NODE1: buildProbe('NODE1'), NODE2: buildProbe('NODE2', { registration: unregistered }) },
      }),
      write: 'NODE NODE1 setRegistration',
      read: 'NODE NODE2 probe',
    },
  ];

  test.each(cases)('$name', async ({ start, write, read }) => {
    const simulation = startReconciler(start());
    await simulation.run(10 * second);
    // 0, 1, 3 and 7 seconds after the first; measured at most 21 reads.
    expect(simulation.count(write)).toBe(4);
    expect(simulation.count(read)).toBeLessThanOrEqual(25);

    await simulation.run(hour - 10 * second);
    // Once a minute in the end; measured 65 writes and 343 reads.
    expect(simulation.count(write)).toBeGreaterThan(50);
    expect(simulation.count(write)).toBeLessThanOrEqual(70);
    expect(simulation.count(read)).toBeLessThanOrEqual(370);
  });
});

describe('what a node costs that Azure shows as Arc-disconnected for 12 hours', () => {
  test('few syncs, probes and reads of Azure', async () => {
    const simulation = startReconciler({ arcSettings: node2Disconnected() });
    const first = await countedIn(simulation, hour);
    const eleven = await countedIn(simulation, 11 * hour);

    // Measured: 6 syncs, 111 probes of each node and 484 reads of Azure in the first hour.
    expect(first['NODE NODE1 sync']).toBeLessThanOrEqual(7);
    expect(first['NODE NODE2 probe']).toBeLessThanOrEqual(120);
    expect(armReads(first)).toBeLessThanOrEqual(520);
    // Measured in each later hour: 1 sync, 30 probes of each node, 127 reads of Azure.
    expect(eleven['NODE NODE1 sync']).toBeGreaterThan(0);
    expect(eleven['NODE NODE1 sync']).toBeLessThanOrEqual(12);
    expect(eleven['NODE NODE2 probe']).toBeLessThanOrEqual(11 * 33);
    expect(armReads(eleven)).toBeLessThanOrEqual(11 * 140);
    expect(simulation.condition('Ready')).toMatchObject({ status: 'False', reason: 'ArcSyncPending' });
  });

  test('a registration that must be repaired by hand is Stalled, and synchronising is not tried', async () => {
    const { object } = startReconciler().surroundings;
    const spec = buildSpec({ credentialRotation: { mode: 'Manual', renewBefore: '720h' } });
    const probe = buildProbe('NODE2', { registration: { connectionStatus: 'RepairRegistrationRequired' } });
    const simulation = startReconciler({
      object: { ...object, spec },
      probes: { NODE1: buildProbe('NODE1'), NODE2: probe },
    });
    await simulation.run(12 * hour);

    expect(simulation.count('NODE NODE1 sync')).toBe(0);
    expect(simulation.condition('Stalled')).toMatchObject({ status: 'True', reason: 'RepairRegistrationRequired' });
    // Measured 12 of each node: what waits for a person costs no more than what is well.
    expect(simulation.count('NODE NODE2 probe')).toBeLessThanOrEqual(13);
  });
});

test('a step that was refused once as a bad request stalls, and goes on by itself within 16 minutes', async () => {
  let tries = 0;
  const simulation: Simulation = startReconciler({
    cluster: buildResource({ properties: { resourceProviderObjectId: null } }),
    azureWrite() {
      tries += 1;
      if (tries === 1) throw new AzureError({ status: 400, code: 'BadRequest', message: 'passing' });
      simulation.surroundings.cluster = buildResource();
    },
  });
  await simulation.run(10 * minute);
  expect(tries).toBe(1);
  expect(simulation.condition('Stalled')).toMatchObject({ status: 'True', reason: 'AzureRequestFailed' });

  await simulation.run(6 * minute);
  expect(tries).toBe(2);
  expect(simulation.condition('Stalled')).toBeUndefined();
  expect(simulation.condition('Ready')?.status).toBe('True');
});

describe('after a restart', () => {
  const intervals = { least: 15 * minute, most: 16.5 * minute };

  test('what was well is left alone until its sync is due', async () => {
    const simulation = startReconciler({ object: owned({ status: await settledStatus() }) });
    simulation.advance(5 * minute);
    const dueMs = await simulation.pass();
    expect(dueMs).toBeGreaterThan(intervals.least - 5 * minute - second);
    expect(dueMs).toBeLessThanOrEqual(intervals.most - 5 * minute);
    expect(simulation.calls).toEqual([]);
  });

  test('a nextSyncTime that a wrong clock wrote is not waited for longer than one sync interval', async () => {
    const status = { ...(await settledStatus()), nextSyncTime: '2027-03-01T12:00:00Z' };
    const simulation = startReconciler({ object: owned({ status }) });
    const dueMs = await simulation.pass();
    expect(dueMs).toBeGreaterThan(0);
    expect(dueMs).toBeLessThanOrEqual(intervals.most);
  });
});

describe('an object that nothing is to be done with', () => {
  const deletionTimestamp = '2026-03-01T12:00:00Z';

  test('keeps its status when it is not understood', async () => {
    const status = await settledStatus();
    const spec = { ...buildSpec(), arc: { state: 'Enabled', onboarding: { type: 'SomethingNewer' } } };
    const simulation = startReconciler({ object: owned({ spec, status }) });
    await simulation.pass();

    const kept = simulation.surroundings.object.status;
    expect(kept).toMatchObject({ azure: status.azure, nodes: status.nodes });
    expect(Object.keys(kept ?? {})).toEqual(expect.arrayContaining(Object.keys(status)));
    expect(simulation.condition('Stalled')).toMatchObject({ status: 'True', reason: 'InvalidSpec' });
    expect(simulation.calls).toEqual(['KUBE PATCH status']);
  });

  test('is let go when it is deleted and nothing was ever written', async () => {
    const simulation = startReconciler({ object: owned({ deletionTimestamp }) });
    await simulation.pass();
    expect(simulation.surroundings.object.metadata.finalizers).toEqual([]);
    const released = ['KUBE GET secret', 'KUBE PATCH secret'];
    expect(simulation.calls).toEqual([...released, ...released, 'KUBE PATCH finalizers']);
  });

  test('is looked at for a few seconds when it is deleted and a first write was about to be made', async () => {
    const status = { firstWriteTime: '2026-03-01T11:00:00Z', azure: { resourceName: 'hci001' } };
    const simulation = startReconciler({ object: owned({ deletionTimestamp: '2026-03-01T12:00:00Z', status }) });
    expect(await simulation.pass()).toBe(5000);
    expect(simulation.surroundings.object.metadata.finalizers).toEqual([finalizer]);
    expect(simulation.condition('Ready')).toMatchObject({ status: 'False', reason: 'Unregistering' });
    expect(simulation.surroundings.object.status).toMatchObject(status);
    expect(simulation.calls).toEqual(['KUBE PATCH status']);
  });
});

test('what a cluster costs that is as it should be', async () => {
  const simulation = startReconciler();
  await simulation.run(second);

  expect(await countedIn(simulation, hour)).toEqual({
    'sign in': 4,
    'QUERY resources': 4,
    'ARM GET arcSettings': 1,
    'NODE NODE1 probe': 1,
    'NODE NODE2 probe': 1,
    'NODE NODE1 clusterProbe': 1,
    'KUBE GET secret': 5,
    'KUBE PATCH status': 5,
  });
  expect(await countedIn(simulation, 24 * hour)).toEqual({
    'sign in': 88,
    'QUERY resources': 90,
    'QUERY resourcecontainers': 4,
    'QUERY authorizationresources': 4,
    'ARM GET arcSettings': 22,
    'ARM GET permissions': 4,
    'ARM GET provider': 16,
    'NODE NODE1 probe': 24,
    'NODE NODE2 probe': 24,
    'NODE NODE1 clusterProbe': 24,
    'KUBE GET secret': 113,
    'KUBE PATCH status': 112,
  });
  expect(simulation.condition('Ready')).toMatchObject({ status: 'True', reason: 'Ready' });
});

function armReads(counts: Record<string, number>): number {
  return Object.entries(counts).reduce((sum, [call, count]) => (call.startsWith('ARM GET') ? sum + count : sum), 0);
}

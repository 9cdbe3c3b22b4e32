import { describe, expect, test } from 'vitest';
import { pokes } from '../api/group.ts';
import { buildProbe, buildSpec } from './testing/builders.ts';
import { startReconciler } from './testing/reconciler.ts';

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;

type Simulation = ReturnType<typeof startReconciler>;

/** A cluster that is as it should be, and was looked at some minutes ago. */
async function settled(changes: Parameters<typeof startReconciler>[0] = {}): Promise<Simulation> {
  const simulation = startReconciler(changes);
  await simulation.run(5 * minute);
  simulation.calls.length = 0;
  return simulation;
}

function ask({ surroundings }: Simulation, annotations: Record<string, string>): void {
  surroundings.object = {
    ...surroundings.object,
    metadata: { ...surroundings.object.metadata, annotations },
  };
}
const answered = ({ surroundings }: Simulation) => surroundings.object.status;

describe('a request for a look', () => {
  test('reconcile: everything is read anew, once, and it is answered', async () => {
    const simulation = await settled();
    ask(simulation, { [pokes.reconcile]: 'now' });
    await simulation.run(minute);
    expect(simulation.count('NODE NODE2 probe')).toBe(1);
    expect(simulation.count('ARM GET cluster')).toBe(1);
    expect(simulation.count('NODE NODE1 sync')).toBe(0);
    expect(answered(simulation)?.lastHandledReconcileAt).toBe('now');
    expect(simulation.condition('Ready')?.status).toBe('True');
  });
});

const writes = ({ calls }: { calls: string[] }) =>
  calls.filter((call) => /^(ARM (?!GET)|KUBE PATCH secret|sign in with|NODE \S+ (?!probe|clusterProbe))/.test(call));

const sorted = (calls: readonly string[]) => calls.toSorted((a, b) => a.localeCompare(b));

describe('a request for new credentials', () => {
  const secret = [
    'KUBE PATCH secret',
    'ARM POST generatePassword',
    'KUBE PATCH secret',
    'sign in with a secret',
    'NODE NODE1 initializeArcIntegration',
    'KUBE PATCH secret',
  ];
  const certificates = [
    'NODE NODE1 newRegistrationCertificate',
    'NODE NODE2 newRegistrationCertificate',
    'ARM POST uploadCertificate',
    'NODE NODE1 setRegistrationCertificate',
    'NODE NODE2 setRegistrationCertificate',
  ];
  test.each([
    ['rotate', 'lastHandledRotateAt', secret],
    ['repair', 'lastHandledRepairAt', [...secret, ...certificates]],
  ] as const)(
    '%s: what is made is handed over, then it is answered; Ready all the while',
    async (request, field, expected) => {
      const simulation = await settled();
      simulation.surroundings.nodeWrite = () => expect(answered(simulation)?.[field]).toBeUndefined();
      ask(simulation, { [pokes[request]]: '1' });
      const readiness = simulation.condition('Ready');
      await simulation.run(minute);
      expect(sorted(writes(simulation))).toEqual(sorted(expected));
      expect(simulation.condition('Ready')).toEqual(readiness);
      expect(answered(simulation)?.[field]).toBe('1');
      expect(simulation.surroundings.arcSecret.data).toBeUndefined();
      await simulation.run(2 * hour);
      expect(writes(simulation)).toHaveLength(expected.length);
    },
  );

  test('is not done again after a restore without status', async () => {
    const simulation = await settled();
    ask(simulation, { [pokes.rotate]: '1' });
    await simulation.run(minute);
    const { object, arcSecret, probes } = simulation.surroundings;
    const { status: _, ...restored } = object;
    const again = startReconciler({ object: restored, arcSecret, probes });
    await again.run(2 * hour);
    expect(writes(again)).toEqual([]);
    expect(answered(again)?.lastHandledRotateAt).toBe('1');
    expect(answered(again)?.credentials).toEqual(answered(simulation)?.credentials);
  });
});

describe('a request for a synchronisation', () => {
  test('is done once, answered then, and the cluster stays Ready', async () => {
    const simulation = await settled();
    ask(simulation, { [pokes.sync]: '1' });
    let syncs = 0;
    simulation.surroundings.nodeWrite = (_, operation) => {
      if (operation === 'sync') syncs += 1;
      expect(answered(simulation)?.lastHandledSyncAt).toBeUndefined();
      expect(simulation.condition('Ready')?.status).toBe('True');
    };
    await simulation.run(20 * minute);
    expect(syncs).toBe(1);
    expect(answered(simulation)?.lastHandledSyncAt).toBe('1');
    expect(simulation.condition('InSync')?.status).toBe('True');
  });

  test('waits while a node has just booted, without reading everything over and over', async () => {
    const simulation = await settled();
    const bootedAt = simulation.now().getTime() - 30 * second;
    const probe = buildProbe('NODE2');
    simulation.surroundings.probes['NODE2'] = {
      ...probe,
      os: { ...probe.os, bootTime: new Date(bootedAt).toISOString() },
    };
    const syncedAfterMs: number[] = [];
    simulation.surroundings.nodeWrite = () => void syncedAfterMs.push(simulation.now().getTime() - bootedAt);
    ask(simulation, { [pokes.sync]: '1' });
    await simulation.run(5 * minute);
    expect(syncedAfterMs).toEqual([]);
    expect(answered(simulation)?.lastHandledSyncAt).toBeUndefined();
    expect(answered(simulation)?.plan?.steps).toMatchObject([{ name: 'SyncOnRequest', state: 'Waiting' }]);
    expect(simulation.condition('Ready')?.status).toBe('True');
    expect(simulation.count('NODE NODE1 probe')).toBe(1);
    await simulation.run(10 * minute);
    expect(syncedAfterMs).toHaveLength(1);
    expect(syncedAfterMs[0]).toBeGreaterThanOrEqual(10 * minute);
    expect(answered(simulation)?.lastHandledSyncAt).toBe('1');
  });

  test('is answered where nothing may be written', async () => {
    const start = startReconciler();
    const object = { ...start.surroundings.object, spec: buildSpec({ managementPolicy: 'Observe' }) };
    const simulation = await settled({ object });
    ask(simulation, { [pokes.sync]: '1' });
    await simulation.run(minute);
    expect(simulation.count('NODE NODE1 sync')).toBe(0);
    expect(answered(simulation)?.lastHandledSyncAt).toBe('1');
  });
});

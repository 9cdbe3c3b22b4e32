import { describe, expect, test } from 'vitest';
import { pokes } from '../api/group.ts';
import { buildProbe, buildSpec } from './testing/builders.ts';
import { startReconciler } from './testing/reconciler.ts';

const second = 1000;
const minute = 60 * second;

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
  test.each(['reconcile', 'repair'] as const)(
    '%s: everything is read anew, once, and it is answered',
    async (request) => {
      const simulation = await settled();
      ask(simulation, { [pokes[request]]: 'now' });
      await simulation.run(minute);
      expect(simulation.count('NODE NODE2 probe')).toBe(1);
      expect(simulation.count('ARM GET cluster')).toBe(1);
      expect(simulation.count('NODE NODE1 sync')).toBe(0);
      const field = request === 'repair' ? 'lastHandledRepairAt' : 'lastHandledReconcileAt';
      expect(answered(simulation)?.[field]).toBe('now');
      expect(simulation.condition('Ready')?.status).toBe('True');
    },
  );
  test('rotate: answered, with nothing done', async () => {
    const simulation = await settled();
    ask(simulation, { [pokes.rotate]: '1' });
    await simulation.run(minute);
    expect(answered(simulation)?.lastHandledRotateAt).toBe('1');
    expect(simulation.calls.filter((call) => /^ARM (?!GET)|sync|set|new/.test(call))).toEqual([]);
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

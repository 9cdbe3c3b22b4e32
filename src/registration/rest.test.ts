import { describe, expect, test } from 'vitest';
import { AzureError } from '../azure/errors.ts';
import { finalizer } from '../api/group.ts';
import { buildRegistration, buildResource } from './testing/builders.ts';
import { startReconciler } from './testing/reconciler.ts';

const second = 1000;
const minute = 60 * second;
/** From when it is due: in so long it is compared with Azure once. */
const sync = 10 * minute;

/** A registration that is well, one second after it was looked at. */
async function atRest() {
  const simulation = startReconciler();
  await simulation.run(second);
  simulation.calls.length = 0;
  const rows = simulation.surroundings.resourceGraph;
  return { simulation, rows };
}
type Simulation = ReturnType<typeof startReconciler>;

const reads = ({ calls }: Simulation) => calls.filter((call) => call.startsWith('ARM GET'));
const writes = ({ calls }: Simulation) => calls.filter((call) => /^ARM (?!GET)/.test(call));
const ready = (simulation: Simulation) => simulation.condition('Ready')?.status;

const edited = (rows: object[], changes: object) => rows.map((row) => ({ ...row, ...changes }));

describe('while all is well', () => {
  test('rows confirm it, and nothing of the cluster is read by itself', async () => {
    const { simulation } = await atRest();
    await simulation.run(sync);
    expect(simulation.count('QUERY resources')).toBe(1);
    expect(reads(simulation)).toEqual(['ARM GET arcSettings']);
    expect(ready(simulation)).toBe('True');
    simulation.calls.length = 0;
    await simulation.run(30 * minute);
    expect(simulation.count('QUERY resources')).toBeGreaterThanOrEqual(2);
    expect(reads(simulation)).toEqual([]);
  });

  test.each<[string, (rows: object[]) => object[]]>([
    ['a lost row', () => []],
    ['a row that shows no mark of ours yet', (rows) => edited(rows, { tags: {} })],
    ['a row from before the identity', (rows) => edited(rows, { identity: null, aadClientId: null })],
    ['a row without the principal of the provider', (rows) => edited(rows, { resourceProviderObjectId: null })],
    ['a row of another region', (rows) => edited(rows, { location: 'westus' })],
    ['a row of another shape', (rows) => edited(rows, { location: null })],
  ])('%s leads to a live read and to no write', async (_, change) => {
    const { simulation, rows } = await atRest();
    simulation.surroundings.resourceGraph = (table) => (table === 'resources' ? change(rows(table)) : rows(table));
    await simulation.run(sync);
    expect(reads(simulation)).toContain('ARM GET cluster');
    expect(writes(simulation)).toEqual([]);
    expect(ready(simulation)).toBe('True');
    // Once each sync, as if there were no rows.
    simulation.calls.length = 0;
    await simulation.run(50 * minute);
    expect(simulation.count('QUERY resources')).toBeGreaterThanOrEqual(3);
    expect(simulation.count('ARM GET cluster')).toBe(simulation.count('QUERY resources'));
  });

  test.each(['AuthorizationFailed', 'RateLimiting'])('%s leads to live reads', async (code) => {
    const { simulation } = await atRest();
    simulation.surroundings.resourceGraph = () => {
      throw new AzureError({ status: code === 'RateLimiting' ? 429 : 403, code, message: 'no' });
    };
    await simulation.run(sync);
    expect(reads(simulation)).toEqual(['ARM GET cluster', 'ARM GET arcSettings']);
    expect(ready(simulation)).toBe('True');
  });

  test('a row that changed is read live once, though all is well', async () => {
    const { simulation, rows } = await atRest();
    await simulation.run(sync);
    simulation.calls.length = 0;
    simulation.surroundings.resourceGraph = (table) =>
      edited(rows(table), { connectivityStatus: 'PartiallyConnected' });
    await simulation.run(sync);
    expect(reads(simulation)).toEqual(['ARM GET cluster', 'ARM GET arcSettings', 'ARM GET machines']);
    await simulation.run(sync);
    simulation.calls.length = 0;
    await simulation.run(30 * minute);
    expect(reads(simulation)).toEqual([]);
  });

  test('that a cluster has synchronised again is no change', async () => {
    const { simulation } = await atRest();
    await simulation.run(30 * minute);
    expect(simulation.count('QUERY resources')).toBeGreaterThanOrEqual(2);
    expect(reads(simulation)).toEqual(['ARM GET arcSettings']);
  });
});

test('what is really missing is read live before it is put right', async () => {
  const { simulation } = await atRest();
  simulation.surroundings.cluster = buildResource({ tags: {} });
  simulation.surroundings.azureWrite = () => {
    simulation.surroundings.cluster = buildResource();
  };
  await simulation.run(sync);
  expect(writes(simulation)).toEqual(['ARM PATCH cluster']);
  const query = simulation.calls.indexOf('QUERY resources');
  const read = simulation.calls.indexOf('ARM GET cluster');
  expect(query).toBeGreaterThanOrEqual(0);
  expect(read).toBeGreaterThan(query);
  expect(simulation.calls.indexOf('ARM PATCH cluster')).toBeGreaterThan(read);
  expect(ready(simulation)).toBe('True');
});

test('a row that still shows what is gone hides it no longer than arcSettings are good', async () => {
  const { simulation, rows } = await atRest();
  const stale = rows('resources');
  simulation.surroundings.resourceGraph = (table) => (table === 'resources' ? stale : rows(table));
  simulation.surroundings.cluster = undefined;
  simulation.surroundings.arcSettings = undefined;
  await simulation.run(61 * minute + sync);
  expect(ready(simulation)).toBe('False');
  expect(writes(simulation)).toEqual([]);
});

test('a restarted controller reads what has no row, and nothing else', async () => {
  const { simulation } = await atRest();
  const registration = buildRegistration();
  const { status } = simulation.surroundings.object;
  if (status === undefined) throw new Error('no status was written');
  const metadata = { ...registration.metadata, finalizers: [finalizer] };
  const restarted = startReconciler({ object: { ...registration, metadata, status } });
  await restarted.run(second);
  expect(restarted.calls).toEqual([]);
  await restarted.run(sync);
  expect(reads(restarted).toSorted()).toEqual([
    'ARM GET arcSettings',
    'ARM GET machines',
    'ARM GET permissions',
    ...Array.from({ length: 4 }, () => 'ARM GET provider'),
  ]);
  expect(ready(restarted)).toBe('True');
});

test('what a person asks for is read live', async () => {
  const { simulation } = await atRest();
  const { object } = simulation.surroundings;
  const annotations = { 'azurestackhci.io/reconcile-requested-at': '2026-03-01T12:00:30Z' };
  simulation.surroundings.object = { ...object, metadata: { ...object.metadata, annotations } };
  await simulation.pass();
  expect(reads(simulation)).toContain('ARM GET cluster');
  expect(simulation.count('QUERY')).toBe(0);
});

import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { percentile } from './changes.ts';
import type { RuntimeFigures } from './measure.ts';
import { countRequests, requestsOf, tooManyRequests } from './requests.ts';
import { aimSummary, requestsTable, runtimeSummary, runtimeTable } from './table.ts';

test('percentiles: of any number of values', () => {
  const values = Array.from({ length: 100 }, (_, index) => 100 - index);
  expect([percentile(values, 0.5), percentile(values, 0.99), percentile([7], 0.99)]).toEqual([51, 100, 7]);
  expect(percentile([], 0.5)).toBeNaN();
});

const auditEvent = (username: string, verb: string, subresource?: string) =>
  `${JSON.stringify({
    auditID: crypto.randomUUID(),
    verb,
    requestURI: '/apis/x',
    user: { username },
    requestReceivedTimestamp: '2026-01-01T10:00:01.000000Z',
    objectRef: { resource: 'widgets', subresource },
  })}\n`;

test('requests: of one user, since counting began and then since the last count', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'requests-'));
  try {
    const log = join(directory, 'audit.log');
    await writeFile(log, auditEvent('us', 'patch'));
    const count = await countRequests(log, 'us');
    expect(await count()).toEqual({ calls: {}, writes: 0, reads: 0 });
    // A line of which the end is still to come.
    const half = auditEvent('us', 'delete');
    await appendFile(log, auditEvent('us', 'patch', 'status') + auditEvent('other', 'patch') + half.slice(0, 20));
    expect(await count()).toEqual({ calls: { 'patch widgets/status': 1 }, writes: 1, reads: 0 });
    await appendFile(log, half.slice(20) + auditEvent('us', 'watch'));
    expect(await count()).toEqual({ calls: { 'delete widgets': 1, 'watch widgets': 1 }, writes: 1, reads: 1 });
  } finally {
    await rm(directory, { recursive: true });
  }
});

const exact = {
  cold: requestsOf({ 'patch widgets': 10, 'patch widgets/status': 10, 'watch widgets': 2 }),
  restart: requestsOf({ 'watch widgets': 1 }),
  changes: requestsOf({ 'patch widgets/status': 5 }),
};

test.each([
  ['nothing', {}, []],
  ['a write too many', { cold: requestsOf({ 'patch widgets': 10, 'patch widgets/status': 11 }) }, ['cold']],
  ['a write too few', { cold: requestsOf({ 'patch widgets': 9, 'patch widgets/status': 10 }) }, ['cold']],
  [
    'a write of another kind',
    { cold: requestsOf({ 'patch widgets': 10, 'patch widgets/status': 10, 'create events': 1 }) },
    ['cold'],
  ],
  ['a write after a restart', { restart: requestsOf({ 'patch widgets/status': 1 }) }, ['restart']],
  ['a change answered twice', { changes: requestsOf({ 'patch widgets/status': 6 }) }, ['changes']],
])('too many requests: %s', (_what, wrong, problems) => {
  const found = tooManyRequests(10, 5, { ...exact, ...wrong });
  expect(found.map((problem) => problem.split(':')[0])).toEqual(problems);
});

const phase = { seconds: 8, cpuPerObjectMs: 1.5, syncedSeconds: 0.5, peakMiB: 80.4, fileMiB: 50 };
const figures = (program: string, objects: number, changes: RuntimeFigures['changes'] | undefined): RuntimeFigures => ({
  program,
  objects,
  cold: { ...phase, objectsPerSecond: objects / 8, cpuShare: 0.14 },
  restart: { ...phase, seconds: 1.5, peakMiB: 70 },
  ...(changes !== undefined && { changes }),
  requests: exact,
});
const ours = figures('src/kube', 1000, { count: 5, p50Ms: 8.4, p99Ms: 30 });
const reference = {
  ...figures('reference', 1000, { count: 5, p50Ms: 8.4, p99Ms: 15 }),
  restart: { ...phase, seconds: 3 },
};

const rowsOf = (table: string) => table.split('\n').map((line) => line.split('|').map((cell) => cell.trim()));

test('the table has the ratio to the reference, bold where the aim is missed', () => {
  const [header = [], , first, second, ratio, ...more] = rowsOf(runtimeTable([ours, reference]));
  expect(first).toEqual(['', '1000', 'src/kube', '125', '1.50', '0.50', '80', '1.50', '1.50', '70', '8', '30', '']);
  expect(second).toHaveLength(header.length);
  expect(ratio?.slice(2, -1)).toEqual([
    'ratio',
    '1.00',
    '1.00',
    '1.00',
    '1.00',
    '0.50',
    '1.00',
    '0.87',
    '1.00',
    '**2.00**',
  ]);
  expect(more).toEqual([]);
  expect(aimSummary([ours, reference])).toMatch(/holds in 8 of 9 figures; not: p99 ms at 1000 \(2\.00\)$/);
});

test('a slower pace misses the aim too', () => {
  const fast = { ...reference, cold: { ...reference.cold, objectsPerSecond: 140 } };
  expect(aimSummary([ours, fast])).toContain('objects/s at 1000 (0.89)');
});

test('without a reference the table has what was recorded, where there is something', () => {
  const rows = rowsOf(runtimeTable([ours, figures('src/kube', 100, undefined)]));
  expect(rows.map((row) => row[2])).toEqual([
    '',
    expect.stringMatching('^-+$'),
    'src/kube',
    'controller-runtime, recorded',
    'src/kube',
  ]);
  for (const row of rows) expect(row).toHaveLength(rows[0]?.length ?? 0);
  expect(rows.at(-1)?.at(-2)).toBe('–');
  expect(aimSummary([ours])).toBe('');
});

test('the second table has requests, and memory without the pages of files', () => {
  expect(rowsOf(requestsTable([ours]))[2]).toEqual([
    '',
    '1000',
    'src/kube',
    '20 / 2',
    '0 / 1',
    '5 for 5',
    '14 %',
    '30',
    '20',
    '',
  ]);
  expect(runtimeSummary([figures('src/kube', 100, undefined)])).toBe(
    '100 objects: 13/s, 1.50 ms CPU each, 80 MiB, restart 1.50 s',
  );
});

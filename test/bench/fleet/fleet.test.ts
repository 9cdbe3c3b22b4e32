import { expect, test } from 'vitest';
import { moveClock } from './clock.ts';
import { measureCalls, measureRestart } from './measure.ts';

const quiet = () => {};

test('the clock is moved for all who ask for the time, and put back', () => {
  const real = Date;
  const clock = moveClock();
  try {
    const start = clock.now();
    clock.advanceTo(start + 3_600_000);
    expect(Date.now() - start).toBeGreaterThanOrEqual(3_600_000);
    expect(new Date().getTime() - start).toBeGreaterThanOrEqual(3_600_000);
    expect(new Date(5).toISOString()).toBe('1970-01-01T00:00:00.005Z');
    expect(Date.parse('1970-01-01T00:00:01Z')).toBe(1000);
    clock.advanceTo(start);
    expect(Date.now() - start).toBeGreaterThanOrEqual(3_600_000);
  } finally {
    clock.restore();
  }
  expect(Date).toBe(real);
});

test(
  'a fleet at rest is confirmed by rows: no cluster is read by itself but its arcSettings, once in an hour',
  { timeout: 60_000 },
  async () => {
    const { clusters, hours, azure, nodes } = await measureCalls(5, quiet);
    const ofEach = (calls = 0) => calls / clusters / hours;
    // Five resource providers and permissions are read for all, a few times.
    expect(ofEach(azure['GET Resource Manager'])).toBeLessThan(1.3);
    expect(ofEach(azure['query Resource Graph'])).toBeLessThan(4.5);
    expect(ofEach(nodes['probe'])).toBeLessThan(5);
  },
);

test('a restart asks about the clusters that are due, and about no other', { timeout: 60_000 }, async () => {
  const { asked, due, before, after, clusters } = await measureRestart(40, quiet);
  expect(due).toBeGreaterThan(0);
  expect(due).toBeLessThan(clusters / 2);
  expect(asked).toBeLessThanOrEqual(due + 1);
  expect(before).toHaveLength(60);
  expect(after).toHaveLength(60);
});

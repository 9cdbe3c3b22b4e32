import { afterEach, expect, it, vi } from 'vitest';
import { createBackoff } from './backoff.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

it('grows from min to max, and starts anew after a reset', () => {
  vi.spyOn(Math, 'random').mockReturnValue(1);
  const backoff = createBackoff({ min: 800, max: 30_000 });
  expect(Array.from({ length: 5 }, () => backoff.next())).toEqual([2400, 7200, 21_600, 30_000, 30_000]);
  backoff.reset();
  expect(backoff.next()).toBe(2400);
});

it('never leaves its bounds, and is not the same for two clients', () => {
  const backoff = createBackoff({ min: 800, max: 30_000 });
  const pauses = Array.from({ length: 1000 }, () => backoff.next());
  expect(Math.min(...pauses)).toBeGreaterThanOrEqual(800);
  expect(Math.max(...pauses)).toBeLessThanOrEqual(30_000);
  expect(new Set(pauses).size).toBeGreaterThan(100);
});

import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { syncIntervalMs } from './schedule.ts';
import { buildRegistration } from './testing/builders.ts';

test('the interval with up to a tenth added, the same for one object, spread over a fleet', () => {
  const { spec, metadata } = buildRegistration();
  const of = (uid: string) => syncIntervalMs({ spec, metadata: { ...metadata, uid } });
  fc.assert(
    fc.property(fc.uuid(), (uid) => {
      expect(of(uid)).toBe(of(uid));
      expect(of(uid) >= 900_000 && of(uid) <= 990_000).toBe(true);
    }),
  );
  const fleet = Array.from({ length: 200 }, (_, index) => of(`uid-${index}`));
  expect(new Set(fleet).size).toBeGreaterThan(150);
  expect(Math.max(...fleet) - Math.min(...fleet)).toBeGreaterThan(70_000);
});

import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { duration, durationMilliseconds, guid, mapList, object, oneOf, string, unionRules } from './schema.ts';

test.each([
  ['15m', 900_000],
  ['1h', 3_600_000],
  ['720h', 2_592_000_000],
  ['1h2m3s', 3_723_000],
  ['90s', 90_000],
  ['0s', 0],
])('%s is %i ms', (value, milliseconds) => {
  expect(durationMilliseconds(value)).toBe(milliseconds);
});

test.each(['', '15', 'm', '-1m', '1.5h', '1m1h', '15 m', '15m ', '1d', '100ms'])('%j is no duration', (value) => {
  expect(() => durationMilliseconds(value)).toThrow(RangeError);
});

test('a duration is the sum of its parts', () => {
  fc.assert(
    fc.property(fc.nat(999), fc.nat(999), fc.nat(999), (hours, minutes, seconds) => {
      expect(durationMilliseconds(`${hours}h${minutes}m${seconds}s`)).toBe(
        ((hours * 60 + minutes) * 60 + seconds) * 1000,
      );
    }),
  );
});

test('helpers write what a CRD needs beside what a check needs', () => {
  expect(oneOf(['A', 'B'], { description: 'd' })).toMatchObject({ type: 'string', enum: ['A', 'B'], description: 'd' });
  expect(guid('clientId', 'd')).toMatchObject({
    maxLength: 36,
    'x-kubernetes-validations': [{ message: 'clientId is a GUID such as 00000000-0000-0000-0000-000000000000' }],
  });
  expect(duration({ default: '15m', atLeast: '1m', description: 'd' })).toMatchObject({
    default: '15m',
    'x-kubernetes-validations': [{ message: 'a duration of hours, minutes and seconds such as 15m, at least 1m' }],
  });
  expect(mapList(string({ maxLength: 1 }), ['name'], { maxItems: 3 })).toMatchObject({
    maxItems: 3,
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['name'],
  });
  expect(object({}, {})).not.toHaveProperty('x-kubernetes-validations');
  expect(unionRules({ SSH: 'ssh' })).toEqual([
    {
      rule: "self.type == 'SSH' ? has(self.ssh) : !has(self.ssh)",
      message: expect.stringContaining('set ssh when type is SSH'),
    },
  ]);
});

import { describe, expect, test } from 'vitest';
import { clocksDiffer, parseValidity, renewalTime } from './renewal.ts';

const notBefore = new Date('2026-01-01T00:00:00Z');
const inSeconds = (seconds: number) => new Date(notBefore.getTime() + seconds * 1000);
const day = 86_400;

describe('when a credential is renewed', () => {
  test.each([
    ['two years: renewBefore ahead', 730 * day, '720h', 700 * day],
    ['60 days: a third ahead, which is less', 60 * day, '720h', 40 * day],
    ['30 seconds: a third ahead', 30, '720h', 20],
    ['one hour ahead', 730 * day, '1h', 730 * day - 3600],
  ])('%s', (_, lifetime, renewBefore, expected) => {
    expect(renewalTime({ notBefore, notAfter: inSeconds(lifetime) }, renewBefore)).toEqual(inSeconds(expected));
  });
  test('where its beginning is not known, or lies after its end, renewBefore ahead', () => {
    const notAfter = inSeconds(10 * day);
    for (const start of [undefined, inSeconds(11 * day)])
      expect(renewalTime({ notBefore: start, notAfter }, '720h')).toEqual(inSeconds(-20 * day));
  });

  const fleet = Array.from({ length: 1000 }, (_, index) => `instance/edge/hci${index}`);
  test('a fleet made on one day is spread over half of that time, each always at the same moment', () => {
    const validity = { notBefore, notAfter: inSeconds(730 * day) };
    const days = fleet.map((name) =>
      Math.floor((renewalTime(validity, '720h', name).getTime() - notBefore.getTime()) / 86_400_000),
    );
    expect(Math.max(...days)).toBe(699);
    expect(Math.min(...days)).toBe(685);
    const busiest = Math.max(...[...Map.groupBy(days, (each) => each).values()].map(({ length }) => length));
    expect(busiest).toBeLessThan(110);
    expect(renewalTime(validity, '720h', fleet[0])).toEqual(renewalTime(validity, '720h', fleet[0]));
  });
  test('never before half of its lifetime', () => {
    for (const name of fleet)
      expect(renewalTime({ notBefore, notAfter: inSeconds(30) }, '720h', name).getTime()).toBeGreaterThan(
        inSeconds(15).getTime() - 1,
      );
  });
});

test('an expiry that no calendar has is not known; a beginning that is none is left out', () => {
  for (const notAfter of [
    undefined,
    null,
    '',
    'soon',
    '2026-99-99T99:99:99Z',
    '+020000-01-01T00:00:00Z',
    '0000-01-01T00:00:00Z',
  ])
    expect(parseValidity({ notAfter })).toBeUndefined();
  expect(parseValidity({ notBefore: 'x', notAfter: '2026-01-01T00:00:00Z' })).toEqual({
    notBefore: undefined,
    notAfter: notBefore,
  });
});

test('clocks differ beyond five minutes, in either direction', () => {
  expect([undefined, 0, 300_000, -300_000].map(clocksDiffer)).toEqual([false, false, false, false]);
  expect([300_001, -300_001].map(clocksDiffer)).toEqual([true, true]);
});

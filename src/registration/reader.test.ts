import { describe, expect, test } from 'vitest';
import { AzureError } from '../azure/errors.ts';
import { createMemory, rememberedKeys } from './memory.ts';
import { createReader, found } from './reader.ts';
import { after, buildCluster, now } from './testing/builders.ts';

function setup() {
  const memory = createMemory();
  const clock = { now };
  const stop = new AbortController();
  const asked: string[] = [];
  const pass = () => createReader(memory, () => clock.now, stop.signal);
  const cluster = (name: string) => () => {
    asked.push(name);
    return Promise.resolve(found(buildCluster({ name })));
  };
  const failing = (error: unknown) => () => {
    asked.push('failing');
    return Promise.reject(error);
  };
  return { memory, clock, stop, asked, pass, cluster, failing };
}
const hourMs = 3_600_000;

describe('a fact', () => {
  test('is not read again while it is good', async () => {
    const { clock, asked, pass, cluster } = setup();
    const first = await pass().read('cluster', hourMs, cluster('first'));
    clock.now = after(3589);
    expect(await pass().read('cluster', hourMs, cluster('second'))).toEqual(first);
    clock.now = after(3600);
    expect(await pass().read('cluster', hourMs, cluster('third'))).toMatchObject({
      state: 'present',
      value: { name: 'third' },
      at: after(3600),
    });
    expect(asked).toEqual(['first', 'third']);
  });

  test('is absent only where that is proven', async () => {
    const { pass, failing } = setup();
    const none = await pass().read('cluster', hourMs, () => Promise.resolve({ found: false }));
    expect(none).toEqual({ state: 'absent', at: now, via: 'live' });
    const forbidden = new AzureError({ status: 403, code: 'AuthorizationFailed', message: 'no' });
    expect(await pass().read('resource', hourMs, failing(forbidden))).toMatchObject({
      state: 'unknown',
      why: { reason: 'ActionsMissing', message: 'no (AuthorizationFailed)' },
    });
  });

  test('that could not be read is tried ever more slowly, and never later than it would be anyway', async () => {
    const { memory, clock, pass, failing, cluster } = setup();
    const error = new AzureError({ status: 500, code: 'InternalServerError', message: 'no' });
    const waits: number[] = [];
    for (let round = 0; round < 12; round += 1) {
      await pass().read('cluster', 200_000, failing(error));
      const { readAgainAt } = memory.facts.cluster ?? { readAgainAt: clock.now };
      waits.push((readAgainAt.getTime() - clock.now.getTime()) / 1000);
      clock.now = readAgainAt;
    }
    expect(waits).toEqual([2, 4, 8, 16, 32, 64, 128, 200, 200, 200, 200, 200]);
    await pass().read('cluster', 200_000, cluster('back'));
    expect(memory.facts.cluster).toMatchObject({ failures: 0, fact: { state: 'present' } });
  });

  test('whose reading was aborted is not remembered', async () => {
    const { memory, stop, pass } = setup();
    const aborted = pass().read('cluster', hourMs, () => {
      stop.abort();
      return Promise.reject(new Error('aborted'));
    });
    await expect(aborted).rejects.toThrow(/abort/i);
    expect(rememberedKeys(memory)).toEqual([]);
  });
});

test('a pass ends with the time of the next read, without what nobody asked for', async () => {
  const { memory, pass, cluster } = setup();
  const first = pass();
  await first.read('cluster', hourMs, cluster('a'));
  await first.read('signIn', 1000, () => Promise.resolve(found(true as const)));
  expect(first.finish()).toEqual(after(1));
  const second = pass();
  await second.read('cluster', hourMs, cluster('b'));
  expect(second.finish()).toEqual(after(3600));
  expect(rememberedKeys(memory)).toEqual(['cluster']);
  expect(pass().finish()).toBeUndefined();
});

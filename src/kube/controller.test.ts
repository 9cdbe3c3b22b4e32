import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { runWorkers, type WorkersOptions } from './controller.ts';
import { createWorkQueue, type WorkQueue } from './workqueue.ts';

let queue: WorkQueue;
let stop: AbortController;
let errors: { key: string; error: unknown }[];

beforeEach(() => {
  vi.useFakeTimers();
  queue = createWorkQueue({ baseDelayMs: 10, maxDelayMs: 1000 });
  stop = new AbortController();
  errors = [];
});

afterEach(() => {
  stop.abort();
  vi.useRealTimers();
});

const settle = () => vi.advanceTimersByTimeAsync(0);

function start(reconcile: WorkersOptions['reconcile'], overrides: Partial<WorkersOptions> = {}) {
  let ended = false;
  const running = runWorkers({
    queue,
    workers: 1,
    deadlineMs: 1000,
    graceMs: 100,
    reconcile,
    onError: (key, error) => errors.push({ key, error }),
    signal: stop.signal,
    ...overrides,
  }).then(() => (ended = true));
  return { running, hasEnded: () => ended };
}

/** A reconcile that lasts until the test ends it. */
function controlled() {
  const started: string[] = [];
  const ends = new Map<string, () => void>();
  return {
    started,
    end: (key: string) => ends.get(key)?.(),
    reconcile: (key: string): Promise<object> => {
      started.push(key);
      return new Promise((resolve) => ends.set(key, () => resolve({})));
    },
  };
}

/** Waits for its signal, as a request does. */
const untilAborted = (_key: string, signal: AbortSignal) =>
  new Promise<never>((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));

it('works on as many keys as there are workers', async () => {
  const { started, end, reconcile } = controlled();
  start(reconcile, { workers: 2 });
  for (const key of ['a', 'b', 'c']) queue.add(key);
  await settle();
  expect(started).toEqual(['a', 'b']);
  end('b');
  await settle();
  expect(started).toEqual(['a', 'b', 'c']);
});

it('works on a key once at a time, and again if it was added meanwhile', async () => {
  const { started, end, reconcile } = controlled();
  start(reconcile, { workers: 2 });
  queue.add('a');
  await settle();
  queue.add('a');
  queue.add('a');
  await settle();
  expect(started).toEqual(['a']);
  end('a');
  await settle();
  expect(started).toEqual(['a', 'a']);
  end('a');
  await settle();
  expect(started).toEqual(['a', 'a']);
});

it('comes back when the reconcile asks for it', async () => {
  const reconcile = vi
    .fn<WorkersOptions['reconcile']>()
    .mockResolvedValueOnce({ requeueAfterMs: 5000 })
    .mockResolvedValue({});
  start(reconcile);
  queue.add('a');
  await vi.advanceTimersByTimeAsync(4999);
  expect(reconcile).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(reconcile).toHaveBeenCalledTimes(2);
  await vi.advanceTimersByTimeAsync(100_000);
  expect(reconcile).toHaveBeenCalledTimes(2);
});

it('contains exceptions, also synchronous ones, and comes back with growing pauses until it is well', async () => {
  const times: number[] = [];
  const from = Date.now();
  let outcome: 'throw' | 'reject' | 'well' = 'throw';
  start((_key) => {
    times.push(Date.now() - from);
    if (outcome === 'throw') throw new Error('thrown');
    return outcome === 'reject' ? Promise.reject(new Error('rejected')) : Promise.resolve({});
  });
  queue.add('a');
  await vi.advanceTimersByTimeAsync(10);
  outcome = 'reject';
  await vi.advanceTimersByTimeAsync(20);
  outcome = 'well';
  await vi.advanceTimersByTimeAsync(40);
  expect(times).toEqual([0, 10, 30, 70]);
  outcome = 'throw';
  queue.add('a');
  await vi.advanceTimersByTimeAsync(10);
  expect(times).toEqual([0, 10, 30, 70, 70, 80]);
  expect(errors.map(({ error }) => error)).toEqual(
    ['thrown', 'thrown', 'rejected', 'thrown', 'thrown'].map((text) => new Error(text)),
  );
});

it('survives an error reporter that throws', async () => {
  const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
  const reconcile = vi.fn<WorkersOptions['reconcile']>().mockRejectedValue(new Error('failed'));
  start(reconcile, {
    onError: () => {
      throw new Error('reporter');
    },
  });
  queue.add('a');
  queue.add('b');
  await settle();
  expect(reconcile).toHaveBeenCalledTimes(2);
  expect(warned).toHaveBeenCalledWith(new Error('reporter'));
  warned.mockRestore();
});

it('ends a reconcile at its deadline', async () => {
  start(untilAborted);
  queue.add('a');
  await vi.advanceTimersByTimeAsync(999);
  expect(errors).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(errors).toMatchObject([{ key: 'a', error: { name: 'TimeoutError' } }]);
});

it('takes the worker from a reconcile that ignores its signal, but not the key', async () => {
  const { started, end, reconcile } = controlled();
  start(reconcile);
  queue.add('deaf');
  queue.add('next');
  await vi.advanceTimersByTimeAsync(1000);
  expect(started).toEqual(['deaf']);
  await vi.advanceTimersByTimeAsync(100);
  expect(started).toEqual(['deaf', 'next']);
  expect(errors).toMatchObject([{ key: 'deaf', error: { message: expect.stringContaining('still runs') } }]);
  end('next');
  queue.add('deaf');
  await settle();
  expect(started).toEqual(['deaf', 'next']);
  end('deaf');
  await settle();
  expect(started).toEqual(['deaf', 'next', 'deaf']);
});

const wait = (map: Map<string, () => void>, key: string) => new Promise<void>((resolve) => map.set(key, resolve));
const pause = () => new Promise<void>((resolve) => setTimeout(resolve, Math.random() * 20));

/** A reconcile whose slow work lends its worker. */
function lending() {
  const journal: string[] = [];
  const slow = new Map<string, () => void>();
  const quick = new Map<string, () => void>();
  return {
    journal,
    answer: (key: string) => slow.get(key)?.(),
    end: (key: string) => quick.get(key)?.(),
    reconcile: (async (key, _signal, lend) => {
      journal.push(`${key} starts`);
      await lend(() => wait(slow, key));
      journal.push(`${key} goes on`);
      await wait(quick, key);
      journal.push(`${key} ends`);
      return {};
    }) satisfies WorkersOptions['reconcile'],
  };
}

it('lends its worker while slow work is awaited, and goes on when there is one again', async () => {
  const { journal, answer, end, reconcile } = lending();
  start(reconcile);
  for (const key of ['a', 'b', 'c']) queue.add(key);
  await settle();
  expect(journal).toEqual(['a starts', 'b starts', 'c starts']);
  for (const key of ['b', 'a', 'c']) answer(key);
  await settle();
  expect(journal.slice(3)).toEqual(['b goes on']);
  queue.add('d');
  end('b');
  await settle();
  // Those that have begun go before new ones.
  expect(journal.slice(4)).toEqual(['b ends', 'a goes on']);
  end('a');
  await settle();
  end('c');
  await settle();
  expect(journal.slice(6)).toEqual(['a ends', 'c goes on', 'c ends', 'd starts']);
  answer('d');
  await settle();
  end('d');
  await settle();
  expect(journal.slice(10)).toEqual(['d goes on', 'd ends']);
});

it('never has more workers at work than there are, however much is lent', async () => {
  let working = 0;
  let most = 0;
  const busy = async () => {
    most = Math.max(most, ++working);
    await new Promise<void>((resolve) => setTimeout(resolve, 1));
    working -= 1;
  };
  const reconcile: WorkersOptions['reconcile'] = async (_key, _signal, lend) => {
    await busy();
    await Promise.all([lend(pause), lend(pause), lend(pause)]);
    await busy();
    await lend(pause);
    await busy();
    return {};
  };
  const { hasEnded } = start(reconcile, { workers: 3 });
  for (let i = 0; i < 200; i++) queue.add(`${i}`);
  await vi.advanceTimersByTimeAsync(900);
  expect(most).toBe(3);
  expect([queue.size, working]).toEqual([0, 0]);
  stop.abort();
  await settle();
  expect(hasEnded()).toBe(true);
});

it('does not lose a worker to a reconcile that was given up while it was lending', async () => {
  const { journal, answer, reconcile } = lending();
  start(reconcile);
  queue.add('stuck');
  await vi.advanceTimersByTimeAsync(1100);
  expect(errors).toMatchObject([{ key: 'stuck' }]);
  answer('stuck');
  queue.add('a');
  await settle();
  answer('a');
  await settle();
  expect(journal).toContain('a goes on');
});

it('stops while workers are lent', async () => {
  const { journal, answer, end, reconcile } = lending();
  const { hasEnded } = start(reconcile);
  queue.add('a');
  await settle();
  stop.abort();
  answer('a');
  await settle();
  expect(journal).toContain('a goes on');
  expect(hasEnded()).toBe(false);
  end('a');
  await settle();
  expect(hasEnded()).toBe(true);
});

it('stops: takes nothing more, and lets what is running finish', async () => {
  const { started, end, reconcile } = controlled();
  const { hasEnded, running } = start(reconcile);
  queue.add('a');
  queue.add('b');
  await settle();
  stop.abort();
  await vi.advanceTimersByTimeAsync(50);
  expect(hasEnded()).toBe(false);
  end('a');
  await running;
  expect(started).toEqual(['a']);
  expect(errors).toEqual([]);
  expect(queue.size).toBe(1);
});

it('stops: ends after the grace time what does not finish', async () => {
  const { hasEnded } = start(untilAborted);
  queue.add('a');
  await settle();
  stop.abort();
  await vi.advanceTimersByTimeAsync(99);
  expect(hasEnded()).toBe(false);
  await vi.advanceTimersByTimeAsync(1);
  expect(hasEnded()).toBe(true);
  expect(errors).toMatchObject([{ key: 'a', error: { name: 'AbortError' } }]);
});

it('stops in bounded time even if a reconcile never ends', async () => {
  const { hasEnded } = start(() => new Promise(() => {}));
  queue.add('a');
  await settle();
  stop.abort();
  await vi.advanceTimersByTimeAsync(200);
  expect(hasEnded()).toBe(true);
});

it('leaves no timer behind', async () => {
  const { running } = start(() => Promise.resolve({}));
  queue.add('a');
  await settle();
  stop.abort();
  await running;
  expect(vi.getTimerCount()).toBe(0);
});

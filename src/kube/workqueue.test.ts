import * as fc from 'fast-check';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createWorkQueue, type WorkQueue } from './workqueue.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const delays = { baseDelayMs: 5, maxDelayMs: 100 };

/** The same semantics without a thought for speed: every state is looked at on every step. */
interface Model {
  now: number;
  queued: string[];
  dirtyWhileProcessing: Set<string>;
  processing: Set<string>;
  pending: Map<string, number>;
  failures: Map<string, number>;
  isShutDown: boolean;
}
interface Real {
  queue: WorkQueue;
  held: string[];
}

function add(model: Model, key: string): void {
  if (model.isShutDown || model.queued.includes(key)) return;
  if (model.processing.has(key)) model.dirtyWhileProcessing.add(key);
  else model.queued.push(key);
}

function addAfter(model: Model, key: string, milliseconds: number): void {
  if (model.isShutDown) return;
  if (milliseconds === 0) return add(model, key);
  const at = model.now + milliseconds;
  if (at >= (model.pending.get(key) ?? Infinity)) return;
  // To the end: of two keys with one time, the one asked for last comes last.
  model.pending.delete(key);
  model.pending.set(key, at);
}

/** Commands run inside the test below. */
function same(actual: unknown, expected: unknown): void {
  if (actual !== expected) throw new Error(`the queue says ${String(actual)}, the model ${String(expected)}`);
}

type Command = fc.AsyncCommand<Model, Real>;
const command = (
  name: string,
  run: (model: Model, real: Real) => void | Promise<void>,
  check: (model: Readonly<Model>) => boolean = () => true,
): Command => ({
  check,
  async run(model, real) {
    await run(model, real);
    same(real.queue.size, model.queued.length);
  },
  toString: () => name,
});

const someKey = fc.constantFrom('a', 'b', 'c');
const milliseconds = fc.integer({ min: 0, max: 50 });
const commands = [
  someKey.map((k) =>
    command(`add ${k}`, (model, { queue }) => {
      queue.add(k);
      add(model, k);
    }),
  ),
  fc.tuple(someKey, milliseconds).map(([k, ms]) =>
    command(`addAfter ${k} ${ms}`, (model, { queue }) => {
      queue.addAfter(k, ms);
      addAfter(model, k, ms);
    }),
  ),
  someKey.map((k) =>
    command(`addRateLimited ${k}`, (model, { queue }) => {
      queue.addRateLimited(k);
      const count = model.failures.get(k) ?? 0;
      model.failures.set(k, count + 1);
      addAfter(model, k, Math.min(delays.maxDelayMs, delays.baseDelayMs * 2 ** count));
    }),
  ),
  someKey.map((k) =>
    command(`forget ${k}`, (model, { queue }) => {
      queue.forget(k);
      model.failures.delete(k);
    }),
  ),
  fc.constant(
    command(
      'get',
      async (model, { queue, held }) => {
        const expected = model.queued.shift();
        if (expected !== undefined) {
          model.processing.add(expected);
          held.push(expected);
        }
        same(await queue.get(), expected);
      },
      (model) => model.queued.length > 0 || model.isShutDown,
    ),
  ),
  fc.nat(2).map((index) =>
    command(
      `done ${index}`,
      (model, { queue, held }) => {
        const [k] = held.splice(index % held.length, 1);
        if (k === undefined) throw new Error('nothing is held');
        queue.done(k);
        model.processing.delete(k);
        if (model.dirtyWhileProcessing.delete(k)) model.queued.push(k);
      },
      (model) => model.processing.size > 0,
    ),
  ),
  milliseconds.map((ms) =>
    command(`wait ${ms}`, (model) => {
      const due = [...model.pending].filter(([, at]) => at <= model.now + ms).toSorted(([, a], [, b]) => a - b);
      vi.advanceTimersByTime(ms);
      model.now += ms;
      for (const [k] of due) {
        model.pending.delete(k);
        add(model, k);
      }
    }),
  ),
  fc.constant(
    command('shutDown', (model, { queue }) => {
      queue.shutDown();
      model.isShutDown = true;
      model.pending.clear();
    }),
  ),
];

it('does what the model does', async () => {
  const checked = await fc.check(
    fc.asyncProperty(fc.commands(commands, { size: '+1' }), (sequence) =>
      fc.asyncModelRun(
        () => ({
          model: {
            now: 0,
            queued: new Array<string>(),
            dirtyWhileProcessing: new Set<string>(),
            processing: new Set<string>(),
            pending: new Map<string, number>(),
            failures: new Map<string, number>(),
            isShutDown: false,
          },
          real: { queue: createWorkQueue(delays), held: new Array<string>() },
        }),
        sequence,
      ),
    ),
    { numRuns: 300 },
  );
  expect(fc.defaultReportMessage(checked)).toBeUndefined();
});

it('hands keys to waiting workers in their order', async () => {
  const queue = createWorkQueue();
  const [first, second] = [queue.get(), queue.get()];
  queue.add('a');
  queue.add('b');
  await expect(Promise.all([first, second])).resolves.toEqual(['a', 'b']);
});

it('gives nothing to a worker that has left', async () => {
  const queue = createWorkQueue();
  const controller = new AbortController();
  const [leaving, staying] = [queue.get(controller.signal), queue.get()];
  controller.abort();
  queue.add('a');
  await expect(leaving).resolves.toBeUndefined();
  await expect(staying).resolves.toBe('a');
  await expect(queue.get(controller.signal)).resolves.toBeUndefined();
});

it('loses no waiting worker when one that has just been served leaves', async () => {
  const queue = createWorkQueue();
  const controller = new AbortController();
  const [served, waiting] = [queue.get(controller.signal), queue.get()];
  queue.add('a');
  controller.abort();
  queue.add('b');
  await expect(Promise.all([served, waiting])).resolves.toEqual(['a', 'b']);
});

it('waits longer than a timer can', async () => {
  const queue = createWorkQueue();
  const thirtyDays = 30 * 86_400_000;
  queue.addAfter('a', thirtyDays);
  await vi.advanceTimersByTimeAsync(thirtyDays - 1);
  expect(queue.size).toBe(0);
  await vi.advanceTimersByTimeAsync(1);
  expect(queue.size).toBe(1);
});

it('drains: what is queued and what is being worked on ends first', async () => {
  const queue = createWorkQueue();
  queue.add('a');
  queue.add('b');
  const seen: string[] = [];
  void queue.drained().then(() => seen.push('drained'));
  const first = await queue.get();
  queue.shutDown();
  queue.add('c');
  const second = await queue.get();
  for (const key of [first, second]) {
    seen.push(`done ${key}`);
    if (key !== undefined) queue.done(key);
    await vi.advanceTimersByTimeAsync(0);
  }
  expect(seen).toEqual(['done a', 'done b', 'drained']);
  await expect(queue.get()).resolves.toBeUndefined();
});

it('leaves no timer behind after a shutdown', () => {
  const queue = createWorkQueue();
  queue.addAfter('a', 1000);
  queue.addRateLimited('b');
  queue.shutDown();
  queue.addAfter('c', 1000);
  expect(vi.getTimerCount()).toBe(0);
});

it('wakes waiting workers at a shutdown', async () => {
  const queue = createWorkQueue();
  const waiting = queue.get();
  queue.shutDown();
  await expect(waiting).resolves.toBeUndefined();
  await expect(queue.drained()).resolves.toBeUndefined();
});

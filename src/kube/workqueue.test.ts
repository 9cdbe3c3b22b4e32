import * as fc from 'fast-check';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createWorkQueue, type Priority, type WorkQueue } from './workqueue.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const delays = { baseDelayMs: 5, maxDelayMs: 100, resyncYieldMs: 40 };

/** The same semantics without a thought for speed: every state is looked at on every step. */
interface Model {
  now: number;
  /** In no order: `next` looks at all. */
  queued: Waiting[];
  dirtyWhileProcessing: Waiting[];
  processing: Map<string, Priority>;
  pending: Map<string, { at: number; priority: Priority }>;
  failures: Map<string, number>;
  isShutDown: boolean;
}
interface Waiting {
  key: string;
  priority: Priority;
  /** When it would have been added if it had been a change from the beginning. */
  turn: number;
}
interface Real {
  queue: WorkQueue;
  held: string[];
}

/** Of equal turns, the one that got it first. */
const next = (model: Model) => model.queued.toSorted((left, right) => left.turn - right.turn)[0];

function put(waiting: Waiting[], entry: Waiting): Waiting[] {
  const before = waiting.find(({ key }) => key === entry.key);
  if (before === undefined) return [...waiting, entry];
  const priority = [before.priority, entry.priority].includes('change') ? 'change' : 'resync';
  if (before.turn <= entry.turn) return waiting.map((other) => (other === before ? { ...before, priority } : other));
  return [...waiting.filter((other) => other !== before), { ...entry, priority }];
}

function add(model: Model, key: string, priority: Priority): void {
  if (model.isShutDown) return;
  const entry = { key, priority, turn: priority === 'change' ? model.now : model.now + delays.resyncYieldMs };
  if (model.processing.has(key)) model.dirtyWhileProcessing = put(model.dirtyWhileProcessing, entry);
  else model.queued = put(model.queued, entry);
}

function addAfter(model: Model, key: string, milliseconds: number, given?: Priority): void {
  if (model.isShutDown) return;
  const asked = given ?? model.processing.get(key) ?? 'resync';
  if (milliseconds === 0) return add(model, key, asked);
  const before = model.pending.get(key);
  const priority = before?.priority === 'change' ? 'change' : asked;
  const at = model.now + milliseconds;
  if (before !== undefined && at >= before.at) {
    before.priority = priority;
    return;
  }
  // To the end: of two keys with one time, the one asked for last comes last.
  model.pending.delete(key);
  model.pending.set(key, { at, priority });
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
const somePriority = fc.constantFrom<Priority>('change', 'resync');
const commands = [
  fc.tuple(someKey, somePriority).map(([k, priority]) =>
    command(`add ${k} ${priority}`, (model, { queue }) => {
      queue.add(k, priority);
      add(model, k, priority);
    }),
  ),
  fc.tuple(someKey, milliseconds, fc.option(somePriority, { nil: undefined })).map(([k, ms, priority]) =>
    command(`addAfter ${k} ${ms} ${priority ?? 'by itself'}`, (model, { queue }) => {
      queue.addAfter(k, ms, priority);
      addAfter(model, k, ms, priority);
    }),
  ),
  someKey.map((k) =>
    command(`addRateLimited ${k}`, (model, { queue }) => {
      queue.addRateLimited(k);
      const count = model.failures.get(k) ?? 0;
      model.failures.set(k, count + 1);
      const pause = Math.min(delays.maxDelayMs, delays.baseDelayMs * 2 ** count);
      addAfter(model, k, pause, model.processing.get(k) ?? 'change');
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
        const expected = next(model);
        model.queued = model.queued.filter((entry) => entry !== expected);
        if (expected !== undefined) {
          model.processing.set(expected.key, expected.priority);
          held.push(expected.key);
        }
        same(await queue.get(), expected?.key);
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
        const again = model.dirtyWhileProcessing.find(({ key }) => key === k);
        model.dirtyWhileProcessing = model.dirtyWhileProcessing.filter((entry) => entry !== again);
        if (again !== undefined) model.queued.push(again);
      },
      (model) => model.processing.size > 0,
    ),
  ),
  milliseconds.map((ms) =>
    command(`wait ${ms}`, (model) => {
      const end = model.now + ms;
      const due = [...model.pending].filter(([, { at }]) => at <= end).toSorted(([, a], [, b]) => a.at - b.at);
      vi.advanceTimersByTime(ms);
      for (const [k, { at, priority }] of due) {
        model.pending.delete(k);
        model.now = at;
        add(model, k, priority);
      }
      model.now = end;
    }),
  ),
  fc.constant(
    command(
      'shutDown',
      (model, { queue }) => {
        queue.shutDown();
        model.isShutDown = true;
        model.pending.clear();
      },
      // Late: hardly anything happens after it.
      (model) => model.now > 500,
    ),
  ),
];

it('does what the model does', async () => {
  const checked = await fc.check(
    fc.asyncProperty(fc.commands(commands, { size: 'max', maxCommands: 200 }), (sequence) =>
      fc.asyncModelRun(
        () => ({
          model: {
            now: 0,
            queued: new Array<Waiting>(),
            dirtyWhileProcessing: new Array<Waiting>(),
            processing: new Map<string, Priority>(),
            pending: new Map<string, { at: number; priority: Priority }>(),
            failures: new Map<string, number>(),
            isShutDown: false,
          },
          real: { queue: createWorkQueue(delays), held: new Array<string>() },
        }),
        sequence,
      ),
    ),
    { numRuns: 1000 },
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

it('hands out changes before resyncs, however many of those there are', async () => {
  const queue = createWorkQueue();
  for (let index = 0; index < 1000; index++) queue.add(`resync-${index}`, 'resync');
  queue.add('change');
  queue.add('resync-500');
  await expect(Promise.all([queue.get(), queue.get(), queue.get()])).resolves.toEqual([
    'change',
    'resync-500',
    'resync-0',
  ]);
});

it('lets no stream of changes hold up a resync for ever', async () => {
  const queue = createWorkQueue({ resyncYieldMs: 1000 });
  queue.add('resync', 'resync');
  const handedOut: (string | undefined)[] = [];
  for (let index = 0; !handedOut.includes('resync'); index++) {
    queue.add(`change-${index}`);
    queue.add(`another-${index}`);
    const key = await queue.get();
    handedOut.push(key);
    if (key !== undefined) queue.done(key);
    await vi.advanceTimersByTimeAsync(100);
    if (index > 100) throw new Error('starved');
  }
  expect(handedOut.length).toBeGreaterThan(10);
});

it('keeps the priority of a key that is tried again', async () => {
  const queue = createWorkQueue({ baseDelayMs: 5 });
  queue.add('failing');
  const key = await queue.get();
  if (key === undefined) throw new Error('nothing was queued');
  queue.addRateLimited(key);
  queue.done(key);
  queue.add('resync', 'resync');
  await vi.advanceTimersByTimeAsync(5);
  await expect(queue.get()).resolves.toBe('failing');
});

it.each(['queued', 'worked on'])('makes a change of a resync that has aged while it was %s', async (state) => {
  const queue = createWorkQueue({ baseDelayMs: 5, resyncYieldMs: 10 });
  if (state === 'worked on') {
    queue.add('aged');
    await queue.get();
  }
  queue.add('aged', 'resync');
  await vi.advanceTimersByTimeAsync(20);
  queue.add('aged');
  queue.done('aged');
  await queue.get();
  queue.addRateLimited('aged');
  queue.done('aged');
  queue.add('resync', 'resync');
  await vi.advanceTimersByTimeAsync(5);
  await expect(queue.get()).resolves.toBe('aged');
});

it('takes what comes back late for a resync', async () => {
  const queue = createWorkQueue();
  queue.add('late');
  await queue.get();
  queue.addAfter('late', 1001);
  queue.done('late');
  await vi.advanceTimersByTimeAsync(1001);
  queue.add('change');
  await expect(queue.get()).resolves.toBe('change');
});

it('tells an observer what metrics need', async () => {
  const seen: string[] = [];
  const queue = createWorkQueue({
    baseDelayMs: 5,
    observer: {
      added: () => seen.push('added'),
      taken: (key, waitedMs) => seen.push(`taken ${key} after ${waitedMs}`),
      done: (key) => seen.push(`done ${key}`),
      retried: () => seen.push('retried'),
    },
  });
  queue.add('a', 'resync');
  queue.add('a');
  await vi.advanceTimersByTimeAsync(7);
  await queue.get();
  queue.addRateLimited('a');
  queue.done('a');
  queue.done('a');
  expect(seen).toEqual(['added', 'taken a after 7', 'retried', 'done a']);
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

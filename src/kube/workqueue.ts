import { createKeyedHeap } from './keyed-heap.ts';

/** `change`: somebody waits for it. `resync`: what a restart or a timer brings, of which there may be thousands at once. */
export type Priority = 'change' | 'resync';

/**
 * A queue of keys with the semantics of client-go's: a key is queued once however often it is added, is handed to one worker at a time,
 * and is queued again after `done` if it was added meanwhile. Changes go before resyncs, but not for ever: a resync that has waited for
 * `resyncYieldMs` goes before every change that comes later. Among equals, the one added first goes first.
 */
export interface WorkQueue {
  /** A key that is queued as a resync already becomes a change; never the reverse. Default: `change`. */
  add(key: string, priority?: Priority): void;
  /**
   * Adds later. A key has one pending time, the earliest asked for, and the highest priority asked for. Default: up to a second away the
   * priority that the key is worked on with, so that the passes of a change stay together; later than that `resync`.
   */
  addAfter(key: string, milliseconds: number, priority?: Priority): void;
  /** Adds after the key's own pause, which doubles with each call until `forget`, with the priority that it is worked on with. */
  addRateLimited(key: string): void;
  /** The key is well again. */
  forget(key: string): void;
  /** The next key, to be given back with `done`; undefined when the signal fires, or after `shutDown` when nothing is queued. */
  get(signal?: AbortSignal): Promise<string | undefined>;
  done(key: string): void;
  /** From now on adds are ignored and pending times are dropped. What is queued is still handed out. */
  shutDown(): void;
  /** Resolves after `shutDown` once nothing is queued and nothing is being worked on. */
  drained(): Promise<void>;
  /** How many keys wait to be handed out. */
  readonly size: number;
}

/** For metrics. Called synchronously; must not throw. Times in milliseconds. */
export interface WorkQueueObserver {
  added(): void;
  /** Handed to a worker, so long after it was added. */
  taken(key: string, waitedMs: number): void;
  done(key: string): void;
  /** By `addRateLimited`. */
  retried(): void;
}

export interface WorkQueueOptions {
  /** Of the pause after a failure; default 5, as in client-go. */
  baseDelayMs?: number;
  /** Default 1,000,000, as in client-go. */
  maxDelayMs?: number;
  /** Default 60,000. */
  resyncYieldMs?: number;
  observer?: WorkQueueObserver;
}

/** Of an `addAfter`: what comes back so soon is still the same work. */
const sameWorkMs = 1000;

// A longer delay makes Node's timers fire at once.
const longestTimerMs = 2 ** 31 - 1;

export function createWorkQueue(options: WorkQueueOptions = {}): WorkQueue {
  const { baseDelayMs = 5, maxDelayMs = 1_000_000, resyncYieldMs = 60_000, observer } = options;
  /** By the time that a key would have been added at if it had been a change: that is all there is to priority and ageing. */
  const queued = createKeyedHeap();
  const priorities = new Map<string, Priority>();
  const addedAt = new Map<string, number>();
  /** Added while being worked on. */
  const again = new Map<string, { rank: number; priority: Priority; at: number }>();
  const processing = new Map<string, Priority>();
  const pending = createKeyedHeap();
  const pendingPriorities = new Map<string, Priority>();
  const failures = new Map<string, number>();
  const waiting: ((key: string | undefined) => void)[] = [];
  const drained = Promise.withResolvers<void>();
  let timer: { at: number; handle: NodeJS.Timeout } | undefined;
  let isShutDown = false;

  function take(): string | undefined {
    const key = queued.first()?.key;
    if (key === undefined) return undefined;
    queued.delete(key);
    processing.set(key, priorities.get(key) ?? 'change');
    observer?.taken(key, performance.now() - (addedAt.get(key) ?? NaN));
    priorities.delete(key);
    addedAt.delete(key);
    return key;
  }

  function enqueue(key: string, rank: number, priority: Priority, at: number): void {
    const rankBefore = queued.rankOf(key);
    // A resync that has aged keeps its place, but is a change from now on.
    if (rankBefore === undefined || priority === 'change') priorities.set(key, priority);
    if (rankBefore !== undefined && rankBefore <= rank) return;
    queued.set(key, rank);
    if (rankBefore !== undefined) return;
    addedAt.set(key, at);
    if (waiting.length > 0) waiting.shift()?.(take());
  }

  function add(key: string, priority: Priority = 'change'): void {
    if (isShutDown) return;
    const at = performance.now();
    const rank = priority === 'change' ? at : at + resyncYieldMs;
    const isNew = queued.rankOf(key) === undefined && !again.has(key);
    if (processing.has(key)) {
      const before = again.get(key);
      again.set(key, {
        rank: Math.min(rank, before?.rank ?? rank),
        priority: before?.priority === 'change' ? 'change' : priority,
        at: before?.at ?? at,
      });
    } else {
      enqueue(key, rank, priority, at);
    }
    if (isNew) observer?.added();
  }

  /** One timer, for the earliest of the pending times. */
  function arm(): void {
    const at = pending.first()?.rank;
    if (at === timer?.at) return;
    clearTimeout(timer?.handle);
    timer = undefined;
    if (at === undefined) return;
    const milliseconds = Math.min(Math.max(0, Math.ceil(at - performance.now())), longestTimerMs);
    timer = { at, handle: setTimeout(addDue, milliseconds) };
  }

  function addDue(): void {
    timer = undefined;
    const now = performance.now();
    for (let first = pending.first(); first !== undefined && first.rank <= now; first = pending.first()) {
      const { key } = first;
      const priority = pendingPriorities.get(key);
      pending.delete(key);
      pendingPriorities.delete(key);
      add(key, priority);
    }
    arm();
  }

  const priorityAfter = (key: string, milliseconds: number): Priority =>
    milliseconds <= sameWorkMs ? (processing.get(key) ?? 'resync') : 'resync';

  function addAfter(key: string, milliseconds: number, priority: Priority = priorityAfter(key, milliseconds)): void {
    if (isShutDown) return;
    if (milliseconds <= 0) return add(key, priority);
    if (pendingPriorities.get(key) !== 'change') pendingPriorities.set(key, priority);
    const at = performance.now() + milliseconds;
    if (at >= (pending.rankOf(key) ?? Infinity)) return;
    pending.set(key, at);
    arm();
  }

  function settle(): void {
    if (isShutDown && queued.size === 0 && processing.size === 0) drained.resolve();
  }

  return {
    add,
    addAfter,
    addRateLimited(key) {
      const count = failures.get(key) ?? 0;
      failures.set(key, count + 1);
      observer?.retried();
      addAfter(key, Math.min(maxDelayMs, baseDelayMs * 2 ** count), processing.get(key) ?? 'change');
    },
    forget: (key) => void failures.delete(key),
    async get(signal) {
      if (signal?.aborted === true) return undefined;
      if (queued.size > 0 || isShutDown) return take();
      const { promise, resolve } = Promise.withResolvers<string | undefined>();
      const leave = () => {
        const position = waiting.indexOf(resolve);
        if (position === -1) return;
        waiting.splice(position, 1);
        resolve(undefined);
      };
      waiting.push(resolve);
      signal?.addEventListener('abort', leave, { once: true });
      return promise.finally(() => signal?.removeEventListener('abort', leave));
    },
    done(key) {
      if (!processing.delete(key)) return;
      observer?.done(key);
      const next = again.get(key);
      again.delete(key);
      if (next !== undefined) enqueue(key, next.rank, next.priority, next.at);
      settle();
    },
    shutDown() {
      isShutDown = true;
      pending.clear();
      pendingPriorities.clear();
      arm();
      for (const resolve of waiting.splice(0)) resolve(undefined);
      settle();
    },
    drained: () => drained.promise,
    get size() {
      return queued.size;
    },
  };
}

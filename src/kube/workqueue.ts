/**
 * A queue of keys with the semantics of client-go's: a key is queued once however often it is added, is handed to one worker at a time,
 * and is queued again after `done` if it was added meanwhile.
 */
export interface WorkQueue {
  add(key: string): void;
  /** Adds later. A key has one pending time: the earliest asked for. */
  addAfter(key: string, milliseconds: number): void;
  /** Adds after the key's own pause, which doubles with each call until `forget`. */
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

// A longer delay makes Node's timers fire at once.
const longestTimerMs = 2 ** 31 - 1;

/** Defaults are client-go's: 5 ms to 1000 s. */
export function createWorkQueue(options: { baseDelayMs?: number; maxDelayMs?: number } = {}): WorkQueue {
  const { baseDelayMs = 5, maxDelayMs = 1_000_000 } = options;
  const queued: string[] = [];
  /** Queued, or added while being worked on. */
  const dirty = new Set<string>();
  const processing = new Set<string>();
  const pending = new Map<string, { at: number; timer: NodeJS.Timeout }>();
  const failures = new Map<string, number>();
  const waiting: ((key: string | undefined) => void)[] = [];
  const drained = Promise.withResolvers<void>();
  let isShutDown = false;

  function take(): string | undefined {
    const key = queued.shift();
    if (key !== undefined) {
      dirty.delete(key);
      processing.add(key);
    }
    return key;
  }

  function enqueue(key: string): void {
    queued.push(key);
    if (waiting.length > 0) waiting.shift()?.(take());
  }

  function add(key: string): void {
    if (isShutDown || dirty.has(key)) return;
    dirty.add(key);
    if (!processing.has(key)) enqueue(key);
  }

  function arm(key: string, at: number): void {
    const timer = setTimeout(
      () => {
        if (at > performance.now()) return arm(key, at);
        pending.delete(key);
        add(key);
      },
      Math.min(Math.ceil(at - performance.now()), longestTimerMs),
    );
    pending.set(key, { at, timer });
  }

  function addAfter(key: string, milliseconds: number): void {
    if (isShutDown) return;
    if (milliseconds <= 0) return add(key);
    const at = performance.now() + milliseconds;
    const earlier = pending.get(key);
    if (earlier !== undefined && earlier.at <= at) return;
    clearTimeout(earlier?.timer);
    arm(key, at);
  }

  function settle(): void {
    if (isShutDown && queued.length === 0 && processing.size === 0) drained.resolve();
  }

  return {
    add,
    addAfter,
    addRateLimited(key) {
      const count = failures.get(key) ?? 0;
      failures.set(key, count + 1);
      addAfter(key, Math.min(maxDelayMs, baseDelayMs * 2 ** count));
    },
    forget: (key) => void failures.delete(key),
    async get(signal) {
      if (signal?.aborted === true) return undefined;
      if (queued.length > 0 || isShutDown) return take();
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
      processing.delete(key);
      if (dirty.has(key)) enqueue(key);
      settle();
    },
    shutDown() {
      isShutDown = true;
      for (const { timer } of pending.values()) clearTimeout(timer);
      pending.clear();
      for (const resolve of waiting.splice(0)) resolve(undefined);
      settle();
    },
    drained: () => drained.promise,
    get size() {
      return queued.length;
    },
  };
}

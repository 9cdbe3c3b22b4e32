import { contain } from './contain.ts';
import { deadlineSignal } from './deadline.ts';
import type { WorkQueue } from './workqueue.ts';

export type Reconcile = (
  key: string,
  signal: AbortSignal,
  lend: Lend,
) => Promise<{ requeueAfterMs?: number | undefined }>;

/**
 * Does work that a pool of its own bounds, and lends the worker to other keys meanwhile: a slow site then holds none. Settles as the work
 * does, when there is a worker again.
 */
export type Lend = <T>(work: () => Promise<T>) => Promise<T>;

export interface WorkersOptions {
  queue: WorkQueue;
  /** How many keys are worked on at a time. */
  workers: number;
  /** After this time a reconcile's signal fires. */
  deadlineMs: number;
  /**
   * After a stop, what is running may go on for this long before its signal fires. A reconcile that has not ended this long after its
   * signal is reported and left alone: its worker goes on, its key stays taken until it ends.
   */
  graceMs: number;
  /** Makes the world be as the object says. The signal has to reach everything that waits. */
  reconcile: Reconcile;
  /** Every exception of `reconcile`; the key comes back after its own, growing pause. */
  onError(key: string, error: unknown): void;
  /** Fires to stop: no key is taken any more. */
  signal: AbortSignal;
}

/** Works until the signal fires; resolves when nothing is running any more. */
export async function runWorkers(options: WorkersOptions): Promise<void> {
  const { queue, deadlineMs, graceMs, signal } = options;
  const cut = new AbortController();
  let grace: NodeJS.Timeout | undefined;
  const stop = () => {
    grace = setTimeout(() => cut.abort(new DOMException('the controller is stopping', 'AbortError')), graceMs);
  };
  const report = (key: string, error: unknown) => contain(() => options.onError(key, error));

  /** Never rejects. */
  async function reconcile(key: string, reconcileSignal: AbortSignal, lend: Lend): Promise<void> {
    try {
      const { requeueAfterMs } = await options.reconcile(key, reconcileSignal, lend);
      queue.forget(key);
      if (requeueAfterMs !== undefined) queue.addAfter(key, requeueAfterMs);
    } catch (error) {
      report(key, error);
      queue.addRateLimited(key);
    } finally {
      queue.done(key);
    }
  }

  /** @returns whether the worker's place is free for another key now */
  async function workOn(key: string): Promise<boolean> {
    const deadline = deadlineSignal(deadlineMs, cut.signal);
    const abandoned = Promise.withResolvers<void>();
    let patience: NodeJS.Timeout | undefined;
    const onDeadline = () => {
      patience = setTimeout(() => {
        report(
          key,
          new Error(`reconcile still runs ${graceMs} ms after its signal fired`, { cause: deadline.signal.reason }),
        );
        abandoned.resolve();
      }, graceMs);
    };
    if (deadline.signal.aborted) onDeadline();
    else deadline.signal.addEventListener('abort', onDeadline, { once: true });
    const { lend, end } = createLender();
    await Promise.race([reconcile(key, deadline.signal, lend), abandoned.promise]);
    deadline.clear();
    clearTimeout(patience);
    return end();
  }

  /** Workers without a key. One that is aborted has given its place to a reconcile that had lent its own. */
  const idle = new Set<AbortController>();
  /** Reconciles that have lent their place and are ready to go on. */
  const returning: (() => void)[] = [];
  const running = new Set<Promise<void>>();

  function startWorker(): void {
    const ended = worker().finally(() => running.delete(ended));
    running.add(ended);
  }

  function givePlace(): void {
    const next = returning.shift();
    if (next !== undefined) next();
    else if (!signal.aborted) startWorker();
  }

  async function takePlace(): Promise<void> {
    // Nothing new is taken any more: there is nobody to share with.
    if (signal.aborted) return;
    for (const one of idle) {
      idle.delete(one);
      one.abort();
      return;
    }
    await new Promise<void>((resolve) => returning.push(resolve));
  }

  /** A place is lent while at least one work of this reconcile asks for that. */
  function createLender() {
    let lent = 0;
    let isOver = false;
    let back = Promise.resolve();
    const comeBack = () => {
      lent -= 1;
      if (lent === 0 && !isOver) back = takePlace();
      return back;
    };
    const lend: Lend = async (work) => {
      if (isOver) return work();
      lent += 1;
      if (lent === 1) givePlace();
      try {
        return await work();
      } finally {
        await comeBack();
      }
    };
    /** Nothing is lent any more. @returns whether there is a place to pass on: a reconcile that was given up may have lent it */
    const end = async (): Promise<boolean> => {
      isOver = true;
      if (lent > 0) return false;
      await back;
      return true;
    };
    return { lend, end };
  }

  async function worker(): Promise<void> {
    const leave = new AbortController();
    idle.add(leave);
    const key = await queue.get(leave.signal);
    const isStillMine = idle.delete(leave);
    if (key === undefined) return;
    if (!isStillMine) await takePlace();
    if (await workOn(key)) givePlace();
  }

  if (signal.aborted) return;
  const onStop = () => {
    stop();
    for (const one of idle) one.abort();
    for (const goOn of returning.splice(0)) goOn();
  };
  signal.addEventListener('abort', onStop, { once: true });
  for (let i = 0; i < options.workers; i++) startWorker();
  while (running.size > 0) await Promise.all(running);
  signal.removeEventListener('abort', onStop);
  clearTimeout(grace);
}

import { contain } from './contain.ts';
import { deadlineSignal } from './deadline.ts';
import type { WorkQueue } from './workqueue.ts';

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
  reconcile(key: string, signal: AbortSignal): Promise<{ requeueAfterMs?: number | undefined }>;
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
  async function reconcile(key: string, reconcileSignal: AbortSignal): Promise<void> {
    try {
      const { requeueAfterMs } = await options.reconcile(key, reconcileSignal);
      queue.forget(key);
      if (requeueAfterMs !== undefined) queue.addAfter(key, requeueAfterMs);
    } catch (error) {
      report(key, error);
      queue.addRateLimited(key);
    } finally {
      queue.done(key);
    }
  }

  async function work(key: string): Promise<void> {
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
    await Promise.race([reconcile(key, deadline.signal), abandoned.promise]);
    deadline.clear();
    clearTimeout(patience);
  }

  async function worker(): Promise<void> {
    for (let key = await queue.get(signal); key !== undefined; key = await queue.get(signal)) await work(key);
  }

  if (signal.aborted) return;
  signal.addEventListener('abort', stop, { once: true });
  await Promise.all(Array.from({ length: options.workers }, worker));
  signal.removeEventListener('abort', stop);
  clearTimeout(grace);
}

/**
 * A signal that fires when one of the parents does, or after `milliseconds` with a `TimeoutError`. Call `clear` when the work is over.
 * `AbortSignal.any` with `AbortSignal.timeout` would keep the timer, and an entry in each parent, for every finished call.
 */
export function deadlineSignal(
  milliseconds: number,
  ...parents: (AbortSignal | undefined)[]
): { signal: AbortSignal; clear(): void } {
  const controller = new AbortController();
  const timer = setTimeout(() => {
    controller.abort(new DOMException(`not finished within ${milliseconds} ms`, 'TimeoutError'));
  }, milliseconds);
  const stop = ({ target }: { target: unknown }) => {
    controller.abort(target instanceof AbortSignal ? target.reason : undefined);
  };
  for (const parent of parents) {
    if (parent?.aborted === true) stop({ target: parent });
    else parent?.addEventListener('abort', stop, { once: true });
  }
  return {
    signal: controller.signal,
    clear() {
      clearTimeout(timer);
      for (const parent of parents) parent?.removeEventListener('abort', stop);
    },
  };
}

/** Settles as `promise` does, or rejects with the signal's reason if that fires first. For work that cannot be stopped itself. */
export function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}

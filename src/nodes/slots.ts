/** Frees the slot; only the first call counts. */
export type Release = () => void;

/** How many may be under way at once for each key; the others wait in order. Keys that nobody uses cost nothing. */
export interface Slots {
  /** Rejects with the signal's reason when it aborts first. */
  take(key: string, signal: AbortSignal): Promise<Release>;
}

export const createSlots = (capacity: number): Slots => {
  const queues = new Map<string, { taken: number; readonly waiting: (() => void)[] }>();

  const releaseOnce = (key: string): Release => {
    let released = false;
    return () => {
      if (released) return;
      released = true;
      const queue = queues.get(key);
      if (queue === undefined) return;
      const next = queue.waiting.shift();
      if (next !== undefined) next();
      else if (--queue.taken === 0) queues.delete(key);
    };
  };

  return {
    take: (key, signal) =>
      new Promise((resolve, reject) => {
        const refuse = (): void =>
          reject(signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason)));
        if (signal.aborted) {
          refuse();
          return;
        }
        const queue = queues.get(key) ?? { taken: 0, waiting: [] };
        queues.set(key, queue);
        if (queue.taken < capacity) {
          queue.taken += 1;
          resolve(releaseOnce(key));
          return;
        }
        const enter = (): void => {
          signal.removeEventListener('abort', leave);
          resolve(releaseOnce(key));
        };
        const leave = (): void => {
          const position = queue.waiting.indexOf(enter);
          if (position !== -1) queue.waiting.splice(position, 1);
          refuse();
        };
        queue.waiting.push(enter);
        signal.addEventListener('abort', leave, { once: true });
      }),
  };
};

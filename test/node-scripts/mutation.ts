import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Mutant } from './mutants.ts';

// Has scripts judged in a thread; one that never ends is found out, too.

const patienceMilliseconds = 90_000;

export interface Verdict {
  readonly mutant: Mutant;
  /** How it was noticed; undefined where it was not. */
  readonly noticed: string | undefined;
}

const answerOf = async (worker: Worker): Promise<string | undefined> => {
  const timeout = AbortSignal.timeout(patienceMilliseconds);
  try {
    const [answer] = await once(worker, 'message', { signal: timeout });
    return String(answer);
  } catch (error) {
    if (timeout.aborted) return undefined;
    throw error;
  }
};

const start = async (): Promise<Worker> => {
  const worker = new Worker(new URL('./mutationWorker.ts', import.meta.url));
  if ((await answerOf(worker)) === undefined) throw new Error('the worker did not start');
  return worker;
};

/** One verdict after the other. */
export async function* judgeMutants(mutants: readonly Mutant[]): AsyncGenerator<Verdict> {
  let worker = await start();
  try {
    for (const mutant of mutants) {
      const answer = answerOf(worker);
      worker.postMessage(mutant.script, []);
      const problem = await answer;
      if (problem === undefined) {
        await worker.terminate();
        worker = await start();
      }
      yield { mutant, noticed: problem === '' ? undefined : (problem ?? 'it never ends') };
    }
  } finally {
    await worker.terminate();
  }
}

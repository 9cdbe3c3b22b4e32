import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeClient } from '../../../src/kube/client.ts';
import { createReflector } from '../../../src/kube/reflector.ts';
import { keyOf, mergePatch, type ResourceType } from '../../../src/kube/resource.ts';
import { isReconciled, namespace, widgetName, type Widget } from './widgets.ts';

export const changesPerSecond = 25;

/** Changes objects, 25 a second, and follows them. @returns milliseconds from sending each change to seeing the status that answers it */
export async function measureChanges(
  client: KubeClient,
  widgets: ResourceType<Widget>,
  objects: number,
  changes: number,
): Promise<number[]> {
  const stop = new AbortController();
  const pending = new Map<string, { generation: number | undefined; since: number; answered(ms: number): void }>();
  const reflector = createReflector({
    client,
    type: widgets,
    onChange(key, _previous, next) {
      const waiting = pending.get(key);
      if (waiting === undefined || next === undefined || !isReconciled(next)) return;
      if (next.metadata.generation === waiting.generation) return;
      pending.delete(key);
      waiting.answered(performance.now() - waiting.since);
    },
    onError: (error) => process.stderr.write(`${String(error)}\n`),
  });
  const running = reflector.run(stop.signal);
  await reflector.synced;
  try {
    const from = performance.now();
    const latencies: Promise<number>[] = [];
    for (let change = 0; change < changes; change++) {
      await sleep(Math.max(0, from + (change * 1000) / changesPerSecond - performance.now()));
      // Prime, so that objects come in an order of no meaning, each as seldom as possible.
      latencies.push(changeOne((change * 7919) % objects, change + 1));
    }
    return await Promise.all(latencies);
  } finally {
    stop.abort();
    await running;
  }

  async function changeOne(index: number, revision: number): Promise<number> {
    const name = { namespace, name: widgetName(index) };
    const key = keyOf(name);
    const answer = Promise.withResolvers<number>();
    const generation = reflector.store.get(key)?.metadata.generation;
    pending.set(key, { generation, since: performance.now(), answered: answer.resolve });
    await mergePatch(client, widgets, name, { spec: { revision } }, { fieldManager: 'bench' });
    const late = sleep(30_000, undefined, { ref: false }).then((): never => {
      throw new Error(`${key}: no status within 30 s of a change`);
    });
    return Promise.race([answer.promise, late]);
  }
}

/** @param share between 0 and 1 */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}

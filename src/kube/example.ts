import { createKubeClient } from './client.ts';
import { runWorkers } from './controller.ts';
import { configMaps } from './core.ts';
import { loadKubeConfig, type KubeConfig } from './kubeconfig.ts';
import { createReflector } from './reflector.ts';
import { apply } from './resource.ts';
import { createWorkQueue } from './workqueue.ts';

const onError = (...what: unknown[]) => console.error(...what);

/** Keeps a greeting in every ConfigMap that has the label `example.com/greet`. */
export async function runGreeter(kubeConfig: KubeConfig, signal: AbortSignal): Promise<void> {
  const client = createKubeClient(kubeConfig, { userAgent: 'greeter', requestTimeoutMs: 15_000 });
  const queue = createWorkQueue();
  const onChange = (key: string) => queue.add(key, reflector.hasSynced() ? 'change' : 'resync');
  const reflector = createReflector({
    client,
    type: configMaps,
    labelSelector: 'example.com/greet',
    onChange,
    onError,
  });

  async function reconcile(key: string, deadline: AbortSignal) {
    const { metadata, data } = reflector.store.get(key) ?? {};
    const greeting = `Hello, ${metadata?.labels?.['example.com/greet']}!`;
    if (metadata === undefined || data?.['greeting'] === greeting) return {};
    const { namespace, name, uid } = metadata; // The uid: an object that was deleted meanwhile must not be made again.
    const body = { metadata: { namespace, name, uid }, data: { greeting } };
    reflector.record(await apply(client, configMaps, body, { fieldManager: 'greeter', force: true, signal: deadline }));
    return {};
  }

  const watching = reflector.run(signal);
  await Promise.race([reflector.synced, watching]);
  await runWorkers({ queue, workers: 2, deadlineMs: 30_000, graceMs: 5_000, reconcile, onError, signal });
  await watching;
  queue.shutDown();
  await client.close();
}

if (import.meta.main) {
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort());
  await runGreeter(await loadKubeConfig(), stop.signal);
}

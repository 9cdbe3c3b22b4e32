import { createKubeClient } from './client.ts';
import { runWorkers, type Reconcile } from './controller.ts';
import { configMaps } from './core.ts';
import { loadKubeConfig } from './kubeconfig.ts';
import { createReflector } from './reflector.ts';
import { apply } from './resource.ts';
import { createWorkQueue } from './workqueue.ts';

// Keeps a greeting in every ConfigMap that has the label `example.com/greet`.

const stop = new AbortController();
process.once('SIGTERM', () => stop.abort()).once('SIGINT', () => stop.abort());
const onError = (...what: unknown[]) => console.error(...what);

const client = createKubeClient(await loadKubeConfig(), { userAgent: 'greeter', requestTimeoutMs: 15_000 });
const queue = createWorkQueue();
const onChange = (key: string) => queue.add(key, reflector.hasSynced() ? 'change' : 'resync');
const reflector = createReflector({ client, type: configMaps, labelSelector: 'example.com/greet', onChange, onError });

const reconcile: Reconcile = async (key, signal) => {
  const { metadata, data } = reflector.store.get(key) ?? {};
  const greeting = `Hello, ${metadata?.labels?.['example.com/greet']}!`;
  if (metadata === undefined || data?.['greeting'] === greeting) return {};
  const { namespace, name, uid } = metadata; // The uid: an object that was deleted meanwhile must not be made again.
  const body = { metadata: { namespace, name, uid }, data: { greeting } };
  reflector.record(await apply(client, configMaps, body, { fieldManager: 'greeter', force: true, signal }));
  return {};
};

const watching = reflector.run(stop.signal);
await Promise.race([reflector.synced, watching]);
await runWorkers({ queue, workers: 2, deadlineMs: 30_000, graceMs: 5_000, reconcile, onError, signal: stop.signal });
await watching;
queue.shutDown();
await client.close();

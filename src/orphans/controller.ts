import { isDeepStrictEqual } from 'node:util';
import type { Registry } from '@prometheus-io/client';
import type { Logger } from 'pino';
import { requestedReconcile } from '../api/group.ts';
import type { KubeClient } from '../kube/client.ts';
import { runWorkers } from '../kube/controller.ts';
import { createReflector } from '../kube/reflector.ts';
import type { KubeObject } from '../kube/schema.ts';
import { createWorkQueue } from '../kube/workqueue.ts';
import { createSweepMetrics } from './metrics.ts';
import { createSweepReconciler, sweeps, type SweepDependencies } from './reconcile.ts';

/** A subscription may have thousands of resources, each suspect of which is read. */
const deadlineMs = 15 * 60_000;
const workers = 2;

/** Everything about HciOrphanSweeps in one process: the watch, the queue, the metrics, and the work while it leads. */
export function createSweepController(options: {
  client: KubeClient;
  /** Default: all namespaces. */
  namespace: string | undefined;
  registry: Registry;
  log: Logger;
  graceMs: number;
}) {
  const { client, namespace, registry, log, graceMs } = options;
  const queue = createWorkQueue({ baseDelayMs: 500, maxDelayMs: 300_000 });
  let isLeading = false;
  const reflector = createReflector<KubeObject>({
    client,
    type: sweeps,
    ...(namespace === undefined ? {} : { namespace }),
    onChange: (key, previous, next) => {
      if (isRequestedChange(previous, next)) queue.add(key, reflector.hasSynced() ? 'change' : 'resync');
    },
    onError: (error) => log.warn({ err: error }, 'watching orphan sweeps'),
  });
  const metrics = createSweepMetrics(registry, () => (isLeading ? reflector.store.list() : []));

  return {
    /** Keeps the cache; resolves when the signal fires. */
    run: (signal: AbortSignal): Promise<void> => reflector.run(signal),
    /** Works until the signal fires. `lost`: from then on nothing may be written. */
    async work(
      dependencies: Omit<SweepDependencies, 'namespace' | 'read' | 'record' | 'onDeletion' | 'log'>,
      { signal, lost }: { signal: AbortSignal; lost: AbortSignal },
    ): Promise<void> {
      const { reconcile } = createSweepReconciler({
        ...dependencies,
        log,
        namespace,
        read: (key) => reflector.store.get(key),
        record: (written) => reflector.record(written),
        onDeletion: metrics.onDeletion,
      });
      isLeading = true;
      for (const key of reflector.store.keys()) queue.add(key, 'resync');
      await runWorkers({
        queue,
        workers,
        deadlineMs,
        graceMs,
        reconcile: (key, reconcileSignal) => reconcile(key, AbortSignal.any([reconcileSignal, lost])),
        onError: (key, error) => log.error({ err: error, sweep: key }, 'a sweep failed and is repeated'),
        signal,
      });
      isLeading = false;
    },
    shutDown: () => queue.shutDown(),
  };
}

const concern = ({ metadata }: KubeObject) => [metadata.uid, metadata.generation, requestedReconcile(metadata)];

/** What a person or another controller changed, as opposed to what we wrote ourselves. */
const isRequestedChange = (previous: KubeObject | undefined, next: KubeObject | undefined): boolean =>
  previous === undefined || next === undefined || !isDeepStrictEqual(concern(previous), concern(next));

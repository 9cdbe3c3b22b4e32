import { Counter, Gauge, Histogram, type GaugeConfiguration, type Registry } from '@prometheus-io/client';
import type { ObservedExchange } from './client.ts';
import type { Reconcile } from './controller.ts';
import type { WorkQueueObserver } from './workqueue.ts';

// The names, labels and buckets of controller-runtime and client-go, so that dashboards and alerts made for those work here.

export interface ControllerMetrics {
  /** For the work queue's `observer`. */
  queue: WorkQueueObserver;
  /** The same reconcile, counted and timed. */
  measured(reconcile: Reconcile): Reconcile;
  /** For the API server client's `onExchange`. */
  onExchange(exchange: ObservedExchange): void;
  setLeader(isLeader: boolean): void;
}

const reconcileBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];
const queueBuckets = [1e-5, 1e-4, 1e-3, 0.01, 0.1, 1, 10, 100, 1000];
const results = ['success', 'error', 'requeue', 'requeue_after'] as const;

/** Programming errors, which controller-runtime would meet as panics. */
const isPanic = (error: unknown): boolean =>
  error instanceof TypeError || error instanceof ReferenceError || error instanceof RangeError;

const secondsSince = (at: number): number => (performance.now() - at) / 1000;

const createGauge = <L extends string>(configuration: GaugeConfiguration<L>): Gauge<L> => new Gauge(configuration);

/** Metrics of one controller with one queue. @param options.leaseName of `leader_election_master_status` */
export function createControllerMetrics(
  registry: Registry,
  options: { controller: string; workers: number; depth: () => number; leaseName: string },
): ControllerMetrics {
  const { controller, workers, depth, leaseName } = options;
  const registers = [registry];
  const of = { controller };
  const queueOf = { name: controller, controller };
  /** Since when keys are worked on. */
  const working = new Map<string, number>();

  const total = new Counter({
    name: 'controller_runtime_reconcile_total',
    help: 'Reconciles, by how they ended.',
    labelNames: ['controller', 'result'],
    registers,
  });
  for (const result of results) total.inc({ controller, result }, 0);
  const counterOf = (name: string, help: string) => {
    const counter = new Counter({ name, help, labelNames: ['controller'], registers });
    counter.inc(of, 0);
    return counter;
  };
  const errors = counterOf('controller_runtime_reconcile_errors_total', 'Reconciles that ended with an error.');
  counterOf(
    'controller_runtime_terminal_reconcile_errors_total',
    'Reconciles that ended with an error after which nothing is tried again: none does.',
  );
  const panics = counterOf('controller_runtime_reconcile_panics_total', 'Reconciles that met a programming error.');
  const time = new Histogram({
    name: 'controller_runtime_reconcile_time_seconds',
    help: 'How long reconciles took.',
    labelNames: ['controller'],
    buckets: reconcileBuckets,
    registers,
  });
  time.zero(of);
  createGauge({
    name: 'controller_runtime_active_workers',
    help: 'Workers that are reconciling.',
    labelNames: ['controller'],
    registers,
    collect() {
      this.set(of, working.size);
    },
  });
  createGauge({
    name: 'controller_runtime_max_concurrent_reconciles',
    help: 'Workers.',
    labelNames: ['controller'],
    registers,
  }).set(of, workers);

  const queueLabels = ['name', 'controller'];
  createGauge({
    name: 'workqueue_depth',
    help: 'Keys that wait for a worker.',
    labelNames: queueLabels,
    registers,
    collect() {
      this.set(queueOf, depth());
    },
  });
  const queueCounter = (name: string, help: string) => {
    const counter = new Counter({ name, help, labelNames: queueLabels, registers });
    counter.inc(queueOf, 0);
    return counter;
  };
  const adds = queueCounter('workqueue_adds_total', 'Keys that were added.');
  const retries = queueCounter('workqueue_retries_total', 'Keys that were added again after a failure.');
  const queueHistogram = (name: string, help: string) => {
    const histogram = new Histogram({ name, help, labelNames: queueLabels, buckets: queueBuckets, registers });
    histogram.zero(queueOf);
    return histogram;
  };
  const waited = queueHistogram('workqueue_queue_duration_seconds', 'How long keys waited for a worker.');
  const worked = queueHistogram('workqueue_work_duration_seconds', 'How long workers had keys in hand.');
  createGauge({
    name: 'workqueue_unfinished_work_seconds',
    help: 'How long the keys in hand have been in hand, all together.',
    labelNames: queueLabels,
    registers,
    collect() {
      this.set(
        queueOf,
        [...working.values()].reduce((sum, at) => sum + secondsSince(at), 0),
      );
    },
  });
  createGauge({
    name: 'workqueue_longest_running_processor_seconds',
    help: 'How long the key that has been in hand longest has been in hand.',
    labelNames: queueLabels,
    registers,
    collect() {
      this.set(queueOf, Math.max(0, ...[...working.values()].map(secondsSince)));
    },
  });

  const requests = new Counter({
    name: 'rest_client_requests_total',
    help: 'Requests to the API server, by status code (0: no answer).',
    labelNames: ['code', 'method'],
    registers,
  });
  const requestTime = new Histogram({
    name: 'rest_client_request_duration_seconds',
    help: 'How long the API server took to answer.',
    labelNames: ['verb'],
    buckets: [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60],
    registers,
  });
  const leader = createGauge({
    name: 'leader_election_master_status',
    help: '1: this process leads. 0: it stands by.',
    labelNames: ['name'],
    registers,
  });
  leader.set({ name: leaseName }, 0);

  return {
    queue: {
      added: () => adds.inc(queueOf),
      retried: () => retries.inc(queueOf),
      taken(key, waitedMs) {
        waited.observe(queueOf, waitedMs / 1000);
        working.set(key, performance.now());
      },
      done(key) {
        const at = working.get(key);
        if (at !== undefined) worked.observe(queueOf, secondsSince(at));
        working.delete(key);
      },
    },
    measured: (reconcile) => async (key, signal, lend) => {
      const startedAt = performance.now();
      try {
        const result = await reconcile(key, signal, lend);
        const { requeueAfterMs } = result;
        const how = requeueAfterMs === undefined ? 'success' : requeueAfterMs <= 0 ? 'requeue' : 'requeue_after';
        total.inc({ controller, result: how });
        return result;
      } catch (error) {
        total.inc({ controller, result: 'error' });
        errors.inc(of);
        if (isPanic(error)) panics.inc(of);
        throw error;
      } finally {
        time.observe(of, secondsSince(startedAt));
      }
    },
    onExchange({ method, verb, status, durationMs }) {
      requests.inc({ code: String(status), method });
      // How long a watch lasted says nothing of the server.
      if (verb !== 'watch') requestTime.observe({ verb }, durationMs / 1000);
    },
    setLeader: (isLeader) => leader.set({ name: leaseName }, isLeader ? 1 : 0),
  };
}

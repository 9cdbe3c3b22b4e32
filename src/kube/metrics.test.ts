import { Registry } from '@prometheus-io/client';
import { expect, it } from 'vitest';
import { runWorkers } from './controller.ts';
import { createControllerMetrics } from './metrics.ts';
import { createWorkQueue } from './workqueue.ts';

function given() {
  const registry = new Registry();
  const metrics = createControllerMetrics(registry, {
    controller: 'widget',
    workers: 2,
    depth: () => queue.size,
    leaseName: 'widgets',
  });
  const queue = createWorkQueue({ observer: metrics.queue });
  const value = async (line: string): Promise<number> => {
    const found = (await registry.metrics()).split('\n').find((one) => one.startsWith(`${line} `));
    if (found === undefined) throw new Error(`there is no ${line}`);
    return Number(found.slice(line.length + 1));
  };
  return { metrics, queue, registry, value };
}

const queueLabels = '{name="widget",controller="widget"}';
const total = (result: string) => `controller_runtime_reconcile_total{controller="widget",result="${result}"}`;

it('says nothing happened, before anything did', async () => {
  const { value } = given();
  for (const result of ['success', 'error', 'requeue', 'requeue_after']) expect(await value(total(result))).toBe(0);
  for (const name of [
    'depth',
    'adds_total',
    'retries_total',
    'queue_duration_seconds_count',
    'work_duration_seconds_count',
    'unfinished_work_seconds',
    'longest_running_processor_seconds',
  ])
    expect(await value(`workqueue_${name}${queueLabels}`)).toBe(0);
  for (const name of ['errors_total', 'panics_total', 'time_seconds_count'])
    expect(await value(`controller_runtime_reconcile_${name}{controller="widget"}`)).toBe(0);
  expect(await value('controller_runtime_terminal_reconcile_errors_total{controller="widget"}')).toBe(0);
  expect(await value('controller_runtime_active_workers{controller="widget"}')).toBe(0);
  expect(await value('controller_runtime_max_concurrent_reconciles{controller="widget"}')).toBe(2);
  expect(await value('leader_election_master_status{name="widgets"}')).toBe(0);
});

it('counts how reconciles ended, and what the queue did', async () => {
  const { metrics, queue, value } = given();
  const stop = new AbortController();
  const outcomes: Record<string, () => { requeueAfterMs?: number }> = {
    good: () => ({}),
    later: () => ({ requeueAfterMs: 3_600_000 }),
    bad: () => {
      throw new Error('refused');
    },
    broken: () => {
      throw new TypeError('not a function');
    },
  };
  const left = new Set(Object.keys(outcomes));
  for (const key of left) queue.add(key);
  expect(await value(`workqueue_depth${queueLabels}`)).toBe(4);
  await runWorkers({
    queue,
    workers: 1,
    deadlineMs: 10_000,
    graceMs: 10_000,
    reconcile: metrics.measured(async (key) => {
      left.delete(key);
      if (left.size === 0) stop.abort();
      expect(await value('controller_runtime_active_workers{controller="widget"}')).toBe(1);
      for (const name of ['unfinished_work_seconds', 'longest_running_processor_seconds'])
        expect(await value(`workqueue_${name}${queueLabels}`)).toBeGreaterThan(0);
      return outcomes[key]?.() ?? {};
    }),
    onError: () => {},
    signal: stop.signal,
  });
  expect(await value(total('success'))).toBe(1);
  expect(await value(total('requeue_after'))).toBe(1);
  expect(await value(total('error'))).toBe(2);
  expect(await value('controller_runtime_reconcile_errors_total{controller="widget"}')).toBe(2);
  expect(await value('controller_runtime_reconcile_panics_total{controller="widget"}')).toBe(1);
  expect(await value('controller_runtime_reconcile_time_seconds_count{controller="widget"}')).toBe(4);
  expect(await value('controller_runtime_active_workers{controller="widget"}')).toBe(0);
  expect(await value(`workqueue_retries_total${queueLabels}`)).toBe(2);
  expect(await value(`workqueue_work_duration_seconds_count${queueLabels}`)).toBe(4);
  expect(await value(`workqueue_queue_duration_seconds_count${queueLabels}`)).toBe(4);
  queue.shutDown();
});

it('counts what goes to the API server, and times all but watches', async () => {
  const { metrics, value, registry } = given();
  const resource = { group: '', version: 'v1', resource: 'secrets' };
  metrics.onExchange({ ...resource, method: 'GET', verb: 'get', status: 200, durationMs: 40 });
  metrics.onExchange({ ...resource, method: 'GET', verb: 'watch', status: 200, durationMs: 400_000 });
  metrics.onExchange({ ...resource, method: 'PATCH', verb: 'patch', status: 0, durationMs: 30_000 });
  expect(await value('rest_client_requests_total{code="200",method="GET"}')).toBe(2);
  expect(await value('rest_client_requests_total{code="0",method="PATCH"}')).toBe(1);
  expect(await value('rest_client_request_duration_seconds_sum{verb="get"}')).toBeCloseTo(0.04);
  expect(await registry.metrics()).not.toContain('verb="watch"');
});

it('says who leads', async () => {
  const { metrics, value } = given();
  metrics.setLeader(true);
  expect(await value('leader_election_master_status{name="widgets"}')).toBe(1);
});

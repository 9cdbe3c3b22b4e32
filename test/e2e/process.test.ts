import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { controllerAccount } from '../lab/lab.ts';
import type { Exchange } from '../simulators/shared/admin.ts';
import { eventually, startProcessLab, type Process, type ProcessLab } from './process-harness.ts';

const creationOf =
  (cluster: string) =>
  ({ request }: Exchange) =>
    request.method === 'PUT' && new URL(request.url, 'https://azure').pathname.endsWith(`/clusters/${cluster}`);

describe('the process', () => {
  let world: ProcessLab;
  beforeAll(async () => {
    world = await startProcessLab(['measured', 'drained', 'stuck', 'urgent']);
  });
  afterAll(async () => {
    await world?.stop();
  });

  const ready = (process: Process, namespace: string, cluster: string) =>
    eventually(process, async () => expect(await world.condition(namespace, cluster, 'Ready')).toBe('True/Ready'));
  it('is alive, and ready once the API server has answered', async () => {
    const gateway = await startGateway(world);
    try {
      const waiting = await world.start('waiting', { kubeconfig: gateway.kubeconfig });
      await gateway.asked;
      expect(await waiting.get('/healthz')).toEqual({ status: 200, text: 'ok' });
      expect(await waiting.get('/readyz')).toEqual({
        status: 503,
        text: expect.stringContaining('the registrations are not read yet'),
      });
      gateway.open();
      await eventually(waiting, async () => expect(await waiting.get('/readyz')).toEqual({ status: 200, text: 'ok' }));
      expect((await waiting.get('/healthz?verbose')).text).toContain('[+]watch ok');
      expect(await waiting.stop()).toBe(0);
    } finally {
      await gateway.close();
    }
  });

  it('can be stopped before the API server has answered', async () => {
    const gateway = await startGateway(world);
    try {
      const waiting = await world.start('never', { kubeconfig: gateway.kubeconfig });
      await gateway.asked;
      expect(await waiting.stop()).toBe(0);
    } finally {
      await gateway.close();
    }
  });

  it('serves the metrics that shared dashboards use and its own, and they move', async () => {
    const process = await world.start('measured');
    const controller = 'controller="hciclusterregistration"';
    const queue = `{name="hciclusterregistration",${controller}}`;
    await eventually(process, async () =>
      expect(await process.metric('leader_election_master_status{name="hci-registration-controller-measured"}')).toBe(
        1,
      ),
    );
    const before = await process.get('/metrics');
    expect(before.status).toBe(200);
    const reconciles = [
      'total{CONTROLLER,result="success"}',
      'total{CONTROLLER,result="error"}',
      'total{CONTROLLER,result="requeue"}',
      'total{CONTROLLER,result="requeue_after"}',
      'errors_total{CONTROLLER}',
      'panics_total{CONTROLLER}',
      'time_seconds_count{CONTROLLER}',
    ].map((name) => `controller_runtime_reconcile_${name.replace('CONTROLLER', controller)}`);
    const queues = [
      'depth',
      'adds_total',
      'queue_duration_seconds_count',
      'work_duration_seconds_count',
      'unfinished_work_seconds',
      'longest_running_processor_seconds',
      'retries_total',
    ].map((name) => `workqueue_${name}${queue}`);
    const others = [
      `controller_runtime_terminal_reconcile_errors_total{${controller}}`,
      `controller_runtime_active_workers{${controller}}`,
      'hci_node_operations_total{operation="probe",outcome="ok"}',
    ];
    for (const series of [...reconciles, ...queues, ...others]) expect(before.text).toContain(`\n${series} 0\n`);
    expect(before.text).toContain(`\ncontroller_runtime_max_concurrent_reconciles{${controller}} 32\n`);

    await world.given('measured', 'measured');
    await ready(process, 'measured', 'measured');
    const value = async (series: string) => (await process.metric(series)) ?? 0;
    for (const series of [
      `controller_runtime_reconcile_total{${controller},result="requeue_after"}`,
      `controller_runtime_reconcile_time_seconds_count{${controller}}`,
      `workqueue_adds_total${queue}`,
      `workqueue_work_duration_seconds_count${queue}`,
      'rest_client_requests_total{code="200",method="PATCH"}',
      'rest_client_request_duration_seconds_count{verb="apply"}',
      'hci_watch_last_event_timestamp_seconds',
      'hci_azure_requests_total{service="arm",method="PUT",code="201"}',
      'hci_azure_requests_total{service="entra",method="POST",code="200"}',
      'hci_azure_request_duration_seconds_count{service="arm"}',
      'hci_node_operations_total{operation="probe",outcome="ok"}',
    ])
      expect(await value(series), series).toBeGreaterThan(0);
    const of = 'namespace="measured",name="measured"';
    await eventually(process, async () =>
      expect(await process.metric(`hci_registration_ready{${of},condition="True"}`)).toBe(1),
    );
    expect(await process.metric(`hci_registration_ready{${of},condition="False"}`)).toBe(0);
    expect(await process.metric(`hci_registration_nodes{${of},state="arc_connected"}`)).toBe(2);
    expect(
      await value(`hci_registration_credential_expiration_timestamp_seconds{${of},credential="ArcServicePrincipal"}`),
    ).toBeGreaterThan(Date.now() / 1000);

    const passes = `controller_runtime_reconcile_time_seconds_count{${controller}}`;
    const soFar = await value(passes);
    const { kubectl } = world.lab.controlPlane;
    const poke = ['azurestackhci.io/reconcile-requested-at=now', '-n', 'measured'];
    await kubectl('annotate', 'hcireg', 'measured', ...poke);
    await eventually(process, async () => expect(await value(passes)).toBeGreaterThan(soFar));

    const detach = JSON.stringify({ spec: { deletion: { policy: 'Detach' } } });
    await kubectl('patch', 'hcireg', 'measured', '-n', 'measured', '--type=merge', '-p', detach);
    await kubectl('delete', 'hcireg', 'measured', '-n', 'measured', '--timeout=30s');
    await eventually(process, async () => expect((await process.get('/metrics')).text).not.toContain(of));
    expect(await process.stop()).toBe(0);
  });

  it('SIGTERM in the middle of a pass: the pass ends, the lease is given back, and it exits 0', async () => {
    const lease = ['get', 'lease', 'hci-registration-controller-drained', '-n', controllerAccount.namespace];
    const holder = () => world.lab.controlPlane.kubectl(...lease, '-o', 'jsonpath={.spec.holderIdentity}');
    const process = await world.start('drained', { configuration: { leaderElection: { enabled: true } } });
    const creation = world.hold(creationOf('drained'));
    await world.given('drained', 'drained');
    await creation.done;
    const [standby] = await process.logged('standing by');
    expect(await holder()).toBe(standby?.identity);

    const stopped = process.stop();
    await eventually(process, async () => expect(await process.logged('stopping')).toHaveLength(1));
    expect(await process.get('/healthz')).toMatchObject({ status: 200 });
    expect(await holder()).toBe(standby?.identity); // it still writes
    creation.release();
    expect(await stopped).toBe(0);
    expect(await holder()).toBe('');
    expect(await process.logged('stopped')).toHaveLength(1);
    // The answer was awaited and noted: it is an event, and not an unknown outcome.
    const events = await world.lab.controlPlane.kubectl(
      'get',
      'events',
      '-n',
      'drained',
      '-o',
      'jsonpath={.items[*].reason}',
    );
    expect(events.split(' ')).toContain('CreateCluster');

    const next = await world.start('drained', { configuration: { leaderElection: { enabled: true } } });
    await ready(next, 'drained', 'drained');
    const creations = world.lab.azure.log.filter(creationOf('drained'));
    expect(creations).toHaveLength(1);
    expect(await next.stop()).toBe(0);
  });

  it('SIGTERM while Azure does not answer: it exits 0 within the grace period all the same', async () => {
    const process = await world.start('stuck');
    const creation = world.hold(creationOf('stuck'));
    await world.given('stuck', 'stuck');
    await creation.done;
    expect(await process.stop()).toBe(0);
    expect(await process.logged('stopped')).toHaveLength(1);
  });

  it('a second signal ends it at once', async () => {
    const process = await world.start('urgent');
    const creation = world.hold(creationOf('urgent'));
    await world.given('urgent', 'urgent');
    await creation.done;
    const stopped = process.stop();
    await eventually(process, async () => expect(await process.logged('stopping')).toHaveLength(1));
    void process.controller.stop();
    expect(await stopped).toBe(1);
    expect(await process.logged('no longer working on registrations')).toEqual([]);
  });
});

/** Stands before the API server: takes connections, and passes them on only once it is open. */
async function startGateway({ lab }: ProcessLab) {
  const waiting: Socket[] = [];
  let isOpen = false;
  const asked = Promise.withResolvers<void>();
  const sockets = new Set<Socket>();
  const kubeconfig = await lab.controlPlane.kubeconfigFor(controllerAccount);
  const text = await readFile(kubeconfig, 'utf8');
  const [address = '', host = '', port = ''] = /https:\/\/([^:/\s"]+):(\d+)/.exec(text) ?? [];
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy()).on('close', () => sockets.delete(socket));
  };
  const passOn = (socket: Socket) => {
    if (socket.destroyed) return;
    const onward = connect({ host, port: Number(port) });
    keep(onward);
    socket.pipe(onward).pipe(socket);
  };
  const server = createServer((socket) => {
    keep(socket);
    asked.resolve();
    if (isOpen) passOn(socket);
    else waiting.push(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const listening = server.address();
  if (listening === null || typeof listening === 'string') throw new Error('the gateway has no port');
  const led = join(lab.directory, `gateway-${listening.port}.kubeconfig`);
  await writeFile(led, text.replaceAll(address, `https://127.0.0.1:${listening.port}`), { mode: 0o600 });
  return {
    kubeconfig: led,
    /** Somebody has connected. */
    asked: asked.promise,
    open: () => {
      isOpen = true;
      for (const socket of waiting) passOn(socket);
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

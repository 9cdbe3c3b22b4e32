import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startControlPlane, type ControlPlane } from '../controlplane/start.ts';
import { controllerAccount, sampleManifests } from '../lab/lab.ts';
import { applyManifests, condition, readStatus } from '../lab/registration.ts';
import { eventually, startProcessLab, type Process, type ProcessLab } from './process-harness.ts';
import { readSweep, sweepManifests } from './sweeps.ts';

const clusters = ['hci001', 'hci002'];
const namespace = 'edge';
const root = join(import.meta.dirname, '../..');

const allReady = async (process: Process, server: ControlPlane) => {
  for (const cluster of clusters)
    await eventually(process, async () =>
      expect(condition(await readStatus(server, namespace, cluster), 'Ready')).toMatchObject({ status: 'True' }),
    );
};
const swept = (process: Process, server: ControlPlane, after?: string) =>
  eventually(process, async () => {
    const status = await readSweep(server, namespace);
    expect(status.lastSweepTime).toBeDefined();
    if (after !== undefined) expect(status.lastHandledReconcileAt).toBe(after);
    return status;
  });
const sweepAgain = async (process: Process, server: ControlPlane) => {
  const poke = 'azurestackhci.io/reconcile-requested-at=again';
  await server.kubectl('annotate', 'hciorphansweep', 'sweep', '-n', namespace, poke);
  return swept(process, server, 'again');
};

// The API server is lost, and with it all status and all UIDs. Azure and the nodes are as they were.
describe('after a disaster, with a sweep that deletes whatever it may', () => {
  let world: ProcessLab;
  const servers: ControlPlane[] = [];
  let before: unknown;
  beforeAll(async () => {
    world = await startProcessLab(clusters);
    const process = await world.start(undefined, { configuration: { instanceId: 'fleet' } });
    for (const cluster of clusters) await world.given(namespace, cluster);
    await allReady(process, world.lab.controlPlane);
    await process.stop();
    before = structuredClone(world.lab.azure.state.counters);
  });
  afterAll(async () => {
    for (const server of servers) await server.stop();
    await world?.stop();
  });

  async function givenFreshServer(): Promise<ControlPlane> {
    const server = await startControlPlane({ directory: join(world.lab.directory, `fresh-${servers.length}`) });
    servers.push(server);
    const manifests = ['-f', join(root, 'crds'), '-f', join(root, 'deploy/controller.yaml')];
    await server.kubectl('apply', '--server-side', ...manifests);
    for (const plural of ['hciclusterregistrations', 'hciorphansweeps'])
      await server.kubectl('wait', '--for=condition=Established', '--timeout=30s', `crd/${plural}.azurestackhci.io`);
    await server.kubectl('create', 'namespace', namespace);
    return server;
  }
  const start = async (server: ControlPlane, options: { instanceId: string; namespace?: string }) =>
    world.start(options.namespace, {
      configuration: { instanceId: options.instanceId },
      kubeconfig: await server.kubeconfigFor(controllerAccount),
    });
  const applySweep = (server: ControlPlane) =>
    applyManifests(server, sweepManifests(world.lab, namespace), world.lab.directory);
  const applyRegistrations = async (server: ControlPlane) => {
    for (const cluster of clusters)
      await applyManifests(server, await sampleManifests(world.lab, { namespace, cluster }), world.lab.directory);
  };
  const expectUntouched = () => expect(world.lab.azure.state.counters).toEqual(before);

  it('applied before the registrations', async () => {
    const server = await givenFreshServer();
    const process = await start(server, { instanceId: 'fleet' });
    await applySweep(server);
    expect((await swept(process, server)).total).toBe(0);
    expectUntouched();
    await applyRegistrations(server);
    await allReady(process, server);
    expect((await sweepAgain(process, server)).total).toBe(0);
    expectUntouched();
    expect(await process.stop()).toBe(0);
  });

  it('of a second management cluster, of a controller for one namespace, and applied after the registrations', async () => {
    const server = await givenFreshServer();
    await applySweep(server);
    const second = await start(server, { instanceId: 'another-fleet' });
    expect((await swept(second, server)).total).toBe(0);
    expect(await second.stop()).toBe(0);
    expectUntouched();
    await server.kubectl('delete', 'hciorphansweep', 'sweep', '-n', namespace);

    await server.kubectl('create', 'namespace', 'elsewhere');
    await applyRegistrations(server);
    const shard = await start(server, { instanceId: 'fleet', namespace });
    await allReady(shard, server);
    await applySweep(server);
    expect((await swept(shard, server)).total).toBe(0);
    expect(await shard.stop()).toBe(0);
    expectUntouched();

    const whole = await start(server, { instanceId: 'fleet' });
    expect((await sweepAgain(whole, server)).total).toBe(0);
    await allReady(whole, server);
    expectUntouched();
    expect(await whole.stop()).toBe(0);
  });
});

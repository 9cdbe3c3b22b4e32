import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { stringify } from 'yaml';
import { lastLines, startController, type RunningController } from '../lab/controller.ts';
import { startMuteApiServer, type MuteApiServer } from './mute-api-server.ts';

// The shipped bundle with an API server that stops answering: no control plane can be made to do that.

/** What Kubernetes grants a pod by default before it kills it. */
const graceMs = 30_000;
const soon = { timeout: 30_000, interval: 50 };
const LogLine = Type.Object({
  msg: Type.String(),
  port: Type.Optional(Type.Integer()),
  leads: Type.Optional(Type.Boolean()),
});

let directory: string;
let server: MuteApiServer;
const started: RunningController[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'process-mute-'));
  server = await startMuteApiServer(join(directory, 'kubeconfig'));
});
afterEach(async () => {
  const all = started.splice(0);
  for (const controller of all) controller.kill();
  await Promise.all(all.map(({ exited }) => exited));
  await server.stop();
  await rm(directory, { recursive: true });
});

async function start(name: string, leaderElection: boolean) {
  const config = join(directory, `${name}.yaml`);
  const logFile = join(directory, `${name}.log`);
  await writeFile(
    config,
    stringify({ leaderElection: { enabled: leaderElection }, server: { address: '127.0.0.1', port: 0 } }),
  );
  const controller = startController({
    kubeconfig: join(directory, 'kubeconfig'),
    config,
    logFile,
    environment: { NODE_OPTIONS: `--import=${pathToFileURL(join(import.meta.dirname, 'fake-clock.ts')).href}` },
  });
  started.push(controller);
  const lines = async () =>
    (await readFile(logFile, 'utf8').catch(() => ''))
      .split('\n')
      .slice(0, -1)
      .map((line) => Value.Parse(LogLine, JSON.parse(line)));
  const logged = (message: string) =>
    vi
      .waitFor(async () => {
        const line = (await lines()).find(({ msg }) => msg === message);
        if (line === undefined) throw new Error(`not logged: ${message}`);
        return line;
      }, soon)
      .catch(async (cause: unknown) => {
        throw new Error(`the controller's log:\n${await lastLines(logFile)}`, { cause });
      });
  const { port } = await logged('serving metrics and probes');
  const get = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    return { status: response.status, text: await response.text() };
  };
  const leads = async () => /^leader_election_master_status\{.*\} (\d)$/m.exec((await get('/metrics')).text)?.[1];
  /** SIGTERM; null when it did not end in time and was killed. */
  const stop = async (patienceMs = graceMs) => {
    const patience = setTimeout(() => controller.kill(), patienceMs);
    const status = await controller.stop();
    clearTimeout(patience);
    return status;
  };
  return { controller, logged, get, leads, stop };
}

it('is not alive any more when the API server has been silent for long, and again when it is heard', async () => {
  const lone = await start('lone', false);
  await lone.logged('started');
  server.mute(true);
  expect(await lone.get('/healthz')).toEqual({ status: 200, text: 'ok' });
  process.kill(lone.controller.pid, 'SIGUSR2');
  await vi.waitFor(async () => expect((await lone.get('/healthz')).status).toBe(503), soon);
  expect((await lone.get('/healthz')).text).toMatch(
    /^\[-\]watch failed: nothing was heard from the API server for 1\d minutes$/m,
  );
  server.bookmark();
  await vi.waitFor(async () => expect((await lone.get('/healthz')).status).toBe(200), soon);
});

it('is ready while it stands by, with a warm cache', async () => {
  const leader = await start('leader', true);
  await leader.logged('started');
  const standby = await start('standby', true);
  await standby.logged('the lease has another holder');
  expect(await standby.get('/readyz?verbose')).toEqual({ status: 200, text: '[+]synced ok\nreadyz check passed\n' });
  expect([await leader.leads(), await standby.leads()]).toEqual(['1', '0']);
  expect(await leader.stop()).toBe(0);
  await standby.logged('started');
  expect(await standby.leads()).toBe('1');
});

it('ends within the grace period when it leads and the API server says nothing', async () => {
  const leader = await start('leader', true);
  await leader.logged('started');
  server.mute(true);
  await vi.waitFor(() => expect(server.unanswered()).toBeGreaterThan(0), soon);
  expect(await leader.stop()).toBe(0);
  await leader.logged('the lease was not read or renewed');
});

it('ends without waiting for the API server when it stands by', async () => {
  const leader = await start('leader', true);
  await leader.logged('started');
  const standby = await start('standby', true);
  await standby.logged('the lease has another holder');
  leader.controller.kill();
  await leader.controller.exited;
  server.mute(true);
  await vi.waitFor(() => expect(server.unanswered()).toBeGreaterThan(0), soon);
  // Its look at the lease may take ten seconds: less than that is without waiting.
  expect(await standby.stop(5_000)).toBe(0);
});

it('reads the namespace kube-system again when it was refused at the start', async () => {
  server.refuseKubeSystem(2);
  const lone = await start('lone', false);
  await lone.logged('the namespace kube-system was not read: it is tried again');
  await lone.logged('started');
  expect(await lone.stop()).toBe(0);
});

it('ends at once at a second signal, also while it waits for the API server', async () => {
  const leader = await start('leader', true);
  await leader.logged('started');
  server.mute(true);
  await vi.waitFor(() => expect(server.unanswered()).toBeGreaterThan(0), soon);
  void leader.controller.stop();
  await leader.logged('stopping');
  expect(await leader.controller.stop()).toBe(1);
});

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { createKubeClient, type KubeClient } from '../../src/kube/client.ts';
import { secrets, type Secret } from '../../src/kube/core.ts';
import { readKubeConfig } from '../../src/kube/kubeconfig.ts';
import { createReflector } from '../../src/kube/reflector.ts';
import { apply, get, list } from '../../src/kube/resource.ts';
import { startControlPlane, type ControlPlane } from '../controlplane/start.ts';
import { startKubeProxy, type Gate, type KubeProxy } from './kube-proxy.ts';

const account = { namespace: 'default', name: 'tester' };
let controlPlane: ControlPlane;
let kubeconfig: string;
let proxy: KubeProxy;
let client: KubeClient;
let directory: string;
let gate: Gate;
const namespace = 'default';

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kube-proxy-test-'));
  controlPlane = await startControlPlane({ directory: join(directory, 'controlplane') });
  await controlPlane.kubectl('create', 'serviceaccount', account.name, '-n', account.namespace);
  const subject = `--serviceaccount=${account.namespace}:${account.name}`;
  await controlPlane.kubectl('create', 'clusterrolebinding', 'tester', '--clusterrole=cluster-admin', subject);
  kubeconfig = await controlPlane.kubeconfigFor(account);
});
afterAll(async () => {
  await controlPlane.stop();
  await rm(directory, { recursive: true, force: true });
});
beforeEach(async () => {
  gate = async () => ({ seen: 'pass', done: async () => 'answer' });
  proxy = await startKubeProxy({ directory, kubeconfig, gate: (words) => gate(words) });
  client = createKubeClient(await readKubeConfig(proxy.kubeconfig), { userAgent: 'test', requestTimeoutMs: 5_000 });
});
afterEach(async () => {
  await client.close();
  await proxy.close();
});

const write = (value: string): Promise<Secret> =>
  apply(
    client,
    secrets,
    { metadata: { namespace, name: 's' }, data: { value: Buffer.from(value).toString('base64') } },
    { fieldManager: 'test', force: true },
  );
const stored = async (): Promise<string> => valueOf(await get(client, secrets, { namespace, name: 's' }));
const valueOf = (secret: Secret | undefined) => Buffer.from(secret?.data?.['value'] ?? '', 'base64').toString();

test('while the view is held, lists and watches show what was before the newest write, and then catch up', async () => {
  const seen: string[] = [];
  const stop = new AbortController();
  const watched = createReflector<Secret>({
    client,
    type: secrets,
    namespace,
    onChange: (_, __, next) => void seen.push(valueOf(next)),
    onError: () => undefined,
  });
  await write('first');
  const watching = watched.run(stop.signal);
  await watched.synced;
  await expect.poll(() => seen).toContain('first');

  await write('second');
  await expect.poll(() => seen).toContain('second');
  let shown = 0;
  proxy.hold(() => (shown += 1));
  const old = await list(client, secrets, { namespace });
  expect(old.items.map(valueOf)).toEqual(['first']);
  expect(shown).toBe(1);
  await write('third');
  expect(await stored()).toBe('third');
  expect((await list(client, secrets, { namespace })).items.map(valueOf)).toEqual(['first']);
  expect(seen).not.toContain('third');
  // A process that starts now sees the old list, and nothing after it.
  const later = createReflector<Secret>({
    client,
    type: secrets,
    namespace,
    onChange: () => undefined,
    onError: () => undefined,
  });
  const following = later.run(stop.signal);
  await later.synced;
  expect(later.store.list().map(valueOf)).toEqual(['first']);

  proxy.release();
  await expect.poll(() => seen.at(-1)).toBe('third');
  await expect.poll(() => later.store.list().map(valueOf)).toEqual(['third']);
  expect((await list(client, secrets, { namespace })).items.map(valueOf)).toEqual(['third']);
  stop.abort();
  await Promise.all([watching, following]);
});

test('a write is refused or dropped before it is done, or cut after it', async () => {
  const words: string[] = [];
  const next = (decided: Awaited<ReturnType<Gate>>) => {
    gate = async (about) => {
      words.push(about);
      return decided;
    };
  };
  await write('first');
  next({ seen: { status: 503 }, done: async () => 'answer' });
  await expect(write('refused')).rejects.toMatchObject({ status: 503 });
  next({ seen: 'drop', done: async () => 'answer' });
  await expect(write('dropped')).rejects.toMatchObject({ status: 0 });
  expect(await stored()).toBe('first');
  next({ seen: 'pass', done: async () => 'cut' });
  await expect(write('cut')).rejects.toMatchObject({ status: 0 });
  expect(await stored()).toBe('cut');
  expect(words).toEqual(['PATCH secret s (value)', 'PATCH secret s (value)', 'PATCH secret s (value)']);
});

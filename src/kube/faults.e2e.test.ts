import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createKubeClient, type KubeClient } from './client.ts';
import { configMaps, namespaces, type ConfigMap } from './core.ts';
import { readKubeConfig } from './kubeconfig.ts';
import { createReflector, type Reflector } from './reflector.ts';
import { apply, create, deleteObject, keyOf, list } from './resource.ts';
import { startProxy, type Proxy } from './testing/proxy.ts';
import { startRealServer, startTimeoutMs, type RealServer } from './testing/real-server.ts';

// On a real API server: whatever is cut, killed or forgotten, the store ends with what the server has, and every change was told.

const objects = 10_000;
const fieldManager = 'faults-e2e';
const namespace = 'faults-e2e';
const patient = { timeout: 60_000, interval: 250 };

let server: RealServer;
let client: KubeClient;
let proxy: Proxy;
let throughProxy: KubeClient;

let reflector: Reflector<ConfigMap>;
let running: Promise<void>;
let stop: AbortController;
/** What a listener that missed nothing knows. */
const mirror = new Map<string, ConfigMap>();
const wrong: string[] = [];
const gone = new Set<string>();

beforeAll(async () => {
  server = await startRealServer('faults-e2e');
  ({ client } = server);
  const kubeConfig = await readKubeConfig(server.controlPlane.kubeconfig);
  proxy = await startProxy(new URL(kubeConfig.server));
  throughProxy = createKubeClient(
    { ...kubeConfig, server: `https://127.0.0.1:${proxy.port}` },
    {
      userAgent: fieldManager,
      requestTimeoutMs: 20_000,
    },
  );
  await create(client, namespaces, { metadata: { name: namespace } }, { fieldManager });
  await inParallel(objects, (index) => put(index, 'first'));
  stop = new AbortController();
  reflector = createReflector({
    client: throughProxy,
    type: configMaps,
    namespace,
    labelSelector: 'faults=true',
    onChange(key, previous, next) {
      if (mirror.get(key) !== previous) wrong.push(`${key}: told of another object before than the last time`);
      if (next === undefined) {
        mirror.delete(key);
        gone.add(key);
      } else {
        mirror.set(key, next);
      }
    },
    onError: () => {},
    backoffMs: { min: 10, max: 500 },
  });
  running = reflector.run(stop.signal);
  await reflector.synced;
}, startTimeoutMs);

afterAll(async () => {
  stop?.abort();
  await running;
  await throughProxy?.close();
  await proxy?.stop();
  await server?.stop();
}, 60_000);

const name = (index: number) => ({ namespace, name: `object-${index}` });
const put = (index: number, text: string) =>
  apply(
    client,
    configMaps,
    { metadata: { ...name(index), labels: { faults: 'true' } }, data: { text } },
    { fieldManager, force: true },
  );

async function remove(index: number): Promise<void> {
  const uid = reflector.store.get(keyOf(name(index)))?.metadata.uid;
  if (uid === undefined) throw new Error(`object-${index} is not in the store`);
  await deleteObject(client, configMaps, name(index), { preconditions: { uid } });
}

async function inParallel(count: number, work: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const workOff = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: 16 }, workOff));
}

const versions = (all: Iterable<ConfigMap>) =>
  Object.fromEntries([...all].map(({ metadata }) => [metadata.name, `${metadata.uid} ${metadata.resourceVersion}`]));

/** The store and what was told are what the server has. */
async function expectToAgree(): Promise<void> {
  await vi.waitFor(async () => {
    const { items } = await list(client, configMaps, { namespace, labelSelector: 'faults=true' });
    const expected = versions(items);
    expect(versions(reflector.store.list())).toEqual(expected);
    expect(versions(mirror.values())).toEqual(expected);
  }, patient);
  expect(wrong).toEqual([]);
}

const Revision = Type.Object({ header: Type.Object({ revision: Type.String() }) });

/** What etcd knew of the past is gone; the API server finds out when it asks. */
async function compactEtcd(): Promise<void> {
  const { header } = Value.Parse(Revision, await askEtcd('range', { key: btoa('none') }));
  await askEtcd('compaction', { revision: header.revision, physical: true });
}

async function askEtcd(path: string, body: object): Promise<unknown> {
  const answer = await fetch(`${server.controlPlane.etcdUrl}/v3/kv/${path}`, {
    method: 'POST',
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`etcd: ${path}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

describe('the store is right and nothing was missed', () => {
  it('after a start with many objects', async () => {
    expect(reflector.store.size).toBe(objects);
    await expectToAgree();
  });

  it('after connections were cut again and again during changes', async () => {
    await inParallel(2000, async (index) => {
      await put(index, 'cut');
      if (index % 50 === 0) proxy.cut();
    });
    await expectToAgree();
    expect(reflector.store.size).toBe(objects);
  });

  it('after objects were deleted and made anew while it saw nothing', async () => {
    proxy.refuse(true);
    proxy.cut();
    await inParallel(500, async (index) => {
      await remove(index);
      if (index % 2 === 0) await put(index, 'anew');
    });
    gone.clear();
    proxy.refuse(false);
    await expectToAgree();
    expect(gone.size).toBe(500);
  });

  it('after etcd was compacted and the API server was killed and started anew, while it saw nothing', async () => {
    proxy.refuse(true);
    proxy.cut();
    await inParallel(500, (index) => (index % 2 === 0 ? put(1000 + index, 'compacted') : remove(1000 + index)));
    await compactEtcd();
    await server.controlPlane.restartApiServer();
    gone.clear();
    proxy.refuse(false);
    await expectToAgree();
    expect(gone.size).toBe(250);
  }, 120_000);

  it('after the API server was killed and started anew during changes', async () => {
    let failures = 0;
    const changing = inParallel(2000, async (index) => {
      await vi.waitFor(
        () =>
          put(2000 + index, 'killed').catch((error: unknown) => {
            failures++;
            throw error;
          }),
        patient,
      );
    });
    await server.controlPlane.restartApiServer();
    await changing;
    expect(failures).toBeGreaterThan(0);
    await expectToAgree();
  }, 120_000);
});

describe('pages', () => {
  it('are read to the end although etcd was compacted in between', async () => {
    let compacted = false;
    const compacting: KubeClient = {
      ...client,
      async request(request) {
        const answer = await client.request(request);
        if (request.query?.['limit'] !== undefined && !compacted) {
          compacted = true;
          await put(9999, 'between pages');
          await compactEtcd();
        }
        return answer;
      },
    };
    const { items } = await list(compacting, configMaps, { namespace, labelSelector: 'faults=true' });
    expect(compacted).toBe(true);
    expect(Object.keys(versions(items))).toEqual(Object.keys(versions(reflector.store.list())).toSorted());
  });
});

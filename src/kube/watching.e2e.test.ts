import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { KubeClient } from './client.ts';
import { configMaps, namespaces, secrets } from './core.ts';
import { createReferencedObjects } from './referenced.ts';
import { createReflector } from './reflector.ts';
import { apply, create, deleteObject, get, list } from './resource.ts';
import { gadgetIn, gadgets } from './testing/gadgets.ts';
import { installGadgets, startRealServer, startTimeoutMs, type RealServer } from './testing/real-server.ts';

const fieldManager = 'watching-e2e';
const force = { fieldManager, force: true } as const;
const namespace = 'watching-e2e';
const soon = { timeout: 20_000, interval: 20 };

let server: RealServer;
let client: KubeClient;

beforeAll(async () => {
  server = await startRealServer('watching-e2e');
  ({ client } = server);
  await create(client, namespaces, { metadata: { name: namespace } }, { fieldManager });
  await installGadgets(client, fieldManager);
}, startTimeoutMs);

afterAll(() => server?.stop(), 60_000);

const gadget = gadgetIn(namespace);
const applyGadget = (name: string, size = 1) => apply(client, gadgets, gadget(name, { size }), force);

describe('reflector', () => {
  it('follows the API server, and sees its own writes at once', async () => {
    await applyGadget('followed', 1);
    const stop = new AbortController();
    const seen: string[] = [];
    const errors: unknown[] = [];
    const reflector = createReflector({
      client,
      type: gadgets,
      namespace,
      onChange(key, previous, next) {
        if (key === `${namespace}/followed`) seen.push(`${previous?.spec.size ?? '-'} ${next?.spec.size ?? '-'}`);
      },
      onError: (error) => errors.push(error),
    });
    const running = reflector.run(stop.signal);
    await reflector.synced;
    const { metadata } = await applyGadget('followed', 2);
    await vi.waitFor(() => expect(seen).toEqual(['- 1', '1 2']), soon);
    reflector.record(await applyGadget('followed', 3));
    expect(seen).toEqual(['- 1', '1 2', '2 3']);
    await deleteObject(client, gadgets, metadata, { preconditions: { uid: metadata.uid } });
    await vi.waitFor(() => expect(seen).toEqual(['- 1', '1 2', '2 3', '3 -']), soon);
    stop.abort();
    await running;
    expect(errors).toEqual([]);
  });

  it('lists again when the API server has forgotten the version it asks for', async () => {
    await applyGadget('forgotten', 1);
    const errors: unknown[] = [];
    const stop = new AbortController();
    const asked: (string | undefined)[] = [];
    const forgetful: KubeClient = {
      ...client,
      stream(request) {
        const { resourceVersion } = request.query;
        asked.push(resourceVersion);
        // The first one ends soon, and the second one asks for what is long gone.
        const changed = [{ timeoutSeconds: '1' }, { resourceVersion: '1' }][asked.length - 1];
        return client.stream({ ...request, query: { ...request.query, ...changed } });
      },
    };
    const reflector = createReflector({
      client: forgetful,
      type: gadgets,
      onChange: () => {},
      onError: (error) => errors.push(error),
      backoffMs: { min: 1, max: 5 },
    });
    const running = reflector.run(stop.signal);
    await reflector.synced;
    await vi.waitFor(() => expect(asked).toEqual([undefined, expect.any(String), undefined]), soon);
    await applyGadget('forgotten', 2);
    await vi.waitFor(() => expect(reflector.store.get(`${namespace}/forgotten`)?.spec.size).toBe(2), soon);
    stop.abort();
    await running;
    expect(errors).toEqual([]);
  });
});

const putSecret = (name: string, value: string, labels: Record<string, string> = {}) =>
  apply(client, secrets, { metadata: { namespace, name, labels }, data: { value: btoa(value) } }, force);

describe('referenced objects', () => {
  it('are watched by metadata, read when they changed, and work without the label', async () => {
    const label = { 'example.com/watched': 'true' };
    await putSecret('labelled', 'first', label);
    await putSecret('plain', 'first');
    const seen: unknown[] = [];
    const reads: string[] = [];
    const counting: KubeClient = {
      ...client,
      request(request) {
        reads.push(request.path.split('/').at(-1) ?? '');
        return client.request(request);
      },
      async stream(request) {
        const chunks = await client.stream(request);
        return (async function* () {
          for await (const chunk of chunks) {
            seen.push(Buffer.from(chunk).toString());
            yield chunk;
          }
        })();
      },
    };
    const stop = new AbortController();
    const changed: string[] = [];
    const referenced = createReferencedObjects({
      client: counting,
      type: secrets,
      namespace,
      labelSelector: 'example.com/watched=true',
      onChange: (key) => changed.push(key),
      onError: (error) => expect.unreachable(String(error)),
    });
    const running = referenced.run(stop.signal);
    const valueOf = async (name: string) => atob((await referenced.read({ namespace, name }))?.data?.['value'] ?? '');
    await vi.waitFor(() => expect(referenced.hasSynced()).toBe(true), soon);
    expect([await valueOf('labelled'), await valueOf('labelled')]).toEqual(['first', 'first']);
    expect([await valueOf('plain'), await valueOf('plain')]).toEqual(['first', 'first']);
    expect(reads).toEqual(['labelled', 'plain', 'plain']);

    await putSecret('labelled', 'second', label);
    await putSecret('plain', 'second');
    await vi.waitFor(() => expect(changed).toEqual([`${namespace}/labelled`, `${namespace}/labelled`]), soon);
    expect([await valueOf('labelled'), await valueOf('plain')]).toEqual(['second', 'second']);
    await expect(referenced.read({ namespace, name: 'nowhere' })).resolves.toBeUndefined();
    expect(seen.join('')).toContain('PartialObjectMetadata');
    for (const content of ['first', 'second']) expect(seen.join('')).not.toContain(btoa(content));
    stop.abort();
    await running;
  });
});

describe('many calls', () => {
  it('uses few connections, and lists page by page', { timeout: 120_000 }, async () => {
    let connections = 0;
    const count = () => connections++;
    subscribe('net.client.socket', count);
    const busy = await server.connect(server.controlPlane.kubeconfig);
    try {
      const names = Array.from({ length: 600 }, (_, index) => `page-${index}`);
      let next = 0;
      const createNext = async () => {
        for (let name = names[next++]; name !== undefined; name = names[next++]) {
          await create(busy, configMaps, { metadata: { namespace, name, labels: { many: 'true' } } }, { fieldManager });
          for (let reads = 0; reads < 4; reads++) await get(busy, configMaps, { namespace, name });
        }
      };
      await Promise.all(Array.from({ length: 20 }, createNext));
      const { items } = await list(busy, configMaps, { namespace, labelSelector: 'many=true' });
      expect(items.map(({ metadata }) => metadata.name).toSorted()).toEqual(names.toSorted());
      expect(connections).toBeGreaterThan(0);
      expect(connections).toBeLessThanOrEqual(10);
    } finally {
      unsubscribe('net.client.socket', count);
      await busy.close();
    }
  });
});

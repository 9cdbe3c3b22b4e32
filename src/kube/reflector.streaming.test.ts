import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createKubeClient, type KubeClient } from './client.ts';
import { createReflector, type Reflector, type ReflectorOptions } from './reflector.ts';
import { createCollection, widgets, type Collection, type Widget } from './testing/collection.ts';
import {
  answer,
  answerStatus,
  reset,
  send,
  startFaultServer,
  startStream,
  status,
  type FaultServer,
  type Handler,
  type SeenRequest,
} from './testing/fault-server.ts';

/** How often a reflector has begun anew with short pauses. */
const resets = vi.hoisted(() => ({ count: 0 }));
vi.mock(import('./backoff.ts'), async (load) => {
  const actual = await load();
  const createBackoff: typeof actual.createBackoff = (bounds) => {
    const backoff = actual.createBackoff(bounds);
    return {
      next: () => backoff.next(),
      reset: () => {
        resets.count += 1;
        backoff.reset();
      },
    };
  };
  return { ...actual, createBackoff };
});

let server: FaultServer;
let client: KubeClient;
let collection: Collection;
/** Answer the next requests instead of the collection: watches that start with everything, and others. */
let initialFaults: Handler[];
let watchFaults: Handler[];
let changes: string[];
let errors: unknown[];
let stop: AbortController;
let running: Promise<void>;

const soon = { timeout: 10_000, interval: 5 };
const isInitial = ({ query }: SeenRequest) => query.get('sendInitialEvents') === 'true';
const isWatch = ({ query }: SeenRequest) => query.get('watch') === 'true';
const initial = () => server.requests.filter(isInitial);
const lists = () => server.requests.filter((request) => !isWatch(request));
const watches = () => server.requests.filter((request) => isWatch(request) && !isInitial(request));

beforeEach(async () => {
  collection = createCollection();
  [initialFaults, watchFaults, changes, errors] = [[], [], [], []];
  stop = new AbortController();
  running = Promise.resolve();
  server = await startFaultServer((request, response) => {
    const faults = isInitial(request) ? initialFaults : isWatch(request) ? watchFaults : [];
    (faults.shift() ?? collection.handle)(request, response);
  });
  client = createKubeClient(server.kubeConfig(), { userAgent: 'streaming-test', requestTimeoutMs: 10_000 });
});

afterEach(async () => {
  stop.abort();
  await running;
  await client.close();
  await server.stop();
});

const nameOf = (object: Widget | undefined) => (object === undefined ? '-' : `${object.metadata.uid}/${object.size}`);

function start(overrides: Partial<ReflectorOptions<Widget>> = {}): Reflector<Widget> {
  const reflector = createReflector({
    client,
    type: widgets,
    onChange: (key, previous, next) => changes.push(`${key} ${nameOf(previous)} ${nameOf(next)}`),
    onError: (error) => errors.push(error),
    backoffMs: { min: 1, max: 5 },
    ...overrides,
  });
  running = reflector.run(stop.signal);
  return reflector;
}

const sizeOf = (reflector: Reflector<Widget>, name: string) => reflector.store.get(`default/${name}`)?.size;

/** Waits until the watch works: a new change arrives. */
async function expectToFollow(reflector: Reflector<Widget>): Promise<void> {
  await reflector.synced;
  const size = Number(collection.resourceVersion());
  collection.put('probe', size);
  await vi.waitFor(() => expect(sizeOf(reflector, 'probe')).toBe(size), soon);
}

const openWatch = () =>
  vi.waitFor(() => {
    const [watch] = collection.watches;
    if (watch === undefined) throw new Error('no watch is open');
    return watch;
  }, soon);

describe('a server that streams', () => {
  it('is asked once for everything and what comes then', async () => {
    collection.put('a', 1);
    const seen: boolean[] = [];
    const reflector = start({
      namespace: 'default',
      labelSelector: 'size=big',
      onChange: () => seen.push(reflector.hasSynced()),
    });
    await expectToFollow(reflector);
    expect(seen).toEqual([false, true]);
    expect(server.requests).toHaveLength(1);
    const [request] = initial();
    expect(request?.path).toBe('/apis/example.com/v1/namespaces/default/widgets');
    expect(request?.query.get('resourceVersionMatch')).toBe('NotOlderThan');
    expect(request?.query.has('resourceVersion')).toBe(false);
    expect(request?.query.get('allowWatchBookmarks')).toBe('true');
    expect(request?.query.get('labelSelector')).toBe('size=big');
    expect(errors).toEqual([]);
  });

  it('is watched from where it was when the stream is cut after the start', async () => {
    const reflector = start();
    await expectToFollow(reflector);
    reset(await openWatch());
    await vi.waitFor(() => expect(watches()).toHaveLength(1), soon);
    await expectToFollow(reflector);
    expect(watches()[0]?.query.get('resourceVersion')).toBe('11');
    expect(initial()).toHaveLength(1);
  });

  it('is asked anew when the stream is cut within the start, which is no sync', async () => {
    collection.put('a', 1);
    const half = Promise.withResolvers<ServerResponse>();
    initialFaults = [
      (_request, response) => {
        send(startStream(response), 'ADDED', collection.list()[0]);
        half.resolve(response);
      },
    ];
    const reflector = start();
    const response = await half.promise;
    await vi.waitFor(() => expect(reflector.store.size).toBe(1), soon);
    expect(reflector.hasSynced()).toBe(false);
    collection.remove('a');
    reset(response);
    await expectToFollow(reflector);
    expect(initial()).toHaveLength(2);
    expect(lists()).toHaveLength(0);
    expect(reflector.store.get('default/a')).toBeUndefined();
    expect(changes.slice(0, 2)).toEqual(['default/a - uid-11/1', 'default/a uid-11/1 -']);
  });

  it('is asked with growing pauses while it fails within the start', async () => {
    collection.put('a', 1);
    resets.count = 0;
    const seen: number[] = [];
    const fails: Handler = (_request, response) => {
      const stream = startStream(response);
      send(stream, 'ADDED', collection.list()[0]);
      send(stream, 'ERROR', status(410, 'Expired'));
    };
    initialFaults = [
      fails,
      fails,
      fails,
      (request, response) => {
        seen.push(resets.count);
        collection.handle(request, response);
      },
    ];
    await expectToFollow(start());
    expect(seen).toEqual([0]);
    expect(resets.count).toBeGreaterThan(0);
  });

  it.each<[string, Handler]>([
    ['HTTP 422', (_request, response) => answerStatus(response, 422, 'Invalid')],
    ['HTTP 400', (_request, response) => answerStatus(response, 400, 'BadRequest')],
    ['an ERROR event 500', (_request, response) => send(startStream(response), 'ERROR', status(500, 'InternalError'))],
    [
      'a watch from before streaming',
      (_request, response) => send(startStream(response), 'BOOKMARK', { metadata: { resourceVersion: '11' } }),
    ],
    ['a stream without its end', (_request, response) => startStream(response).end()],
  ])('is asked for pages after %s', async (_name, refusal) => {
    collection.put('a', 1);
    initialFaults = [refusal];
    const reflector = start();
    await expectToFollow(reflector);
    expect(lists()).toHaveLength(1);
    expect(initial()).toHaveLength(1);
    expect(sizeOf(reflector, 'a')).toBe(1);
    expect(errors).toEqual([]);
  });

  it.each<[string, Handler]>([
    ['HTTP 410', (_request, response) => answerStatus(response, 410, 'Expired')],
    ['an ERROR event 410', (_request, response) => send(startStream(response), 'ERROR', status(410, 'Expired'))],
  ])('tells what was deleted before %s', async (_name, fault) => {
    collection.put('gone', 1);
    collection.put('kept', 2);
    const reflector = start();
    await expectToFollow(reflector);
    watchFaults = [fault];
    const watch = await openWatch();
    collection.watches.delete(watch);
    collection.remove('gone');
    collection.compact();
    watch.end();
    await vi.waitFor(() => expect(initial()).toHaveLength(2), soon);
    await expectToFollow(reflector);
    expect(changes).toContain('default/gone uid-11/1 -');
    expect(errors).toEqual([]);
  });

  it('is believed when it has gone back in time', async () => {
    for (const size of [1, 2, 3, 4]) collection.put('a', size);
    collection.put('unborn', 1);
    const reflector = start();
    await expectToFollow(reflector);
    const restored = createCollection();
    restored.put('a', 1);
    const before = collection;
    watchFaults = [
      (_request, response) => {
        const causes = [{ reason: 'ResourceVersionTooLarge' }];
        answer(response, 504, { ...status(504, 'Timeout'), details: { causes } });
      },
    ];
    collection = restored;
    for (const watch of before.watches) reset(watch);
    await vi.waitFor(() => expect(sizeOf(reflector, 'a')).toBe(1), soon);
    restored.put('a', 7);
    await vi.waitFor(() => expect(sizeOf(reflector, 'a')).toBe(7), soon);
    expect([...reflector.store.keys()]).toEqual(['default/a']);
  });

  it('says when it was last heard', async () => {
    const reflector = start();
    expect(reflector.lastHeardAt()).toBeUndefined();
    await expectToFollow(reflector);
    const heardAt = reflector.lastHeardAt() ?? Infinity;
    send(await openWatch(), 'BOOKMARK', { metadata: { resourceVersion: collection.resourceVersion() } });
    await vi.waitFor(() => expect(reflector.lastHeardAt()).toBeGreaterThan(heardAt), soon);
  });
});

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

let server: FaultServer;
let client: KubeClient;
let collection: Collection;
/** Answer the next requests instead of the collection: lists and watches apart. */
let listFaults: Handler[];
let watchFaults: Handler[];
let changes: string[];
let errors: unknown[];
let stop: AbortController;
let running: Promise<void>;

const soon = { timeout: 10_000, interval: 5 };
const isInitial = ({ query }: SeenRequest) => query.get('sendInitialEvents') === 'true';
const isWatch = ({ query }: SeenRequest) => query.get('watch') === 'true';
const lists = () => server.requests.filter((request) => !isWatch(request));
const watches = () => server.requests.filter((request) => isWatch(request) && !isInitial(request));

beforeEach(async () => {
  // A server that does not stream: reading everything and watching are apart. Of one that does: reflector.streaming.test.ts.
  collection = createCollection(false);
  [listFaults, watchFaults, changes, errors] = [[], [], [], []];
  stop = new AbortController();
  running = Promise.resolve();
  server = await startFaultServer((request, response) => {
    // A watch that starts with everything is refused by the collection.
    const fault = isInitial(request) ? undefined : (isWatch(request) ? watchFaults : listFaults).shift();
    (fault ?? collection.handle)(request, response);
  });
  client = createKubeClient(server.kubeConfig(), { userAgent: 'reflector-test', requestTimeoutMs: 10_000 });
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

describe('list and watch', () => {
  it('tells additions, changes and deletions', async () => {
    collection.put('a', 1);
    const reflector = start();
    await reflector.synced;
    await openWatch();
    collection.put('a', 2);
    collection.put('b', 3);
    collection.remove('a');
    await expectToFollow(reflector);
    expect(changes.slice(0, 4)).toEqual([
      'default/a - uid-11/1',
      'default/a uid-11/1 uid-11/2',
      'default/b - uid-13/3',
      'default/a uid-11/2 -',
    ]);
    expect(errors).toEqual([]);
  });

  it('has synced when all of the first list has been told', async () => {
    collection.put('a', 1);
    const seen: boolean[] = [];
    const reflector = start({ onChange: () => seen.push(reflector.hasSynced()) });
    expect(reflector.hasSynced()).toBe(false);
    await reflector.synced;
    expect(reflector.hasSynced()).toBe(true);
    expect(seen).toEqual([false]);
  });

  it('asks for pages, bookmarks, a bounded watch and its selection', async () => {
    const reflector = start({ namespace: 'default', labelSelector: 'size=big' });
    await expectToFollow(reflector);
    expect(lists()[0]).toMatchObject({ path: '/apis/example.com/v1/namespaces/default/widgets' });
    expect(lists()[0]?.query.toString()).toBe('limit=500&labelSelector=size%3Dbig');
    const query = watches()[0]?.query;
    expect(query?.get('allowWatchBookmarks')).toBe('true');
    expect(query?.get('resourceVersion')).toBe('10');
    expect(query?.get('labelSelector')).toBe('size=big');
    const seconds = Number(query?.get('timeoutSeconds'));
    expect(seconds).toBeGreaterThanOrEqual(300);
    expect(seconds).toBeLessThanOrEqual(600);
  });

  it('reads all pages, and starts again with one answer when the snapshot has expired', async () => {
    const [a, b, c] = [collection.put('a', 1), collection.put('b', 2), collection.put('c', 3)];
    const page = (items: unknown[], next?: string): Handler => {
      const metadata = { resourceVersion: collection.resourceVersion(), continue: next };
      return (_request, response) => answer(response, 200, { metadata, items });
    };
    listFaults = [
      page([a], 'two'),
      page([b], 'three'),
      (_request, response) => answerStatus(response, 410, 'Expired'),
      page([b, c]),
    ];
    const reflector = start();
    await reflector.synced;
    expect(lists().map(({ query }) => query.toString())).toEqual([
      'limit=500',
      'limit=500&continue=two',
      'limit=500&continue=three',
      '',
    ]);
    expect(reflector.store.list()).toEqual([b, c]);
  });

  it('goes on from the last bookmark', async () => {
    watchFaults = [
      (_request, response) => {
        send(startStream(response), 'BOOKMARK', { metadata: { resourceVersion: '4711' } });
        response.end();
      },
    ];
    start();
    await vi.waitFor(() => expect(watches()[1]?.query.get('resourceVersion')).toBe('4711'), soon);
  });

  it('keeps no managedFields', async () => {
    const written = collection.put('a', 1);
    Object.assign(written.metadata, { managedFields: [{ manager: 'somebody' }] });
    const reflector = start();
    await reflector.synced;
    expect(reflector.store.get('default/a')?.metadata).not.toHaveProperty('managedFields');
    await openWatch();
    send(await openWatch(), 'MODIFIED', { ...written, metadata: { ...written.metadata, resourceVersion: '99' } });
    await vi.waitFor(() => expect(reflector.store.get('default/a')?.metadata.resourceVersion).toBe('99'), soon);
    expect(reflector.store.get('default/a')?.metadata).not.toHaveProperty('managedFields');
  });

  it('leaves out and reports an object that its type refuses', async () => {
    collection.put('good', 1);
    Object.assign(collection.put('bad', 2), { size: 'large' });
    const reflector = start();
    await reflector.synced;
    expect(reflector.store.list()).toHaveLength(1);
    Object.assign(collection.put('good', 3), { size: 'large' });
    const { metadata } = collection.put('good', 4);
    send(await openWatch(), 'MODIFIED', { metadata: { ...metadata, resourceVersion: '50' }, size: 'large' });
    await vi.waitFor(() => expect(reflector.store.size).toBe(0), soon);
    expect(errors.at(0)).toMatchObject({ reason: 'InvalidAnswer', message: 'Widget/size must be integer' });
    expect(errors.length).toBeGreaterThanOrEqual(2);
  });
});

describe('faults of the watch', () => {
  const faults: Record<string, Handler> = {
    'a reset in the stream': (request, response) => {
      startStream(response);
      send(response, 'BOOKMARK', { metadata: { resourceVersion: request.query.get('resourceVersion') } });
      response.write('{"type":', () => reset(response));
    },
    'a reset before the answer': (_request, response) => reset(response),
    'HTTP 429': (_request, response) => answerStatus(response, 429, 'TooManyRequests', { 'retry-after': '0' }),
    'HTTP 500': (_request, response) => answerStatus(response, 500, 'InternalError'),
    'HTTP 503 of a proxy': (_request, response) => response.writeHead(503).end('<html>'),
    'an ERROR event': (_request, response) => send(startStream(response), 'ERROR', status(500, 'InternalError')),
    'a line that is not JSON': (_request, response) => startStream(response).write('{"type":}\n'),
    'an event of an unknown type': (_request, response) => send(startStream(response), 'SURPRISE', {}),
    'an event without an object': (_request, response) => send(startStream(response), 'ADDED', {}),
  };

  it.each(Object.entries(faults))('goes on where it was after %s', async (_name, fault) => {
    collection.put('a', 1);
    watchFaults = [fault, fault];
    const reflector = start();
    await expectToFollow(reflector);
    expect(errors).toHaveLength(2);
    expect(lists()).toHaveLength(1);
    expect(watches().map(({ query }) => query.get('resourceVersion'))).toEqual(['11', '11', '11']);
  });

  it.each<[string, Handler]>([
    ['HTTP 410', (_request, response) => answerStatus(response, 410, 'Expired')],
    ['an ERROR event 410', (_request, response) => send(startStream(response), 'ERROR', status(410, 'Expired'))],
  ])('lists again after %s, and tells what was deleted meanwhile', async (_name, fault) => {
    collection.put('gone', 1);
    collection.put('kept', 2);
    collection.put('anew', 3);
    watchFaults = [
      (request, response) => {
        collection.remove('gone');
        collection.remove('anew');
        collection.put('anew', 4);
        collection.compact();
        fault(request, response);
      },
    ];
    const reflector = start();
    await vi.waitFor(() => expect(lists()).toHaveLength(2), soon);
    await expectToFollow(reflector);
    expect(lists()).toHaveLength(2);
    expect(changes.slice(3, 6)).toEqual([
      'default/anew uid-13/3 -',
      'default/anew - uid-16/4',
      'default/gone uid-11/1 -',
    ]);
    expect(errors).toEqual([]);
  });

  it('drops a last line that was cut off, and gets its event again', async () => {
    watchFaults = [
      (_request, response) => {
        const event = JSON.stringify({ type: 'ADDED', object: { ...collection.put('a', 1), size: 666 } });
        startStream(response).end(event.slice(0, -1));
      },
    ];
    const reflector = start();
    await vi.waitFor(() => expect(sizeOf(reflector, 'a')).toBe(1), soon);
    await expectToFollow(reflector);
    expect(changes.filter((change) => change.startsWith('default/a'))).toHaveLength(1);
  });

  it('splits lines at line feeds only, and characters nowhere', async () => {
    const reflector = start();
    await reflector.synced;
    const watch = await openWatch();
    const labels = { text: 'ein\u2028Strich\u2029 \u{1f600}' };
    const object = { metadata: { ...collection.put('a', 1).metadata, resourceVersion: '50', labels }, size: 2 };
    const bytes = Buffer.from(`${JSON.stringify({ type: 'MODIFIED', object })}\n`);
    // One byte a write: every character of more than one byte is cut.
    for (const byte of bytes) watch.write(Buffer.of(byte));
    await vi.waitFor(() => expect(sizeOf(reflector, 'a')).toBe(2), soon);
    expect(reflector.store.get('default/a')?.metadata.labels).toEqual(labels);
    await expectToFollow(reflector);
    expect(watches()).toHaveLength(1);
    expect(errors).toEqual([]);
  });

  it('takes a silent watch for dead', async () => {
    const reflector = start({ idleTimeoutMs: 100 });
    await vi.waitFor(() => expect(watches().length).toBeGreaterThan(1), soon);
    expect(errors[0]).toMatchObject({ reason: 'WatchIdle', retryable: true });
    await expectToFollow(reflector);
    expect(lists()).toHaveLength(1);
  });

  it('takes a watch that bookmarks keep awake for alive', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const reflector = start();
      await expectToFollow(reflector);
      const watch = await openWatch();
      const bookmark = { metadata: { resourceVersion: collection.resourceVersion() } };
      for (let minutes = 0; minutes < 20; minutes += 2) {
        send(watch, 'BOOKMARK', bookmark);
        await expectToFollow(reflector);
        vi.advanceTimersByTime(120_000);
      }
      expect([watches().length, errors]).toEqual([1, []]);
      vi.advanceTimersByTime(180_000);
      await vi.waitFor(() => expect(errors).toMatchObject([{ reason: 'WatchIdle' }]), soon);
    } finally {
      vi.useRealTimers();
    }
  });

  it('takes a watch that is never answered for dead', async () => {
    watchFaults = [() => {}];
    const reflector = start({ idleTimeoutMs: 200 });
    await expectToFollow(reflector);
    expect(errors[0]).toMatchObject({ reason: 'WatchIdle' });
  });

  it('waits for as long as the server asks', async () => {
    const times: number[] = [];
    watchFaults = [
      (_request, response) => {
        times.push(performance.now());
        answerStatus(response, 429, 'TooManyRequests', { 'retry-after': '1' });
      },
      (request, response) => {
        times.push(performance.now());
        collection.handle(request, response);
      },
    ];
    await expectToFollow(start());
    const [first = 0, second = 0] = times;
    // Timers may be early by the part of a millisecond.
    expect(second - first).toBeGreaterThan(998);
  });

  it('does not ask at full speed a server that ends every watch at once', async () => {
    watchFaults = Array.from({ length: 1000 }, (): Handler => (_request, response) => startStream(response).end());
    const reflector = start({ backoffMs: { min: 3_600_000, max: 3_600_000 } });
    await reflector.synced;
    // Each of these calls would have left time for another watch.
    for (let call = 0; call < 20; call++) await client.request({ method: 'GET', path: '/apis/example.com/v1/widgets' });
    expect(watches()).toHaveLength(1);
  });
});

describe('faults of the list', () => {
  it.each<[string, Handler]>([
    ['HTTP 503', (_request, response) => answerStatus(response, 503, 'ServiceUnavailable')],
    [
      'HTTP 404 because the kind is not there yet',
      (_request, response) => response.writeHead(404).end('404 page not found'),
    ],
    ['a reset', (_request, response) => reset(response)],
    ['an answer that is no list', (_request, response) => answer(response, 200, {})],
  ])('lists again after %s', async (_name, fault) => {
    collection.put('a', 1);
    listFaults = [fault, fault];
    const reflector = start();
    await reflector.synced;
    expect(sizeOf(reflector, 'a')).toBe(1);
    expect(errors).toHaveLength(2);
  });
});

describe('handlers', () => {
  it('survives a handler that throws', async () => {
    collection.put('a', 1);
    const onChange = vi.fn<() => void>(() => {
      throw new Error('handler');
    });
    const reflector = start({ onChange });
    await expectToFollow(reflector);
    expect(sizeOf(reflector, 'a')).toBe(1);
    expect(errors).toEqual([new Error('handler'), new Error('handler')]);
    expect(watches()).toHaveLength(1);
  });

  it('survives a reporter that throws', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    listFaults = [(_request, response) => answerStatus(response, 500, 'InternalError')];
    const onError = vi.fn<() => void>(() => {
      throw new Error('reporter');
    });
    await expectToFollow(start({ onError }));
    expect(onError).toHaveBeenCalledOnce();
    expect(warned).toHaveBeenCalledWith(new Error('reporter'));
    warned.mockRestore();
  });
});

describe('own writes', () => {
  it('are seen at once, and their events are not told again', async () => {
    const reflector = start();
    await expectToFollow(reflector);
    const watch = await openWatch();
    collection.watches.delete(watch);
    const written = collection.put('probe', 77);
    reflector.record(written);
    expect(sizeOf(reflector, 'probe')).toBe(77);
    collection.watches.add(watch);
    send(watch, 'MODIFIED', written);
    collection.put('probe', 78);
    await vi.waitFor(() => expect(sizeOf(reflector, 'probe')).toBe(78), soon);
    expect(changes.slice(1)).toEqual(['default/probe uid-11/10 uid-11/77', 'default/probe uid-11/77 uid-11/78']);
  });

  it('are there before the server tells of them, also of an object that was not there', async () => {
    const reflector = start();
    await expectToFollow(reflector);
    const watch = await openWatch();
    collection.watches.delete(watch);
    const made = collection.put('made', 1);
    reflector.record(made);
    expect(sizeOf(reflector, 'made')).toBe(1);
    // What happened before it is told only now.
    const { metadata } = collection.list()[0] ?? made;
    send(watch, 'MODIFIED', { metadata: { ...metadata, resourceVersion: '11' }, size: 11 });
    send(watch, 'ADDED', made);
    collection.watches.add(watch);
    await expectToFollow(reflector);
    expect(sizeOf(reflector, 'made')).toBe(1);
    expect(changes.filter((change) => change.startsWith('default/made'))).toEqual(['default/made - uid-12/1']);
  });

  it('do not bring back what is gone', async () => {
    const reflector = start();
    await expectToFollow(reflector);
    const late = collection.put('a', 1);
    collection.remove('a');
    await expectToFollow(reflector);
    reflector.record(late);
    expect(reflector.store.get('default/a')).toBeUndefined();
    const outside = { ...late, metadata: { ...late.metadata, name: 'outside', resourceVersion: '9999' } };
    reflector.record(outside);
    expect(reflector.store.get('default/outside')).toBeDefined();
    send(await openWatch(), 'BOOKMARK', { metadata: { resourceVersion: '9999' } });
    await vi.waitFor(() => expect(reflector.store.get('default/outside')).toBeUndefined(), soon);
  });
});

describe('stop', () => {
  it('is final while a watch is being opened', async () => {
    const held = Promise.withResolvers<ServerResponse>();
    watchFaults = [(_request, response) => held.resolve(response)];
    start();
    const response = await held.promise;
    stop.abort();
    await running;
    send(startStream(response), 'ADDED', collection.put('late', 1));
    await client.request({ method: 'GET', path: '/apis/example.com/v1/widgets' });
    expect(changes).toEqual([]);
    expect(watches()).toHaveLength(1);
  });

  it('is final while a list is being answered', async () => {
    const held = Promise.withResolvers<ServerResponse>();
    listFaults = [(_request, response) => held.resolve(response)];
    const reflector = start();
    const response = await held.promise;
    stop.abort();
    await running;
    answer(response, 200, { metadata: { resourceVersion: '1' }, items: [collection.put('late', 1)] });
    expect([changes, errors, reflector.hasSynced()]).toEqual([[], [], false]);
  });

  it('is final during a pause', async () => {
    listFaults = [(_request, response) => answerStatus(response, 500, 'InternalError')];
    const failed = Promise.withResolvers<void>();
    start({ backoffMs: { min: 3_600_000, max: 3_600_000 }, onError: () => failed.resolve() });
    await failed.promise;
    stop.abort();
    await running;
    expect(lists()).toHaveLength(1);
  });

  it('is final within a burst of events', async () => {
    const seen: string[] = [];
    const reflector = start({
      onChange: (key) => {
        seen.push(key);
        if (key === 'default/b') stop.abort();
      },
    });
    await reflector.synced;
    const watch = await openWatch();
    const objects = ['a', 'b', 'c'].map((name) => ({ type: 'ADDED', object: { ...collection.put(name, 1) } }));
    watch.write(objects.map((event) => `${JSON.stringify(event)}\n`).join(''));
    await running;
    reflector.record(collection.put('a', 5));
    expect(seen).toEqual(['default/a', 'default/b']);
    expect(errors).toEqual([]);
  });

  it('is final within the first list', async () => {
    collection.put('a', 1);
    collection.put('b', 1);
    const onChange = vi.fn<() => void>(() => stop.abort());
    const reflector = start({ onChange });
    await running;
    expect(onChange).toHaveBeenCalledOnce();
    expect(reflector.hasSynced()).toBe(false);
    await expect(reflector.run(new AbortController().signal)).rejects.toThrow('runs once');
  });

  it('closes its connection', async () => {
    start();
    const watch = await openWatch();
    stop.abort();
    await running;
    await vi.waitFor(() => expect(watch.destroyed).toBe(true), soon);
  });
});

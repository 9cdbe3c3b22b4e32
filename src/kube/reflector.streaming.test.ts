import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createCollection } from './testing/collection.ts';
import { answer, answerStatus, reset, send, startStream, status, type Handler } from './testing/fault-server.ts';
import { sizeOf, soon, startReflectorLab, type ReflectorLab } from './testing/reflector-lab.ts';

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

let lab: ReflectorLab;
beforeEach(async () => {
  lab = await startReflectorLab(true);
});
afterEach(() => lab.close());

describe('a server that streams', () => {
  it('is asked once for everything and what comes then', async () => {
    lab.collection.put('a', 1);
    const seen: boolean[] = [];
    const reflector = lab.start({
      namespace: 'default',
      labelSelector: 'size=big',
      onChange: () => seen.push(reflector.hasSynced()),
    });
    await lab.expectToFollow(reflector);
    expect(seen).toEqual([false, true]);
    expect(lab.server.requests).toHaveLength(1);
    const [request] = lab.initial();
    expect(request?.path).toBe('/apis/example.com/v1/namespaces/default/widgets');
    expect(request?.query.get('resourceVersionMatch')).toBe('NotOlderThan');
    expect(request?.query.has('resourceVersion')).toBe(false);
    expect(request?.query.get('allowWatchBookmarks')).toBe('true');
    expect(request?.query.get('labelSelector')).toBe('size=big');
    expect(lab.errors).toEqual([]);
  });

  it('is watched from where it was when the stream is cut after the start', async () => {
    const reflector = lab.start();
    await lab.expectToFollow(reflector);
    reset(await lab.openWatch());
    await vi.waitFor(() => expect(lab.watches()).toHaveLength(1), soon);
    await lab.expectToFollow(reflector);
    expect(lab.watches()[0]?.query.get('resourceVersion')).toBe('11');
    expect(lab.initial()).toHaveLength(1);
  });

  it('is asked anew when the stream is cut within the start, which is no sync', async () => {
    lab.collection.put('a', 1);
    const half = Promise.withResolvers<ServerResponse>();
    lab.initialFaults = [
      (_request, response) => {
        send(startStream(response), 'ADDED', lab.collection.list()[0]);
        half.resolve(response);
      },
    ];
    const reflector = lab.start();
    const response = await half.promise;
    await vi.waitFor(() => expect(reflector.store.size).toBe(1), soon);
    expect(reflector.hasSynced()).toBe(false);
    lab.collection.remove('a');
    reset(response);
    await lab.expectToFollow(reflector);
    expect(lab.initial()).toHaveLength(2);
    expect(lab.lists()).toHaveLength(0);
    expect(reflector.store.get('default/a')).toBeUndefined();
    expect(lab.changes.slice(0, 2)).toEqual(['default/a - uid-11/1', 'default/a uid-11/1 -']);
  });

  it('is asked with growing pauses while it fails within the start', async () => {
    lab.collection.put('a', 1);
    resets.count = 0;
    const seen: number[] = [];
    const fails: Handler = (_request, response) => {
      const stream = startStream(response);
      send(stream, 'ADDED', lab.collection.list()[0]);
      send(stream, 'ERROR', status(410, 'Expired'));
    };
    lab.initialFaults = [
      fails,
      fails,
      fails,
      (request, response) => {
        seen.push(resets.count);
        lab.collection.handle(request, response);
      },
    ];
    await lab.expectToFollow(lab.start());
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
    lab.collection.put('a', 1);
    lab.initialFaults = [refusal];
    const reflector = lab.start();
    await lab.expectToFollow(reflector);
    expect(lab.lists()).toHaveLength(1);
    expect(lab.initial()).toHaveLength(1);
    expect(sizeOf(reflector, 'a')).toBe(1);
    expect(lab.errors).toEqual([]);
  });

  it.each([
    [422, 1],
    [400, 1],
    [500, 2],
  ])('that has refused with %i is asked to stream %i times when everything is read twice', async (code, times) => {
    lab.initialFaults = [(_request, response) => answerStatus(response, code, 'Refused')];
    const reflector = lab.start();
    await lab.expectToFollow(reflector);
    lab.watchFaults = [(_request, response) => answerStatus(response, 410, 'Expired')];
    (await lab.openWatch()).end();
    await vi.waitFor(() => expect(lab.initial().length + lab.lists().length).toBe(3), soon);
    await lab.expectToFollow(reflector);
    expect(lab.initial()).toHaveLength(times);
  });

  it.each<[string, Handler]>([
    ['HTTP 410', (_request, response) => answerStatus(response, 410, 'Expired')],
    ['an ERROR event 410', (_request, response) => send(startStream(response), 'ERROR', status(410, 'Expired'))],
  ])('tells what was deleted before %s', async (_name, fault) => {
    lab.collection.put('gone', 1);
    lab.collection.put('kept', 2);
    const reflector = lab.start();
    await lab.expectToFollow(reflector);
    lab.watchFaults = [fault];
    const watch = await lab.openWatch();
    lab.collection.watches.delete(watch);
    lab.collection.remove('gone');
    lab.collection.compact();
    watch.end();
    await vi.waitFor(() => expect(lab.initial()).toHaveLength(2), soon);
    await lab.expectToFollow(reflector);
    expect(lab.changes).toContain('default/gone uid-11/1 -');
    expect(lab.errors).toEqual([]);
  });

  it('is believed when it has gone back in time', async () => {
    for (const size of [1, 2, 3, 4]) lab.collection.put('a', size);
    lab.collection.put('unborn', 1);
    const reflector = lab.start();
    await lab.expectToFollow(reflector);
    const restored = createCollection();
    restored.put('a', 1);
    const before = lab.collection;
    lab.watchFaults = [
      (_request, response) => {
        const causes = [{ reason: 'ResourceVersionTooLarge' }];
        answer(response, 504, { ...status(504, 'Timeout'), details: { causes } });
      },
    ];
    lab.collection = restored;
    for (const watch of before.watches) reset(watch);
    await vi.waitFor(() => expect(sizeOf(reflector, 'a')).toBe(1), soon);
    restored.put('a', 7);
    await vi.waitFor(() => expect(sizeOf(reflector, 'a')).toBe(7), soon);
    expect([...reflector.store.keys()]).toEqual(['default/a']);
  });

  it('says when it was last heard', async () => {
    const reflector = lab.start();
    expect(reflector.lastHeardAt()).toBeUndefined();
    await lab.expectToFollow(reflector);
    const heardAt = reflector.lastHeardAt() ?? Infinity;
    send(await lab.openWatch(), 'BOOKMARK', { metadata: { resourceVersion: lab.collection.resourceVersion() } });
    await vi.waitFor(() => expect(reflector.lastHeardAt()).toBeGreaterThan(heardAt), soon);
  });
});

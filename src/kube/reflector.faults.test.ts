import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { answer, answerStatus, reset, send, startStream, status, type Handler } from './testing/fault-server.ts';
import { sizeOf, soon, startReflectorLab, type ReflectorLab } from './testing/reflector-lab.ts';

let lab: ReflectorLab;
beforeEach(async () => {
  // A server that does not stream: reading everything and watching are apart. Of one that does: reflector.streaming.test.ts.
  lab = await startReflectorLab(false);
});
afterEach(() => lab.close());

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
    lab.collection.put('a', 1);
    lab.watchFaults = [fault, fault];
    const reflector = lab.start();
    await lab.expectToFollow(reflector);
    expect(lab.errors).toHaveLength(2);
    expect(lab.lists()).toHaveLength(1);
    expect(lab.watches().map(({ query }) => query.get('resourceVersion'))).toEqual(['11', '11', '11']);
  });

  it.each<[string, Handler]>([
    ['HTTP 410', (_request, response) => answerStatus(response, 410, 'Expired')],
    ['an ERROR event 410', (_request, response) => send(startStream(response), 'ERROR', status(410, 'Expired'))],
  ])('lists again after %s, and tells what was deleted meanwhile', async (_name, fault) => {
    lab.collection.put('gone', 1);
    lab.collection.put('kept', 2);
    lab.collection.put('anew', 3);
    lab.watchFaults = [
      (request, response) => {
        lab.collection.remove('gone');
        lab.collection.remove('anew');
        lab.collection.put('anew', 4);
        lab.collection.compact();
        fault(request, response);
      },
    ];
    const reflector = lab.start();
    await vi.waitFor(() => expect(lab.lists()).toHaveLength(2), soon);
    await lab.expectToFollow(reflector);
    expect(lab.lists()).toHaveLength(2);
    expect(lab.changes.slice(3, 6)).toEqual([
      'default/anew uid-13/3 -',
      'default/anew - uid-16/4',
      'default/gone uid-11/1 -',
    ]);
    expect(lab.errors).toEqual([]);
  });

  it('drops a last line that was cut off, and gets its event again', async () => {
    lab.watchFaults = [
      (_request, response) => {
        const event = JSON.stringify({ type: 'ADDED', object: { ...lab.collection.put('a', 1), size: 666 } });
        startStream(response).end(event.slice(0, -1));
      },
    ];
    const reflector = lab.start();
    await vi.waitFor(() => expect(sizeOf(reflector, 'a')).toBe(1), soon);
    await lab.expectToFollow(reflector);
    expect(lab.changes.filter((change) => change.startsWith('default/a'))).toHaveLength(1);
  });

  it('splits lines at line feeds only, and characters nowhere', async () => {
    const reflector = lab.start();
    await reflector.synced;
    const watch = await lab.openWatch();
    const labels = { text: 'ein\u2028Strich\u2029 \u{1f600}' };
    const object = { metadata: { ...lab.collection.put('a', 1).metadata, resourceVersion: '50', labels }, size: 2 };
    const bytes = Buffer.from(`${JSON.stringify({ type: 'MODIFIED', object })}\n`);
    // One byte a write: every character of more than one byte is cut.
    for (const byte of bytes) watch.write(Buffer.of(byte));
    await vi.waitFor(() => expect(sizeOf(reflector, 'a')).toBe(2), soon);
    expect(reflector.store.get('default/a')?.metadata.labels).toEqual(labels);
    await lab.expectToFollow(reflector);
    expect(lab.watches()).toHaveLength(1);
    expect(lab.errors).toEqual([]);
  });

  it('takes a silent watch for dead', async () => {
    const reflector = lab.start({ idleTimeoutMs: 100 });
    await vi.waitFor(() => expect(lab.watches().length).toBeGreaterThan(1), soon);
    expect(lab.errors[0]).toMatchObject({ reason: 'WatchIdle', retryable: true });
    await lab.expectToFollow(reflector);
    expect(lab.lists()).toHaveLength(1);
  });

  it('takes a watch that bookmarks keep awake for alive', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const reflector = lab.start();
      await lab.expectToFollow(reflector);
      const watch = await lab.openWatch();
      const bookmark = { metadata: { resourceVersion: lab.collection.resourceVersion() } };
      for (let minutes = 0; minutes < 20; minutes += 2) {
        send(watch, 'BOOKMARK', bookmark);
        await lab.expectToFollow(reflector);
        vi.advanceTimersByTime(120_000);
      }
      expect([lab.watches().length, lab.errors]).toEqual([1, []]);
      vi.advanceTimersByTime(180_000);
      await vi.waitFor(() => expect(lab.errors).toMatchObject([{ reason: 'WatchIdle' }]), soon);
    } finally {
      vi.useRealTimers();
    }
  });

  it('takes a watch that is never answered for dead', async () => {
    lab.watchFaults = [() => {}];
    const reflector = lab.start({ idleTimeoutMs: 200 });
    await lab.expectToFollow(reflector);
    expect(lab.errors[0]).toMatchObject({ reason: 'WatchIdle' });
  });

  it('waits for as long as the server asks', async () => {
    const times: number[] = [];
    lab.watchFaults = [
      (_request, response) => {
        times.push(performance.now());
        answerStatus(response, 429, 'TooManyRequests', { 'retry-after': '1' });
      },
      (request, response) => {
        times.push(performance.now());
        lab.collection.handle(request, response);
      },
    ];
    await lab.expectToFollow(lab.start());
    const [first = 0, second = 0] = times;
    // Timers may be early by the part of a millisecond.
    expect(second - first).toBeGreaterThan(998);
  });

  it('does not ask at full speed a server that ends every watch at once', async () => {
    lab.watchFaults = Array.from({ length: 1000 }, (): Handler => (_request, response) => startStream(response).end());
    const reflector = lab.start({ backoffMs: { min: 3_600_000, max: 3_600_000 } });
    await reflector.synced;
    // Each of these calls would have left time for another watch.
    for (let call = 0; call < 20; call++)
      await lab.client.request({ method: 'GET', path: '/apis/example.com/v1/widgets' });
    expect(lab.watches()).toHaveLength(1);
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
    lab.collection.put('a', 1);
    lab.listFaults = [fault, fault];
    const reflector = lab.start();
    await reflector.synced;
    expect(sizeOf(reflector, 'a')).toBe(1);
    expect(lab.errors).toHaveLength(2);
  });
});

import { writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ObservedExchange } from './client.ts';
import { failure, ok, startClientLab, type ClientLab } from './testing/client-lab.ts';
import {
  answer,
  answerStatus,
  reset,
  startFaultServer,
  startStream,
  status,
  type Handler,
} from './testing/fault-server.ts';

let lab: ClientLab;
beforeEach(async () => {
  lab = await startClientLab();
});
afterEach(() => {
  vi.useRealTimers();
  return lab.close();
});

const cut: Handler = (_request, response) => reset(response);

const throttled =
  (code: number, seconds: string): Handler =>
  (_request, response) =>
    answerStatus(response, code, 'TooManyRequests', { 'retry-after': seconds });

describe('errors', () => {
  it('gives the explanation of the API server, and nothing else of the answer', async () => {
    lab.handle = (_request, response) =>
      answer(response, 404, { ...status(404, 'NotFound'), extra: 'body-secret' }, { 'x-extra': 'header-secret' });
    const error = await failure(lab.get());
    expect(error).toMatchObject({ status: 404, reason: 'NotFound', retryable: false });
    expect(error.message).toBe('GET /api/v1/secrets: NotFound for a test');
    expect(inspect(error, { depth: Infinity, showHidden: true })).not.toMatch(/body-secret|header-secret|test-token/);
  });

  it('does without an explanation when a proxy answers', async () => {
    lab.handle = (_request, response) => response.writeHead(502).end('<html>page-of-a-proxy</html>');
    const error = await failure(lab.get());
    expect(error).toMatchObject({ status: 502, reason: 'NoStatus', retryable: true });
    expect(error.message).not.toContain('page-of-a-proxy');
  });

  it.each([
    [400, false],
    [403, false],
    [409, false],
    [422, false],
    [429, true],
    [500, true],
    [504, true],
  ])('marks %i as retryable: %s', async (code, retryable) => {
    lab.handle = (_request, response) => answerStatus(response, code, 'Some');
    expect(await failure(lab.get())).toMatchObject({ status: code, retryable });
  });

  it('reports a reset', async () => {
    lab.handle = (_request, response) => reset(response);
    expect(await failure(lab.get())).toMatchObject({ status: 0, reason: 'ConnectionFailed', retryable: true });
  });

  it('reports an answer that was cut off', async () => {
    lab.handle = (_request, response) => {
      response.writeHead(200, { 'content-length': 100 }).write('{"token":"half-a-sec');
      response.socket?.destroySoon();
    };
    const error = await failure(lab.get());
    expect(error).toMatchObject({ status: 0, reason: 'ConnectionFailed', retryable: true });
    expect(inspect(error, { depth: Infinity })).not.toContain('half-a-sec');
  });

  it('reports JSON that is not complete, without quoting it', async () => {
    lab.handle = (_request, response) => response.writeHead(200).end('half-a-secret');
    const error = await failure(lab.get());
    expect(error).toMatchObject({ status: 0, reason: 'InvalidAnswer', retryable: true });
    expect(inspect(error, { depth: Infinity })).not.toContain('half-a-sec');
  });

  it('reports a server that is not there', async () => {
    const kubeConfig = lab.server.kubeConfig();
    await lab.server.stop();
    const error = await failure(lab.get(lab.newClient(kubeConfig)));
    lab.server = await startFaultServer(ok);
    expect(error).toMatchObject({ status: 0, reason: 'ConnectionFailed', retryable: true });
  });
});

describe('deadline and signal', () => {
  it('ends a call that is never answered', async () => {
    lab.handle = () => {};
    expect(await failure(lab.get(lab.newClient(undefined, 100)))).toMatchObject({
      reason: 'RequestTimeout',
      retryable: true,
    });
  });

  it('ends a call whose answer never ends', async () => {
    lab.handle = (_request, response) => response.writeHead(200).write('{');
    expect(await failure(lab.get(lab.newClient(undefined, 100)))).toMatchObject({
      reason: 'RequestTimeout',
      retryable: true,
    });
  });

  it('ends a watch whose answer does not begin', async () => {
    lab.handle = () => {};
    const { signal } = new AbortController();
    const watch = lab.newClient(undefined, 100).stream({ path: '/watch', query: {}, signal });
    expect(await failure(watch)).toMatchObject({ reason: 'RequestTimeout', retryable: true });
  });

  it('ends a call when its caller does', async () => {
    const controller = new AbortController();
    lab.handle = () => controller.abort(new Error('enough'));
    const error = await failure(lab.get(lab.client, controller.signal));
    expect(error).toMatchObject({ reason: 'Aborted', retryable: false, cause: new Error('enough') });
  });

  it('makes no call for a caller who has ended', async () => {
    expect(await failure(lab.get(lab.client, AbortSignal.abort()))).toMatchObject({ reason: 'Aborted' });
    expect(lab.server.requests).toEqual([]);
  });
});

describe('throttling', () => {
  it('comes back when the server says when, with the same body', async () => {
    lab.handle = (request, response) => {
      const [first, second] = [throttled(429, '0'), throttled(503, '0')];
      ([first, second][lab.server.requests.length - 1] ?? ok)(request, response);
    };
    await expect(lab.client.request({ method: 'POST', path: '/things', body: { a: 1 } })).resolves.toEqual({
      fine: true,
    });
    expect(lab.server.requests.map(({ body }) => body)).toEqual(['{"a":1}', '{"a":1}', '{"a":1}']);
  });

  it('comes back twice at most', async () => {
    lab.handle = throttled(429, '0');
    expect(await failure(lab.get())).toMatchObject({ status: 429, retryAfterSeconds: 0, retryable: true });
    expect(lab.server.requests).toHaveLength(3);
  });

  it('leaves it to the caller when the wait goes beyond the deadline', async () => {
    lab.handle = throttled(503, '3600');
    expect(await failure(lab.get())).toMatchObject({ status: 503, retryAfterSeconds: 3600 });
    expect(lab.server.requests).toHaveLength(1);
  });

  it('does not come back unasked', async () => {
    lab.handle = (_request, response) => answerStatus(response, 503, 'ServiceUnavailable');
    await failure(lab.get());
    expect(lab.server.requests).toHaveLength(1);
  });

  it('can be stopped while it waits', async () => {
    const controller = new AbortController();
    lab.handle = (request, response) => {
      response.on('close', () => controller.abort());
      throttled(429, '5')(request, response);
    };
    expect(await failure(lab.get(lab.client, controller.signal))).toMatchObject({ reason: 'Aborted' });
    expect(lab.server.requests).toHaveLength(1);
  });
});

describe('connections', () => {
  it('serves many calls with few connections', async () => {
    await Promise.all(Array.from({ length: 300 }, () => lab.get()));
    expect(lab.server.requests).toHaveLength(300);
    expect(lab.server.connections()).toBeLessThanOrEqual(8);
  });

  it('does not let open watches take connections from calls', async () => {
    const held: string[] = [];
    lab.handle = (request, response) => {
      if (request.path !== '/watch') return ok(request, response);
      held.push(request.path);
      response.writeHead(200).flushHeaders();
    };
    const controller = new AbortController();
    const open = () => lab.client.stream({ path: '/watch', query: {}, signal: controller.signal });
    await Promise.all(Array.from({ length: 20 }, open));
    await expect(lab.get()).resolves.toEqual({ fine: true });
    expect(held).toHaveLength(20);
    controller.abort();
  });

  it('keeps an open watch while certificates change, until it is closed', async () => {
    const caFile = join(lab.directory, 'ca.crt');
    await writeFile(caFile, lab.server.caPem);
    const rotating = lab.newClient(lab.server.kubeConfig(undefined, caFile));
    let watch: ServerResponse | undefined;
    lab.handle = (request, response) => {
      if (request.path !== '/watch') return ok(request, response);
      watch = startStream(response);
      watch.write('before');
    };
    // From before the first read: the clock must not jump back.
    vi.useFakeTimers({ toFake: ['performance'] });
    await lab.get(rotating);
    const chunks = await rotating.stream({ path: '/watch', query: {}, signal: new AbortController().signal });
    const iterator = chunks[Symbol.asyncIterator]();
    expect(String((await iterator.next()).value)).toBe('before');
    await writeFile(caFile, `${lab.server.caPem}\n`);
    vi.advanceTimersByTime(11_000);
    await lab.get(rotating);
    vi.useRealTimers();
    // The call's, the watch's, and one with the new certificates.
    expect(lab.server.connections()).toBe(3);
    watch?.write('after');
    expect(String((await iterator.next()).value)).toBe('after');
    await rotating.close();
    expect(await failure(iterator.next())).toMatchObject({ reason: 'ConnectionFailed' });
  });

  it('cuts what is running when it is closed', async () => {
    lab.handle = () => void lab.client.close();
    expect(await failure(lab.get())).toMatchObject({ reason: 'ConnectionFailed' });
    expect(await failure(lab.get())).toMatchObject({
      reason: 'ConnectionFailed',
      cause: new Error('the client is closed'),
    });
    expect(lab.server.requests).toHaveLength(1);
  });
});

describe('observation', () => {
  it('tells every exchange by what it is about, not by its names', async () => {
    const seen: ObservedExchange[] = [];
    const observed = lab.newClient(undefined, undefined, { onExchange: (exchange) => seen.push(exchange) });
    lab.handle = (request, response) =>
      (lab.server.requests.length === 1 ? throttled(429, '0') : request.path === '/cut' ? cut : ok)(request, response);
    const namespaced = '/apis/example.com/v1/namespaces/edge/widgets';
    await lab.get(observed);
    await observed.request({ method: 'GET', path: `${namespaced}/one` });
    await observed.request({
      method: 'PATCH',
      path: `${namespaced}/one/status`,
      contentType: 'application/apply-patch+yaml',
      body: {},
    });
    await observed.request({ method: 'DELETE', path: '/api/v1/namespaces/edge' });
    await failure(observed.request({ method: 'POST', path: '/cut', body: {} }));
    await observed.stream({ path: namespaced, query: { watch: 'true' }, signal: new AbortController().signal });
    expect(seen.map((each) => [each.verb, each.group, each.resource, each.status])).toEqual([
      ['list', '', 'secrets', 429],
      ['list', '', 'secrets', 200],
      ['get', 'example.com', 'widgets', 200],
      ['apply', 'example.com', 'widgets/status', 200],
      ['delete', '', 'namespaces', 200],
      ['create', '', '', 0],
      ['watch', 'example.com', 'widgets', 200],
    ]);
    expect(seen.every(({ durationMs }) => durationMs > 0)).toBe(true);
  });
});

const refuse = () => {
  throw new RangeError('not any more');
};

describe('the fence before writes', () => {
  it('stops every attempt of a write, and no read', async () => {
    const fenced = lab.newClient(undefined, undefined, { beforeWrite: refuse });
    await expect(lab.get(fenced)).resolves.toEqual({ fine: true });
    await expect(fenced.request({ method: 'POST', path: '/things', body: {} })).rejects.toThrow(RangeError);
    expect(lab.server.requests.map(({ method }) => method)).toEqual(['GET']);
  });

  it('is asked when the connection is there, after all waiting', async () => {
    const held: (() => void)[] = [];
    let mayWrite = true;
    const fenced = lab.newClient(undefined, undefined, {
      beforeWrite: () => {
        if (!mayWrite) refuse();
      },
    });
    lab.handle = (request, response) => held.push(() => ok(request, response));
    const write = () => fenced.request({ method: 'POST', path: '/things', body: {} });
    const sent = Array.from({ length: 8 }, write);
    await vi.waitFor(() => expect(held).toHaveLength(8), { timeout: 10_000, interval: 5 });
    const waiting = write();
    mayWrite = false;
    for (const answerNow of held) answerNow();
    await expect(waiting).rejects.toThrow(RangeError);
    await Promise.all(sent);
    expect(lab.server.requests).toHaveLength(8);
  });
});

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createKubeClient, type KubeClient, type KubeClientOptions, type ObservedExchange } from './client.ts';
import type { ExecPlugin } from './kubeconfig.ts';
import { KubeError } from './kube-error.ts';
import {
  answer,
  answerStatus,
  reset,
  startFaultServer,
  startStream,
  status,
  type FaultServer,
  type Handler,
} from './testing/fault-server.ts';

const settings = { userAgent: 'kube-test', requestTimeoutMs: 10_000 };
const ok: Handler = (_request, response) => answer(response, 200, { fine: true });

let handle: Handler;
let server: FaultServer;
let client: KubeClient;
let directory: string;
const clients: KubeClient[] = [];

beforeEach(async () => {
  handle = ok;
  directory = await mkdtemp(join(tmpdir(), 'kube-client-'));
  server = await startFaultServer((request, response) => handle(request, response));
  client = newClient();
});

afterEach(async () => {
  await Promise.all(clients.splice(0).map((each) => each.close()));
  await server.stop();
  await rm(directory, { recursive: true });
});

function newClient(
  kubeConfig = server.kubeConfig(),
  requestTimeoutMs = settings.requestTimeoutMs,
  more: Partial<KubeClientOptions> = {},
): KubeClient {
  const created = createKubeClient(kubeConfig, { ...settings, requestTimeoutMs, ...more });
  clients.push(created);
  return created;
}

const get = (from = client, signal?: AbortSignal) => from.request({ method: 'GET', path: '/api/v1/secrets', signal });

async function failure(call: Promise<unknown>): Promise<KubeError> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof KubeError)) throw new Error('not a KubeError', { cause: error });
  return error;
}

const cut: Handler = (_request, response) => reset(response);

const plugin = (script: string, more: Partial<ExecPlugin> = {}): ExecPlugin => ({
  apiVersion: 'client.authentication.k8s.io/v1',
  command: process.execPath,
  args: ['-e', script],
  env: {},
  provideClusterInfo: false,
  installHint: undefined,
  ...more,
});

const throttled =
  (code: number, seconds: string): Handler =>
  (_request, response) =>
    answerStatus(response, code, 'TooManyRequests', { 'retry-after': seconds });

const acceptOnly =
  (token: () => string): Handler =>
  (request, response) =>
    request.headers.authorization === `Bearer ${token()}`
      ? ok(request, response)
      : answerStatus(response, 401, 'Unauthorized');
const tokenFile = () => join(directory, 'token');
const withTokenFile = () => newClient(server.kubeConfig({ token: { file: tokenFile() } }));

describe('errors', () => {
  it('gives the explanation of the API server, and nothing else of the answer', async () => {
    handle = (_request, response) =>
      answer(response, 404, { ...status(404, 'NotFound'), extra: 'body-secret' }, { 'x-extra': 'header-secret' });
    const error = await failure(get());
    expect(error).toMatchObject({ status: 404, reason: 'NotFound', retryable: false });
    expect(error.message).toBe('GET /api/v1/secrets: NotFound for a test');
    expect(inspect(error, { depth: Infinity, showHidden: true })).not.toMatch(/body-secret|header-secret|test-token/);
  });

  it('does without an explanation when a proxy answers', async () => {
    handle = (_request, response) => response.writeHead(502).end('<html>page-of-a-proxy</html>');
    const error = await failure(get());
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
    handle = (_request, response) => answerStatus(response, code, 'Some');
    expect(await failure(get())).toMatchObject({ status: code, retryable });
  });

  it('reports a reset', async () => {
    handle = (_request, response) => reset(response);
    expect(await failure(get())).toMatchObject({ status: 0, reason: 'ConnectionFailed', retryable: true });
  });

  it('reports an answer that was cut off', async () => {
    handle = (_request, response) => {
      response.writeHead(200, { 'content-length': 100 }).write('{"token":"half-a-sec');
      response.socket?.destroySoon();
    };
    const error = await failure(get());
    expect(error).toMatchObject({ status: 0, reason: 'ConnectionFailed', retryable: true });
    expect(inspect(error, { depth: Infinity })).not.toContain('half-a-sec');
  });

  it('reports JSON that is not complete, without quoting it', async () => {
    handle = (_request, response) => response.writeHead(200).end('half-a-secret');
    const error = await failure(get());
    expect(error).toMatchObject({ status: 0, reason: 'InvalidAnswer', retryable: true });
    expect(inspect(error, { depth: Infinity })).not.toContain('half-a-sec');
  });

  it('reports a server that is not there', async () => {
    const kubeConfig = server.kubeConfig();
    await server.stop();
    const error = await failure(get(newClient(kubeConfig)));
    server = await startFaultServer(ok);
    expect(error).toMatchObject({ status: 0, reason: 'ConnectionFailed', retryable: true });
  });
});

describe('deadline and signal', () => {
  it('ends a call that is never answered', async () => {
    handle = () => {};
    expect(await failure(get(newClient(undefined, 100)))).toMatchObject({ reason: 'RequestTimeout', retryable: true });
  });

  it('ends a call whose answer never ends', async () => {
    handle = (_request, response) => response.writeHead(200).write('{');
    expect(await failure(get(newClient(undefined, 100)))).toMatchObject({ reason: 'RequestTimeout', retryable: true });
  });

  it('ends a call when its caller does', async () => {
    const controller = new AbortController();
    handle = () => controller.abort(new Error('enough'));
    const error = await failure(get(client, controller.signal));
    expect(error).toMatchObject({ reason: 'Aborted', retryable: false, cause: new Error('enough') });
  });

  it('makes no call for a caller who has ended', async () => {
    expect(await failure(get(client, AbortSignal.abort()))).toMatchObject({ reason: 'Aborted' });
    expect(server.requests).toEqual([]);
  });
});

describe('throttling', () => {
  it('comes back when the server says when, with the same body', async () => {
    handle = (request, response) => {
      const [first, second] = [throttled(429, '0'), throttled(503, '0')];
      ([first, second][server.requests.length - 1] ?? ok)(request, response);
    };
    await expect(client.request({ method: 'POST', path: '/things', body: { a: 1 } })).resolves.toEqual({ fine: true });
    expect(server.requests.map(({ body }) => body)).toEqual(['{"a":1}', '{"a":1}', '{"a":1}']);
  });

  it('comes back twice at most', async () => {
    handle = throttled(429, '0');
    expect(await failure(get())).toMatchObject({ status: 429, retryAfterSeconds: 0, retryable: true });
    expect(server.requests).toHaveLength(3);
  });

  it('leaves it to the caller when the wait goes beyond the deadline', async () => {
    handle = throttled(503, '3600');
    expect(await failure(get())).toMatchObject({ status: 503, retryAfterSeconds: 3600 });
    expect(server.requests).toHaveLength(1);
  });

  it('does not come back unasked', async () => {
    handle = (_request, response) => answerStatus(response, 503, 'ServiceUnavailable');
    await failure(get());
    expect(server.requests).toHaveLength(1);
  });

  it('can be stopped while it waits', async () => {
    const controller = new AbortController();
    handle = (request, response) => {
      response.on('close', () => controller.abort());
      throttled(429, '5')(request, response);
    };
    expect(await failure(get(client, controller.signal))).toMatchObject({ reason: 'Aborted' });
    expect(server.requests).toHaveLength(1);
  });
});

describe('credentials', () => {
  it('sends token, user agent and nothing that asks for another format', async () => {
    await get();
    expect(server.requests[0]?.headers).toMatchObject({
      authorization: 'Bearer test-token',
      'user-agent': 'kube-test',
      accept: 'application/json',
    });
  });

  it('survives a token file that is replaced under load', async () => {
    let valid = 'first';
    handle = acceptOnly(() => valid);
    await writeFile(tokenFile(), 'first\n');
    const rotating = withTokenFile();
    const call = () => get(rotating);
    await Promise.all(Array.from({ length: 20 }, call));
    await writeFile(tokenFile(), 'second\n');
    const underLoad = Array.from({ length: 100 }, call);
    valid = 'second';
    await expect(Promise.all(underLoad)).resolves.toHaveLength(100);
    expect(server.requests.some(({ headers }) => headers.authorization === 'Bearer second')).toBe(true);
  });

  it('asks once more, not for ever, when credentials are refused', async () => {
    handle = acceptOnly(() => 'another');
    expect(await failure(get())).toMatchObject({ status: 401, retryable: false });
    expect(server.requests).toHaveLength(2);
  });

  it('asks an authentication plugin, tells it of the cluster, and asks again when its token has expired', async () => {
    const script = `
      const { spec: { cluster, interactive } } = JSON.parse(process.env.KUBERNETES_EXEC_INFO);
      const calls = require('node:fs').appendFileSync(process.argv[1], '.') ?? require('node:fs').readFileSync(process.argv[1]).length;
      const token = [process.env.GREETING, interactive, cluster.server.startsWith('https'), calls].join(' ');
      const expirationTimestamp = new Date(calls === 1 ? 0 : Date.now() + 3600_000).toISOString();
      console.log(JSON.stringify({ kind: 'ExecCredential', status: { token, expirationTimestamp } }));`;
    vi.useFakeTimers({ toFake: ['performance'] });
    try {
      const exec = plugin(script, { args: ['-e', script, join(directory, 'calls')], env: { GREETING: 'hello' } });
      const asking = newClient(server.kubeConfig({ exec: { ...exec, provideClusterInfo: true } }));
      for (let call = 0; call < 4; call++) {
        await get(asking);
        vi.advanceTimersByTime(11_000);
      }
    } finally {
      vi.useRealTimers();
    }
    expect(server.requests.map(({ headers }) => headers.authorization)).toEqual([
      'Bearer hello false true 1',
      'Bearer hello false true 2',
      'Bearer hello false true 2',
      'Bearer hello false true 2',
    ]);
  });

  it('does not show what an authentication plugin printed', async () => {
    const exec = plugin('console.log("plugin-secret"); console.error("plugin-secret"); process.exitCode = 3');
    const error = await failure(get(newClient(server.kubeConfig({ exec }))));
    expect(error.message).toContain('failed (3)');
    expect(error).toMatchObject({ reason: 'CredentialsUnavailable' });
    expect(inspect(error, { depth: Infinity, showHidden: true })).not.toContain('plugin-secret');
  });

  it('names a credentials file that is missing', async () => {
    const error = await failure(get(withTokenFile()));
    expect(error).toMatchObject({ reason: 'CredentialsUnavailable', retryable: true });
    expect(error.message).toContain(tokenFile());
  });

  it('ends at the deadline when an authentication plugin hangs', async () => {
    const exec = plugin('setTimeout(() => {}, 2000)');
    const error = await failure(get(newClient(server.kubeConfig({ exec }), 100)));
    expect(error).toMatchObject({ reason: 'RequestTimeout' });
  });

  it('says how to install a plugin that is not there', async () => {
    const exec = { ...plugin(''), command: join(directory, 'nowhere'), installHint: 'Install it so.' };
    const error = await failure(get(newClient(server.kubeConfig({ exec }))));
    expect(error).toMatchObject({ reason: 'CredentialsUnavailable', retryable: true });
    expect(error.message).toMatch(/nowhere is not there\. Install it so\.$/);
  });

  it('reads a token file again after a while, and not for every call', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    try {
      await writeFile(tokenFile(), 'first');
      const rotating = withTokenFile();
      await get(rotating);
      await writeFile(tokenFile(), 'second');
      await get(rotating);
      vi.advanceTimersByTime(11_000);
      await get(rotating);
    } finally {
      vi.useRealTimers();
    }
    const tokens = server.requests.map(({ headers }) => headers.authorization);
    expect(tokens).toEqual(['Bearer first', 'Bearer first', 'Bearer second']);
  });

  it('trusts a certificate authority that is replaced', async () => {
    const caFile = join(directory, 'ca.crt');
    await writeFile(caFile, '');
    const rotating = newClient(server.kubeConfig(undefined, caFile));
    expect(await failure(get(rotating))).toMatchObject({ reason: 'ConnectionFailed' });
    await writeFile(caFile, server.caPem);
    await expect(get(rotating)).resolves.toEqual({ fine: true });
  });

  it('refuses to send a token in the clear', () => {
    expect(() => newClient({ ...server.kubeConfig(), server: 'http://127.0.0.1:1' })).toThrow(/not https/);
    expect(() => newClient({ ...server.kubeConfig(), proxyUrl: 'socks5://127.0.0.1:1' })).toThrow(/proxies/);
  });
});

describe('connections', () => {
  it('serves many calls with few connections', async () => {
    await Promise.all(Array.from({ length: 300 }, () => get()));
    expect(server.requests).toHaveLength(300);
    expect(server.connections()).toBeLessThanOrEqual(8);
  });

  it('does not let open watches take connections from calls', async () => {
    const held: string[] = [];
    handle = (request, response) => {
      if (request.path !== '/watch') return ok(request, response);
      held.push(request.path);
      response.writeHead(200).flushHeaders();
    };
    const controller = new AbortController();
    const open = () => client.stream({ path: '/watch', query: {}, signal: controller.signal });
    await Promise.all(Array.from({ length: 20 }, open));
    await expect(get()).resolves.toEqual({ fine: true });
    expect(held).toHaveLength(20);
    controller.abort();
  });

  it('keeps an open watch while certificates change, until it is closed', async () => {
    const caFile = join(directory, 'ca.crt');
    await writeFile(caFile, server.caPem);
    const rotating = newClient(server.kubeConfig(undefined, caFile));
    let watch: ServerResponse | undefined;
    handle = (request, response) => {
      if (request.path !== '/watch') return ok(request, response);
      watch = startStream(response);
      watch.write('before');
    };
    const chunks = await rotating.stream({ path: '/watch', query: {}, signal: new AbortController().signal });
    const iterator = chunks[Symbol.asyncIterator]();
    expect(String((await iterator.next()).value)).toBe('before');
    await writeFile(caFile, `${server.caPem}\n`);
    vi.useFakeTimers({ toFake: ['performance'] });
    vi.advanceTimersByTime(11_000);
    await get(rotating).finally(() => vi.useRealTimers());
    expect(server.connections()).toBe(2);
    watch?.write('after');
    expect(String((await iterator.next()).value)).toBe('after');
    await rotating.close();
    expect(await failure(iterator.next())).toMatchObject({ reason: 'ConnectionFailed' });
  });

  it('cuts what is running when it is closed', async () => {
    handle = () => void client.close();
    expect(await failure(get())).toMatchObject({ reason: 'ConnectionFailed' });
    expect(await failure(get())).toMatchObject({
      reason: 'ConnectionFailed',
      cause: new Error('the client is closed'),
    });
    expect(server.requests).toHaveLength(1);
  });
});

describe('observation', () => {
  it('tells every exchange by what it is about, not by its names', async () => {
    const seen: ObservedExchange[] = [];
    const observed = newClient(undefined, undefined, { onExchange: (exchange) => seen.push(exchange) });
    handle = (request, response) =>
      (server.requests.length === 1 ? throttled(429, '0') : request.path === '/cut' ? cut : ok)(request, response);
    const namespaced = '/apis/example.com/v1/namespaces/edge/widgets';
    await get(observed);
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
    const fenced = newClient(undefined, undefined, { beforeWrite: refuse });
    await expect(get(fenced)).resolves.toEqual({ fine: true });
    await expect(fenced.request({ method: 'POST', path: '/things', body: {} })).rejects.toThrow(RangeError);
    expect(server.requests.map(({ method }) => method)).toEqual(['GET']);
  });

  it('is asked when the connection is there, after all waiting', async () => {
    const held: (() => void)[] = [];
    let mayWrite = true;
    const fenced = newClient(undefined, undefined, {
      beforeWrite: () => {
        if (!mayWrite) refuse();
      },
    });
    handle = (request, response) => held.push(() => ok(request, response));
    const write = () => fenced.request({ method: 'POST', path: '/things', body: {} });
    const sent = Array.from({ length: 8 }, write);
    await vi.waitFor(() => expect(held).toHaveLength(8), { timeout: 10_000, interval: 5 });
    const waiting = write();
    mayWrite = false;
    for (const answerNow of held) answerNow();
    await expect(waiting).rejects.toThrow(RangeError);
    await Promise.all(sent);
    expect(server.requests).toHaveLength(8);
  });
});

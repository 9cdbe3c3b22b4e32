import { connect } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { startServer, type Check, type Server } from './server.ts';

let server: Server | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

async function given(checks: { healthz?: Record<string, Check>; readyz?: Record<string, Check> } = {}) {
  const errors: unknown[] = [];
  let failure: Error | undefined;
  server = await startServer({
    address: '127.0.0.1',
    port: 0,
    metrics: async () => {
      if (failure !== undefined) throw failure;
      return { contentType: 'text/plain; version=0.0.4', text: 'up 1\n' };
    },
    healthz: {},
    readyz: {},
    ...checks,
    onError: (error) => errors.push(error),
  });
  const base = `http://127.0.0.1:${server.port}`;
  const get = async (path: string, method = 'GET') => {
    const response = await fetch(base + path, { method });
    return { status: response.status, type: response.headers.get('content-type'), text: await response.text() };
  };
  return { get, errors, failMetrics: (error: Error) => void (failure = error) };
}

it('serves metrics', async () => {
  const { get } = await given();
  expect(await get('/metrics')).toEqual({ status: 200, type: 'text/plain; version=0.0.4', text: 'up 1\n' });
});

it('answers probes as Kubernetes does', async () => {
  let stale: string | undefined;
  const { get } = await given({ healthz: { watch: () => stale }, readyz: { synced: () => 'not yet' } });
  expect(await get('/healthz')).toMatchObject({ status: 200, text: 'ok' });
  expect(await get('/healthz?verbose')).toMatchObject({ status: 200, text: '[+]watch ok\nhealthz check passed\n' });
  expect(await get('/readyz')).toMatchObject({ status: 503, text: '[-]synced failed: not yet\nreadyz check failed\n' });
  stale = 'nothing heard for 9 minutes';
  expect((await get('/healthz')).status).toBe(503);
});

it('refuses other paths and methods', async () => {
  const { get } = await given();
  expect((await get('/')).status).toBe(404);
  expect((await get('/metrics', 'POST')).status).toBe(405);
});

it('outlives a failed collection', async () => {
  const { get, errors, failMetrics } = await given();
  failMetrics(new Error('collecting failed'));
  expect((await get('/metrics')).status).toBe(500);
  expect(errors).toMatchObject([{ message: 'collecting failed' }]);
  expect((await get('/healthz')).status).toBe(200);
});

it('says when it cannot listen, and closes with connections open', async () => {
  await given();
  const port = server?.port ?? 0;
  const socket = connect(port, '127.0.0.1');
  await new Promise((resolve) => socket.once('connect', resolve));
  const taken = startServer({
    address: '127.0.0.1',
    port,
    metrics: () => Promise.reject(new Error('not used')),
    healthz: {},
    readyz: {},
    onError: () => {},
  });
  await expect(taken).rejects.toMatchObject({ code: 'EADDRINUSE' });
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.on('error', () => {});
  await server?.close();
  server = undefined;
  await closed;
});

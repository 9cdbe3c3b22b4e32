import { createServer, type Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { createKubeClient } from './client.ts';
import { answer, startFaultServer } from './testing/fault-server.ts';

const settings = { userAgent: 'transport-test', requestTimeoutMs: 10_000 };
const stops: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const stop of stops.splice(0).toReversed()) await stop();
});

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stops.push(
    () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return `http://127.0.0.1:${address.port}`;
}

it('goes through the proxy of the kubeconfig', async () => {
  const server = await startFaultServer((_request, response) => answer(response, 200, { fine: true }));
  stops.push(() => server.stop());
  const asked: string[] = [];
  const tunnels: Socket[] = [];
  const proxy = createServer().on('connect', (request, incoming: Socket) => {
    asked.push(request.url ?? '');
    const outgoing = connect(Number(new URL(server.url).port), '127.0.0.1', () => {
      incoming.write('HTTP/1.1 200 Connection established\r\n\r\n');
      incoming.pipe(outgoing).pipe(incoming);
    });
    for (const socket of [incoming, outgoing]) {
      tunnels.push(socket);
      socket.on('error', () => {});
    }
  });
  const proxyUrl = await listen(proxy);
  stops.push(() => {
    for (const socket of tunnels) socket.destroy();
    return Promise.resolve();
  });
  const client = createKubeClient({ ...server.kubeConfig(), proxyUrl }, settings);
  stops.push(() => client.close());
  await expect(client.request({ method: 'GET', path: '/version' })).resolves.toEqual({ fine: true });
  expect(asked).toEqual([new URL(server.url).host]);
});

it('talks to a server without TLS when told that nothing is verified, under the path that the server has', async () => {
  const paths: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    paths.push(request.url);
    response.end('{"fine":true}');
  });
  const url = await listen(server);
  const client = createKubeClient(
    { server: `${url}/clusters/one/`, insecureSkipTlsVerify: true, namespace: 'default', user: {} },
    settings,
  );
  stops.push(() => client.close());
  await expect(client.request({ method: 'GET', path: '/version' })).resolves.toEqual({ fine: true });
  expect(paths).toEqual(['/clusters/one/version']);
});

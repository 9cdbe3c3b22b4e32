import { createServer as createHttpsServer } from 'node:https';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { createCertificateAuthority } from '../../test/controlplane/certificates.ts';
import { createRequestBudget } from './budget.ts';
import { cloudEndpoints } from './clouds.ts';
import { AzureError } from './errors.ts';
import { createResourceManager } from './resource-manager.ts';

const authority = await createCertificateAuthority('fenced agent');
const { certificatePem: cert, privateKeyPem: key } = await authority.issueServer([{ type: 'ip', value: '127.0.0.1' }]);
const { signal } = new AbortController();
const stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).toReversed()) await stop();
});

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stops.push(() => new Promise((resolve) => server.close(resolve)));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return address.port;
}

/** A Resource Manager whose TLS handshakes end when they are let. */
async function given(beforeWrite: () => void) {
  const requests: string[] = [];
  const handshake = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const azure = createHttpsServer({ cert, key }, (request, response) => {
    requests.push(request.method ?? '');
    response.end('{}');
  });
  stops.push(async () => azure.closeAllConnections());
  const azurePort = await listen(azure);
  const tunnels: Socket[] = [];
  const gate = createServer((client) => {
    const server = connect(azurePort, '127.0.0.1');
    tunnels.push(client);
    const pass = async () => {
      await handshake.promise;
      server.pipe(client);
    };
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      one.on('error', () => other.destroy()).on('close', () => other.destroy());
    }
    client.once('data', () => begun.resolve()).pipe(server);
    void pass();
  });
  const origin = `https://127.0.0.1:${await listen(gate)}`;
  stops.push(async () => tunnels.forEach((socket) => socket.destroy()));
  const manager = (ca: string) =>
    createResourceManager({
      credential: { getToken: () => Promise.resolve({ token: 'token', expiresOnTimestamp: Date.now() + 3_600_000 }) },
      subscriptionId: 'subscription',
      endpoints: cloudEndpoints('AzureCloud', { resourceManager: origin, login: origin, graph: origin }),
      certificateAuthorities: [ca],
      budgets: {
        ofSubscription: createRequestBudget(() => Date.now()),
        ofPrincipal: createRequestBudget(() => Date.now()),
      },
      userAgent: 'test',
      beforeWrite,
      onExchange: () => {},
    });
  const send = (method: 'GET' | 'PUT', arm = manager(authority.certificatePem)) =>
    arm.send({ method, path: '/subscriptions/subscription/resourcegroups/a', apiVersion: '2022-09-01', signal });
  return { requests, begun: begun.promise, letThrough: () => handshake.resolve(), send, manager };
}

const failure = async (call: Promise<unknown>): Promise<AzureError> => {
  const error: unknown = await call.then(
    () => new Error('it succeeded'),
    (reason: unknown) => reason,
  );
  if (error instanceof AzureError) return error;
  throw error;
};

test('a write whose connection was being made when writing was over is not sent; a read is', async () => {
  const over = new Error('leadership is lost');
  let isOver = false;
  const { requests, begun, letThrough, send } = await given(() => {
    if (isOver) throw over;
  });
  const writing = failure(send('PUT'));
  const reading = send('GET');
  await begun;
  isOver = true;
  letThrough();
  expect((await writing).cause).toBe(over);
  await expect(reading).resolves.toMatchObject({ status: 200 });
  expect(requests).toEqual(['GET']);
});

test('a write on a connection that is there is sent, and once', async () => {
  const { requests, letThrough, send, manager } = await given(() => {});
  letThrough();
  const arm = manager(authority.certificatePem);
  await send('PUT', arm);
  await send('PUT', arm);
  expect(requests).toEqual(['PUT', 'PUT']);
});

test('a handshake that fails is the error of the request', async () => {
  const { requests, letThrough, send, manager } = await given(() => {});
  letThrough();
  const stranger = await createCertificateAuthority('stranger');
  const error = await failure(send('PUT', manager(stranger.certificatePem)));
  expect(error).toMatchObject({
    code: 'NoAnswer',
    outcomeUnknown: true,
    message: expect.stringMatching(/certificate|signature/),
  });
  expect(requests).toEqual([]);
});

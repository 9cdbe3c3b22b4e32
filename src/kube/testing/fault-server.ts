import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { Socket, type AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { TLSSocket } from 'node:tls';
import { createCertificateAuthority } from '../../../test/controlplane/certificates.ts';
import type { KubeConfig } from '../kubeconfig.ts';

// An HTTPS server for what a real API server does not do on demand: resets, truncation, silence, 410, 429, 500. It is not Kubernetes.

export interface SeenRequest {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: IncomingHttpHeaders;
  body: string;
  /** Common name of the client's certificate, if it is one of the authority that is asked for. */
  clientName: string | undefined;
}

export type Handler = (request: SeenRequest, response: ServerResponse) => void;

export interface FaultServer {
  url: string;
  caPem: string;
  requests: SeenRequest[];
  /** How many connections clients have opened so far. */
  connections(): number;
  kubeConfig(user?: KubeConfig['user'], caFile?: string): KubeConfig;
  stop(): Promise<void>;
}

const authority = await createCertificateAuthority('fault server');
const keyPair = await authority.issueServer([{ type: 'ip', value: '127.0.0.1' }]);

/** @param clientAuthority PEM; asks for certificates of it, and as an API server does leaves it to `handle` to refuse */
export async function startFaultServer(handle: Handler, clientAuthority?: string): Promise<FaultServer> {
  const requests: SeenRequest[] = [];
  let connections = 0;
  const tls = {
    cert: keyPair.certificatePem,
    key: keyPair.privateKeyPem,
    ...(clientAuthority !== undefined && { requestCert: true, rejectUnauthorized: false, ca: clientAuthority }),
  };
  const server = createServer(tls, (message, response) => {
    const url = new URL(message.url ?? '/', 'https://fault-server');
    const receive = async () => {
      const { method = '', headers } = message;
      const { socket } = message;
      const isKnown = socket instanceof TLSSocket && socket.authorized;
      const subject = isKnown ? socket.getPeerCertificate().subject : undefined;
      const request = {
        method,
        path: url.pathname,
        query: url.searchParams,
        headers,
        body: await text(message),
        clientName: subject?.CN?.toString(),
      };
      requests.push(request);
      handle(request, response);
    };
    void receive();
  });
  server.on('connection', (socket) => {
    if (!(socket instanceof Socket)) return;
    const key = connectionKey(socket);
    rawSockets.set(key, socket);
    socket.on('close', () => rawSockets.delete(key));
  });
  server.on('secureConnection', () => connections++);
  // A client that goes away, or refuses our certificate, is part of the tests.
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `https://127.0.0.1:${portOf(server.address())}`;
  const caPem = authority.certificatePem;
  return {
    url,
    caPem,
    requests,
    connections: () => connections,
    kubeConfig: (user = { token: { content: 'test-token' } }, caFile) => ({
      server: url,
      certificateAuthority: caFile === undefined ? { content: caPem } : { file: caFile },
      insecureSkipTlsVerify: false,
      namespace: 'default',
      user,
    }),
    async stop() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return address.port;
}

export function answer(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

export function answerStatus(
  response: ServerResponse,
  code: number,
  reason: string,
  headers: Record<string, string> = {},
): void {
  answer(response, code, status(code, reason), headers);
}

export const status = (code: number, reason: string) => ({
  kind: 'Status',
  apiVersion: 'v1',
  status: 'Failure',
  code,
  reason,
  message: `${reason} for a test`,
});

/** Under the TLS sockets, which cannot be reset. */
const rawSockets = new Map<string, Socket>();

const connectionKey = (socket: Socket) => `${socket.localPort}-${socket.remotePort}`;

/** Resets the TCP connection. */
export function reset(response: ServerResponse): void {
  if (response.socket !== null) rawSockets.get(connectionKey(response.socket))?.resetAndDestroy();
}

/** Starts the answer to a watch; events follow with `send`. */
export function startStream(response: ServerResponse): ServerResponse {
  response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders();
  return response;
}

export function send(response: ServerResponse, type: string, object: unknown): void {
  response.write(`${JSON.stringify({ type, object })}\n`);
}

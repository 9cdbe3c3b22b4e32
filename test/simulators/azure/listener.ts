import { createServer as createPlainServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Exchange, OnExchange } from '../shared/admin.ts';
import { knownRefusal } from './knownRefusals.ts';
import type { FaultEffect, Faults, Host } from './faults.ts';

export interface Request {
  readonly method: string;
  /** Path and query as sent. */
  readonly target: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON value, or text where it was not JSON, null where empty. */
  readonly body: unknown;
  readonly text: string;
}

export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON (also `null`); a string is sent as it is; undefined is an empty body. */
  readonly body?: unknown;
}

export interface ListenerOptions {
  readonly host: Host;
  /** Without one it speaks plain HTTP. */
  readonly certificate: { readonly certificatePem: string; readonly privateKeyPem: string } | undefined;
  readonly handle: (request: Request) => Promise<Reply> | Reply;
  /** Who is named in the log. */
  readonly principal: (request: Request) => string | null;
  readonly latencySeconds: () => number;
  readonly now: () => Date;
  readonly faults: Faults;
  readonly log: Exchange[];
  readonly onExchange: OnExchange | undefined;
}

export interface Listener {
  readonly url: string;
  readonly close: () => Promise<void>;
}

const jsonType = 'application/json; charset=utf-8';

/** One listener on a free loopback port: reads, applies faults and latency, answers, logs. */
export async function startListener(options: ListenerOptions): Promise<Listener> {
  const stopping = new AbortController();
  const pause = (seconds: number) =>
    seconds > 0 ? sleep(seconds * 1000, undefined, { signal: stopping.signal, ref: false }) : Promise.resolve();
  let base = '';

  const answer = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const request = await readRequest(incoming, base);
    const time = options.now().toISOString();
    const effect: FaultEffect | undefined = options.faults.take(
      options.host,
      request.method,
      request.target,
      request.text,
    );
    const record = async (status: number | null, headers: Readonly<Record<string, string>>, body: unknown) => {
      const exchange = {
        time,
        principal: options.principal(request),
        request: { method: request.method, url: request.url.href, headers: request.headers, body: request.body },
        response: { status, headers, body },
        ...(effect === undefined ? {} : { fault: true as const }),
      };
      options.log.push(exchange);
      await options.onExchange?.(exchange);
    };
    const cut = async () => {
      await record(null, {}, null);
      incoming.socket.destroy();
    };

    await pause(options.latencySeconds());
    if (effect !== undefined && 'delaySeconds' in effect) await pause(effect.delaySeconds);
    if (effect !== undefined && 'dropRequest' in effect) return cut();
    if (effect !== undefined && 'hang' in effect) {
      await record(null, {}, null);
      return undefined;
    }
    const reply = instead(effect, options.now()) ?? (await options.handle(request));
    if (effect !== undefined && 'dropResponse' in effect) return cut();

    const headers: Record<string, string> = { date: options.now().toUTCString(), ...reply.headers };
    const text = encode(reply.body);
    if (
      text !== '' &&
      request.method !== 'HEAD' &&
      headers['content-type'] === undefined &&
      typeof reply.body !== 'string'
    ) {
      headers['content-type'] = jsonType;
    }
    headers['content-length'] = String(request.method === 'HEAD' ? 0 : Buffer.byteLength(text));
    await record(reply.status, headers, reply.body ?? null);
    outgoing.sendDate = false;
    outgoing.writeHead(reply.status, headers).end(request.method === 'HEAD' ? undefined : text);
    return undefined;
  };

  const onRequest = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    answer(incoming, outgoing).catch((error: unknown) => {
      if (stopping.signal.aborted || outgoing.headersSent || incoming.socket.destroyed) return;
      // A defect of the simulator must not look like a behaviour of Azure.
      const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
      outgoing.writeHead(500, { 'content-type': 'text/plain' }).end(`the simulator failed: ${message}\n`);
    });
  };
  const { certificate } = options;
  const server =
    certificate === undefined
      ? createPlainServer(onRequest)
      : createServer({ cert: certificate.certificatePem, key: certificate.privateKeyPem }, onRequest);
  // Azure keeps idle connections for minutes; Node's 5 s would make nearly every request a new connection.
  server.keepAliveTimeout = 600_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error(`the ${options.host} listener has no port`);
  base = `${certificate === undefined ? 'http' : 'https'}://127.0.0.1:${address.port}`;
  return {
    url: base,
    close: () =>
      new Promise((resolve, reject) => {
        stopping.abort();
        server.close((error) => (error === undefined ? resolve() : reject(error)));
        server.closeAllConnections();
      }),
  };
}

/** The answer that a fault gives without anything being done. */
function instead(effect: FaultEffect | undefined, now: Date): Reply | undefined {
  if (effect === undefined) return undefined;
  if ('respond' in effect) return effect.respond;
  return 'refuse' in effect ? knownRefusal(effect.refuse, now) : undefined;
}

async function readRequest(incoming: IncomingMessage, base: string): Promise<Request> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(Buffer.from(chunk));
  const text = Buffer.concat(chunks).toString('utf8');
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(incoming.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  const target = incoming.url ?? '/';
  return {
    method: incoming.method ?? 'GET',
    target,
    // A target may begin with two slashes, which URL would take for a host.
    url: new URL(base + target),
    headers,
    body: decode(text),
    text,
  };
}

function decode(text: string): unknown {
  if (text === '') return null;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function encode(body: unknown): string {
  if (body === undefined) return '';
  return typeof body === 'string' ? body : JSON.stringify(body);
}

import type { KubeConfig } from '@kubernetes/client-node';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Dispatcher } from 'undici';
import { deadlineSignal, orAborted } from './deadline.ts';
import { errorFromStatus, invalidAnswer, KubeError } from './kube-error.ts';
import { createTransport } from './transport.ts';

export interface KubeRequest {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** From the API server's root, parts already encoded: `/api/v1/namespaces/default/secrets`. */
  path: string;
  /** Values that are undefined are left out. */
  query?: Record<string, string | undefined>;
  /** Sent as JSON. */
  body?: unknown;
  /** Default `application/json`. */
  contentType?: string;
  signal?: AbortSignal | undefined;
}

export interface KubeClient {
  /**
   * One call, finished within the client's deadline whatever happens. A 429 or 503 that says when to come back is repeated (at most
   * twice, if that fits into the deadline), a 401 once with credentials read anew; nothing else is repeated.
   * @returns the answer's JSON
   * @throws KubeError
   */
  request(request: KubeRequest): Promise<unknown>;
  /**
   * Opens a stream that lasts until the server ends it, the signal fires, or the consumer leaves its loop. Only the answer's start has
   * the client's deadline; the consumer watches over the rest.
   * @throws KubeError, also from the iteration
   */
  stream(request: {
    path: string;
    query: Record<string, string | undefined>;
    signal: AbortSignal;
  }): Promise<AsyncIterable<Uint8Array>>;
  /** Cuts what is running and closes all connections. */
  close(): Promise<void>;
}

const throttleRetries = 2;

/**
 * @param options.requestTimeoutMs deadline of a call with all its repetitions
 * @param options.beforeWrite called right before each attempt of a call that is no GET; what it throws is thrown instead
 */
export function createKubeClient(
  kubeConfig: KubeConfig,
  options: { userAgent: string; requestTimeoutMs: number; beforeWrite?: () => void },
): KubeClient {
  const transport = createTransport(kubeConfig);
  /** For watches on connections that the transport has given up. */
  const closed = new AbortController();

  /** One exchange, and a second one if the credentials were refused. */
  async function exchange(
    request: KubeRequest,
    signal: AbortSignal,
    kind: 'calls' | 'watches',
  ): Promise<Dispatcher.ResponseData> {
    for (let renewed = false; ; renewed = true) {
      closed.signal.throwIfAborted();
      const connection = await orAborted(transport.connection(), signal);
      if (request.method !== 'GET') options.beforeWrite?.();
      const response = await connection[kind].request({
        origin: connection.origin,
        path: connection.basePath + request.path + queryString(request.query),
        method: request.method,
        headers: {
          ...connection.headers,
          accept: 'application/json',
          'user-agent': options.userAgent,
          ...(request.body === undefined ? {} : { 'content-type': request.contentType ?? 'application/json' }),
        },
        body: request.body === undefined ? null : JSON.stringify(request.body),
        signal,
        headersTimeout: options.requestTimeoutMs,
        bodyTimeout: 0,
      });
      if (response.statusCode !== 401 || renewed) return response;
      await response.body.dump();
      transport.renewCredentials(connection.credentials);
    }
  }

  return {
    async request(request) {
      const call = `${request.method} ${request.path}`;
      const deadline = deadlineSignal(options.requestTimeoutMs, request.signal);
      const latest = performance.now() + options.requestTimeoutMs;
      try {
        for (let retries = 0; ; retries++) {
          const response = await exchange(request, deadline.signal, 'calls');
          if (isSuccess(response)) return parseJson(call, await response.body.text());
          const error = await errorFromResponse(call, response);
          const wait = (error.retryAfterSeconds ?? Infinity) * 1000;
          const throttled = error.status === 429 || error.status === 503;
          if (!throttled || retries === throttleRetries || performance.now() + wait > latest) throw error;
          await sleep(wait, undefined, { signal: deadline.signal });
        }
      } catch (error) {
        throw normalise(call, error, request.signal, deadline.signal);
      } finally {
        deadline.clear();
      }
    },

    async stream({ path, query, signal }) {
      const call = `GET ${path}`;
      try {
        const either = AbortSignal.any([signal, closed.signal]);
        const response = await exchange({ method: 'GET', path, query }, either, 'watches');
        if (!isSuccess(response)) throw await errorFromResponse(call, response);
        return chunks(call, response.body, signal);
      } catch (error) {
        throw normalise(call, error, signal);
      }
    },

    async close() {
      closed.abort(new Error('the client is closed'));
      await transport.close();
    },
  };
}

async function* chunks(call: string, body: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (error) {
    throw normalise(call, error, signal);
  }
}

const isSuccess = (response: Dispatcher.ResponseData) => response.statusCode >= 200 && response.statusCode < 300;

async function errorFromResponse(call: string, response: Dispatcher.ResponseData): Promise<KubeError> {
  const header = response.headers['retry-after'];
  const text = await response.body.text();
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    // A proxy's page, or "404 page not found": the status alone has to tell.
  }
  return errorFromStatus(call, response.statusCode, answer, typeof header === 'string' ? header : undefined);
}

function parseJson(call: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own error quotes the text, which may be a secret.
    throw invalidAnswer(`${call}: the answer is not complete JSON`, true);
  }
}

function normalise(call: string, error: unknown, caller: AbortSignal | undefined, deadline?: AbortSignal): KubeError {
  if (error instanceof KubeError) return error;
  const failed = (reason: string, message: string, retryable: boolean, cause: unknown) =>
    new KubeError({ status: 0, reason, message: `${call}: ${message}`, retryable, cause });
  if (caller?.aborted === true) return failed('Aborted', 'stopped by the caller', false, caller.reason);
  if (deadline?.aborted === true) return failed('RequestTimeout', 'no answer in time', true, deadline.reason);
  return failed('ConnectionFailed', error instanceof Error ? error.message : 'connection failed', true, error);
}

function queryString(query: Record<string, string | undefined> | undefined): string {
  const present = Object.entries(query ?? {}).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]));
  return present.length === 0 ? '' : `?${new URLSearchParams(present).toString()}`;
}

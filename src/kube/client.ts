import { setTimeout as sleep } from 'node:timers/promises';
import { deadlineSignal } from './deadline.ts';
import { errorFromStatus, invalidAnswer, KubeError } from './kube-error.ts';
import type { KubeConfig } from './kubeconfig.ts';
import { resourceOf, type RequestedResource } from './request-resource.ts';
import { createTransport, type Answer } from './transport.ts';

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
  /** Default `application/json`. */
  accept?: string;
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
    /** Default `application/json`. */
    accept?: string;
    signal: AbortSignal;
  }): Promise<AsyncIterable<Uint8Array>>;
  /** Cuts what is running and closes all connections. */
  close(): Promise<void>;
}

/** One exchange with the API server, for metrics: a call that is repeated is several. */
export interface ObservedExchange extends RequestedResource {
  /** HTTP method. */
  method: string;
  /** HTTP status; 0 when there was no answer. */
  status: number;
  /** Until the answer was there, of a watch until it began. */
  durationMs: number;
}

export interface KubeClientOptions {
  userAgent: string;
  /** Deadline of a call with all its repetitions. */
  requestTimeoutMs: number;
  /**
   * Called right before each attempt of a call that is no GET, when its connection is there; what it throws is thrown instead. For what
   * must not be sent any more, however long the call has waited.
   */
  beforeWrite?: () => void;
  /** Must not throw. */
  onExchange?: (exchange: ObservedExchange) => void;
}

const throttleRetries = 2;
const json = 'application/json';

/** @throws KubeError with reason `ConfigurationInvalid` */
export function createKubeClient(kubeConfig: KubeConfig, options: KubeClientOptions): KubeClient {
  const transport = createTransport(kubeConfig);
  /** For watches on connections that the transport has given up. */
  const closed = new AbortController();

  /** One exchange, and a second one if the credentials were refused. */
  async function exchange<T>(
    request: KubeRequest,
    signal: AbortSignal,
    kind: 'call' | 'watch',
    read: (answer: Answer) => T | Promise<T>,
    beforeSend?: () => void,
  ): Promise<T> {
    const { method, contentType = json, accept = json } = request;
    const path = request.path + queryString(request.query);
    const body = request.body === undefined ? undefined : JSON.stringify(request.body);
    const headers = {
      accept,
      'user-agent': options.userAgent,
      ...(body !== undefined && { 'content-type': contentType }),
    };
    for (let renewed = false; ; renewed = true) {
      closed.signal.throwIfAborted();
      const startedAt = performance.now();
      let status = 0;
      try {
        const answer = await transport.exchange({ method, path, headers, body, kind, signal, beforeSend });
        status = answer.status;
        if (answer.status !== 401 || renewed) return await read(answer);
        await textOf(answer);
        transport.renewCredentials(answer.credentials);
      } finally {
        options.onExchange?.({
          ...resourceOf(request, kind),
          method,
          status,
          durationMs: performance.now() - startedAt,
        });
      }
    }
  }

  return {
    async request(request) {
      const call = `${request.method} ${request.path}`;
      const deadline = deadlineSignal(options.requestTimeoutMs, request.signal, closed.signal);
      const latest = performance.now() + options.requestTimeoutMs;
      let refusal: { reason: unknown } | undefined;
      const mayWrite = () => {
        try {
          if (request.method !== 'GET') options.beforeWrite?.();
        } catch (reason) {
          refusal = { reason };
          throw reason;
        }
      };
      try {
        for (let retries = 0; ; retries++) {
          const { answer, text } = await exchange(request, deadline.signal, 'call', readWhole, mayWrite);
          if (isSuccess(answer)) return parseJson(call, text);
          const error = errorOf(call, answer, text);
          const wait = (error.retryAfterSeconds ?? Infinity) * 1000;
          const throttled = error.status === 429 || error.status === 503;
          if (!throttled || retries === throttleRetries || performance.now() + wait > latest) throw error;
          await sleep(wait, undefined, { signal: deadline.signal });
        }
      } catch (error) {
        if (refusal !== undefined) throw refusal.reason;
        throw normalise(call, error, request.signal, deadline.signal);
      } finally {
        deadline.clear();
      }
    },

    async stream({ path, query, accept, signal }) {
      const call = `GET ${path}`;
      const deadline = deadlineSignal(options.requestTimeoutMs);
      const either = AbortSignal.any([signal, closed.signal, deadline.signal]);
      try {
        const request: KubeRequest = { method: 'GET', path, query, ...(accept !== undefined && { accept }) };
        const answer = await exchange(request, either, 'watch', (started) => started);
        if (!isSuccess(answer)) throw errorOf(call, answer, await textOf(answer));
        return chunks(call, answer.body, signal);
      } catch (error) {
        throw normalise(call, error, signal, deadline.signal);
      } finally {
        deadline.clear();
      }
    },

    close() {
      closed.abort(new Error('the client is closed'));
      transport.close();
      return Promise.resolve();
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

const isSuccess = ({ status }: Answer) => status >= 200 && status < 300;

const readWhole = async (answer: Answer) => ({ answer, text: await textOf(answer) });

async function textOf({ body }: Answer): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of body) pieces.push(piece);
  return Buffer.concat(pieces).toString('utf8');
}

function errorOf(call: string, { status, headers }: Answer, text: string): KubeError {
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    // A proxy's page, or "404 page not found": the status alone has to tell.
  }
  return errorFromStatus(call, status, answer, headers['retry-after']);
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
  const reason: unknown = deadline?.aborted === true ? deadline.reason : error;
  if (reason instanceof DOMException && reason.name === 'TimeoutError')
    return failed('RequestTimeout', 'no answer in time', true, reason);
  return failed('ConnectionFailed', reason instanceof Error ? reason.message : 'connection failed', true, reason);
}

function queryString(query: Record<string, string | undefined> | undefined): string {
  const present = Object.entries(query ?? {}).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]));
  return present.length === 0 ? '' : `?${new URLSearchParams(present).toString()}`;
}

import {
  createPipelineRequest,
  type HttpClient,
  type HttpMethods,
  type Pipeline,
  type PipelinePolicy,
} from '@azure/core-rest-pipeline';
import { isQuery } from './budget.ts';
import { answerError, AzureError, toAzureError } from './errors.ts';
import { FencedAgent } from './fenced-agent.ts';

// How requests are sent to Azure, whichever of its services they are for: once, with a deadline, and each failure in one shape.

const requestTimeoutMs = 60_000;

export interface Answer {
  status: number;
  body: unknown;
  header(name: string): string | undefined;
}

/** One request, as JSON. @throws AzureError for anything that is no success */
export async function exchange(
  pipeline: Pipeline,
  httpClient: HttpClient,
  given: { method: HttpMethods; url: string; body: unknown; signal: AbortSignal },
): Promise<Answer> {
  const { method, url, body, signal } = given;
  const request = createPipelineRequest({ method, url, abortSignal: signal });
  if (body !== undefined) {
    request.headers.set('content-type', 'application/json');
    request.body = JSON.stringify(body);
  }
  request.headers.set('accept', 'application/json');
  const response = await pipeline.sendRequest(httpClient, request).catch((error: unknown) => {
    signal.throwIfAborted();
    throw toAzureError(error);
  });
  const header = (name: string) => response.headers.get(name);
  const text = response.bodyAsText ?? '';
  if (response.status >= 400) throw answerError({ status: response.status, bodyText: text, method, url, header });
  return { status: response.status, body: text === '' ? undefined : parseBody(text, response.status), header };
}

/**
 * At the last moments: a policy would be asked before a token is fetched, and once is too early where a connection has to be made first.
 * The connections of @azure's own agent, which it takes for a proxy, have only the first.
 */
export function guarded(
  httpClient: HttpClient,
  {
    beforeWrite,
    certificateAuthorities: ca,
  }: { beforeWrite: () => void; certificateAuthorities: string[] | undefined },
): HttpClient {
  const agent = new FencedAgent(ca === undefined ? {} : { ca }, beforeWrite);
  return {
    async sendRequest(request) {
      const writes = request.method !== 'GET' && request.method !== 'HEAD' && !isQuery(request.url);
      request.agent ??= agent;
      if (writes) beforeWrite();
      try {
        return await httpClient.sendRequest(request);
      } catch (error) {
        // The pipeline's own error says neither that it was refused on the connection, nor why.
        if (writes) beforeWrite();
        throw error;
      }
    },
  };
}

// A proxy may answer with a page of its own. The request may have been carried out.
function parseBody(text: string, status: number): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new AzureError({ code: 'UnexpectedAnswer', status, message: 'the answer is not JSON', outcomeUnknown: true });
  }
}

/** There is no default: a socket that hangs would hold a worker for ever. */
export const deadlinePolicy: PipelinePolicy = {
  name: 'deadlinePolicy',
  sendRequest(request, next) {
    request.timeout = request.timeout === 0 ? requestTimeoutMs : Math.min(request.timeout, requestTimeoutMs);
    return next(request);
  },
};

import type { TokenCredential } from '@azure/core-auth';
import {
  bearerTokenAuthenticationPolicy,
  createPipelineFromOptions,
  type HttpMethods,
} from '@azure/core-rest-pipeline';
import type { Static, TSchema } from 'typebox';
import { Value } from 'typebox/value';
import { budgetPolicy, type RequestBudget } from './budget.ts';
import type { CloudEndpoints } from './clouds.ts';
import { AzureError } from './errors.ts';
import { createHttpClient, type OnAzureExchange } from './http-client.ts';
import { deadlinePolicy, exchange, guarded } from './pipeline.ts';

export interface GraphAnswer {
  status: number;
  body: unknown;
}

/** Microsoft Graph (v1.0) for one principal. Its rights are application permissions, apart from roles in Resource Manager. */
export interface Graph {
  /** @throws AzureError */
  send(request: {
    method: HttpMethods;
    /** Below /v1.0, with a leading slash. */
    path: string;
    query?: Record<string, string>;
    body?: unknown;
    signal: AbortSignal;
  }): Promise<GraphAnswer>;
  /** Follows the URL of a list's next page. @throws AzureError */
  follow(url: string, signal: AbortSignal): Promise<GraphAnswer>;
}

export function createGraph(options: {
  credential: TokenCredential;
  endpoints: CloudEndpoints;
  certificateAuthorities: string[] | undefined;
  /** Of the principal in its tenant. */
  budget: RequestBudget;
  userAgent: string;
  /** Called right before a request that is no read is sent; what it throws is thrown instead. */
  beforeWrite: () => void;
  onExchange: OnAzureExchange;
}): Graph {
  const { credential, endpoints } = options;
  const httpClient = guarded(createHttpClient('graph', options.onExchange), options);
  const pipeline = createPipelineFromOptions({
    retryOptions: { maxRetries: 0 }, // a POST that makes a secret must not be sent twice; the work queue retries
    userAgentOptions: { userAgentPrefix: options.userAgent },
    ...(options.certificateAuthorities === undefined ? {} : { tlsOptions: { ca: options.certificateAuthorities } }),
  });
  pipeline.addPolicy(budgetPolicy(options.budget, options.budget));
  pipeline.addPolicy(deadlinePolicy);
  pipeline.addPolicy(bearerTokenAuthenticationPolicy({ credential, scopes: endpoints.graphScope }), { phase: 'Sign' });

  const ask = async (method: HttpMethods, url: string, body: unknown, signal: AbortSignal): Promise<GraphAnswer> => {
    const answer = await exchange(pipeline, httpClient, { method, url, body, signal });
    return { status: answer.status, body: answer.body };
  };

  return {
    send({ method, path, query, body, signal }) {
      const url = new URL(`${endpoints.graph}/v1.0${path}`);
      for (const [name, value] of Object.entries(query ?? {})) url.searchParams.set(name, value);
      return ask(method, url.href, body, signal);
    },
    follow(url, signal) {
      if (new URL(url).origin !== new URL(endpoints.graph).origin) {
        throw new Error('the URL of a next page must lead back to Microsoft Graph: it would receive a token');
      }
      return ask('GET', url, undefined, signal);
    },
  };
}

/** Nothing of what does not fit is told: it may hold a secret. What was asked for may have been done. @throws AzureError */
export function readAnswer<T extends TSchema>(schema: T, { status, body }: GraphAnswer): Static<T> {
  if (Value.Check(schema, body)) return body;
  throw new AzureError({
    code: 'UnexpectedAnswer',
    status,
    message: "Microsoft Graph's answer has not the shape that its API describes",
    outcomeUnknown: true,
  });
}

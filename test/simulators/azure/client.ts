import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { Agent, fetch } from 'undici';
import type { SimulatedAzure } from './azure.ts';

// A plain HTTP client for tests: sends anything, hides nothing.

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** Parsed JSON, else text. */
  readonly body: unknown;
  /** `error.code` of the body, or its `error` where that is text. */
  readonly code: string | undefined;
}

export interface Call {
  readonly token?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Client {
  readonly send: (method: string, url: string, call?: Call) => Promise<Answer>;
  /** An access token by secret; throws with the answer where there is none. */
  readonly token: (clientId: string, secret: string, scope?: string) => Promise<string>;
  readonly signIn: (form: Readonly<Record<string, string>>) => Promise<Answer>;
  readonly close: () => Promise<void>;
}

export const resourceManagerScope = 'https://management.azure.com/.default';
export const graphScope = 'https://graph.microsoft.com/.default';
export const billingScope = 'https://azurestackhci-usage.trafficmanager.net/.default';

const ErrorBody = Type.Object({ error: Type.Union([Type.String(), Type.Object({ code: Type.String() })]) });
const TokenBody = Type.Object({ access_token: Type.String() });

export function createClient(azure: SimulatedAzure): Client {
  const dispatcher = new Agent({ connect: { ca: azure.caPem } });
  const send: Client['send'] = async (method, url, call = {}) => {
    const response = await fetch(url, {
      method,
      dispatcher,
      headers: {
        ...(call.token === undefined ? {} : { authorization: `Bearer ${call.token}` }),
        ...(call.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...call.headers,
      },
      ...(call.body === undefined
        ? {}
        : { body: typeof call.body === 'string' ? call.body : JSON.stringify(call.body) }),
    });
    const text = await response.text();
    const isJson = text !== '' && response.headers.get('content-type')?.includes('json') === true;
    const body: unknown = isJson ? JSON.parse(text) : text;
    const error = Value.Check(ErrorBody, body) ? body.error : undefined;
    return {
      status: response.status,
      headers: new Headers([...response.headers]),
      body,
      code: typeof error === 'object' ? error.code : error,
    };
  };
  const signIn: Client['signIn'] = (form) =>
    send('POST', `${azure.login}/${azure.tenantId}/oauth2/v2.0/token`, {
      body: new URLSearchParams({ grant_type: 'client_credentials', scope: resourceManagerScope, ...form }).toString(),
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
  return {
    send,
    signIn,
    token: async (clientId, secret, scope = resourceManagerScope) => {
      const answer = await signIn({ client_id: clientId, client_secret: secret, scope });
      if (!Value.Check(TokenBody, answer.body)) throw new Error(`no token: ${JSON.stringify(answer.body)}`);
      return answer.body.access_token;
    },
    close: () => dispatcher.close(),
  };
}

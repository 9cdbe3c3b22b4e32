import { randomUUID } from 'node:crypto';
import { Type, type Static } from 'typebox';
import type { Reply } from './listener.ts';

// Refusals of real Azure that no state of ours leads to, word by word in their shape, for faults (`refuse`).

const gatewayHeaders = {
  'cache-control': 'no-cache',
  pragma: 'no-cache',
  expires: '-1',
  'strict-transport-security': 'max-age=31536000; includeSubDomains',
  'x-content-type-options': 'nosniff',
};

/** Some providers leave the charset out. */
const plainJson = { 'content-type': 'application/json' };

const subscription = '/subscriptions/00000000-0000-0000-0000-000000000000';
const resource = (name: string) =>
  `${subscription}/resourceGroups/hci001-rg/providers/Microsoft.AzureStackHCI/clusters/${name}`;

const armError = (
  status: number,
  error: { code: string; message: string; details?: readonly object[] },
  headers: Readonly<Record<string, string>> = {},
): Reply => ({ status, headers: { ...gatewayHeaders, ...headers }, body: { error } });

function signInError(now: Date, number: number, error: string, message: string): Reply {
  const [trace, correlation] = [randomUUID(), randomUUID()];
  const timestamp = `${now.toISOString().slice(0, 19).replace('T', ' ')}Z`;
  return {
    status: 400,
    headers: { 'cache-control': 'no-store, no-cache', pragma: 'no-cache' },
    body: {
      error,
      error_description: `AADSTS${number}: ${message} Trace ID: ${trace} Correlation ID: ${correlation} Timestamp: ${timestamp}`,
      error_codes: [number],
      timestamp,
      trace_id: trace,
      correlation_id: correlation,
      ...(number === 53003 ? { suberror: 'message_only' } : {}),
    },
  };
}

const refusals = {
  /** Recorded (errors/429-TooManyRequests): JSON, no Retry-After. */
  TooManyRequests: () =>
    armError(
      429,
      { code: 'TooManyRequests', message: 'Too many requests. Please try again after sometime.' },
      plainJson,
    ),
  /** Recorded (errors/429-RetryableError): with Retry-After, and it means that another operation runs. */
  RetryableError: () =>
    armError(
      429,
      {
        code: 'RetryableError',
        message: 'A retryable error occurred.',
        details: [
          {
            code: 'RetryableErrorDueToAnotherOperation',
            message: `Operation PutClusterOperation (dca9636f-2e58-4d3e-8b4c-7928c7eb0c9d) is updating resource ${resource('hci001')}. The call can be retried in 12 seconds.`,
          },
        ],
      },
      { 'retry-after': '12' },
    ),
  /** Recorded, the same code without Retry-After: something that it refers to is not ready. */
  ReferencedResourceNotProvisioned: () =>
    armError(429, {
      code: 'RetryableError',
      message: 'A retryable error occurred.',
      details: [
        {
          code: 'ReferencedResourceNotProvisioned',
          message: `Cannot proceed with operation because resource ${resource('hci001')} used by resource ${resource('hci002')} is not in Succeeded state. Resource is in Updating state and the last operation that updated/is updating the resource is PutClusterOperation.`,
        },
      ],
    }),
  /** Recorded (errors/429-NamespaceInTransition): no Retry-After. */
  NamespaceInTransition: () =>
    armError(
      429,
      {
        code: 'NamespaceInTransition',
        message:
          'The namespace hci001 in subscription 00000000-0000-0000-0000-000000000000 is in transitioning state, its current state is Updating.',
      },
      plainJson,
    ),
  /** Recorded elsewhere: plain text and no Retry-After. */
  GetOperationStatusLimit: (now: Date) => ({
    status: 429,
    headers: { ...gatewayHeaders, 'content-type': 'text/plain' },
    body: `You have reached the limit of allowed 'GetOperationStatus' API calls. Please retry after '${new Date(now.getTime() + 60_000).toISOString()}'.`,
  }),
  /** Recorded (errors/409-AnotherOperationInProgress). */
  AnotherOperationInProgress: () =>
    armError(409, {
      code: 'AnotherOperationInProgress',
      message: `Another operation on this or dependent resource is in progress. To retrieve status of the operation use uri: https://management.azure.com${subscription}/providers/Microsoft.AzureStackHCI/locations/eastus/operations/f57dca55-a161-4e92-89a4-f9565e7870d8?api-version=2020-11-01.`,
      details: [],
    }),
  /** Documented: Conditional Access for workload identities. */
  AADSTS53003: (now: Date) =>
    signInError(
      now,
      53003,
      'invalid_grant',
      'Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.',
    ),
  /** Documented: what is now told apart as 700211, 700212 and 700213. */
  AADSTS70021: (now: Date) =>
    signInError(
      now,
      70021,
      'invalid_request',
      'No matching federated identity record found for presented assertion. Check your federated identity credential Subject, Audience and Issuer against the presented assertion.',
    ),
  /** Documented: a transient error of Entra. */
  AADSTS90033: (now: Date) =>
    signInError(now, 90033, 'temporarily_unavailable', 'A transient error has occurred. Please try again.'),
} satisfies Record<string, (now: Date) => Reply>;

/** The name of one of them. */
export const KnownRefusal = Type.Enum(Object.keys(refusals));
export type KnownRefusal = Static<typeof KnownRefusal>;

export function knownRefusal(name: KnownRefusal, now: Date): Reply {
  const make = Object.entries(refusals).find(([known]) => known === name)?.[1];
  if (make === undefined) throw new Error(`there is no refusal ${name}`);
  return make(now);
}

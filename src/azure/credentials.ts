import {
  ClientAssertionCredential,
  ClientCertificateCredential,
  ClientSecretCredential,
  ManagedIdentityCredential,
} from '@azure/identity';
import type { AccessToken, GetTokenOptions, TokenCredential } from '@azure/core-auth';
import type { CloudEndpoints } from './clouds.ts';
import { createHttpClient, type OnAzureExchange } from './http-client.ts';

/** Where a principal signs in. */
export interface Authority {
  tenantId: string;
  endpoints: CloudEndpoints;
  /** Beside those that the platform trusts; PEM. */
  certificateAuthorities: string[] | undefined;
  onExchange: OnAzureExchange;
}

/** What is needed to sign in, with the secret material already read. */
export type SignIn =
  | { type: 'ClientSecret'; clientId: string; clientSecret: string }
  /** `pem` holds the certificate and its private key. */
  | { type: 'ClientCertificate'; clientId: string; pem: string }
  /** `getAssertion` returns a fresh ServiceAccount token for the audience api://AzureADTokenExchange. */
  | { type: 'WorkloadIdentity'; clientId: string; getAssertion: () => Promise<string> }
  | { type: 'ManagedIdentity'; clientId: string | undefined };

/**
 * A credential of @azure/identity that retries nothing by itself. Keep one for each principal and share it: it caches tokens, and a
 * new one starts cold. It does not notice a changed secret: make a new one.
 */
export function createCredential(signIn: SignIn, authority: Authority): TokenCredential {
  const credential = credentialOf(signIn, authority);
  return {
    getToken: (scopes, { abortSignal, ...request } = {}) => {
      const deadline = AbortSignal.timeout(tokenTimeoutMs);
      return orAborted(credential.getToken(scopes, request), abortSignal, deadline);
    },
  };
}

const tokenTimeoutMs = 30_000;

/** @azure/identity does not look at its abort signal: an endpoint that hangs would hold a worker for ever. */
function orAborted(
  token: Promise<AccessToken | null>,
  caller: GetTokenOptions['abortSignal'],
  deadline: AbortSignal,
): Promise<AccessToken | null> {
  return new Promise((resolve, reject) => {
    const cut = () => reject(new DOMException('the request for a token was cut off', 'AbortError'));
    const late = () => reject(new Error(`no token was issued within ${tokenTimeoutMs / 1000} s`));
    if (caller?.aborted === true) cut();
    caller?.addEventListener('abort', cut);
    deadline.addEventListener('abort', late);
    token.then(resolve, reject).finally(() => {
      caller?.removeEventListener('abort', cut);
      deadline.removeEventListener('abort', late);
    });
  });
}

function credentialOf(
  signIn: SignIn,
  { tenantId, endpoints, certificateAuthorities, onExchange }: Authority,
): TokenCredential {
  const client = {
    httpClient: createHttpClient('entra', onExchange),
    authorityHost: endpoints.login,
    disableInstanceDiscovery: true, // the hosts come from our own table: asking the public cloud about them would fail elsewhere
    retryOptions: { maxRetries: 0 },
    ...(certificateAuthorities === undefined ? {} : { tlsOptions: { ca: certificateAuthorities } }),
  };
  switch (signIn.type) {
    case 'ClientSecret':
      return new ClientSecretCredential(tenantId, signIn.clientId, signIn.clientSecret, client);
    case 'ClientCertificate':
      return new ClientCertificateCredential(tenantId, signIn.clientId, { certificate: signIn.pem }, client);
    case 'WorkloadIdentity':
      return new ClientAssertionCredential(tenantId, signIn.clientId, signIn.getAssertion, client);
    case 'ManagedIdentity':
      return new ManagedIdentityCredential({
        httpClient: createHttpClient('imds', onExchange),
        ...(signIn.clientId === undefined ? {} : { clientId: signIn.clientId }),
        retryOptions: { maxRetries: 0 },
      });
  }
}

export const federatedTokenAudience = 'api://AzureADTokenExchange';

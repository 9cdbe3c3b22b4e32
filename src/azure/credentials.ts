import {
  ClientAssertionCredential,
  ClientCertificateCredential,
  ClientSecretCredential,
  ManagedIdentityCredential,
} from '@azure/identity';
import type { TokenCredential } from '@azure/core-auth';
import type { CloudEndpoints } from './clouds.ts';
import { createHttpClient, type OnAzureExchange } from './http-client.ts';

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
export function createCredential(
  signIn: SignIn,
  options: {
    tenantId: string;
    endpoints: CloudEndpoints;
    certificateAuthorities: string[] | undefined;
    onExchange: OnAzureExchange;
  },
): TokenCredential {
  const client = {
    httpClient: createHttpClient('entra', options.onExchange),
    authorityHost: options.endpoints.login,
    disableInstanceDiscovery: true, // the hosts come from our own table: asking the public cloud about them would fail elsewhere
    retryOptions: { maxRetries: 0 },
    ...(options.certificateAuthorities === undefined ? {} : { tlsOptions: { ca: options.certificateAuthorities } }),
  };
  switch (signIn.type) {
    case 'ClientSecret':
      return new ClientSecretCredential(options.tenantId, signIn.clientId, signIn.clientSecret, client);
    case 'ClientCertificate':
      return new ClientCertificateCredential(options.tenantId, signIn.clientId, { certificate: signIn.pem }, client);
    case 'WorkloadIdentity':
      return new ClientAssertionCredential(options.tenantId, signIn.clientId, signIn.getAssertion, client);
    case 'ManagedIdentity':
      return new ManagedIdentityCredential({
        httpClient: createHttpClient('imds', options.onExchange),
        ...(signIn.clientId === undefined ? {} : { clientId: signIn.clientId }),
        retryOptions: { maxRetries: 0 },
      });
  }
}

export const federatedTokenAudience = 'api://AzureADTokenExchange';

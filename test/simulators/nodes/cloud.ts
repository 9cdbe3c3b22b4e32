import { createHash, createPrivateKey, randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { Agent, fetch } from 'undici';

// What the services on a node say to Azure, over HTTPS as any other client.

export interface AzureEndpoints {
  readonly resourceManager: string;
  /** Where the Azure Connected Machine agent signs in; registration is told its own authority. */
  readonly login: string;
  readonly caPem: string;
}

/** Azure said no: `status` and its own words. */
export class CloudRefused extends Error {
  override name = 'CloudRefused';
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Azure did not answer. */
export class CloudUnreachable extends Error {
  override name = 'CloudUnreachable';
}

export interface CertificateSignIn {
  readonly aadAuthority: string;
  readonly tenantId: string;
  readonly appId: string;
  readonly scope: string;
  /** Base64 DER. */
  readonly certificate: string;
  /** Base64 PKCS #8. */
  readonly privateKey: string;
  readonly now: Date;
}

export interface Cloud {
  /** A token for the registration certificate: client_assertion, RS256, x5t. */
  signInWithCertificate(request: CertificateSignIn): Promise<string>;
  /** A Resource Manager token for the Arc service principal's secret. */
  signInWithSecret(tenantId: string, appId: string, secret: string, cloud: string): Promise<string>;
  request(
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    url: string,
    token: string | undefined,
    body?: unknown,
  ): Promise<unknown>;
  /** A page as a browser would get it, whatever its status. Rejects with CloudUnreachable. */
  get(url: string): Promise<{ readonly status: number; readonly statusText: string; readonly body: string }>;
  readonly resourceManager: string;
  readonly login: string;
  close(): Promise<void>;
}

const managementScopes: Readonly<Record<string, string>> = {
  AzureCloud: 'https://management.azure.com/.default',
  AzurePublicCloud: 'https://management.azure.com/.default',
  AzureChinaCloud: 'https://management.chinacloudapi.cn/.default',
  AzureUSGovernment: 'https://management.usgovcloudapi.net/.default',
  AzureUSGovernmentCloud: 'https://management.usgovcloudapi.net/.default',
};

const requestTimeoutMilliseconds = 30_000;

const Token = Type.Object({ access_token: Type.String() });
const TokenError = Type.Object({ error_description: Type.String() });
const ManagementError = Type.Object({ error: Type.Object({ code: Type.String(), message: Type.String() }) });

const withoutSlash = (url: string): string => url.replace(/\/+$/, '');

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
};

const words = (status: number, body: unknown): string => {
  if (Value.Check(TokenError, body)) return body.error_description;
  if (Value.Check(ManagementError, body)) return `${body.error.code}: ${body.error.message}`;
  return `status ${status}`;
};

export const createCloud = (endpoints: AzureEndpoints, closing: AbortSignal): Cloud => {
  const dispatcher = new Agent({ connect: { ca: endpoints.caPem } });

  const exchange = async (
    method: string,
    url: string,
    headers: Record<string, string>,
    body?: string,
  ): Promise<{ status: number; statusText: string; body: string }> => {
    const signal = AbortSignal.any([closing, AbortSignal.timeout(requestTimeoutMilliseconds)]);
    try {
      const response = await fetch(url, {
        method,
        headers,
        signal,
        dispatcher,
        ...(body === undefined ? {} : { body }),
      });
      return { status: response.status, statusText: response.statusText, body: await response.text() };
    } catch (error) {
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
      throw new CloudUnreachable(`${URL.parse(url)?.host ?? url} could not be reached: ${cause}`, { cause: error });
    }
  };

  const send = async (
    method: string,
    url: string,
    headers: Record<string, string>,
    body?: string,
  ): Promise<unknown> => {
    const { status, body: text } = await exchange(method, url, headers, body);
    const answer = parse(text);
    if (status >= 400) throw new CloudRefused(status, words(status, answer));
    return answer;
  };

  const token = async (authority: string, tenantId: string, form: Record<string, string>): Promise<string> => {
    const answer = await send(
      'POST',
      `${withoutSlash(authority)}/${encodeURIComponent(tenantId)}/oauth2/v2.0/token`,
      { 'content-type': 'application/x-www-form-urlencoded' },
      new URLSearchParams({ grant_type: 'client_credentials', ...form }).toString(),
    );
    return Value.Parse(Token, answer).access_token;
  };

  return {
    resourceManager: withoutSlash(endpoints.resourceManager),
    login: withoutSlash(endpoints.login),
    get: (url) => exchange('GET', url, {}),
    signInWithCertificate: async ({ aadAuthority, tenantId, appId, scope, certificate, privateKey, now }) => {
      const seconds = Math.floor(now.getTime() / 1000);
      const key = createPrivateKey({ key: Buffer.from(privateKey, 'base64'), format: 'der', type: 'pkcs8' });
      const assertion = await new SignJWT({})
        .setProtectedHeader({
          alg: 'RS256',
          typ: 'JWT',
          x5t: createHash('sha1').update(Buffer.from(certificate, 'base64')).digest('base64url'),
        })
        .setIssuer(appId)
        .setSubject(appId)
        .setAudience(`${withoutSlash(aadAuthority)}/${tenantId}/oauth2/v2.0/token`)
        .setJti(randomUUID())
        .setNotBefore(seconds)
        .setExpirationTime(seconds + 300)
        .sign(key);
      return token(aadAuthority, tenantId, {
        client_id: appId,
        scope,
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: assertion,
      });
    },
    signInWithSecret: (tenantId, appId, secret, cloud) =>
      token(endpoints.login, tenantId, {
        client_id: appId,
        client_secret: secret,
        scope: managementScopes[cloud] ?? `${withoutSlash(endpoints.resourceManager)}/.default`,
      }),
    request: (method, url, bearer, body) =>
      send(
        method,
        url,
        {
          ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        body === undefined ? undefined : JSON.stringify(body),
      ),
    close: () => dispatcher.destroy(),
  };
};

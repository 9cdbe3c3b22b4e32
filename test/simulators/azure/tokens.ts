import { compactVerify, decodeJwt, exportJWK, generateKeyPair, SignJWT, type JWK } from 'jose';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { newId, type World } from './world.ts';

/** Which API a token is for; its `aud` is what that API expects. */
export type Audience = 'resourceManager' | 'graph' | 'billing';

export interface Caller {
  readonly appId: string;
  readonly objectId: string;
  readonly tenantId: string;
  readonly audience: string;
}

export type TokenProblem = 'missing' | 'invalid' | 'early' | 'expired';

export interface Tokens {
  /** The JWKS of `discovery/v2.0/keys`. */
  readonly keys: readonly JWK[];
  /** Default: for the first tenant. */
  readonly issue: (appId: string, objectId: string, audience: string, tenantId?: string) => Promise<string>;
  /** Reads the bearer token of an `Authorization` header. */
  readonly verify: (authorization: string | undefined) => Promise<Caller | TokenProblem>;
}

const Claims = Type.Object({
  aud: Type.String(),
  exp: Type.Number(),
  nbf: Type.Number(),
  appid: Type.String(),
  oid: Type.String(),
  tid: Type.String(),
});

/** Tenants' public resource names and what stands for them here. The simulated endpoints' own addresses are accepted too. */
const audiences: Record<Audience, readonly string[]> = {
  resourceManager: [
    'https://management.azure.com',
    'https://management.core.windows.net',
    'https://management.chinacloudapi.cn',
    'https://management.usgovcloudapi.net',
  ],
  graph: ['https://graph.microsoft.com', 'https://microsoftgraph.chinacloudapi.cn', 'https://graph.microsoft.us'],
  billing: [
    'https://azurestackhci-usage.trafficmanager.net',
    'https://dp.azurestackhci.azure.us',
    '1322e676-dee7-41ee-a874-ac923822781c',
  ],
};

/** The audience of a `<resource>/.default` scope (one or two slashes before `.default`), or undefined for a resource nobody knows. */
export function audienceOf(world: World, scope: string): string | undefined {
  const resource = /^(.*?)\/{1,2}\.default$/.exec(scope.trim())?.[1]?.replace(/\/$/, '');
  if (resource === undefined) return undefined;
  return isFor(world, resource, 'resourceManager') ||
    isFor(world, resource, 'graph') ||
    isFor(world, resource, 'billing')
    ? resource
    : undefined;
}

export function isFor(world: World, resource: string, audience: Audience): boolean {
  const own = { resourceManager: world.urls.resourceManager, graph: world.urls.graph, billing: world.urls.dataPlane };
  const name = resource.replace(/\/$/, '').toLowerCase();
  return name === own[audience] || audiences[audience].includes(name);
}

/** The cloud whose public name a resource has; undefined where it is none, as with the simulated endpoints' own addresses. */
export function cloudOf(resource: string): 'AzureCloud' | 'AzureChinaCloud' | 'AzureUSGovernment' | undefined {
  const { hostname } = URL.canParse(resource) ? new URL(resource) : { hostname: '' };
  if (/\.(chinacloudapi|azure)\.cn$/.test(hostname)) return 'AzureChinaCloud';
  if (/\.(usgovcloudapi\.net|microsoft\.us|azure\.us)$/.test(hostname)) return 'AzureUSGovernment';
  if (/\.(azure\.com|windows\.net|microsoft\.com|trafficmanager\.net)$/.test(hostname)) return 'AzureCloud';
  return undefined;
}

export async function createTokens(world: World): Promise<Tokens> {
  const { publicKey, privateKey } = await generateKeyPair('RS256');
  const keyId = newId();
  const seconds = () => Math.floor(world.now().getTime() / 1000);
  return {
    keys: [{ ...(await exportJWK(publicKey)), kid: keyId, use: 'sig', alg: 'RS256' }],
    issue: (appId, objectId, audience, tenantId = world.state.tenantId) =>
      new SignJWT({ appid: appId, oid: objectId, tid: tenantId, idtyp: 'app', ver: '1.0' })
        .setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid: keyId })
        .setIssuer(`${world.urls.login}/${tenantId}/v2.0`)
        .setSubject(objectId)
        .setAudience(audience)
        .setJti(newId())
        .setIssuedAt(seconds())
        .setNotBefore(seconds())
        .setExpirationTime(seconds() + Math.ceil(world.settings.tokenLifetimeSeconds))
        .sign(privateKey),
    verify: async (authorization) => {
      const token = /^Bearer (.+)$/i.exec(authorization ?? '')?.[1];
      if (token === undefined) return 'missing';
      const verified = await compactVerify(token, publicKey).catch(() => undefined);
      if (verified === undefined) return 'invalid';
      const claims: unknown = JSON.parse(new TextDecoder().decode(verified.payload));
      if (!Value.Check(Claims, claims)) return 'invalid';
      if (claims.exp <= seconds()) return 'expired';
      // Clocks may differ by five minutes.
      if (claims.nbf > seconds() + 300) return 'early';
      return { appId: claims.appid, objectId: claims.oid, tenantId: claims.tid, audience: claims.aud };
    },
  };
}

/** Who a request says it is from, without checking: for the log only. */
export function claimedAppId(authorization: string | undefined): string | null {
  const token = /^Bearer (.+)$/i.exec(authorization ?? '')?.[1];
  if (token === undefined) return null;
  try {
    const { appid } = decodeJwt(token);
    return typeof appid === 'string' ? appid : null;
  } catch {
    return null;
  }
}

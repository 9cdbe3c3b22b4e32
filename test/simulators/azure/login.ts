import { homeOf, tenantsOf } from './tenants.ts';
import { X509Certificate } from 'node:crypto';
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify, type JWTPayload } from 'jose';
import { findApplication, findServicePrincipal, thumbprint } from './directory.ts';
import type { Reply, Request } from './listener.ts';
import type { Application } from './state.ts';
import { audienceOf, cloudOf, type Tokens } from './tokens.ts';
import { longInstant, newId, type World } from './world.ts';

/** A refusal of the token endpoint: `AADSTS<number>`. */
class SignInRefused extends Error {
  override name = 'SignInRefused';
  readonly status: number;
  readonly error: string;
  readonly number: number;
  constructor(status: number, error: string, number: number, description: string) {
    super(description);
    this.status = status;
    this.error = error;
    this.number = number;
  }
}

const toleranceSeconds = 300;
const noStore = { 'cache-control': 'no-store, no-cache', pragma: 'no-cache' };

/** Entra's endpoints: instance and OpenID discovery, keys, and tokens for client credentials. */
export function createLogin(world: World, tokens: Tokens): (request: Request) => Promise<Reply> {
  return async (request) => {
    const headers = { ...noStore, 'x-ms-request-id': newId() };
    try {
      return { headers, ...(await answer(world, tokens, request)) };
    } catch (error) {
      if (error instanceof SignInRefused) return { headers, ...refusal(world, error) };
      throw error;
    }
  };
}

async function answer(world: World, tokens: Tokens, request: Request): Promise<Reply> {
  const { login } = world.urls;
  const [tenant = '', ...rest] = request.url.pathname.split('/').filter((part) => part !== '');
  const path = `${request.method} ${rest.join('/')}`;
  if (path === 'GET discovery/instance') {
    const host = new URL(login).host;
    return {
      status: 200,
      body: {
        tenant_discovery_endpoint: `${login}/${world.state.tenantId}/v2.0/.well-known/openid-configuration`,
        'api-version': '1.1',
        metadata: [{ preferred_network: host, preferred_cache: host, aliases: [host] }],
      },
    };
  }
  if (world.settings.otherTenants.some((other) => other.toLowerCase() === tenant.toLowerCase())) {
    return otherTenant(login, tenant, path, request);
  }
  if (!tenantsOf(world.state).has(tenant.toLowerCase())) {
    throw new SignInRefused(
      400,
      'invalid_tenant',
      90002,
      `Tenant '${tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant.`,
    );
  }
  if (path === 'GET v2.0/.well-known/openid-configuration' || path === 'GET .well-known/openid-configuration') {
    return { status: 200, body: openIdConfiguration(login, tenant) };
  }
  if (path === 'GET discovery/v2.0/keys') return { status: 200, body: { keys: tokens.keys } };
  if (path === 'POST oauth2/v2.0/token')
    return token(world, tokens, tenant.toLowerCase(), new URLSearchParams(request.text));
  return { status: 404 };
}

/** A tenant that is there and knows no application of ours. */
function otherTenant(login: string, tenant: string, path: string, request: Request): Reply {
  if (path.startsWith('GET ')) return { status: 200, body: openIdConfiguration(login, tenant) };
  throw unknownApplication(new URLSearchParams(request.text).get('client_id') ?? '', tenant);
}

const unknownApplication = (clientId: string, tenant: string) =>
  new SignInRefused(
    400,
    'unauthorized_client',
    700016,
    `Application with identifier '${clientId}' was not found in the directory '${tenant}'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant.`,
  );

function openIdConfiguration(login: string, tenant: string): unknown {
  return {
    token_endpoint: `${login}/${tenant}/oauth2/v2.0/token`,
    token_endpoint_auth_methods_supported: ['client_secret_post', 'private_key_jwt', 'client_secret_basic'],
    jwks_uri: `${login}/${tenant}/discovery/v2.0/keys`,
    response_modes_supported: ['query', 'fragment', 'form_post'],
    subject_types_supported: ['pairwise'],
    id_token_signing_alg_values_supported: ['RS256'],
    response_types_supported: ['code', 'id_token', 'code id_token', 'id_token token'],
    scopes_supported: ['openid', 'profile', 'email', 'offline_access'],
    issuer: `${login}/${tenant}/v2.0`,
    authorization_endpoint: `${login}/${tenant}/oauth2/v2.0/authorize`,
    device_authorization_endpoint: `${login}/${tenant}/oauth2/v2.0/devicecode`,
    end_session_endpoint: `${login}/${tenant}/oauth2/v2.0/logout`,
    tenant_region_scope: 'NA',
    cloud_instance_name: 'microsoftonline.com',
  };
}

async function token(world: World, tokens: Tokens, tenant: string, form: URLSearchParams): Promise<Reply> {
  const clientId = form.get('client_id');
  if (form.get('grant_type') !== 'client_credentials') {
    throw new SignInRefused(400, 'unsupported_grant_type', 70003, 'The app requested an unsupported grant type.');
  }
  if (clientId === null) {
    throw new SignInRefused(
      400,
      'invalid_request',
      900144,
      "The request body must contain the following parameter: 'client_id'.",
    );
  }
  const application = findApplication(world, clientId);
  if (application === undefined || homeOf(world.state, application) !== tenant) {
    throw unknownApplication(clientId, tenant);
  }
  await authenticate(world, application, form);
  const principal = findServicePrincipal(world, clientId);
  if (principal !== undefined && !principal.accountEnabled) {
    throw new SignInRefused(
      400,
      'unauthorized_client',
      7000112,
      `Application '${clientId}'(${principal.displayName}) is disabled.`,
    );
  }
  if (principal === undefined) {
    throw new SignInRefused(
      400,
      'unauthorized_client',
      7000229,
      `The client application ${clientId} is missing service principal in the tenant ${tenant}.`,
    );
  }
  const scope = form.get('scope');
  if (scope === null || scope === '') {
    throw new SignInRefused(
      400,
      'invalid_request',
      900144,
      "The request body must contain the following parameter: 'scope'.",
    );
  }
  if (!scope.endsWith('/.default')) {
    throw new SignInRefused(
      400,
      'invalid_scope',
      1002012,
      `The provided value for scope ${scope} is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI).`,
    );
  }
  const audience = audienceOf(world, scope);
  const foreign = audience === undefined ? undefined : cloudOf(audience);
  if (foreign !== undefined && world.settings.cloud !== 'any' && foreign !== world.settings.cloud) {
    throw new SignInRefused(
      400,
      'invalid_request',
      900382,
      'Confidential Client is not supported in Cross Cloud request.',
    );
  }
  if (audience === undefined) {
    throw new SignInRefused(
      400,
      'invalid_resource',
      500011,
      `The resource principal named ${scope} was not found in the tenant named ${tenant}.`,
    );
  }
  const lifetime = Math.ceil(world.settings.tokenLifetimeSeconds);
  return {
    status: 200,
    body: {
      token_type: 'Bearer',
      expires_in: lifetime,
      ext_expires_in: lifetime,
      access_token: await tokens.issue(clientId, principal.id, audience, tenant),
    },
  };
}

async function authenticate(world: World, application: Application, form: URLSearchParams): Promise<void> {
  const secret = form.get('client_secret');
  if (secret !== null) return checkSecret(world, application, secret);
  const assertion = form.get('client_assertion');
  if (assertion === null) {
    throw new SignInRefused(
      401,
      'invalid_client',
      7000218,
      "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
    );
  }
  const claims = readClaims(assertion);
  return claims.iss === application.appId
    ? checkCertificateAssertion(world, application, assertion)
    : checkFederatedAssertion(world, application, assertion, claims);
}

function checkSecret(world: World, application: Application, secret: string): void {
  const now = world.now().toISOString();
  const credentials = [
    ...application.passwordCredentials,
    ...(findServicePrincipal(world, application.appId)?.passwordCredentials ?? []),
  ];
  const found = credentials.find((credential) => credential.secretText === secret && credential.effectiveAt <= now);
  if (found === undefined) {
    throw new SignInRefused(
      401,
      'invalid_client',
      7000215,
      `Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '${application.appId}'.`,
    );
  }
  if (found.endDateTime <= now) {
    throw new SignInRefused(
      401,
      'invalid_client',
      7000222,
      `The provided client secret keys for app '${application.appId}' are expired. Create new keys for your app or consider using certificate credentials for added security.`,
    );
  }
}

/** Some clients pad base64url. */
function thumbprintIn(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  return Buffer.from(value.replaceAll('=', ''), 'base64url').toString('hex').toUpperCase();
}

async function checkCertificateAssertion(world: World, application: Application, assertion: string): Promise<void> {
  const header = readHeader(assertion);
  const claims = readClaims(assertion);
  // Newer clients send the SHA-256 thumbprint instead.
  const sha1 = thumbprintIn(header['x5t']);
  const sha256 = thumbprintIn(header['x5t#S256']);
  const credential = application.keyCredentials.find((candidate) => {
    const certificate = new X509Certificate(Buffer.from(candidate.key, 'base64'));
    return sha1 === undefined
      ? certificate.fingerprint256.replaceAll(':', '') === sha256
      : thumbprint(certificate) === sha1;
  });
  const refuse = (reason: string) =>
    new SignInRefused(
      401,
      'invalid_client',
      700027,
      `The certificate with identifier used to sign the client assertion is ${reason}, Thumbprint of key used by client: '${sha1 ?? sha256 ?? ''}'. Please visit the Azure Portal, Graph Explorer or directly use MS Graph to see configured keys for app Id '${application.appId}'.`,
    );
  if (credential === undefined) throw refuse('not registered on application. [Reason - The key was not found.');
  const now = world.now();
  if (credential.endDateTime <= now.toISOString() || credential.startDateTime > now.toISOString()) {
    throw refuse('expired on application. [Reason - The key used is expired.');
  }
  const endpoint = `${world.urls.login}/${homeOf(world.state, application)}`;
  try {
    await jwtVerify(assertion, new X509Certificate(Buffer.from(credential.key, 'base64')).publicKey, {
      algorithms: ['RS256', 'PS256'],
      subject: application.appId,
      audience: [`${endpoint}/oauth2/v2.0/token`, `${endpoint}/v2.0`, `${endpoint}/`],
      currentDate: now,
      clockTolerance: toleranceSeconds,
    });
  } catch (error) {
    throw describe(world, error, claims, (claim) => {
      if (claim === 'aud') {
        return new SignInRefused(
          401,
          'invalid_client',
          50013,
          `Assertion failed signature validation. [Reason - The audience '${String(claims.aud)}' is not the token endpoint '${endpoint}/oauth2/v2.0/token'.]`,
        );
      }
      return refuse('valid, but the signature is not. [Reason - The signature validation failed.');
    });
  }
}

function noMatch(number: number, what: string, value: string): SignInRefused {
  return new SignInRefused(
    401,
    'invalid_client',
    number,
    `No matching federated identity record found for presented assertion ${what} '${value}'. Check your federated identity credential Subject, Audience and Issuer against the presented assertion.`,
  );
}

async function checkFederatedAssertion(
  world: World,
  application: Application,
  assertion: string,
  claims: JWTPayload,
): Promise<void> {
  const credentials = Object.values(application.federatedIdentityCredentials);
  const ofIssuer = credentials.filter((credential) => credential.issuer === claims.iss);
  if (ofIssuer.length === 0) throw noMatch(700211, 'issuer', claims.iss ?? '');
  const ofSubject = ofIssuer.filter((credential) => credential.subject === claims.sub);
  if (ofSubject.length === 0) throw noMatch(700213, 'subject', claims.sub ?? '');
  const audience = ofSubject.flatMap((credential) => credential.audiences);
  const keys = world.state.issuers[claims.iss ?? ''];
  if (keys === undefined) {
    throw new SignInRefused(
      401,
      'invalid_client',
      90061,
      `The keys of the issuer '${claims.iss ?? ''}' could not be read.`,
    );
  }
  try {
    await jwtVerify(
      assertion,
      createLocalJWKSet({ keys: keys.keys.map((key) => ({ kty: String(key['kty']), ...key })) }),
      {
        currentDate: world.now(),
        clockTolerance: toleranceSeconds,
        audience,
      },
    );
  } catch (error) {
    throw describe(world, error, claims, (claim) =>
      claim === 'aud'
        ? noMatch(700212, 'audience', String(claims.aud))
        : new SignInRefused(401, 'invalid_client', 50013, 'Assertion failed signature validation.'),
    );
  }
}

function describe(
  world: World,
  error: unknown,
  claims: JWTPayload,
  otherwise: (claim: unknown) => SignInRefused,
): SignInRefused {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const claim = error instanceof Error && 'claim' in error ? error.claim : undefined;
  if (code === 'ERR_JWT_EXPIRED' || claim === 'nbf' || claim === 'exp') {
    return new SignInRefused(
      401,
      'invalid_client',
      700024,
      `Client assertion is not within its valid time range. Current time: ${longInstant(world)}, assertion valid from ${claimed(claims.nbf)}, expiry time of assertion ${claimed(claims.exp)}. Review the documentation at https://learn.microsoft.com/entra/identity-platform/certificate-credentials .`,
    );
  }
  return otherwise(claim);
}

const claimed = (seconds: number | undefined): string =>
  new Date((seconds ?? 0) * 1000).toISOString().replace('Z', '0000Z');

function readClaims(assertion: string): JWTPayload {
  try {
    return decodeJwt(assertion);
  } catch {
    throw malformed();
  }
}

function readHeader(assertion: string): Record<string, unknown> {
  try {
    return { ...decodeProtectedHeader(assertion) };
  } catch {
    throw malformed();
  }
}

function malformed(): SignInRefused {
  return new SignInRefused(401, 'invalid_client', 50027, 'JWT token is invalid or malformed.');
}

function refusal(world: World, error: SignInRefused): Reply {
  const trace = newId();
  const correlation = newId();
  const timestamp = `${world.now().toISOString().slice(0, 19).replace('T', ' ')}Z`;
  return {
    status: error.status,
    body: {
      error: error.error,
      error_description: `AADSTS${error.number}: ${error.message} Trace ID: ${trace} Correlation ID: ${correlation} Timestamp: ${timestamp}`,
      error_codes: [error.number],
      timestamp,
      trace_id: trace,
      correlation_id: correlation,
      error_uri: `${world.urls.login}/error?code=${error.number}`,
    },
  };
}

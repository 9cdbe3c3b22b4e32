import type { TokenCredential } from '@azure/core-auth';
import { createDefaultHttpClient, createPipelineFromOptions, createPipelineRequest } from '@azure/core-rest-pipeline';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import type { Authority } from './credentials.ts';
import { AzureError, toAzureError } from './errors.ts';

/** Obtains a token for Resource Manager, or finds one that is still good. @throws AzureError when none is to be had */
export async function obtainToken(
  credential: TokenCredential,
  authority: Authority,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    return (await credential.getToken(authority.endpoints.resourceManagerScope, { abortSignal: signal }))?.token;
  } catch (cause) {
    signal.throwIfAborted();
    const error = toAzureError(cause);
    throw error.code === 'EndpointsNotResolved' ? ((await tenantRefusal(authority, signal)) ?? error) : error;
  }
}

const Claims = Type.Object({ oid: Type.String({ minLength: 1 }) });

/**
 * Signs in, and reads from the token as which principal: the claim `oid` of a token for Resource Manager is the object id that role
 * assignments are made to (documented for access tokens of Microsoft Entra). @throws AzureError
 */
export async function signInAsPrincipal(
  credential: TokenCredential,
  authority: Authority,
  signal: AbortSignal,
): Promise<string> {
  const token = await obtainToken(credential, authority, signal);
  const claims = parseJson(Buffer.from(token?.split('.')[1] ?? '', 'base64url').toString('utf8'));
  if (Value.Check(Claims, claims)) return claims.oid;
  throw new AzureError({ code: 'UnexpectedToken', message: 'the token does not tell of which principal it is' });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const Refusal = Type.Object({ error_description: Type.String() });
const timeoutMs = 10_000;

/** MSAL asks for the endpoints of the tenant and drops the answer when it is a refusal; so it is asked again here. */
async function tenantRefusal(authority: Authority, signal: AbortSignal): Promise<AzureError | undefined> {
  const { tenantId, endpoints, certificateAuthorities } = authority;
  const pipeline = createPipelineFromOptions({
    retryOptions: { maxRetries: 0 },
    ...(certificateAuthorities === undefined ? {} : { tlsOptions: { ca: certificateAuthorities } }),
  });
  const request = createPipelineRequest({
    url: `${endpoints.login}/${tenantId}/v2.0/.well-known/openid-configuration`,
    timeout: timeoutMs,
    abortSignal: signal,
  });
  try {
    const { status, bodyAsText } = await pipeline.sendRequest(createDefaultHttpClient(), request);
    if (status < 400 || status >= 500) return undefined;
    const body: unknown = JSON.parse(bodyAsText ?? '');
    return Value.Check(Refusal, body) ? toAzureError(new Error(body.error_description)) : undefined;
  } catch {
    signal.throwIfAborted();
    return undefined; // no better reason than the one that is known
  }
}

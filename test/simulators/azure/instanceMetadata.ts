import type { Reply, Request } from './listener.ts';
import { audienceOf, type Tokens } from './tokens.ts';
import type { World } from './world.ts';

/** Answers of the Instance Metadata Service carry numbers as text. */
const seconds = (value: number): string => String(Math.ceil(value));

const refuse = (error: string, description: string): Reply => ({
  status: 400,
  body: { error, error_description: description },
});

/**
 * The Instance Metadata Service of the host that the controller runs on: tokens for the managed identities that the host has, over plain
 * HTTP. `identities` are object ids of service principals.
 */
export function createInstanceMetadata(
  world: World,
  tokens: Tokens,
  identities: readonly string[],
): (request: Request) => Promise<Reply> {
  return async ({ method, url, headers }) => {
    // With an endpoint from the environment MSAL ends the path with a slash.
    if (method !== 'GET' || !/^\/metadata\/identity\/oauth2\/token\/?$/.test(url.pathname)) {
      return { status: 404, body: { error: 'Not found' } };
    }
    // Against requests that somebody makes a server send: those carry no header of their own, or one that tells where they are from.
    if (headers['metadata']?.toLowerCase() !== 'true' || headers['x-forwarded-for'] !== undefined) {
      return refuse('invalid_request', 'Required metadata header not specified');
    }
    if (!/^\d{4}-\d\d-\d\d$/.test(url.searchParams.get('api-version') ?? '')) {
      return refuse('invalid_request', 'Required query variable api-version is missing');
    }
    const resource = url.searchParams.get('resource') ?? '';
    const audience = audienceOf(world, `${resource}/.default`);
    if (audience === undefined) {
      return refuse(
        'invalid_resource',
        `AADSTS500011: The resource principal named ${resource} was not found in the tenant named ${world.state.tenantId}.`,
      );
    }
    const clientId = url.searchParams.get('client_id');
    const found = identities
      .map((id) => world.state.servicePrincipals[id])
      .filter((identity) => identity !== undefined)
      .filter(({ appId }) => clientId === null || appId === clientId.toLowerCase());
    const [identity] = found;
    if (identity === undefined) return refuse('invalid_request', 'Identity not found');
    if (found.length > 1) {
      return refuse(
        'invalid_request',
        'Multiple user assigned identities exist, please specify the clientId / resourceId of the identity in the token request',
      );
    }
    const { tokenLifetimeSeconds } = world.settings;
    const now = world.now().getTime() / 1000;
    return {
      status: 200,
      body: {
        access_token: await tokens.issue(identity.appId, identity.id, audience),
        client_id: identity.appId,
        expires_in: seconds(tokenLifetimeSeconds),
        expires_on: seconds(now + tokenLifetimeSeconds),
        ext_expires_in: seconds(tokenLifetimeSeconds),
        not_before: seconds(now),
        resource,
        token_type: 'Bearer',
      },
    };
  };
}

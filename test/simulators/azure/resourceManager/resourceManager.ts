import { mayDo } from '../authorization.ts';
import type { Reply, Request } from '../listener.ts';
import { isFor, type Caller, type Tokens } from '../tokens.ts';
import { newId, type World } from '../world.ts';
import { actionsSince, apiVersionsOf, knownNamespace, knownType, since } from './apiVersions.ts';
import { arcSettingsRoutes } from './arcSettings.ts';
import { clusterRoutes } from './clusters.ts';
import { groupNamed, hciLocations } from './common.ts';
import { ArmError, errorReply, resourceGroupNotFound } from './errors.ts';
import { extensionRoutes } from './extensions.ts';
import { groupRoutes } from './groups.ts';
import { machineRoutes } from './machines.ts';
import { providerRoutes, registrationState } from './providers.ts';
import { createRateLimits, kindOf } from './rateLimits.ts';
import { roleRoutes } from './roles.ts';
import type { Context, Route } from './routing.ts';

const routes: readonly Route[] = [
  ...roleRoutes,
  ...groupRoutes,
  ...clusterRoutes,
  ...arcSettingsRoutes,
  ...extensionRoutes,
  ...machineRoutes,
  ...providerRoutes,
];

const gateway = { gateway: true };

/** Azure Resource Manager with the providers behind it, in the order in which it refuses: caller, subscription, quota, api-version, rights, registration, group. */
export function createResourceManager(world: World, tokens: Tokens): (request: Request) => Promise<Reply> {
  const limits = createRateLimits(world);
  return async (request) => {
    const caller = await tokens.verify(request.headers['authorization']);
    const common = commonHeaders(world, request);
    const quota: Record<string, string> = {};
    try {
      const reply = answer(world, request, authenticated(world, caller), (scope, principal) =>
        Object.assign(quota, limits.take(scope, principal, kindOf(request.method))),
      );
      return { ...reply, headers: { ...common, ...quota, ...reply.headers } };
    } catch (error) {
      if (!(error instanceof ArmError)) throw error;
      const reply = errorReply(error);
      return { ...reply, headers: { ...common, ...quota, ...reply.headers } };
    }
  };
}

type TakeQuota = (scope: { type: 'subscription' | 'tenant'; id: string }, principal: string) => void;

function answer(world: World, request: Request, caller: Caller, takeQuota: TakeQuota): Reply {
  const path = decodeURIComponent(request.url.pathname)
    .replaceAll(/\/{2,}/g, '/')
    .replace(/(?<=.)\/$/, '');
  const found = routes.flatMap((candidate) => {
    const match = candidate.method === request.method ? candidate.path.exec(path) : null;
    return match === null ? [] : [{ route: candidate, groups: match.groups ?? {} }];
  })[0];
  const subscription = /^\/subscriptions\/([^/]+)/i.exec(path)?.[1]?.toLowerCase();
  checkSubscription(world, subscription);
  takeQuota(
    subscription === undefined
      ? { type: 'tenant', id: world.state.tenantId }
      : { type: 'subscription', id: subscription },
    caller.objectId,
  );
  const apiVersion = request.url.searchParams.get('api-version');
  if (apiVersion === null || apiVersion === '') {
    throw new ArmError(
      400,
      'MissingApiVersionParameter',
      'The api-version query parameter (?api-version=) is required for all requests.',
      gateway,
    );
  }
  if (found === undefined) throw noRoute(request, path, apiVersion);
  const part = (name: string): string => {
    const value = found.groups[name];
    if (value === undefined) throw new Error(`the route ${found.route.path.source} has no part ${name}`);
    return value;
  };
  checkApiVersion(found.route, path, apiVersion);
  authorize(world, caller, found.route, part);
  if (subscription !== undefined) checkRegistration(world, subscription, found.route.resourceType);
  checkGroup(world, request, path, found.route);
  const context: Context = { world, caller, apiVersion, query: request.url.searchParams, body: request.body, part };
  return found.route.handle(context);
}

function authenticated(world: World, caller: Awaited<ReturnType<Tokens['verify']>>): Caller {
  const challenge = (error: string) => ({
    gateway: true,
    headers: {
      'www-authenticate': `Bearer authorization_uri="${world.urls.login}/${world.state.tenantId}", error="invalid_token", error_description="${error}"`,
    },
  });
  if (caller === 'missing') {
    const message = "Authentication failed. The 'Authorization' header is missing.";
    throw new ArmError(401, 'AuthenticationFailed', message, challenge(message));
  }
  if (caller === 'invalid') {
    const message = 'The access token is invalid.';
    throw new ArmError(401, 'InvalidAuthenticationToken', message, challenge(message));
  }
  if (caller === 'expired') {
    const message = 'The access token expiry UTC time is earlier than current UTC time.';
    throw new ArmError(401, 'ExpiredAuthenticationToken', message, challenge(message));
  }
  if (!isFor(world, caller.audience, 'resourceManager')) {
    const message = `The access token has been obtained for wrong audience or resource '${caller.audience}'. It should exactly match with one of the allowed audiences 'https://management.core.windows.net/','https://management.core.windows.net','https://management.azure.com/','https://management.azure.com'.`;
    throw new ArmError(401, 'InvalidAuthenticationTokenAudience', message, challenge(message));
  }
  return caller;
}

function checkSubscription(world: World, id: string | undefined): void {
  if (id === undefined) return;
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)) {
    throw new ArmError(
      400,
      'InvalidSubscriptionId',
      `The provided subscription identifier '${id}' is malformed or invalid.`,
      gateway,
    );
  }
  if (world.state.subscriptions[id] === undefined) {
    throw new ArmError(404, 'SubscriptionNotFound', `The subscription '${id}' could not be found.`, gateway);
  }
}

function noRoute(request: Request, path: string, apiVersion: string): ArmError {
  if (routes.some((candidate) => candidate.path.test(path))) {
    return new ArmError(
      405,
      'MethodNotAllowed',
      `The requested resource does not support http method '${request.method}'.`,
      gateway,
    );
  }
  const rest =
    path
      .split(/\/providers\//i)
      .at(-1)
      ?.split('/') ?? [];
  const namespace = rest[0] ?? '';
  const types = rest.slice(1).filter((_, index) => index % 2 === 0);
  if (!/\/providers\//i.test(path)) {
    return new ArmError(404, 'NotFound', `No resource was found at '${path}'.`, gateway);
  }
  if (!knownNamespace(namespace)) {
    return new ArmError(404, 'InvalidResourceNamespace', `The resource namespace '${namespace}' is invalid.`, gateway);
  }
  const parentType = `${namespace}/${types.slice(0, -1).join('/')}`;
  if (request.method === 'POST' && rest.length % 2 === 0 && knownType(parentType)) {
    return new ArmError(
      404,
      'InvalidResourceType',
      `The action '${rest.at(-1)}' could not be found on resource type '${parentType}' for api version '${apiVersion}'.`,
    );
  }
  return new ArmError(
    404,
    'InvalidResourceType',
    `The resource type '${types.join('/')}' could not be found in the namespace '${namespace}' for api version '${apiVersion}'.`,
    gateway,
  );
}

function checkApiVersion(route: Route, path: string, apiVersion: string): void {
  const supported = apiVersionsOf(route.resourceType);
  const [namespace = '', ...types] = route.resourceType.split('/');
  if (!supported.includes(apiVersion)) {
    if (namespace === 'Microsoft.Resources') {
      throw new ArmError(
        400,
        'InvalidApiVersionParameter',
        `The api-version '${apiVersion}' is invalid. The supported versions are '${supported.toReversed().join(',')}'.`,
        gateway,
      );
    }
    throw new ArmError(
      400,
      'NoRegisteredProviderFound',
      `No registered resource provider found for location 'eastus' and API version '${apiVersion}' for type '${types.join('/')}'. The supported api-versions are '${supported.join(', ')}'. The supported locations are '${hciLocations.join(', ')}'.`,
      gateway,
    );
  }
  const first = route.method === 'POST' ? actionsSince[path.split('/').at(-1)?.toLowerCase() ?? ''] : undefined;
  if (first !== undefined && !since(apiVersion, first)) {
    throw new ArmError(
      404,
      'InvalidResourceType',
      `The action '${path.split('/').at(-1)}' could not be found on resource type '${route.resourceType}' for api version '${apiVersion}'.`,
    );
  }
}

function authorize(world: World, caller: Caller, route: Route, part: (name: string) => string): void {
  const action = typeof route.action === 'function' ? route.action(part) : route.action;
  if (action === null) return;
  const scope = route.scope(part);
  if (mayDo(world, caller.objectId, action, scope)) return;
  throw new ArmError(
    403,
    'AuthorizationFailed',
    `The client '${caller.appId}' with object id '${caller.objectId}' does not have authorization to perform action '${action}' over scope '${scope}' or the scope is invalid. If access was recently granted, please refresh your credentials.`,
    gateway,
  );
}

function checkRegistration(world: World, subscription: string, resourceType: string): void {
  const namespace = resourceType.split('/')[0] ?? '';
  if (registrationState(world.state, subscription, namespace) === 'Registered') return;
  const message = `The subscription is not registered to use namespace '${namespace}'. See https://aka.ms/rps-not-found for how to register subscriptions.`;
  throw new ArmError(409, 'MissingSubscriptionRegistration', message, {
    gateway: true,
    details: [{ code: 'MissingSubscriptionRegistration', target: namespace, message }],
  });
}

/** Everything in a group needs the group; a role assignment of a vanished group can still be deleted (204). */
function checkGroup(world: World, request: Request, path: string, route: Route): void {
  const match = /^\/subscriptions\/([^/]+)\/resourceGroups\/([^/]+)(\/.+)?$/i.exec(path);
  const [, subscription = '', name = '', rest] = match ?? [];
  if (match === null || rest === undefined || groupNamed(world, subscription, name) !== undefined) return;
  if (request.method === 'DELETE' && route.resourceType === 'Microsoft.Authorization/roleAssignments') return;
  throw resourceGroupNotFound(name);
}

function commonHeaders(world: World, request: Request): Record<string, string> {
  const id = newId();
  const correlation = request.headers['x-ms-correlation-request-id'] ?? id;
  const stamp = world.now().toISOString().slice(0, 19).replaceAll(/[-:]/g, '');
  const headers: Record<string, string> = {
    'cache-control': 'no-cache',
    pragma: 'no-cache',
    expires: '-1',
    'x-ms-request-id': id,
    'x-ms-correlation-request-id': correlation,
    'x-ms-routing-request-id': `EASTUS:${stamp}Z:${id}`,
    'strict-transport-security': 'max-age=31536000; includeSubDomains',
    'x-content-type-options': 'nosniff',
  };
  const clientId = request.headers['x-ms-client-request-id'];
  if (clientId !== undefined && request.headers['x-ms-return-client-request-id']?.toLowerCase() === 'true') {
    headers['x-ms-client-request-id'] = clientId;
  }
  return headers;
}

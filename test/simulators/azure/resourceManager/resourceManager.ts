import { mayDo } from '../authorization.ts';
import type { Reply, Request } from '../listener.ts';
import { isFor, type Caller, type Tokens } from '../tokens.ts';
import { idKey, newId, type World } from '../world.ts';
import { resourceGraphRoutes } from '../resourceGraph/resourceGraph.ts';
import type { ResourceGraphIndex } from '../resourceGraph/tables.ts';
import { actionsSince, apiVersionsOf, knownNamespace, knownType, since } from './apiVersions.ts';
import { arcSettingsRoutes } from './arcSettings.ts';
import { clusterRoutes } from './clusters.ts';
import { groupNamed, hciLocations } from './common.ts';
import { ArmError, errorReply, groupBeingDeleted, resourceGroupNotFound } from './errors.ts';
import { extensionRoutes } from './extensions.ts';
import { groupRoutes } from './groups.ts';
import { checkLocks, lockRoutes } from './locks.ts';
import { machineExtensionRoutes } from './machineExtensions.ts';
import { machineRoutes } from './machines.ts';
import { checkTags } from './names.ts';
import { checkPolicies, policyContent, policyRoutes } from './policies.ts';
import { providerRoutes, registrationState } from './providers.ts';
import { createRateLimits, createResourceRateLimits, kindOf } from './rateLimits.ts';
import { roleDefinitionRoutes } from './roleDefinitions.ts';
import { roleRoutes } from './roles.ts';
import type { Context, Route } from './routing.ts';

const commonRoutes: readonly Route[] = [
  ...roleRoutes,
  ...roleDefinitionRoutes,
  ...lockRoutes,
  ...policyRoutes,
  ...groupRoutes,
  ...clusterRoutes,
  ...arcSettingsRoutes,
  ...extensionRoutes,
  ...machineRoutes,
  ...machineExtensionRoutes,
  ...providerRoutes,
];

const gateway = { gateway: true };

/** Azure Resource Manager with the providers behind it, in the order in which it refuses: caller, subscription, quota, api-version, rights, locks, registration, group, tags, policies. */
export function createResourceManager(
  world: World,
  tokens: Tokens,
  index: ResourceGraphIndex,
): (request: Request) => Promise<Reply> {
  const limits = createRateLimits(world);
  const resourceLimits = createResourceRateLimits(world);
  const routes = [...commonRoutes, ...resourceGraphRoutes(world, index)];
  return async (request) => {
    const caller = await tokens.verify(request.headers['authorization']);
    const common = commonHeaders(world, request);
    const quota: Record<string, string> = {};
    try {
      const reply = answer(world, routes, request, authenticated(world, caller), {
        take: (scope, principal, kind) => Object.assign(quota, limits.take(scope, principal, kind)),
        takeAction: (subscription, action) => Object.assign(quota, resourceLimits.take(subscription, action)),
      });
      return { ...reply, headers: { ...common, ...quota, ...reply.headers } };
    } catch (error) {
      if (!(error instanceof ArmError)) throw error;
      const reply = errorReply(error);
      return { ...reply, headers: { ...common, ...quota, ...reply.headers } };
    }
  };
}

interface Quota {
  readonly take: (
    scope: { type: 'subscription' | 'tenant'; id: string },
    principal: string,
    kind: ReturnType<typeof kindOf>,
  ) => void;
  readonly takeAction: (subscription: string, action: string) => void;
}

function answer(world: World, routes: readonly Route[], request: Request, caller: Caller, quota: Quota): Reply {
  const path = decodeURIComponent(request.url.pathname)
    .replaceAll(/\/{2,}/g, '/')
    .replace(/(?<=.)\/$/, '');
  const found = routes.flatMap((candidate) => {
    const match = candidate.method === request.method ? candidate.path.exec(path) : null;
    return match === null ? [] : [{ route: candidate, groups: match.groups ?? {} }];
  })[0];
  const subscription = /^\/subscriptions\/([^/]+)/i.exec(path)?.[1]?.toLowerCase();
  checkSubscription(world, request.method, subscription, caller.tenantId);
  quota.take(
    subscription === undefined
      ? { type: 'tenant', id: world.state.tenantId }
      : { type: 'subscription', id: subscription },
    caller.objectId,
    // A query is a read, though it is posted.
    found?.route.resourceType === 'Microsoft.ResourceGraph/resources' ? 'reads' : kindOf(request.method),
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
  if (found === undefined) throw noRoute(routes, request, path, apiVersion);
  const part = (name: string): string => {
    const value = found.groups[name];
    if (value === undefined) throw new Error(`the route ${found.route.path.source} has no part ${name}`);
    return value;
  };
  checkApiVersion(world, found.route, path, apiVersion);
  const action = authorize(world, caller, found.route, part);
  if (subscription !== undefined && action !== null) quota.takeAction(subscription, action);
  checkLocks(world, request.method, found.route.resourceType, path);
  if (subscription !== undefined) checkRegistration(world, subscription, found.route.resourceType);
  checkGroup(world, request, path, found.route);
  checkMediaType(request);
  if (subscription !== undefined) checkContent(world, request, subscription, found.route.resourceType, path);
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
  if (caller === 'early') {
    const message = 'The access token is not valid yet.';
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

function checkSubscription(world: World, method: string, id: string | undefined, tenantId: string): void {
  if (id === undefined) return;
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)) {
    throw new ArmError(
      400,
      'InvalidSubscriptionId',
      `The provided subscription identifier '${id}' is malformed or invalid.`,
      gateway,
    );
  }
  const found = world.state.subscriptions[id];
  if (found === undefined) {
    throw new ArmError(404, 'SubscriptionNotFound', `The subscription '${id}' could not be found.`, gateway);
  }
  const home = found.tenantId ?? world.state.tenantId;
  if (home !== tenantId) {
    const authority = `${world.urls.login}/${home}`;
    const description =
      'The access token is from the wrong issuer. It must match the tenant associated with this subscription. Please use correct authority to get the token.';
    throw new ArmError(
      401,
      'InvalidAuthenticationTokenTenant',
      `The access token is from the wrong issuer 'https://sts.windows.net/${tenantId}/'. It must match the tenant 'https://sts.windows.net/${home}/' associated with this subscription. Please use the authority (URL) '${authority}' to get the token. Note, if the subscription is transferred to another tenant there is no impact to the services, but information about new tenant could take time to propagate (up to an hour). If you just transferred your subscription and see this error message, please try back later.`,
      {
        gateway: true,
        headers: {
          'www-authenticate': `Bearer authorization_uri="${authority}", error="invalid_token", error_description="${description}"`,
        },
      },
    );
  }
  const readOnly = found.state === 'Disabled' || found.state === 'Warned';
  if (readOnly && ['PUT', 'PATCH', 'POST'].includes(method)) {
    throw new ArmError(
      409,
      'ReadOnlyDisabledSubscription',
      `The subscription '${id}' is disabled and therefore marked as read only. You cannot perform any write actions on this subscription until it is re-enabled.`,
      gateway,
    );
  }
}

function noRoute(routes: readonly Route[], request: Request, path: string, apiVersion: string): ArmError {
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

function checkApiVersion(world: World, route: Route, path: string, apiVersion: string): void {
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
      `No registered resource provider found for location 'eastus' and API version '${apiVersion}' for type '${types.join('/')}'. The supported api-versions are '${supported.join(', ')}'. The supported locations are '${hciLocations(world).join(', ')}'.`,
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

/** The action that the caller is allowed to do; null where none is needed. */
function authorize(world: World, caller: Caller, route: Route, part: (name: string) => string): string | null {
  const action = typeof route.action === 'function' ? route.action(part) : route.action;
  if (action === null) return null;
  const scope = route.scope(part);
  if (mayDo(world, caller.objectId, action, scope)) return action;
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

/** Everything in a group needs the group, and nothing is written in one that goes; a role assignment of a vanished group can still be deleted (204). */
function checkGroup(world: World, request: Request, path: string, route: Route): void {
  const match = /^\/subscriptions\/([^/]+)\/resourceGroups\/([^/]+)(\/.+)?$/i.exec(path);
  const [, subscription = '', name = '', rest] = match ?? [];
  if (match === null || rest === undefined) return;
  const group = groupNamed(world, subscription, name);
  if (group !== undefined) {
    const writes = ['PUT', 'PATCH', 'POST'].includes(request.method);
    if (writes && group.provisioningState === 'Deleting') throw groupBeingDeleted(group.name);
    return;
  }
  if (request.method === 'DELETE' && route.resourceType === 'Microsoft.Authorization/roleAssignments') return;
  throw resourceGroupNotFound(name);
}

const governed = [
  'Microsoft.Resources/subscriptions/resourceGroups',
  'Microsoft.AzureStackHCI/clusters',
  'Microsoft.HybridCompute/machines',
  'Microsoft.HybridCompute/machines/extensions',
];

/** What Resource Manager itself looks at in what is written: tags, and what policies say. */
function checkContent(world: World, request: Request, subscription: string, resourceType: string, path: string): void {
  if ((request.method !== 'PUT' && request.method !== 'PATCH') || !governed.includes(resourceType)) return;
  checkTags(request.body);
  const { resourceGroups, clusters, machines, machineExtensions } = world.state;
  const key = idKey(path);
  const existing = resourceGroups[key] ?? clusters[key] ?? machines[key] ?? machineExtensions[key];
  const content = policyContent(resourceType, path.split('/').at(-1) ?? '', request.body, existing);
  if (content !== undefined) checkPolicies(world, subscription, content);
}

function checkMediaType(request: Request): void {
  const mediaType = request.headers['content-type']?.split(';')[0]?.trim();
  if (request.text === '' || mediaType?.toLowerCase() === 'application/json') return;
  throw new ArmError(
    415,
    'UnsupportedMediaType',
    `The content media type '${mediaType ?? '<null>'}' is not supported. Only 'application/json' is supported.`,
    gateway,
  );
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

import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { mergePatch } from '../../shared/admin.ts';
import {
  createApplication,
  createServicePrincipal,
  deleteApplication,
  deleteServicePrincipal,
  findApplication,
  findServicePrincipal,
  lifetimeRefusal,
  newKeyCredential,
  newPassword,
} from '../directory.ts';
import type { Reply, Request } from '../listener.ts';
import {
  Application as ApplicationState,
  type Application,
  type PasswordCredential,
  type ServicePrincipal,
} from '../state.ts';
import { isFor, type Caller, type Tokens } from '../tokens.ts';
import { after, count, instant, newId, type World } from '../world.ts';
import { federatedCredentialsOf, ownersOf } from './applicationParts.ts';
import { mayRead, mayWrite, objectBody, ObjectBody, unsupported, type Context } from './context.ts';
import { deletedItems } from './deletedItems.ts';
import { badRequest, GraphError, invalidToken, notFound } from './errors.ts';
import { filtered, page, selected } from './odata.ts';
import { createConvergence, createGraphQuota, createReplicas } from './replicas.ts';
import { applicationDefaults, applicationView, passwordView, principalDefaults, principalView } from './views.ts';

const KeyBody = Type.Object({ key: Type.String() });
const PasswordBody = Type.Object({
  passwordCredential: Type.Optional(
    Type.Object({
      displayName: Type.Optional(Type.Union([Type.String(), Type.Null()])),
      startDateTime: Type.Optional(Type.Union([Type.String(), Type.Null()])),
      endDateTime: Type.Optional(Type.Union([Type.String(), Type.Null()])),
    }),
  ),
});

const withBody = {
  'content-type': 'application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8',
  'odata-version': '4.0',
};

/** Microsoft Graph v1.0, as far as applications, service principals and their credentials go. */
export function createGraph(world: World, tokens: Tokens): (request: Request) => Promise<Reply> {
  const replicas = createReplicas(world);
  const converged = createConvergence(world);
  const quota = createGraphQuota(world);
  return async (request) => {
    const id = newId();
    const headers = {
      'cache-control': 'no-cache',
      'request-id': id,
      'client-request-id': request.headers['client-request-id'] ?? id,
      'x-ms-resource-unit': request.method === 'GET' && !/\/[0-9a-f-]{36}/.test(request.url.pathname) ? '2' : '1',
      'strict-transport-security': 'max-age=31536000',
    };
    const caller = await tokens.verify(request.headers['authorization']);
    try {
      const known = authenticated(world, caller);
      const roles = world.state.servicePrincipals[known.objectId]?.appRoles ?? [];
      quota.take(known.appId, request.method, Number(headers['x-ms-resource-unit']));
      const reply = answer({ world, caller: known, roles, request, sees: replicas(), converged });
      return { ...reply, headers: { ...headers, ...(reply.status === 204 ? {} : withBody), ...reply.headers } };
    } catch (error) {
      if (!(error instanceof GraphError)) throw error;
      const innerError = { date: instant(world).slice(0, 19), 'request-id': id, 'client-request-id': id };
      return {
        status: error.status,
        headers: { ...headers, ...withBody, ...error.headers },
        body: { error: { code: error.code, message: error.message, innerError } },
      };
    }
  };
}

function authenticated(world: World, caller: Awaited<ReturnType<Tokens['verify']>>): Caller {
  if (caller === 'missing') throw invalidToken('Access token is empty.');
  if (caller === 'invalid') throw invalidToken('IDX14100: JWT is not well formed.');
  if (caller === 'early') throw invalidToken('Lifetime validation failed, the token is not yet valid.');
  if (caller === 'expired') throw invalidToken('Lifetime validation failed, the token is expired.');
  if (!isFor(world, caller.audience, 'graph')) throw invalidToken('Access token validation failure. Invalid audience.');
  return caller;
}

function answer(context: Context): Reply {
  const { request } = context;
  const path = decodeURIComponent(request.url.pathname)
    .replaceAll(/\/{2,}/g, '/')
    .replace(/^\/v1\.0\//, '')
    .replace(/\/$/, '');
  // `/applications(appId='…')` addresses the same object as `/applications/{id}`.
  const [, collection = '', byAppId, rest = ''] = /^(\w+)(?:\(appId='([^']*)'\))?(?:\/(.*))?$/.exec(path) ?? [];
  const segments = rest === '' ? [] : rest.split('/');
  if (collection === 'applications') return applications(context, byAppId, segments);
  if (collection === 'servicePrincipals') return servicePrincipals(context, byAppId, segments);
  if (collection === 'directory' && segments[0] === 'deletedItems') return deletedItems(context, segments.slice(1));
  if (path === 'directoryObjects/getByIds' && request.method === 'POST') return getByIds(context);
  throw new GraphError(400, 'BadRequest', `Resource not found for the segment '${collection}'.`);
}

function applications(context: Context, byAppId: string | undefined, segments: readonly string[]): Reply {
  const { world, request } = context;
  const select = request.url.searchParams.get('$select');
  const metadata = `${world.urls.graph}/v1.0/$metadata#applications`;
  if (byAppId === undefined && segments.length === 0) {
    if (request.method === 'GET') {
      mayRead(context);
      const all = Object.values(world.state.applications)
        .filter(context.sees)
        .map((item) => applicationView(item, select));
      const items = filtered(all, request.url.searchParams.get('$filter'), (item, property) => item[property]);
      return {
        status: 200,
        body: page(
          items.map((item) => selected(item, select)),
          request.url,
          metadata,
        ),
      };
    }
    if (request.method !== 'POST') throw unsupported(context);
    mayWrite(context);
    const { displayName, ...given } = objectBody(request.body);
    if (typeof displayName !== 'string' || displayName === '') {
      throw badRequest('Property displayName in payload has a value that does not match schema.');
    }
    checkProperties(given, applicationDefaults);
    const application = createApplication(world, displayName, [context.caller.objectId]);
    setApplication(world, application, given);
    const location = `${world.urls.graph}/v2/${world.state.tenantId}/directoryObjects/${application.id}/Microsoft.DirectoryServices.Application`;
    const body = { '@odata.context': `${metadata}/$entity`, ...applicationView(application, null) };
    return { status: 201, headers: { location }, body };
  }
  const [id = '', action, ...parts] = byAppId === undefined ? segments : [byAppId, ...segments];
  const application = byAppId === undefined ? world.state.applications[id] : findApplication(world, byAppId);
  if (request.method === 'GET') mayRead(context);
  if (application === undefined || !context.sees(application)) throw notFound(id);
  if (request.method === 'GET' && action === undefined) {
    const known = application.passwordCredentials.filter(({ startDateTime }) =>
      context.sees({ createdDateTime: startDateTime }),
    );
    const view = applicationView({ ...application, passwordCredentials: known }, select);
    return { status: 200, body: { '@odata.context': `${metadata}/$entity`, ...selected(view, select) } };
  }
  if (request.method !== 'GET') mayWrite(context, application);
  const { method, body: sent } = request;
  const part =
    action === 'owners'
      ? ownersOf(world, application, method, parts, sent)
      : action === 'federatedIdentityCredentials'
        ? federatedCredentialsOf(world, application, method, parts, sent)
        : undefined;
  if (part !== undefined) return part;
  if (request.method === 'GET') throw unsupported(context);
  if (request.method === 'DELETE' && action === undefined) {
    deleteApplication(world, application.id);
    return { status: 204 };
  }
  if (request.method === 'PATCH' && action === undefined) {
    const { displayName, ...given } = objectBody(request.body);
    checkProperties(given, applicationDefaults);
    if (typeof displayName === 'string') application.displayName = displayName;
    setApplication(world, application, given);
    return { status: 204 };
  }
  context.converged(application);
  return passwords(context, application, action);
}

function servicePrincipals(context: Context, byAppId: string | undefined, segments: readonly string[]): Reply {
  const { world, request } = context;
  const select = request.url.searchParams.get('$select');
  const metadata = `${world.urls.graph}/v1.0/$metadata#servicePrincipals`;
  const view = (principal: ServicePrincipal) => principalView(principal, world.state.tenantId);
  if (byAppId === undefined && segments.length === 0) {
    if (request.method === 'GET') {
      mayRead(context);
      const all = Object.values(world.state.servicePrincipals).filter(context.sees).map(view);
      const items = filtered(all, request.url.searchParams.get('$filter'), (item, property) => item[property]);
      return {
        status: 200,
        body: page(
          items.map((item) => selected(item, select)),
          request.url,
          metadata,
        ),
      };
    }
    if (request.method !== 'POST') throw unsupported(context);
    const { appId, accountEnabled: _, ...given } = objectBody(request.body);
    const application = typeof appId === 'string' ? findApplication(world, appId) : undefined;
    if (application === undefined || !context.sees(application)) {
      throw badRequest(
        `The appId '${String(appId)}' of the service principal does not reference a valid application object.`,
      );
    }
    mayWrite(context, application);
    checkProperties(given, principalDefaults);
    if (findServicePrincipal(world, application.appId) !== undefined) {
      throw new GraphError(
        409,
        'Request_MultipleObjectsWithSameKeyValue',
        `The service principal cannot be created, updated, or restored because the service principal name ${application.appId} is already in use.`,
      );
    }
    const principal = createServicePrincipal(world, {
      appId: application.appId,
      displayName: application.displayName,
      owners: [context.caller.objectId],
      servicePrincipalType: 'Application',
    });
    principal.other = given;
    const location = `${world.urls.graph}/v2/${world.state.tenantId}/directoryObjects/${principal.id}/Microsoft.DirectoryServices.ServicePrincipal`;
    return {
      status: 201,
      headers: { location },
      body: { '@odata.context': `${metadata}/$entity`, ...view(principal) },
    };
  }
  const [id = '', action, ...parts] = byAppId === undefined ? segments : [byAppId, ...segments];
  const principal = byAppId === undefined ? world.state.servicePrincipals[id] : findServicePrincipal(world, byAppId);
  if (request.method === 'GET') mayRead(context);
  if (principal === undefined || !context.sees(principal)) throw notFound(id);
  if (request.method === 'GET' && action === undefined) {
    return { status: 200, body: { '@odata.context': `${metadata}/$entity`, ...selected(view(principal), select) } };
  }
  if (request.method !== 'GET') mayWrite(context, principal);
  const part = action === 'owners' ? ownersOf(world, principal, request.method, parts, request.body) : undefined;
  if (part !== undefined) return part;
  if (request.method === 'GET') throw unsupported(context);
  if (request.method === 'DELETE' && action === undefined) {
    deleteServicePrincipal(world, principal.id);
    return { status: 204 };
  }
  if (request.method === 'PATCH' && action === undefined) {
    const { accountEnabled, ...given } = objectBody(request.body);
    checkProperties(given, principalDefaults);
    if (typeof accountEnabled === 'boolean') principal.accountEnabled = accountEnabled;
    principal.other = merged(principal.other, given, principalDefaults);
    return { status: 204 };
  }
  return passwords(context, principal, action);
}

function passwords(
  context: Context,
  owner: { passwordCredentials: PasswordCredential[] },
  action: string | undefined,
): Reply {
  const { world, request } = context;
  if (request.method !== 'POST') throw unsupported(context);
  if (action === 'addPassword') {
    const body = request.body ?? {};
    if (!Value.Check(PasswordBody, body)) throw badRequest('The passwordCredential is not valid.');
    const asked = body.passwordCredential ?? {};
    const startDateTime = asked.startDateTime ?? instant(world);
    const endDateTime = asked.endDateTime ?? after(startDateTime, world.settings.secretLifetimeSeconds);
    if (world.settings.policies.some(({ kind }) => kind === 'passwordAddition'))
      throw new GraphError(
        400,
        'CredentialTypeNotAllowedAsPerAppPolicy',
        `Credential type not allowed as per assigned policy '${world.state.tenantId}'.`,
      );
    checkLifetime(world, 'passwordLifetime', startDateTime, endDateTime);
    const maximum = maximumPasswords(owner);
    if (owner.passwordCredentials.length >= maximum)
      throw new GraphError(
        400,
        'TooManyAppPasswords',
        `Not allowed to add ${owner.passwordCredentials.length + 1} passwords. You can only add a maximum of ${maximum} passwords.`,
      );
    const password = newPassword(world, { displayName: asked.displayName ?? null, startDateTime, endDateTime });
    // The newest is shown first.
    owner.passwordCredentials.unshift(password);
    return {
      status: 200,
      headers: { location: world.urls.graph },
      body: {
        '@odata.context': `${world.urls.graph}/v1.0/$metadata#microsoft.graph.passwordCredential`,
        ...passwordView(password),
        secretText: password.secretText,
      },
    };
  }
  if (action === 'removePassword') {
    const { keyId } = objectBody(request.body);
    const index = owner.passwordCredentials.findIndex((credential) => credential.keyId === keyId);
    if (index === -1) throw badRequest(`No password credential found with keyId '${String(keyId)}'.`);
    owner.passwordCredentials.splice(index, 1);
    count(world, 'passwords', 'deleted');
    return { status: 204 };
  }
  throw unsupported(context);
}

/** Applications that personal accounts may sign in to have two at most. */
function maximumPasswords(owner: { passwordCredentials: PasswordCredential[] }): number {
  if (!Value.Check(ApplicationState, owner)) return Infinity;
  const audience = owner.other['signInAudience'] ?? applicationDefaults['signInAudience'];
  return audience === 'AzureADandPersonalMicrosoftAccount' ? 2 : Infinity;
}

function getByIds(context: Context): Reply {
  const { world, request } = context;
  mayRead(context);
  const { ids } = objectBody(request.body);
  if (!Value.Check(Type.Array(Type.String()), ids)) throw badRequest("The property 'ids' is missing.");
  const value = ids.flatMap((id): Record<string, unknown>[] => {
    const principal = world.state.servicePrincipals[id];
    if (principal !== undefined) {
      return [
        { '@odata.type': '#microsoft.graph.servicePrincipal', ...principalView(principal, world.state.tenantId) },
      ];
    }
    const application = world.state.applications[id];
    return application === undefined
      ? []
      : [{ '@odata.type': '#microsoft.graph.application', ...applicationView(application, null) }];
  });
  return { status: 200, body: { '@odata.context': `${world.urls.graph}/v1.0/$metadata#directoryObjects`, value } };
}

function setApplication(world: World, application: Application, given: Record<string, unknown>): void {
  const { keyCredentials, passwordCredentials: _, ...other } = given;
  if (keyCredentials !== undefined) {
    if (!Value.Check(Type.Array(KeyBody), keyCredentials)) throw badRequest('A keyCredential has no key.');
    application.keyCredentials = keyCredentials.map(({ key }) => {
      const credential = newKeyCredential(world, key);
      if (credential === undefined) throw badRequest('Key credential is not a valid X.509 certificate.');
      checkLifetime(world, 'keyLifetime', credential.startDateTime, credential.endDateTime);
      count(world, 'certificates', 'created');
      return credential;
    });
  }
  application.other = merged(application.other, other, applicationDefaults);
}

function checkLifetime(world: World, kind: 'passwordLifetime' | 'keyLifetime', start: string, end: string): void {
  const refusal = lifetimeRefusal(world, kind, start, end);
  if (refusal !== undefined) throw new GraphError(400, 'CredentialInvalidLifetimeAsPerAppPolicy', refusal);
}

/** Nested objects are merged into what is there, a null included. */
function merged(
  current: Record<string, unknown>,
  given: Record<string, unknown>,
  defaults: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const result = { ...current };
  for (const [name, value] of Object.entries(given)) {
    result[name] = Value.Check(ObjectBody, value) ? mergePatch(result[name] ?? defaults[name], value) : value;
  }
  return result;
}

function checkProperties(given: Record<string, unknown>, known: Readonly<Record<string, unknown>>): void {
  const settable = ['keyCredentials', 'passwordCredentials', '@odata.type', ...Object.keys(known)];
  const unknown = Object.keys(given).find((name) => !settable.includes(name));
  if (unknown !== undefined) throw badRequest(`Invalid property '${unknown}'.`);
}

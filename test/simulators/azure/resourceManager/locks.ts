import { Type } from 'typebox';
import type { Reply } from '../listener.ts';
import type { Lock } from '../state.ts';
import { idKey, isWithin, type World } from '../world.ts';
import { ArmError } from './errors.ts';
import { anything, closed, parseBody, route, type Context, type Route } from './routing.ts';

export const lockType = 'Microsoft.Authorization/locks';
const one = `{scope*}/providers/${lockType}/{name}`;

const LockBody = closed({
  id: anything,
  name: anything,
  type: anything,
  properties: closed({
    level: Type.Union([Type.Literal('CanNotDelete'), Type.Literal('ReadOnly')]),
    notes: Type.Optional(Type.String({ maxLength: 512 })),
    owners: anything,
  }),
});

export const lockRoutes: readonly Route[] = [
  route('GET', `{scope*}/providers/${lockType}`, lockType, list),
  route('GET', one, lockType, (context) => {
    const found = context.world.state.locks[lockKey(context)];
    if (found === undefined) {
      throw new ArmError(404, 'LockNotFound', `The lock '${context.part('name')}' could not be found.`, {
        gateway: true,
      });
    }
    return { status: 200, body: view(found) };
  }),
  route('PUT', one, lockType, put),
  route('DELETE', one, lockType, (context) => {
    const key = lockKey(context);
    if (context.world.state.locks[key] === undefined) return { status: 204 };
    delete context.world.state.locks[key];
    return { status: 200 };
  }),
];

const lockKey = (context: Context): string =>
  idKey(`${context.part('scope')}/providers/${lockType}/${context.part('name')}`);

/** At the scope and below; with `atScope()` at and above. */
function list(context: Context): Reply {
  const scope = context.part('scope');
  const filter = context.query.get('$filter');
  if (filter !== null && !/^atScope\(\)$/i.test(filter)) {
    throw new ArmError(
      400,
      'InvalidFilterInQueryString',
      `Invalid $filter '${filter}' specified in the query string.`,
      {
        gateway: true,
      },
    );
  }
  const value = Object.values(context.world.state.locks)
    .filter((lock) => (filter === null ? isWithin(scope, lock.scope) : isWithin(lock.scope, scope)))
    .map(view);
  return { status: 200, body: { value } };
}

function put(context: Context): Reply {
  const { level, notes } = parseBody(LockBody, context.body).properties;
  const name = context.part('name');
  const scope = context.part('scope');
  const known = context.world.state.locks[lockKey(context)] !== undefined;
  const lock: Lock = {
    id: `${scope}/providers/${lockType}/${name}`,
    name,
    scope,
    level,
    ...(notes === undefined ? {} : { notes }),
  };
  context.world.state.locks[lockKey(context)] = lock;
  return { status: known ? 200 : 201, body: view(lock) };
}

function view(lock: Lock) {
  const { id, name, level, notes } = lock;
  return { properties: { level, ...(notes === undefined ? {} : { notes }) }, id, type: lockType, name };
}

/**
 * ScopeLocked where a lock at, above or (for a delete) below the resource forbids it. CanNotDelete forbids deletes, role
 * assignments included; ReadOnly every write, delete and action.
 */
export function checkLocks(world: World, method: string, resourceType: string, scope: string): void {
  if (method === 'GET' || method === 'HEAD' || resourceType === lockType) return;
  const deletes = method === 'DELETE';
  const holding = Object.values(world.state.locks).filter(
    (lock) =>
      (isWithin(lock.scope, scope) && (deletes || lock.level === 'ReadOnly')) ||
      (deletes && isWithin(scope, lock.scope)),
  );
  if (holding.length === 0) return;
  const locked = [...new Set(holding.map((lock) => lock.scope))].join(',');
  throw new ArmError(
    409,
    'ScopeLocked',
    `The scope '${scope}' cannot perform ${deletes ? 'delete' : 'write'} operation because following scope(s) are locked: '${locked}'. Please remove the lock and try again.`,
    { gateway: true },
  );
}

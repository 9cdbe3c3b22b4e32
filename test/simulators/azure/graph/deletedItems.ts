import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { restoreDeleted } from '../directory.ts';
import type { Reply } from '../listener.ts';
import { instant } from '../world.ts';
import { mayRead, mayWrite, ObjectBody, unsupported, type Context } from './context.ts';
import { notFound } from './errors.ts';
import { page } from './odata.ts';

/** `directory/deletedItems`: list by type, read, restore, delete for good. */
export function deletedItems(context: Context, segments: readonly string[]): Reply {
  const { world, request } = context;
  const [id = ''] = segments;
  const kind = { 'microsoft.graph.application': 'application', 'microsoft.graph.servicePrincipal': 'servicePrincipal' }[
    id
  ];
  if (request.method === 'GET') mayRead(context);
  // Kept for 30 days.
  const expired = instant(world, -30 * 24 * 3600);
  if (kind !== undefined && request.method === 'GET') {
    const value = Object.values(world.state.deletedItems)
      .filter((item) => item.kind === kind && item.deletedDateTime > expired)
      .map((item) => Object.assign(publicMembers(item.value), { deletedDateTime: item.deletedDateTime }));
    return { status: 200, body: page(value, request.url, `${world.urls.graph}/v1.0/$metadata#directoryObjects`) };
  }
  const item = world.state.deletedItems[id];
  if (item === undefined || item.deletedDateTime <= expired) throw notFound(id);
  if (request.method === 'GET') {
    const type = { '@odata.type': `#microsoft.graph.${item.kind}` };
    return { status: 200, body: { ...type, ...publicMembers(item.value), deletedDateTime: item.deletedDateTime } };
  }
  mayWrite(context, ownersOfDeleted(item.value));
  if (request.method === 'POST' && segments[1] === 'restore') {
    restoreDeleted(world, id);
    const type = { '@odata.type': `#microsoft.graph.${item.kind}` };
    return { status: 200, body: { ...type, ...publicMembers(item.value), deletedDateTime: null } };
  }
  if (request.method !== 'DELETE') throw unsupported(context);
  delete world.state.deletedItems[id];
  return { status: 204 };
}

const DeletedObject = Type.Object({ owners: Type.Array(Type.String()) });
const ownersOfDeleted = (value: unknown) => (Value.Check(DeletedObject, value) ? value : { owners: [] });

function publicMembers(value: unknown): Record<string, unknown> {
  const members = Value.Check(ObjectBody, value) ? value : {};
  return { id: members['id'], appId: members['appId'], displayName: members['displayName'] };
}

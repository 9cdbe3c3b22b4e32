import { Type } from 'typebox';
import { Value } from 'typebox/value';
import type { Request } from '../listener.ts';
import type { Caller } from '../tokens.ts';
import type { World } from '../world.ts';
import { badRequest, denied, GraphError } from './errors.ts';
import type { Sees } from './replicas.ts';

/** One request of Graph: who asks, with which application permissions, and what its replica sees. */
export interface Context {
  readonly world: World;
  readonly caller: Caller;
  readonly roles: readonly string[];
  readonly request: Request;
  readonly sees: Sees;
  /** Throws while an earlier write to this application is still being brought together. */
  readonly converged: (application: { readonly id: string }) => void;
}

export const ObjectBody = Type.Record(Type.String(), Type.Unknown());

export function mayRead({ roles }: Context): void {
  const enough = [
    'Application.Read.All',
    'Application.ReadWrite.All',
    'Application.ReadWrite.OwnedBy',
    'Directory.Read.All',
  ];
  if (!roles.some((role) => enough.includes(role))) throw denied();
}

/** Without an object: may create. Application.ReadWrite.OwnedBy is for what the caller owns. */
export function mayWrite({ roles, caller }: Context, object?: { owners: readonly string[] }): void {
  if (roles.includes('Application.ReadWrite.All')) return;
  if (roles.includes('Application.ReadWrite.OwnedBy') && (object?.owners.includes(caller.objectId) ?? true)) return;
  throw denied();
}

export function objectBody(body: unknown): Record<string, unknown> {
  if (Value.Check(ObjectBody, body)) return { ...body };
  throw badRequest('Empty Payload. JSON content expected.');
}

export const unsupported = ({ request }: Context) =>
  new GraphError(
    405,
    'Request_BadRequest',
    `Specified HTTP method is not allowed for the request target: ${request.method}.`,
  );

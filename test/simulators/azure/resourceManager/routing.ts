import { Type, type Static, type TSchema } from 'typebox';
import { Value } from 'typebox/value';
import type { Reply } from '../listener.ts';
import type { Caller } from '../tokens.ts';
import type { World } from '../world.ts';
import { invalidRequestContent } from './errors.ts';

export interface Context {
  readonly world: World;
  readonly caller: Caller;
  readonly apiVersion: string;
  readonly query: URLSearchParams;
  readonly body: unknown;
  /** A named part of the path, as it was sent. */
  readonly part: (name: string) => string;
}

export interface Route {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'PATCH' | 'POST' | 'DELETE';
  readonly path: RegExp;
  /** Decides api-versions and, with the method, the action to authorise. */
  readonly resourceType: string;
  /** What is authorised, where it does not follow from the above; null: only that the caller is known. */
  readonly action: string | null | ((part: (name: string) => string) => string);
  /** Where it is authorised. */
  readonly scope: (part: (name: string) => string) => string;
  readonly handle: (context: Context) => Reply;
}

/**
 * One route. In the pattern `{name}` is one path segment and `{name*}` any number of them. The scope is the path up to its last
 * parameter, or `{scope*}`; a POST's last segment is its action.
 */
export function route(
  method: Route['method'],
  pattern: string,
  resourceType: string,
  handle: Route['handle'],
  action?: Route['action'],
): Route {
  const segments = pattern.split('/').filter((segment) => segment !== '');
  const expression = segments
    .map((segment) => {
      const name = /^\{(\w+)(\*?)\}$/.exec(segment);
      if (name === null) return `/${segment.replaceAll('.', String.raw`\.`)}`;
      return name[2] === '*' ? `(?<${name[1]}>(?:/[^/]+)*)` : `/(?<${name[1]}>[^/]+)`;
    })
    .join('');
  const verbs = { GET: 'read', HEAD: 'read', PUT: 'write', PATCH: 'write', DELETE: 'delete' };
  const last = segments.at(-1) ?? '';
  return {
    method,
    path: new RegExp(`^${expression}$`, 'i'),
    resourceType,
    action: action === undefined ? `${resourceType}/${method === 'POST' ? `${last}/action` : verbs[method]}` : action,
    scope: (part) => {
      if (segments[0] === '{scope*}') return part('scope');
      const end = segments.findLastIndex((segment) => segment.startsWith('{'));
      return segments
        .slice(0, end + 1)
        .map((segment) => `/${segment.startsWith('{') ? part(segment.slice(1, -1)) : segment}`)
        .join('');
    },
    handle,
  };
}

/** The request's body, or InvalidRequestContent that names what is wrong with it. */
export function parseBody<T extends TSchema>(schema: T, body: unknown): Static<T> {
  if (Value.Check(schema, body)) return body;
  if (body === null) throw invalidRequestContent('The request body is missing');
  const first = Value.Errors(schema, body)[0];
  const at = first?.instancePath.replaceAll('/', '.').replace(/^\./, '') ?? '';
  if (first?.keyword === 'additionalProperties') {
    throw invalidRequestContent(
      `Could not find member '${first.params.additionalProperties.join(', ')}' on object${at === '' ? '' : ` '${at}'`}`,
    );
  }
  throw invalidRequestContent(`${at === '' ? 'the body' : `'${at}'`} ${first?.message ?? 'is not as expected'}`);
}

/** An object that takes no other members. */
export const closed = <T extends Record<string, TSchema>>(properties: T) =>
  Type.Object(properties, { additionalProperties: false });

export const Tags = Type.Record(Type.String({ maxLength: 512 }), Type.String({ maxLength: 256 }));
export const anything = Type.Optional(Type.Unknown());

import type { V1DeleteOptions, AuthenticationV1TokenRequest } from '@kubernetes/client-node';
import { Type } from 'typebox';
import type { KubeClient } from './client.ts';
import { isExpired, KubeError } from './kube-error.ts';
import { KubeObject, parser, type Wire } from './schema.ts';

/** One kind of object. */
export interface ResourceType<T extends KubeObject> {
  /** Empty for the core group. */
  group: string;
  version: string;
  plural: string;
  kind: string;
  namespaced: boolean;
  /** Checks an object from the API server; it may also drop what nobody reads. See `parser`. */
  parse(value: unknown): T;
  /** Given, the API server sends the metadata of such objects and nothing else of them. See `metadataOf`. */
  metadataOnly?: true;
}

/** The same objects without their content: what a watch of Secrets may hold. */
export const metadataOf = (type: ResourceType<KubeObject>): ResourceType<KubeObject> => ({
  ...type,
  metadataOnly: true,
  parse: parser(`metadata of a ${type.kind}`, KubeObject),
});

const asMetadata = (kind: string) => `application/json;as=${kind};g=meta.k8s.io;v=v1`;

/** The format to ask for: of single objects and of a watch's events. */
export const acceptOf = (type: { metadataOnly?: true }): string =>
  type.metadataOnly === true ? asMetadata('PartialObjectMetadata') : 'application/json';

export interface ObjectName {
  /** Absent for objects that are not in a namespace. */
  namespace?: string | undefined;
  name: string;
}

/** `namespace/name`, or `name` for objects that are not in a namespace: the key of stores and work queues. */
export const keyOf = ({ namespace, name }: ObjectName): string =>
  namespace === undefined ? name : `${namespace}/${name}`;

interface CallOptions {
  signal?: AbortSignal | undefined;
}

/** @returns undefined when the API server says that there is no such object (and not when it does not know the kind) */
export async function get<T extends KubeObject>(
  client: KubeClient,
  type: ResourceType<T>,
  name: ObjectName,
  options: CallOptions = {},
): Promise<T | undefined> {
  try {
    const path = objectPath(type, name);
    return read(type, await client.request({ method: 'GET', path, accept: acceptOf(type), signal: options.signal }));
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

export interface ListOptions extends CallOptions {
  /** Default: all namespaces. */
  namespace?: string | undefined;
  labelSelector?: string | undefined;
  /** Given, an object that its type refuses is reported here and left out; otherwise the list fails. */
  onInvalid?: (error: unknown) => void;
}

const pageSize = 500;

/** The current state (never an older cache of the server), page by page. */
export async function list<T extends KubeObject>(
  client: KubeClient,
  type: ResourceType<T>,
  options: ListOptions = {},
): Promise<{ resourceVersion: string; items: T[] }> {
  const items: T[] = [];
  let continuation: string | undefined;
  for (;;) {
    let page;
    try {
      page = await listPage(client, type, options, { limit: String(pageSize), continue: continuation });
    } catch (error) {
      if (continuation === undefined || !isExpired(error)) throw error;
      // The snapshot behind the pages is gone: one large answer instead, or this could repeat for ever.
      items.length = 0;
      page = await listPage(client, type, options, {});
    }
    for (const item of page.items ?? []) {
      try {
        items.push(read(type, item));
      } catch (error) {
        if (options.onInvalid === undefined) throw error;
        options.onInvalid(error);
      }
    }
    continuation = page.metadata.continue;
    if (continuation === undefined || continuation === '')
      return { resourceVersion: page.metadata.resourceVersion, items };
  }
}

/** An object as it is sent: the server fills in the rest. */
export interface ObjectBody {
  metadata: ObjectName & Record<string, unknown>;
  [field: string]: unknown;
}

/** @throws KubeError with reason `AlreadyExists` */
export async function create<T extends KubeObject>(
  client: KubeClient,
  type: ResourceType<T>,
  body: ObjectBody,
  options: CallOptions & { fieldManager: string },
): Promise<T> {
  const answer = await client.request({
    method: 'POST',
    path: collectionPath(type, body.metadata.namespace),
    query: { fieldManager: options.fieldManager },
    body: withType(type, body),
    signal: options.signal,
  });
  return read(type, answer);
}

/**
 * `deleted`: accepted; the object goes once its finalizers are gone. `conflict`: it is not the one named by the preconditions.
 */
export type DeleteOutcome = 'deleted' | 'absent' | 'conflict';

export async function deleteObject(
  client: KubeClient,
  type: ResourceType<KubeObject>,
  name: ObjectName,
  options: CallOptions & { preconditions: { uid: string; resourceVersion?: string } },
): Promise<DeleteOutcome> {
  const body: Wire<V1DeleteOptions> = {
    apiVersion: 'v1',
    kind: 'DeleteOptions',
    propagationPolicy: 'Background',
    preconditions: options.preconditions,
  };
  try {
    await client.request({ method: 'DELETE', path: objectPath(type, name), body, signal: options.signal });
    return 'deleted';
  } catch (error) {
    if (isAbsent(error)) return 'absent';
    if (isConflict(error)) return 'conflict';
    throw error;
  }
}

/**
 * Server-side apply: what `body` says is made so, and what this field manager said earlier and no longer says is removed.
 * With `metadata.resourceVersion` it applies to that version only, with `metadata.uid` to that object only.
 * @param options.force take fields over from other managers; otherwise they are a conflict
 * @throws KubeError with reason `Conflict`
 */
export async function apply<T extends KubeObject>(
  client: KubeClient,
  type: ResourceType<T>,
  body: ObjectBody,
  options: CallOptions & { fieldManager: string; force: boolean; subresource?: 'status' },
): Promise<T> {
  const answer = await client.request({
    method: 'PATCH',
    path: objectPath(type, body.metadata, options.subresource),
    query: { fieldManager: options.fieldManager, force: String(options.force) },
    contentType: 'application/apply-patch+yaml',
    body: withType(type, body),
    signal: options.signal,
  });
  return read(type, answer);
}

/**
 * JSON merge patch: lists are replaced whole, null removes. With `metadata.resourceVersion` it applies to that version only.
 * @throws KubeError with reason `Conflict`
 */
export async function mergePatch<T extends KubeObject>(
  client: KubeClient,
  type: ResourceType<T>,
  name: ObjectName,
  patch: Record<string, unknown>,
  options: CallOptions & { fieldManager: string },
): Promise<T> {
  const answer = await client.request({
    method: 'PATCH',
    path: objectPath(type, name),
    query: { fieldManager: options.fieldManager },
    contentType: 'application/merge-patch+json',
    body: patch,
    signal: options.signal,
  });
  return read(type, answer);
}

const TokenAnswer = parser(
  'TokenRequest',
  Type.Object({ status: Type.Object({ token: Type.String(), expirationTimestamp: Type.String() }) }),
);

/** A token that the API server issues for a ServiceAccount (TokenRequest). The answer is a secret. */
export async function createServiceAccountToken(
  client: KubeClient,
  serviceAccount: { namespace: string; name: string },
  options: CallOptions & { audiences: string[]; expirationSeconds: number },
): Promise<{
  token: string;
  /** RFC 3339; the server may have shortened or lengthened it. */ expirationTimestamp: string;
}> {
  const { audiences, expirationSeconds, signal } = options;
  const body: Partial<Wire<AuthenticationV1TokenRequest>> = {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: { audiences, expirationSeconds },
  };
  const type = { group: '', version: 'v1', plural: 'serviceaccounts', namespaced: true };
  const answer = await client.request({
    method: 'POST',
    path: objectPath(type, serviceAccount, 'token'),
    body,
    signal,
  });
  return TokenAnswer(answer).status;
}

export const isConflict = (error: unknown): boolean => error instanceof KubeError && error.status === 409;

/** The object is not there. A 404 for a kind that the server does not serve has no reason, and is not this. */
export const isAbsent = (error: unknown): boolean =>
  error instanceof KubeError && error.status === 404 && error.reason === 'NotFound';

type Location = Pick<ResourceType<KubeObject>, 'group' | 'version' | 'plural' | 'namespaced'>;

/** `/apis/<group>/<version>[/namespaces/<namespace>]/<plural>`; without a namespace: of all namespaces. */
export function collectionPath(type: Location, namespace: string | undefined): string {
  const root = type.group === '' ? `/api/${type.version}` : `/apis/${type.group}/${type.version}`;
  const scope = namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`;
  return `${root}${scope}/${type.plural}`;
}

function objectPath(type: Location, name: ObjectName, subresource?: string): string {
  // An empty name would address the whole collection, which a DELETE must never do.
  if (name.name === '' || name.namespace === '' || (name.namespace !== undefined) !== type.namespaced) {
    throw new TypeError(`not the name of one object in ${type.plural}: "${keyOf(name)}"`);
  }
  const path = `${collectionPath(type, name.namespace)}/${encodeURIComponent(name.name)}`;
  return subresource === undefined ? path : `${path}/${subresource}`;
}

const ListPage = parser(
  'list',
  Type.Object({
    metadata: Type.Object({ resourceVersion: Type.String(), continue: Type.Optional(Type.String()) }),
    items: Type.Union([Type.Array(Type.Unknown()), Type.Null()]),
  }),
);

async function listPage(
  client: KubeClient,
  type: Location & { metadataOnly?: true },
  { namespace, labelSelector, signal }: ListOptions,
  paging: { limit?: string; continue?: string | undefined },
) {
  const path = collectionPath(type, namespace);
  const accept = type.metadataOnly === true ? asMetadata('PartialObjectMetadataList') : acceptOf(type);
  return ListPage(await client.request({ method: 'GET', path, accept, query: { ...paging, labelSelector }, signal }));
}

const withType = (type: ResourceType<KubeObject>, body: ObjectBody) => ({
  apiVersion: type.group === '' ? type.version : `${type.group}/${type.version}`,
  kind: type.kind,
  ...body,
});

const Received = parser(
  'object',
  Type.Object({
    metadata: Type.Object({ annotations: Type.Optional(Type.Record(Type.String(), Type.Unknown())) }),
  }),
);

const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';

/**
 * An object from the API server, without what nobody reads and what is often more than half of it: `managedFields`, and the whole object
 * once more as kubectl's annotation, which of a Secret holds the content.
 */
export function read<T extends KubeObject>(type: ResourceType<T>, value: unknown): T {
  const received = Received(value);
  // Copied, not deleted from: an object that has lost a field takes V8 several times the memory.
  const { managedFields: _ofManagers, ...metadata }: Record<string, unknown> = received.metadata;
  if (received.metadata.annotations?.[lastApplied] !== undefined) {
    const { [lastApplied]: _copy, ...annotations } = received.metadata.annotations;
    metadata['annotations'] = annotations;
  }
  return type.parse({ ...received, metadata });
}

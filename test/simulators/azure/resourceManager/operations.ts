import { createHash, randomBytes } from 'node:crypto';
import type { Reply } from '../listener.ts';
import type { Operation, Pending } from '../state.ts';
import { longInstant, newEtag, newId, type World } from '../world.ts';

// Long-running operations. Nothing runs in the background: what is due is done before the next request is looked at.

// The signed part of a real status URL holds a certificate; only its length matters to a client.
const certificate = randomBytes(1600).toString('base64url');

export function schedule(
  world: World,
  kind: Pending['kind'],
  target: string,
  afterSeconds: number,
  more: { operationId?: string; data?: unknown } = {},
): void {
  world.state.pending.push({
    at: new Date(world.now().getTime() + afterSeconds * 1000).toISOString(),
    kind,
    target,
    operationId: more.operationId ?? null,
    data: more.data ?? null,
  });
}

/** Starts an operation of the HCI provider: 202, body `null`, one absolute URL in both headers, no Retry-After. */
export function startOperation(
  world: World,
  given: {
    kind: Pending['kind'];
    resourceId: string;
    target: string;
    location: string;
    status: 'Accepted' | 'Deleting';
    apiVersion: string;
    data?: unknown;
    headers?: Readonly<Record<string, string>>;
  },
): Reply {
  const hash = createHash('sha256').update(given.target).digest('hex').toUpperCase();
  const id = `${newId()}*${hash}`;
  world.state.operations[id] = {
    id,
    resourceId: given.resourceId,
    location: given.location,
    status: given.status,
    deletion: given.status === 'Deleting',
    startTime: longInstant(world),
    endTime: null,
    error: null,
  };
  schedule(world, given.kind, given.target, world.settings.operationSeconds, { operationId: id, data: given.data });
  const url = operationUrl(world, id, given.location.toUpperCase(), given.apiVersion);
  return {
    status: 202,
    headers: {
      ...given.headers,
      'azure-asyncoperation': url,
      location: url,
      'x-ms-providerhub-traffic': 'True',
    },
    body: null,
  };
}

export function operationUrl(world: World, id: string, location: string, apiVersion: string): string {
  return signedUrl(
    world,
    `/providers/Microsoft.AzureStackHCI/locations/${location}/operationStatuses/${id}?api-version=${apiVersion}`,
  );
}

/** The absolute URL of an operation, signed as Resource Manager signs it, in some 3 kB. */
export function signedUrl(world: World, pathAndQuery: string): string {
  const ticks = String(BigInt(world.now().getTime()) * 10_000n + 621_355_968_000_000_000n);
  const signature = createHash('sha256').update(`${pathAndQuery}${ticks}`).digest('base64url');
  return `${world.urls.resourceManager}${pathAndQuery}&t=${ticks}&c=${certificate}&s=${signature}&h=${signature.slice(0, 22)}`;
}

/** The running operation of that kind on that resource. */
export function running(world: World, target: string, kinds: readonly Pending['kind'][]): Pending | undefined {
  return world.state.pending.find((entry) => entry.target === target && kinds.includes(entry.kind));
}

/** The answer of an operation's status URL: 202 while it runs, then 200. */
export function operationReply(world: World, operation: Operation, apiVersion: string): Reply {
  const id = `/providers/Microsoft.AzureStackHCI/locations/${operation.location.toUpperCase()}/operationStatuses/${operation.id}`;
  const body = {
    id,
    name: operation.id,
    resourceId: operation.resourceId,
    status: operation.status,
    startTime: operation.startTime,
  };
  const etag = { etag: newEtag() };
  if (operation.endTime === null) {
    const url = operationUrl(world, operation.id, operation.location, apiVersion);
    return { status: 202, headers: { ...etag, 'azure-asyncoperation': url, location: url }, body };
  }
  // A deletion's status names no end.
  const end = operation.deletion ? {} : { endTime: operation.endTime };
  return operation.error === null
    ? { status: 200, headers: etag, body: { ...body, ...end, properties: null } }
    : { status: 200, headers: etag, body: { ...body, ...end, error: operation.error } };
}

/** Does everything that is due, in order. `effects` says what each kind does. */
export function advance(
  world: World,
  effects: Readonly<Record<Pending['kind'], (world: World, entry: Pending) => void>>,
): void {
  for (;;) {
    const now = world.now().toISOString();
    const due = world.state.pending.filter((entry) => entry.at <= now).toSorted((a, b) => a.at.localeCompare(b.at))[0];
    if (due === undefined) return;
    world.state.pending.splice(world.state.pending.indexOf(due), 1);
    effects[due.kind](world, due);
    const operation = due.operationId === null ? undefined : world.state.operations[due.operationId];
    if (operation !== undefined) {
      operation.status = operation.error === null ? 'Succeeded' : 'Failed';
      operation.endTime = longInstant(world);
    }
  }
}

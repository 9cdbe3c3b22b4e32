import { setTimeout as sleep } from 'node:timers/promises';
import { Type } from 'typebox';
import { between, createBackoff } from './backoff.ts';
import type { KubeClient } from './client.ts';
import { contain } from './contain.ts';
import { errorFromStatus, isExpired, KubeError } from './kube-error.ts';
import { acceptOf, collectionPath, keyOf, list, read, type ResourceType } from './resource.ts';
import { KubeObject, parser } from './schema.ts';
import { compareResourceVersions, createStore, type Indexes, type Store } from './store.ts';
import { createWatchDecoder, type WatchEvent } from './watch.ts';

export interface ReflectorOptions<T extends KubeObject, Index extends string = never> {
  client: KubeClient;
  type: ResourceType<T>;
  /** Default: all namespaces. */
  namespace?: string;
  labelSelector?: string;
  /** By which objects can be found in the store. */
  indexes?: Indexes<T, Index>;
  /** Called for each change of the store, in order; quick and synchronous work only. An exception is reported and changes nothing. */
  onChange(key: string, previous: T | undefined, next: T | undefined): void;
  /** Every failure, each of which is followed by another try; also objects that `type` refuses, which the store leaves out. */
  onError(error: unknown): void;
  /** A watch that is silent for so long is taken for dead. Default 180,000: the server sends a bookmark each minute. */
  idleTimeoutMs?: number;
  /** Bounds of the random, growing pause after a failure. Default 800 and 30,000. */
  backoffMs?: { min: number; max: number };
}

export interface Reflector<T extends KubeObject, Index extends string = never> {
  readonly store: Store<T, Index>;
  /** Once true, the store has held everything there is, and `onChange` has been called for all of it. */
  hasSynced(): boolean;
  /** Resolves when `hasSynced` becomes true. */
  readonly synced: Promise<void>;
  /** When the server last said anything, bookmarks too, as `performance.now()`; undefined before that. */
  lastHeardAt(): number | undefined;
  /**
   * Takes the answer to a write of our own into the store, without waiting for the server to tell of it: the store is then never older
   * than that write, whatever still comes from before it. Does nothing if the store has got that far by itself.
   */
  record(written: T): void;
  /**
   * Keeps the store equal to the server until the signal fires. From then on nothing is called, also by what is still on its way.
   * A reflector runs once.
   */
  run(signal: AbortSignal): Promise<void>;
}

const watchSeconds = { min: 300, max: 600 };
const initialEventsEnd = 'k8s.io/initial-events-end';

/** Reads everything, then watches, for as long as it runs: no failure ends it. */
export function createReflector<T extends KubeObject, Index extends string = never>(
  options: ReflectorOptions<T, Index>,
): Reflector<T, Index> {
  const { client, type, idleTimeoutMs = 180_000 } = options;
  const path = collectionPath(type, options.namespace);
  const backoff = createBackoff(options.backoffMs ?? { min: 800, max: 30_000 });
  const synced = Promise.withResolvers<void>();
  let running: AbortSignal | undefined;
  /** The store holds everything up to here; undefined: it has to be read anew. */
  let resourceVersion: string | undefined;
  /** The newest version that the server has named, also when everything has to be read anew. */
  let newest: string | undefined;
  /** The server can send everything as the start of a watch. Otherwise: pages. */
  let streams = true;
  let hasSynced = false;
  let lastHeardAt: number | undefined;

  const isStopped = () => running === undefined || running.aborted;
  const report = (error: unknown) => {
    if (!isStopped()) contain(() => options.onError(error));
  };
  const store = createStore<T, Index>((key, previous, next) => {
    if (!isStopped()) contain(() => options.onChange(key, previous, next), report);
  }, options.indexes);

  /** Everything has been told, up to this version. */
  function complete(keys: ReadonlySet<string>, version: string): void {
    store.retain(keys, version);
    reach(version);
    if (isStopped()) return;
    hasSynced = true;
    synced.resolve();
  }

  function reach(version: string): void {
    resourceVersion = newest = version;
    store.confirmed(version);
  }

  /** A server that was restored from a backup names versions that were there before, for other things. */
  const isRewound = (version: string) => newest !== undefined && (compareResourceVersions(version, newest) ?? 0) < 0;

  function takeObject(object: unknown): string {
    const { metadata } = Changed(object);
    const key = keyOf(metadata);
    try {
      store.set(read(type, object));
    } catch (error) {
      report(error);
      store.remove(key, metadata.resourceVersion);
    }
    return key;
  }

  async function readPages(signal: AbortSignal): Promise<void> {
    const { namespace, labelSelector } = options;
    const answer = await list(client, type, { namespace, labelSelector, signal, onInvalid: report });
    if (signal.aborted) return;
    lastHeardAt = performance.now();
    if (isRewound(answer.resourceVersion)) store.rewind();
    for (const item of answer.items) store.set(item);
    complete(new Set(answer.items.map(({ metadata }) => keyOf(metadata))), answer.resourceVersion);
  }

  /** Returns when the server has ended the watch, as it does every few minutes. */
  async function watch(signal: AbortSignal, start: Record<string, string>, take: (event: WatchEvent) => void) {
    const connection = new AbortController();
    const stop = () => connection.abort(signal.reason);
    const watchdog = setTimeout(() => connection.abort(idleError(path, idleTimeoutMs)), idleTimeoutMs);
    signal.addEventListener('abort', stop, { once: true });
    const decode = createWatchDecoder((event) => {
      if (connection.signal.aborted) return;
      if (event.type === 'ERROR') throw errorFromStatus(`watch ${path}`, 500, event.object);
      lastHeardAt = performance.now();
      take(event);
      // A server that always fails within the start must not be made to send it at full speed.
      if (resourceVersion !== undefined) backoff.reset();
    });
    try {
      const query = {
        watch: 'true',
        allowWatchBookmarks: 'true',
        ...start,
        timeoutSeconds: String(Math.round(between(watchSeconds.min, watchSeconds.max))),
        labelSelector: options.labelSelector,
      };
      const stream = await client.stream({ path, query, accept: acceptOf(type), signal: connection.signal });
      for await (const chunk of stream) {
        watchdog.refresh();
        decode(chunk);
      }
    } catch (error) {
      throw connection.signal.aborted ? connection.signal.reason : error;
    } finally {
      clearTimeout(watchdog);
      signal.removeEventListener('abort', stop);
    }
  }

  function follow(event: WatchEvent): void {
    if (event.type === 'BOOKMARK') return reach(Bookmark(event.object).metadata.resourceVersion);
    const { metadata } = Changed(event.object);
    if (event.type === 'DELETED') store.remove(keyOf(metadata), metadata.resourceVersion);
    else takeObject(event.object);
    reach(metadata.resourceVersion);
  }

  /** Everything there is comes as the start of a watch, which then goes on: one request, and nothing is held twice. */
  async function readStream(signal: AbortSignal): Promise<void> {
    const told = new Set<string>();
    let isComplete = false;
    const start = { sendInitialEvents: 'true', resourceVersionMatch: 'NotOlderThan' };
    await watch(signal, start, (event) => {
      if (isComplete) return follow(event);
      if (event.type === 'BOOKMARK') {
        const { annotations, resourceVersion: version } = Bookmark(event.object).metadata;
        // A server from before streaming takes the request for a plain watch.
        if (annotations?.[initialEventsEnd] !== 'true') throw notStreaming(path);
        // What was told is in the store already, unless it seemed to be old.
        if (isRewound(version)) throw rewound(path);
        isComplete = true;
        return complete(told, version);
      }
      if (event.type === 'DELETED') told.delete(keyOf(Changed(event.object).metadata));
      else told.add(takeObject(event.object));
    });
    if (!isComplete) throw notStreaming(path);
  }

  async function readAll(signal: AbortSignal): Promise<void> {
    if (!streams) return readPages(signal);
    try {
      await readStream(signal);
    } catch (error) {
      if (resourceVersion !== undefined || !isStreamingRefusal(error)) throw error;
      // One that cannot now may be able later; one that does not know what it is asked for stays so.
      streams = !(error instanceof KubeError && (error.status === 400 || error.status === 422));
      await readPages(signal);
    }
  }

  async function run(signal: AbortSignal): Promise<void> {
    if (running !== undefined)
      throw new Error('a reflector runs once: what it did not tell when it was stopped is lost');
    running = signal;
    while (!signal.aborted) {
      let pauseMs = 0;
      const from = resourceVersion;
      try {
        if (from === undefined) await readAll(signal);
        else await watch(signal, { resourceVersion: from }, follow);
        // A server that ends watches at once without anything new must not be asked at full speed.
        if (resourceVersion === from) pauseMs = backoff.next();
      } catch (error) {
        if (isExpired(error) || isFromTheFuture(error)) resourceVersion = undefined;
        else report(error);
        const asked = error instanceof KubeError ? (error.retryAfterSeconds ?? 0) : 0;
        pauseMs = Math.max(backoff.next(), asked * 1000);
      }
      await pause(pauseMs, signal);
    }
  }

  return {
    store,
    hasSynced: () => hasSynced,
    synced: synced.promise,
    lastHeardAt: () => lastHeardAt,
    record(written) {
      const version = written.metadata.resourceVersion;
      const order = newest === undefined ? 1 : compareResourceVersions(version, newest);
      if (order !== undefined && order > 0) store.setAhead(written);
    },
    run,
  };
}

const Bookmark = parser(
  'bookmark',
  Type.Object({
    metadata: Type.Object({
      resourceVersion: Type.String(),
      annotations: Type.Optional(Type.Record(Type.String(), Type.String())),
    }),
  }),
);
const Changed = parser('watch event', KubeObject);

function idleError(path: string, milliseconds: number): KubeError {
  return new KubeError({
    status: 0,
    reason: 'WatchIdle',
    message: `watch ${path}: silent for ${milliseconds} ms`,
    retryable: true,
  });
}

const streamingRefused = 'StreamingRefused';

const notStreaming = (path: string) =>
  new KubeError({
    status: 0,
    reason: streamingRefused,
    message: `watch ${path}: the server did not say where the initial events end`,
    retryable: true,
  });

const rewound = (path: string) =>
  new KubeError({
    status: 0,
    reason: streamingRefused,
    message: `watch ${path}: the server has gone back to an older version`,
    retryable: true,
  });

/**
 * 400 and 422: it does not know the parameters, or the feature is switched off. 500: etcd is too old for it ("RequestWatchProgress is
 * disabled"). Pages are worth a try.
 */
const isStreamingRefusal = (error: unknown) =>
  error instanceof KubeError && (error.reason === streamingRefused || [400, 422, 500].includes(error.status));

/** We have seen a version that the server does not know: it was restored from a backup, or another one answers. */
const isFromTheFuture = (error: unknown) =>
  error instanceof KubeError && error.causes.includes('ResourceVersionTooLarge');

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  if (milliseconds === 0) return;
  // Rejects only when the signal fires, which the caller's loop looks at.
  await sleep(milliseconds, undefined, { signal }).catch(() => {});
}

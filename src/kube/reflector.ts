import { setTimeout as sleep } from 'node:timers/promises';
import { Type } from 'typebox';
import { between, createBackoff } from './backoff.ts';
import type { KubeClient } from './client.ts';
import { contain } from './contain.ts';
import { errorFromStatus, isExpired, KubeError } from './kube-error.ts';
import { collectionPath, keyOf, list, read, type ResourceType } from './resource.ts';
import { KubeObject, parser } from './schema.ts';
import { createStore, type Store } from './store.ts';
import { watchEvents, type WatchEvent } from './watch.ts';

export interface ReflectorOptions<T extends KubeObject> {
  client: KubeClient;
  type: ResourceType<T>;
  /** Default: all namespaces. */
  namespace?: string;
  labelSelector?: string;
  /** Called for each change of the store, in order; quick and synchronous work only. An exception is reported and changes nothing. */
  onChange(key: string, previous: T | undefined, next: T | undefined): void;
  /** Every failure, each of which is followed by another try; also objects that `type` refuses, which the store leaves out. */
  onError(error: unknown): void;
  /** A watch that is silent for so long is taken for dead. Default 180,000: the server sends a bookmark each minute. */
  idleTimeoutMs?: number;
  /** Bounds of the random, growing pause after a failure. Default 800 and 30,000. */
  backoffMs?: { min: number; max: number };
}

export interface Reflector<T extends KubeObject> {
  readonly store: Store<T>;
  /** Once true, the store has held a complete list, and `onChange` has been called for all of it. */
  hasSynced(): boolean;
  /** Resolves when `hasSynced` becomes true. */
  readonly synced: Promise<void>;
  /**
   * Puts the answer to a write of our own into the store without waiting for its event, so that the next look is not at an older state.
   * Objects that the store does not hold are left to the watch.
   */
  record(written: T): void;
  /**
   * Keeps the store equal to the server until the signal fires. From then on nothing is called, also by what is still on its way.
   * A reflector runs once.
   */
  run(signal: AbortSignal): Promise<void>;
}

const watchSeconds = { min: 300, max: 600 };

/** Lists, then watches, for as long as it runs: no failure ends it. */
export function createReflector<T extends KubeObject>(options: ReflectorOptions<T>): Reflector<T> {
  const { client, type, idleTimeoutMs = 180_000 } = options;
  const path = collectionPath(type, options.namespace);
  const backoff = createBackoff(options.backoffMs ?? { min: 800, max: 30_000 });
  const synced = Promise.withResolvers<void>();
  let running: AbortSignal | undefined;
  let resourceVersion: string | undefined;
  let hasSynced = false;

  const isStopped = () => running === undefined || running.aborted;
  const report = (error: unknown) => {
    if (!isStopped()) contain(() => options.onError(error));
  };
  const store = createStore<T>((key, previous, next) => {
    if (!isStopped()) contain(() => options.onChange(key, previous, next), report);
  });

  async function relist(signal: AbortSignal): Promise<string> {
    const { namespace, labelSelector } = options;
    const answer = await list(client, type, { namespace, labelSelector, signal, onInvalid: report });
    store.replace(answer.items, answer.resourceVersion);
    return answer.resourceVersion;
  }

  /** Returns when the server has ended the watch, as it does every few minutes. */
  async function watch(from: string, signal: AbortSignal): Promise<void> {
    const connection = new AbortController();
    const stop = () => connection.abort(signal.reason);
    const watchdog = setTimeout(() => connection.abort(idleError(path, idleTimeoutMs)), idleTimeoutMs);
    signal.addEventListener('abort', stop, { once: true });
    try {
      const query = {
        watch: 'true',
        allowWatchBookmarks: 'true',
        resourceVersion: from,
        timeoutSeconds: String(Math.round(between(watchSeconds.min, watchSeconds.max))),
        labelSelector: options.labelSelector,
      };
      for await (const event of watchEvents(await client.stream({ path, query, signal: connection.signal }))) {
        watchdog.refresh();
        resourceVersion = take(event);
        backoff.reset();
      }
    } catch (error) {
      throw connection.signal.aborted ? connection.signal.reason : error;
    } finally {
      clearTimeout(watchdog);
      signal.removeEventListener('abort', stop);
    }
  }

  /** @returns the resourceVersion from which to go on */
  function take({ type: kind, object }: WatchEvent): string {
    if (kind === 'ERROR') throw errorFromStatus(`watch ${path}`, 500, object);
    if (kind === 'BOOKMARK') return Bookmark(object).metadata.resourceVersion;
    const { metadata } = Changed(object);
    if (kind === 'DELETED') {
      store.remove(keyOf(metadata));
    } else {
      try {
        store.set(read(type, object));
      } catch (error) {
        report(error);
        store.remove(keyOf(metadata));
      }
    }
    return metadata.resourceVersion;
  }

  async function run(signal: AbortSignal): Promise<void> {
    if (running !== undefined)
      throw new Error('a reflector runs once: what it did not tell when it was stopped is lost');
    running = signal;
    while (!signal.aborted) {
      let pauseMs = 0;
      try {
        if (resourceVersion === undefined) {
          resourceVersion = await relist(signal);
          if (signal.aborted) return;
          hasSynced = true;
          synced.resolve();
        }
        const from = resourceVersion;
        await watch(from, signal);
        // A server that ends watches at once without anything new must not be asked at full speed.
        if (resourceVersion === from) pauseMs = backoff.next();
      } catch (error) {
        if (isExpired(error)) resourceVersion = undefined;
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
    record(written) {
      if (store.get(keyOf(written.metadata))?.metadata.uid === written.metadata.uid) store.set(written);
    },
    run,
  };
}

const Bookmark = parser('bookmark', Type.Object({ metadata: Type.Object({ resourceVersion: Type.String() }) }));
const Changed = parser('watch event', KubeObject);

function idleError(path: string, milliseconds: number): KubeError {
  return new KubeError({
    status: 0,
    reason: 'WatchIdle',
    message: `watch ${path}: silent for ${milliseconds} ms`,
    retryable: true,
  });
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  if (milliseconds === 0) return;
  // Rejects only when the signal fires, which the caller's loop looks at.
  await sleep(milliseconds, undefined, { signal }).catch(() => {});
}

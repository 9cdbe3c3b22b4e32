import { keyOf } from './resource.ts';
import type { KubeObject } from './schema.ts';

/** What was last seen of each object. Everybody shares these values: never change one. */
export interface Store<T extends KubeObject> {
  /** @param key see `keyOf` */
  get(key: string): T | undefined;
  list(): T[];
  keys(): Iterable<string>;
  readonly size: number;
}

export interface WritableStore<T extends KubeObject> extends Store<T> {
  /** Keeps what is newer: an event that is older than what is stored changes nothing. */
  set(object: T): void;
  /** Forgets the object, whatever is stored under the key. */
  remove(key: string): void;
  /** Takes over a complete list: what it lacks is gone, unless what is stored is newer than the list. */
  replace(objects: T[], resourceVersion: string): void;
}

/**
 * @param onChange called once for each change, after it; an object that was deleted and made anew is a deletion and then a creation.
 * It must not throw.
 */
export function createStore<T extends KubeObject>(
  onChange: (key: string, previous: T | undefined, next: T | undefined) => void,
): WritableStore<T> {
  const objects = new Map<string, T>();

  function set(object: T): void {
    const key = keyOf(object.metadata);
    const previous = objects.get(key);
    const sameObject = previous?.metadata.uid === object.metadata.uid;
    if (sameObject && !isNewer(object.metadata.resourceVersion, previous.metadata.resourceVersion)) return;
    objects.set(key, object);
    if (previous !== undefined && !sameObject) {
      onChange(key, previous, undefined);
      onChange(key, undefined, object);
    } else {
      onChange(key, previous, object);
    }
  }

  function remove(key: string): void {
    const previous = objects.get(key);
    if (previous === undefined) return;
    objects.delete(key);
    onChange(key, previous, undefined);
  }

  return {
    get: (key) => objects.get(key),
    list: () => [...objects.values()],
    keys: () => objects.keys(),
    get size() {
      return objects.size;
    },
    set,
    remove,
    replace(listed, resourceVersion) {
      const keys = new Set(listed.map(({ metadata }) => keyOf(metadata)));
      for (const [key, { metadata }] of objects) {
        if (!keys.has(key) && !isNewer(metadata.resourceVersion, resourceVersion)) remove(key);
      }
      for (const object of listed) set(object);
    },
  };
}

/** Resource versions are decimal numbers without leading zeros, and comparable within one kind (guaranteed since Kubernetes 1.35). */
export function isNewer(left: string, right: string): boolean {
  return left.length === right.length ? left > right : left.length > right.length;
}

import { keyOf } from './resource.ts';
import type { KubeObject } from './schema.ts';

/** What was last seen of each object. Everybody shares these values: never change one. */
export interface Store<T extends KubeObject, Index extends string = never> {
  /** @param key see `keyOf` */
  get(key: string): T | undefined;
  list(): T[];
  keys(): Iterable<string>;
  /** The objects for which the index gives this value. */
  byIndex(index: Index, value: string): T[];
  readonly size: number;
}

/** The values under which an object is to be found. */
export type Indexes<T, Index extends string> = Record<Index, (object: T) => readonly string[]>;

export interface WritableStore<T extends KubeObject, Index extends string = never> extends Store<T, Index> {
  /** Takes over what the server says of an object, unless what is stored is newer. */
  set(object: T): void;
  /** The object is gone since this version: forgets it, unless what is stored is newer. */
  remove(key: string, resourceVersion: string): void;
  /**
   * Takes over the answer to a write of our own, of which the server has not told yet. That may be the first there is to know of the
   * object: until `confirmed` reaches its version it stays, and then it goes unless `set` has confirmed it.
   */
  setAhead(object: T): void;
  /** The server has told everything up to this version. */
  confirmed(resourceVersion: string): void;
  /** The server has told of everything there is, up to this version: what is not among the keys is gone, unless it is newer. */
  retain(keys: ReadonlySet<string>, resourceVersion: string): void;
  /** Forgets all versions, so that whatever the server says next is taken over. For a server that has gone back in time. */
  rewind(): void;
}

/**
 * @param onChange called once for each change, after it; an object that was deleted and made anew is a deletion and then a creation.
 * It must not throw.
 */
export function createStore<T extends KubeObject, Index extends string = never>(
  onChange: (key: string, previous: T | undefined, next: T | undefined) => void,
  indexes?: Indexes<T, Index>,
): WritableStore<T, Index> {
  const objects = new Map<string, T>();
  const ahead = new Map<string, string>();
  let rewound: Set<string> | undefined;
  const indexed = createIndex(indexes);

  function put(key: string, object: T): void {
    const previous = objects.get(key);
    if (previous !== undefined && rewound?.delete(key) !== true) {
      const order = compareResourceVersions(object.metadata.resourceVersion, previous.metadata.resourceVersion);
      if (order !== undefined && order <= 0) return;
    }
    objects.set(key, object);
    indexed.move(key, previous, object);
    if (previous !== undefined && previous.metadata.uid !== object.metadata.uid) {
      onChange(key, previous, undefined);
      onChange(key, undefined, object);
    } else {
      onChange(key, previous, object);
    }
  }

  function forget(key: string): void {
    const previous = objects.get(key);
    if (previous === undefined) return;
    objects.delete(key);
    ahead.delete(key);
    indexed.move(key, previous, undefined);
    onChange(key, previous, undefined);
  }

  return {
    get: (key) => objects.get(key),
    list: () => [...objects.values()],
    keys: () => objects.keys(),
    byIndex: (index, value) =>
      indexed.keys(index, value).flatMap((key) => {
        const object = objects.get(key);
        return object === undefined ? [] : [object];
      }),
    get size() {
      return objects.size;
    },
    set(object) {
      const key = keyOf(object.metadata);
      const awaited = ahead.get(key);
      if (awaited !== undefined && !isAfter(awaited, object.metadata.resourceVersion)) ahead.delete(key);
      put(key, object);
    },
    remove(key, resourceVersion) {
      const stored = objects.get(key)?.metadata.resourceVersion;
      if (stored !== undefined && !isAfter(stored, resourceVersion)) forget(key);
    },
    setAhead(object) {
      const key = keyOf(object.metadata);
      ahead.set(key, object.metadata.resourceVersion);
      put(key, object);
    },
    confirmed(resourceVersion) {
      for (const [key, awaited] of ahead) {
        if (isAfter(awaited, resourceVersion)) continue;
        ahead.delete(key);
        if (objects.get(key)?.metadata.resourceVersion === awaited) forget(key);
      }
    },
    retain(keys, resourceVersion) {
      const rewoundKeys = rewound;
      rewound = undefined;
      for (const [key, { metadata }] of objects) {
        const isOutdated = rewoundKeys?.has(key) === true || !isAfter(metadata.resourceVersion, resourceVersion);
        if (!keys.has(key) && isOutdated) forget(key);
      }
    },
    rewind() {
      ahead.clear();
      rewound = new Set(objects.keys());
    },
  };
}

function createIndex<T, Index extends string>(indexes: Indexes<T, Index> | undefined) {
  const functions = new Map<string, (object: T) => readonly string[]>(Object.entries(indexes ?? {}));
  const found = new Map<string, Map<string, Set<string>>>();
  for (const name of functions.keys()) found.set(name, new Map());
  return {
    move(key: string, previous: T | undefined, next: T | undefined): void {
      for (const [name, valuesOf] of functions) {
        const keys = found.get(name);
        for (const value of previous === undefined ? [] : valuesOf(previous)) {
          const holders = keys?.get(value);
          holders?.delete(key);
          if (holders?.size === 0) keys?.delete(value);
        }
        for (const value of next === undefined ? [] : valuesOf(next)) {
          const holders = keys?.get(value);
          if (holders === undefined) keys?.set(value, new Set([key]));
          else holders.add(key);
        }
      }
    },
    keys: (name: string, value: string): string[] => [...(found.get(name)?.get(value) ?? [])],
  };
}

const isAfter = (left: string, right: string): boolean => (compareResourceVersions(left, right) ?? -1) > 0;

const isNumber = /^[1-9][0-9]*$/;

/**
 * Below, equal or above 0 as the left version is older, the same or newer; undefined when that cannot be told. Versions are decimal
 * numbers, comparable within one kind (guaranteed since Kubernetes 1.35); those of an aggregated API server may be anything.
 */
export function compareResourceVersions(left: string, right: string): number | undefined {
  if (left === right) return 0;
  if (!isNumber.test(left) || !isNumber.test(right)) return undefined;
  const newer = left.length === right.length ? left > right : left.length > right.length;
  return newer ? 1 : -1;
}

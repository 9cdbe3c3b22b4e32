import type { KubeClient } from './client.ts';
import { createReflector, type ReflectorOptions } from './reflector.ts';
import { get, keyOf, metadataOf, type ObjectName, type ResourceType } from './resource.ts';
import type { KubeObject } from './schema.ts';
import { compareResourceVersions } from './store.ts';

export interface ReferencedObjects<T extends KubeObject> {
  /**
   * The object's content: the one kept from the last time as long as the watch knows of no newer version, else read now. What the watch
   * does not select works too, and is read each time.
   * @returns undefined when there is no such object
   * @throws KubeError
   */
  read(name: ObjectName, signal?: AbortSignal): Promise<T | undefined>;
  hasSynced(): boolean;
  run(signal: AbortSignal): Promise<void>;
}

/** The server sends a bookmark each minute. */
const silentMs = 180_000;

/**
 * Objects that others refer to, such as Secrets: changes are noticed by a watch of metadata, and content is read for those that are asked
 * for. So nobody's content is held, or even sent, that nobody needs.
 */
export function createReferencedObjects<T extends KubeObject>(
  options: Pick<ReflectorOptions<KubeObject>, 'namespace' | 'labelSelector' | 'onError' | 'backoffMs'> & {
    client: KubeClient;
    type: ResourceType<T>;
    /** It was made, changed or deleted: time to look at what refers to it. */
    onChange(key: string): void;
  },
): ReferencedObjects<T> {
  const { client, type, ...rest } = options;
  const kept = new Map<string, T>();
  const reflector = createReflector<KubeObject>({
    ...rest,
    client,
    type: metadataOf(type),
    onChange(key, _previous, next) {
      if (next === undefined || !isAsNew(kept.get(key), next)) kept.delete(key);
      options.onChange(key);
    },
  });
  return {
    async read(name, signal) {
      const key = keyOf(name);
      const known = kept.get(key);
      // Of a watch that is silent, or not allowed any more, nothing is to be expected.
      const isHeard = performance.now() - (reflector.lastHeardAt() ?? 0) < silentMs;
      if (known !== undefined && isHeard) return known;
      const current = await get(client, type, name, { signal });
      const seen = reflector.store.get(key);
      // Kept only if the watch tells of it, and has not told of a newer one meanwhile.
      if (current !== undefined && seen !== undefined && isAsNew(current, seen)) kept.set(key, current);
      return current;
    },
    hasSynced: () => reflector.hasSynced(),
    run: (signal) => reflector.run(signal),
  };
}

function isAsNew(content: KubeObject | undefined, seen: KubeObject): boolean {
  if (content === undefined || content.metadata.uid !== seen.metadata.uid) return false;
  const order = compareResourceVersions(content.metadata.resourceVersion, seen.metadata.resourceVersion);
  return order !== undefined && order >= 0;
}

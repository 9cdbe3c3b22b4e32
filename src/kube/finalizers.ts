import type { KubeClient } from './client.ts';
import { isAbsent, isConflict, mergePatch, type ResourceType } from './resource.ts';
import type { KubeObject } from './schema.ts';

/**
 * `done`: it is so, and `object` is the newest state. `conflict`: the object has changed since it was read (read again, decide again).
 * `absent`: it is gone.
 */
export type FinalizerOutcome<T> = { outcome: 'done'; object: T } | { outcome: 'conflict' } | { outcome: 'absent' };

interface Options {
  fieldManager: string;
  signal?: AbortSignal | undefined;
}

/** Adds the finalizer to exactly this version of exactly this object. */
export function addFinalizer<T extends KubeObject>(
  client: KubeClient,
  type: ResourceType<T>,
  object: T,
  finalizer: string,
  options: Options,
): Promise<FinalizerOutcome<T>> {
  const present = object.metadata.finalizers ?? [];
  return setFinalizers(client, type, object, [...present.filter((name) => name !== finalizer), finalizer], options);
}

/** Removes the finalizer from exactly this version of exactly this object, which may be its end. */
export function removeFinalizer<T extends KubeObject>(
  client: KubeClient,
  type: ResourceType<T>,
  object: T,
  finalizer: string,
  options: Options,
): Promise<FinalizerOutcome<T>> {
  const present = object.metadata.finalizers ?? [];
  return setFinalizers(
    client,
    type,
    object,
    present.filter((name) => name !== finalizer),
    options,
  );
}

async function setFinalizers<T extends KubeObject>(
  client: KubeClient,
  type: ResourceType<T>,
  object: T,
  finalizers: string[],
  options: Options,
): Promise<FinalizerOutcome<T>> {
  const { resourceVersion, finalizers: present = [] } = object.metadata;
  if (finalizers.length === present.length) return { outcome: 'done', object };
  try {
    // A merge patch, since a failed `test` of a JSON patch cannot be told from an invalid object. No other object, also none of the
    // same name made later, can ever have this resourceVersion.
    const patch = { metadata: { resourceVersion, finalizers } };
    return { outcome: 'done', object: await mergePatch(client, type, object.metadata, patch, options) };
  } catch (error) {
    if (isAbsent(error)) return { outcome: 'absent' };
    if (isConflict(error)) return { outcome: 'conflict' };
    throw error;
  }
}

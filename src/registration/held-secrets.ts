import { fieldManager, finalizer } from '../api/group.ts';
import { parseRegistration, type HciClusterRegistration } from '../api/registration.ts';
import type { KubeClient } from '../kube/client.ts';
import { secrets } from '../kube/core.ts';
import { addFinalizer, removeFinalizer } from '../kube/finalizers.ts';
import { get } from '../kube/resource.ts';
import type { KubeObject } from '../kube/schema.ts';
import { effectiveDeletionPolicy } from './effective-policy.ts';
import { namedSecrets } from './referenced-secrets.ts';

// A cluster cannot be unregistered without its credentials: whoever deletes a namespace deletes them together with the registration.

const nameOf = (key: string) => {
  const [namespace = '', name = ''] = key.split('/');
  return { namespace, name };
};

/** Keeps the Secrets that a registration names from going before it. One that is missing, or going already, is left. */
export async function holdSecrets(kube: KubeClient, registration: KubeObject, signal: AbortSignal): Promise<void> {
  for (const key of namedSecrets(registration)) {
    const secret = await get(kube, secrets, nameOf(key), { signal });
    if (secret === undefined || secret.metadata.deletionTimestamp !== undefined) continue;
    if (secret.metadata.finalizers?.includes(finalizer) === true) continue;
    // Changed meanwhile: the next pass tries again.
    await addFinalizer(kube, secrets, secret, finalizer, { fieldManager, signal });
  }
}

/** Lets go those that no other registration needs. @returns false when one has changed meanwhile, and has to be looked at again */
export async function releaseSecrets(
  kube: KubeClient,
  registration: KubeObject,
  others: Iterable<KubeObject>,
  signal: AbortSignal,
): Promise<boolean> {
  const needed = new Set(
    [...others]
      .filter((other) => other.metadata.uid !== registration.metadata.uid && needsThem(other))
      .flatMap(namedSecrets),
  );
  let isDone = true;
  for (const key of namedSecrets(registration)) {
    if (needed.has(key)) continue;
    const secret = await get(kube, secrets, nameOf(key), { signal });
    if (secret?.metadata.finalizers?.includes(finalizer) !== true) continue;
    const { outcome } = await removeFinalizer(kube, secrets, secret, finalizer, { fieldManager, signal });
    if (outcome === 'conflict') isDone = false;
  }
  return isDone;
}

/** Two that go at the same time do not wait for each other: one that is done with them needs them no more. */
function needsThem(object: KubeObject): boolean {
  if (object.metadata.finalizers?.includes(finalizer) !== true) return false;
  const parsed = parseRegistration(object);
  return !parsed.understood || !isDoneWithThem(parsed.registration);
}

const isDoneWithThem = ({ metadata, status, spec }: HciClusterRegistration): boolean =>
  metadata.deletionTimestamp !== undefined &&
  (status?.unregistration?.endTime !== undefined ||
    effectiveDeletionPolicy(spec, status?.azure?.adopted === true) === 'Detach');

import { fieldManager, finalizer } from '../api/group.ts';
import { subjectOf, type HciClusterRegistration } from '../api/registration.ts';
import type { KubeClient } from '../kube/client.ts';
import type { EventRecorder } from '../kube/events.ts';
import { removeFinalizer } from '../kube/finalizers.ts';
import type { KubeObject } from '../kube/schema.ts';
import { releaseSecrets } from './held-secrets.ts';
import { registrations } from './status-writer.ts';

/**
 * Lets the object go: first the Secrets that it held, so that none is left held by nobody, then the finalizer, from exactly the version
 * that was decided on. Returns false when something has changed meanwhile.
 */
export async function detach(
  { kube, events, list }: { kube: KubeClient; events: EventRecorder; list: () => Iterable<KubeObject> },
  object: KubeObject,
  registration: HciClusterRegistration,
  told: { reason: 'Detaching' | 'Unregistered'; note: string },
  signal: AbortSignal,
): Promise<boolean> {
  if (!(await releaseSecrets(kube, object, list(), signal))) return false;
  await events.record(subjectOf(registration.metadata), { type: 'Normal', ...told, action: 'Detach' });
  const removed = await removeFinalizer(kube, registrations, object, finalizer, { fieldManager, signal });
  return removed.outcome !== 'conflict';
}

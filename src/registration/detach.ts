import { apiVersion, fieldManager, finalizer } from '../api/group.ts';
import { kind, type HciClusterRegistration } from '../api/registration.ts';
import type { KubeClient } from '../kube/client.ts';
import type { EventRecorder } from '../kube/events.ts';
import { removeFinalizer } from '../kube/finalizers.ts';
import type { KubeObject } from '../kube/schema.ts';
import { registrations } from './status-writer.ts';

/** Removes the finalizer from exactly the version that was decided on. Returns false when that version is not the newest. */
export async function detach(
  { kube, events }: { kube: KubeClient; events: EventRecorder },
  object: KubeObject,
  registration: HciClusterRegistration,
  note: string,
  signal: AbortSignal,
): Promise<boolean> {
  const { namespace, name, uid } = registration.metadata;
  const subject = { apiVersion, kind, metadata: { namespace, name, uid } };
  await events.record(subject, { type: 'Normal', reason: 'Detaching', action: 'Detach', note });
  const removed = await removeFinalizer(kube, registrations, object, finalizer, { fieldManager, signal });
  return removed.outcome !== 'conflict';
}

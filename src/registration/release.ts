import { apiVersion, fieldManager, finalizer } from '../api/group.ts';
import { kind, type HciClusterRegistration } from '../api/registration.ts';
import type { KubeClient } from '../kube/client.ts';
import type { EventRecorder } from '../kube/events.ts';
import { removeFinalizer } from '../kube/finalizers.ts';
import type { KubeObject } from '../kube/schema.ts';
import type { StatusDraft } from './draft.ts';
import { reportIdle } from './report-idle.ts';
import { registrations } from './status-writer.ts';

/** What is to be done with an object that is being deleted. */
export type Release =
  /** It goes; Azure and the nodes stay as they are. */
  | { kind: 'detach'; note: string }
  /** It stays until a person decides. */
  | { kind: 'hold'; status: StatusDraft };

/** Pure. Only what is on record decides: names go into status before the first write, so without them nothing was ever written. */
export function decideRelease(registration: HciClusterRegistration, now: Date): Release {
  const { spec, status, metadata } = registration;
  const resource = status?.azure?.resourceId ?? status?.azure?.resourceName;
  if (resource === undefined) return { kind: 'detach', note: 'Nothing was ever changed in Azure or on nodes.' };
  const byDefault = status?.azure?.adopted === true ? 'Detach' : 'Unregister';
  const policy = spec.managementPolicy === 'Observe' ? 'Detach' : (spec.deletion.policy ?? byDefault);
  if (policy === 'Detach') {
    return { kind: 'detach', note: `${resource} stays in Azure as it is; the nodes stay registered.` };
  }
  const verdict = {
    reason: 'UnregisterNotSupported',
    message: `${resource} and its nodes are as they were: this version of the controller does not unregister. Set spec.deletion.policy to Detach to release this object, then unregister with Unregister-AzStackHCI.`,
  };
  const verdicts = {
    Ready: { status: 'False' as const, ...verdict },
    Deleting: { status: 'True' as const, ...verdict },
  };
  return { kind: 'hold', status: reportIdle(registration, verdicts, metadata.generation, now) };
}

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

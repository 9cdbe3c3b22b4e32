import type { HciClusterRegistration } from '../api/registration.ts';
import type { RegistrationSpec } from '../api/spec.ts';
import type { StatusDraft } from './draft.ts';
import { reportIdle } from './report-idle.ts';

/** What is to be done with an object that is being deleted. */
export type Release =
  /** It goes; Azure and the nodes stay as they are. */
  | { kind: 'detach'; note: string }
  /** It stays until a person decides. */
  | { kind: 'hold'; status: StatusDraft };

/** What deleting the object does. What we made is unregistered, what we took over is left. */
export const effectiveDeletionPolicy = (spec: RegistrationSpec, isAdopted: boolean): 'Unregister' | 'Detach' =>
  spec.managementPolicy === 'Observe' ? 'Detach' : (spec.deletion.policy ?? (isAdopted ? 'Detach' : 'Unregister'));

/** Pure. Only what is on record decides: that a first write was about to be made, or that the resource is ours. */
export function decideRelease(registration: HciClusterRegistration, now: Date): Release {
  const { spec, status, metadata } = registration;
  const resource = status?.azure?.resourceId ?? status?.azure?.resourceName;
  const untouched = status?.firstWriteTime === undefined && status?.azure?.resourceId === undefined;
  if (untouched) return { kind: 'detach', note: 'Nothing was ever changed in Azure or on nodes.' };
  if (effectiveDeletionPolicy(spec, status?.azure?.adopted === true) === 'Detach') {
    return { kind: 'detach', note: `${resource} stays in Azure as it is; the nodes stay registered.` };
  }
  const verdict = {
    reason: 'UnregisterNotSupported',
    message: `${resource} and its nodes are as they were: this version of the controller does not unregister (spec.deletion has no other effect yet). Set spec.deletion.policy to Detach to release this object; to unregister the cluster, run Unregister-AzStackHCI.`,
  };
  const verdicts = {
    Ready: { status: 'False' as const, ...verdict },
    Deleting: { status: 'True' as const, ...verdict },
  };
  return { kind: 'hold', status: reportIdle(registration, verdicts, metadata.generation, now) };
}

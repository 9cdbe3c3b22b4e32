import type { HciClusterRegistration } from '../api/registration.ts';
import { effectiveDeletionPolicy } from './effective-policy.ts';
import type { Gate } from './mass-deletion.ts';

/** What is to be done with an object that is being deleted. */
export type Release =
  /** It goes; Azure and the nodes stay as they are. */
  | { kind: 'detach'; note: string }
  /** All is removed: it goes. */
  | { kind: 'finish' }
  /** It stays as it is, until a person decides or the time is over. */
  | { kind: 'hold'; reason: 'MassDeletionHold' | 'Suspended' | 'Unregistering'; message: string; afterMs?: number }
  | { kind: 'unregister' };

/** Pure. Only what is on record decides: that a first write was about to be made, or that the resource is ours. */
export function decideRelease(registration: HciClusterRegistration, gate: Gate): Release {
  const { spec, status } = registration;
  if (status?.unregistration?.endTime !== undefined) return { kind: 'finish' };
  const resource = status?.azure?.resourceId ?? status?.azure?.resourceName;
  const untouched = status?.firstWriteTime === undefined && status?.azure?.resourceId === undefined;
  if (untouched) return { kind: 'detach', note: 'Nothing was ever changed in Azure or on nodes.' };
  if (effectiveDeletionPolicy(spec, status?.azure?.adopted === true) === 'Detach') {
    const note =
      status?.unregistration === undefined
        ? `${resource} stays in Azure as it is; the nodes stay registered.`
        : `${resource} is left as it is now: its unregistration was begun, and not finished.`;
    return { kind: 'detach', note };
  }
  if (spec.suspend) {
    const message = `spec.suspend is true: ${resource} is not unregistered. Set it to false to go on, or spec.deletion.policy to Detach.`;
    return { kind: 'hold', reason: 'Suspended', message };
  }
  if (gate.kind === 'hold') return { kind: 'hold', reason: 'MassDeletionHold', message: gate.message };
  if (gate.kind === 'settle') {
    const message = `${resource} is to be unregistered. In a few seconds that begins, unless many others are to be as well.`;
    return { kind: 'hold', reason: 'Unregistering', message, afterMs: gate.untilMs };
  }
  return { kind: 'unregister' };
}

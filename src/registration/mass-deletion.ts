import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { finalizer, unregisterConfirmed } from '../api/group.ts';
import { parseRegistration, type HciClusterRegistration } from '../api/registration.ts';
import type { KubeObject } from '../kube/schema.ts';
import { effectiveDeletionPolicy } from './effective-policy.ts';

/** How many clusters may be unregistered within this time before a person has to agree. */
export interface MassDeletionLimit {
  limit: number;
  windowMinutes: number;
}

/** The deletes of one command, or of a namespace, arrive one after the other: the first is looked at together with those that follow. */
const settleMs = 5000;

/** Will this object be unregistered, as far as is known? Objects that never changed anything, or are only detached, do not count. */
const isUnregistered = ({ spec, status, metadata }: HciClusterRegistration): boolean =>
  metadata.finalizers?.includes(finalizer) === true &&
  (status?.firstWriteTime !== undefined || status?.azure?.resourceId !== undefined) &&
  effectiveDeletionPolicy(spec, status?.azure?.adopted === true) === 'Unregister';

const Deleted = Type.Object({ metadata: Type.Object({ deletionTimestamp: Type.String() }) });

/** How many others are to be unregistered, and were deleted at about the same time. */
export function deletedTogether(
  registration: HciClusterRegistration,
  all: Iterable<KubeObject>,
  { windowMinutes }: MassDeletionLimit,
): number {
  const at = Date.parse(registration.metadata.deletionTimestamp ?? '');
  let count = 0;
  for (const object of all) {
    if (object.metadata.uid === registration.metadata.uid || !Value.Check(Deleted, object)) continue;
    if (Math.abs(Date.parse(object.metadata.deletionTimestamp) - at) > windowMinutes * 60_000) continue;
    const parsed = parseRegistration(object);
    if (parsed.understood && isUnregistered(parsed.registration)) count += 1;
  }
  return count;
}

export type Gate = { kind: 'open' } | { kind: 'settle'; untilMs: number } | { kind: 'hold'; message: string };

/** Pure. What was begun goes on; what was held once is held until a person agrees, also when the others are gone meanwhile. */
export function massDeletionGate(
  registration: HciClusterRegistration,
  others: number,
  given: MassDeletionLimit,
  now: Date,
): Gate {
  const { metadata, status } = registration;
  if (status?.unregistration !== undefined) return { kind: 'open' };
  if (metadata.annotations?.[unregisterConfirmed] === 'true') return { kind: 'open' };
  const wasHeld = status?.conditions?.some(({ type, reason }) => type === 'Deleting' && reason === 'MassDeletionHold');
  if (wasHeld === true || others >= given.limit) {
    const { namespace, name } = metadata;
    return {
      kind: 'hold',
      message: `More than ${given.limit} clusters are to be unregistered within ${given.windowMinutes} minutes (${others} others now). Nothing was changed. To unregister this one: kubectl annotate hciregistration -n ${namespace} ${name} ${unregisterConfirmed}=true . To keep it registered, set spec.deletion.policy to Detach.`,
    };
  }
  const untilMs = Date.parse(metadata.deletionTimestamp ?? '') + settleMs - now.getTime();
  return untilMs > 0 ? { kind: 'settle', untilMs } : { kind: 'open' };
}

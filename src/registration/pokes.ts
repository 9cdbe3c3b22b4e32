import { isDeepStrictEqual } from 'node:util';
import { fluxPoke, pokes } from '../api/group.ts';
import type { HciClusterRegistration } from '../api/registration.ts';
import type { RegistrationStatus } from '../api/status.ts';
import type { KubeObject } from '../kube/schema.ts';
import type { Memory } from './memory.ts';
import type { Plan } from './plan.ts';

type Handled = Pick<
  RegistrationStatus,
  'lastHandledReconcileAt' | 'lastHandledSyncAt' | 'lastHandledRotateAt' | 'lastHandledRepairAt'
>;

/** What the annotations ask for. Their values are opaque. */
function requested({ annotations = {} }: { annotations?: Record<string, string> | undefined }): Handled {
  const reconcile = [annotations[pokes.reconcile], annotations[fluxPoke]].filter((value) => value !== undefined);
  const asked: [keyof Handled, string | undefined][] = [
    ['lastHandledReconcileAt', reconcile.length === 0 ? undefined : reconcile.join(' ')],
    ['lastHandledSyncAt', annotations[pokes.sync]],
    ['lastHandledRotateAt', annotations[pokes.rotate]],
    ['lastHandledRepairAt', annotations[pokes.repair]],
  ];
  return Object.fromEntries(
    asked.flatMap(([field, value]) => (value === undefined ? [] : [[field, value.slice(0, 256)] as const])),
  );
}

/** For status: each request that was answered. One for a synchronisation is answered once it was tried, or cannot come. */
export const handledPokes = (
  { metadata, status }: Pick<HciClusterRegistration, 'metadata' | 'status'>,
  syncIsOpen = false,
): Handled => {
  const { lastHandledReconcileAt, lastHandledSyncAt, lastHandledRotateAt, lastHandledRepairAt } = status ?? {};
  const before = { lastHandledReconcileAt, lastHandledSyncAt, lastHandledRotateAt, lastHandledRepairAt };
  const { lastHandledSyncAt: sync, ...others } = requested(metadata);
  const merged = { ...before, ...others, ...(sync === undefined || syncIsOpen ? {} : { lastHandledSyncAt: sync }) };
  return Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== undefined));
};

/** Requests that status has not answered yet. */
export function unansweredPokes({
  metadata,
  status,
}: Pick<HciClusterRegistration, 'metadata' | 'status'>): (keyof Handled)[] {
  const asked = requested(metadata);
  const fields = ['lastHandledReconcileAt', 'lastHandledSyncAt', 'lastHandledRotateAt', 'lastHandledRepairAt'] as const;
  return fields.filter((field) => asked[field] !== undefined && asked[field] !== status?.[field]);
}

/** Takes up requests that were not heard before. @returns which */
export function hear(
  registration: Pick<HciClusterRegistration, 'metadata' | 'status'>,
  memory: Pick<Memory, 'heard' | 'syncRequested'>,
): (keyof Handled)[] {
  const asked = requested(registration.metadata);
  const fresh = unansweredPokes(registration).filter((field) => memory.heard[field] !== asked[field]);
  for (const field of fresh) memory.heard[field] = asked[field] ?? '';
  if (fresh.includes('lastHandledSyncAt')) memory.syncRequested = true;
  return fresh;
}

/** Where nothing is written, or something forbids it, a synchronisation that was asked for will not come. */
export const syncIsComing = (plan: Plan, { managementPolicy }: HciClusterRegistration['spec']): boolean =>
  managementPolicy === 'Manage' &&
  plan.refusal === undefined &&
  plan.pending.some(({ step }) => step === 'SyncOnRequest') &&
  plan.pending.every(({ step, state }) => step !== 'Sync' || state !== 'Blocked');

const concern = ({ metadata }: KubeObject) => [
  metadata.uid,
  metadata.generation,
  metadata.deletionTimestamp,
  requested(metadata),
];

/** What a person or another controller changed, as opposed to what we wrote ourselves: spec, deletion, requests. */
export function requestedChange(previous: KubeObject | undefined, next: KubeObject | undefined): boolean {
  if (previous === undefined || next === undefined) return true;
  return !isDeepStrictEqual(concern(previous), concern(next));
}

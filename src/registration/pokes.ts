import { isDeepStrictEqual } from 'node:util';
import { pokes, requestedReconcile, unregisterConfirmed } from '../api/group.ts';
import type { HciClusterRegistration } from '../api/registration.ts';
import type { RegistrationStatus } from '../api/status.ts';
import type { KubeObject } from '../kube/schema.ts';
import type { RenewalRequests } from './facts.ts';
import type { Memory } from './memory.ts';
import type { Plan } from './plan.ts';

type Handled = Pick<
  RegistrationStatus,
  'lastHandledReconcileAt' | 'lastHandledSyncAt' | 'lastHandledRotateAt' | 'lastHandledRepairAt'
>;

/** What the annotations ask for. Their values are opaque. */
function requested({ annotations = {} }: { annotations?: Record<string, string> | undefined }): Handled {
  const asked: [keyof Handled, string | undefined][] = [
    ['lastHandledReconcileAt', requestedReconcile({ annotations })],
    ['lastHandledSyncAt', annotations[pokes.sync]],
    ['lastHandledRotateAt', annotations[pokes.rotate]],
    ['lastHandledRepairAt', annotations[pokes.repair]],
  ];
  return Object.fromEntries(
    asked.flatMap(([field, value]) => (value === undefined ? [] : [[field, value.slice(0, 256)] as const])),
  );
}

/**
 * For status: each request that was answered. One for a synchronisation is answered once it was tried, or cannot come; one for new
 * credentials once they are in use, or cannot come.
 */
export const handledPokes = (
  { metadata, status }: Pick<HciClusterRegistration, 'metadata' | 'status'>,
  open: Partial<Pick<Memory, 'syncRequested' | 'renewalRequests'>> = {},
): Handled => {
  const { lastHandledReconcileAt, lastHandledSyncAt, lastHandledRotateAt, lastHandledRepairAt } = status ?? {};
  const before = { lastHandledReconcileAt, lastHandledSyncAt, lastHandledRotateAt, lastHandledRepairAt };
  const isOpen: Record<keyof Handled, boolean> = {
    lastHandledReconcileAt: false,
    lastHandledSyncAt: open.syncRequested === true,
    lastHandledRotateAt: open.renewalRequests?.rotate !== undefined,
    lastHandledRepairAt: open.renewalRequests?.repair !== undefined,
  };
  const asked = requested(metadata);
  const answered = handledFields.filter((field) => !isOpen[field] && asked[field] !== undefined);
  const merged = { ...before, ...Object.fromEntries(answered.map((field) => [field, asked[field]])) };
  return Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== undefined));
};

const handledFields = [
  'lastHandledReconcileAt',
  'lastHandledSyncAt',
  'lastHandledRotateAt',
  'lastHandledRepairAt',
] as const;

/** Requests that status has not answered yet. */
export function unansweredPokes({
  metadata,
  status,
}: Pick<HciClusterRegistration, 'metadata' | 'status'>): (keyof Handled)[] {
  const asked = requested(metadata);
  return handledFields.filter((field) => asked[field] !== undefined && asked[field] !== status?.[field]);
}

/** Takes up requests that were not heard before. @returns which */
export function hear(
  registration: Pick<HciClusterRegistration, 'metadata' | 'status'>,
  memory: Pick<Memory, 'heard' | 'syncRequested' | 'renewalRequests'>,
): (keyof Handled)[] {
  const asked = requested(registration.metadata);
  const fresh = unansweredPokes(registration).filter((field) => memory.heard[field] !== asked[field]);
  for (const field of fresh) memory.heard[field] = asked[field] ?? '';
  if (fresh.includes('lastHandledSyncAt')) memory.syncRequested = true;
  if (fresh.includes('lastHandledRotateAt')) memory.renewalRequests.rotate = asked.lastHandledRotateAt;
  if (fresh.includes('lastHandledRepairAt')) memory.renewalRequests.repair = asked.lastHandledRepairAt;
  return fresh;
}

/** Where nothing is written, or something forbids it, a synchronisation that was asked for will not come. */
export const syncIsComing = (plan: Plan, { managementPolicy }: HciClusterRegistration['spec']): boolean =>
  managementPolicy === 'Manage' &&
  plan.refusal === undefined &&
  plan.pending.some(({ step }) => step === 'SyncOnRequest') &&
  plan.pending.every(({ step, state }) => step !== 'Sync' || state !== 'Blocked');

const arcSecretSteps: readonly string[] = ['GeneratePassword', 'InitializeArcIntegration', 'DropArcSecret'];

const repairSteps: readonly string[] = [
  ...arcSecretSteps,
  'NewRegistrationCertificate',
  'UploadCertificate',
  'SetRegistrationCertificate',
  'SetRegistration',
];

/** The requests for new credentials that are still worked on. */
export function openRenewals(
  plan: Plan,
  { managementPolicy }: HciClusterRegistration['spec'],
  { rotate, repair }: RenewalRequests,
): RenewalRequests {
  if (managementPolicy !== 'Manage' || (plan.refusal ?? plan.arcRefusal) !== undefined) return {};
  const isOpen = (names: readonly string[]) => plan.pending.some(({ step }) => names.includes(step));
  const open: RenewalRequests = {};
  if (rotate !== undefined && isOpen(arcSecretSteps)) open.rotate = rotate;
  if (repair !== undefined && isOpen(repairSteps)) open.repair = repair;
  return open;
}

const concern = ({ metadata }: KubeObject) => [
  metadata.uid,
  metadata.generation,
  metadata.deletionTimestamp,
  requested(metadata),
  metadata.annotations?.[unregisterConfirmed],
];

/** What a person or another controller changed, as opposed to what we wrote ourselves: spec, deletion, requests. */
export function requestedChange(previous: KubeObject | undefined, next: KubeObject | undefined): boolean {
  if (previous === undefined || next === undefined) return true;
  return !isDeepStrictEqual(concern(previous), concern(next));
}

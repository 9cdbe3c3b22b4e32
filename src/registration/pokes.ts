import { isDeepStrictEqual } from 'node:util';
import { fluxPoke, pokes } from '../api/group.ts';
import type { HciClusterRegistration } from '../api/registration.ts';
import type { RegistrationStatus } from '../api/status.ts';
import type { KubeObject } from '../kube/schema.ts';

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

/** For status: each request that was answered. */
export const handledPokes = ({ metadata, status }: Pick<HciClusterRegistration, 'metadata' | 'status'>): Handled => {
  const { lastHandledReconcileAt, lastHandledSyncAt, lastHandledRotateAt, lastHandledRepairAt } = status ?? {};
  const before = { lastHandledReconcileAt, lastHandledSyncAt, lastHandledRotateAt, lastHandledRepairAt };
  const merged = { ...before, ...requested(metadata) };
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

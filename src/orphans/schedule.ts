import { createHash } from 'node:crypto';
import { fluxPoke, pokes } from '../api/group.ts';
import { durationMilliseconds } from '../api/schema.ts';
import type { HciOrphanSweep } from '../api/sweep.ts';

/** The interval with up to a tenth added, always the same for one object. */
export function intervalMs({ spec, metadata }: Pick<HciOrphanSweep, 'spec' | 'metadata'>): number {
  const fraction = createHash('sha256').update(metadata.uid).digest().readUInt16BE(0) / 0x1_0000;
  return Math.round(durationMilliseconds(spec.interval) * (1 + fraction / 10));
}

/** What the annotations ask for; opaque. */
export function requestedReconcile({
  annotations = {},
}: {
  annotations?: Record<string, string> | undefined;
}): string | undefined {
  const asked = [annotations[pokes.reconcile], annotations[fluxPoke]].filter((value) => value !== undefined);
  return asked.length === 0 ? undefined : asked.join(' ').slice(0, 256);
}

/** How long a sweep is not due yet; 0: now. A restart replays nothing. */
export function untilDueMs(sweep: HciOrphanSweep, now: Date): number {
  const { status, metadata } = sweep;
  if (status?.nextSweepTime === undefined || status.observedGeneration !== metadata.generation) return 0;
  const requested = requestedReconcile(metadata);
  if (requested !== undefined && requested !== status.lastHandledReconcileAt) return 0;
  // At most one interval: a time far ahead was written by a wrong clock.
  const untilMs = Date.parse(status.nextSweepTime) - now.getTime();
  return Number.isNaN(untilMs) ? 0 : Math.max(0, Math.min(untilMs, intervalMs(sweep)));
}

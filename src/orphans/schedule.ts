import { requestedReconcile } from '../api/group.ts';
import type { HciOrphanSweep } from '../api/sweep.ts';
import { jitteredMs } from '../registration/schedule.ts';

export const intervalMs = ({ spec, metadata }: Pick<HciOrphanSweep, 'spec' | 'metadata'>): number =>
  jitteredMs(spec.interval, metadata.uid);

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

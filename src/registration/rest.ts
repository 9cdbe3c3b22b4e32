import type { HciClusterRegistration } from '../api/registration.ts';
import type { StatusDraft } from './draft.ts';
import type { Plan } from './plan.ts';
import { unansweredPokes } from './pokes.ts';
import { syncIntervalMs } from './schedule.ts';

/** Nothing is left to do and nothing is wrong: only then may what is due be confirmed by what is read for all at once. */
export const isWell = (planned: Plan, status: StatusDraft): boolean =>
  planned.pending.length === 0 && planned.refusal === undefined && isReady(status);

/** A controller that starts takes the last one's word for it. */
export const wasWell = ({ status, metadata }: Pick<HciClusterRegistration, 'status' | 'metadata'>): boolean =>
  status !== undefined && status.observedGeneration === metadata.generation && isReady(status);

/** How long an object that was well is left alone by a controller that has just started: until its sync or a renewal is due. */
export function restsForMs(registration: HciClusterRegistration, now: Date): number {
  const { status } = registration;
  if (status?.nextSyncTime === undefined || !wasWell(registration) || unansweredPokes(registration).length > 0)
    return 0;
  const untilMs = (time: string) => Date.parse(time) - now.getTime();
  const renewals = isTrue(status, 'CredentialsCurrent')
    ? (status.credentials ?? []).flatMap(({ renewalTime }) => renewalTime ?? [])
    : [];
  // At most one interval: a time far ahead was written by a wrong clock.
  return Math.min(untilMs(status.nextSyncTime), ...renewals.map(untilMs), syncIntervalMs(registration));
}

const isTrue = ({ conditions }: Pick<StatusDraft, 'conditions'>, wanted: string): boolean =>
  conditions?.some(({ type, status }) => type === wanted && status === 'True') === true;

const isReady = (status: Pick<StatusDraft, 'conditions'>): boolean => isTrue(status, 'Ready');

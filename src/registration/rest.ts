import type { HciClusterRegistration } from '../api/registration.ts';
import type { StatusDraft } from './draft.ts';
import type { Plan } from './plan.ts';

/** Nothing is left to do and nothing is wrong: only then may what is due be confirmed by what is read for all at once. */
export const isWell = (planned: Plan, status: StatusDraft): boolean =>
  planned.pending.length === 0 && planned.refusal === undefined && isReady(status);

/** A controller that starts takes the last one's word for it. */
export const wasWell = ({ status, metadata }: Pick<HciClusterRegistration, 'status' | 'metadata'>): boolean =>
  status !== undefined && status.observedGeneration === metadata.generation && isReady(status);

const isReady = ({ conditions }: Pick<StatusDraft, 'conditions'>): boolean =>
  conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true;

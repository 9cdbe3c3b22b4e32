import type { Reason } from '../../api/reasons.ts';
import type { Verdict as AnyVerdict } from '../draft.ts';

/** What a condition says, with a reason of the table in src/api/reasons.ts. */
export type Verdict = AnyVerdict<Reason>;

export const yes = (message: string, reason: Reason = 'Succeeded'): Verdict => ({ status: 'True', reason, message });
export const no = (reason: Reason, message: string): Verdict => ({ status: 'False', reason, message });
export const unsure = (reason: Reason, message: string): Verdict => ({ status: 'Unknown', reason, message });

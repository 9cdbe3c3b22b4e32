import type { Condition, RegistrationStatus } from '../api/status.ts';

/** A value some of whose optional members may still be undefined; writing it as JSON leaves them out. */
export type Draft<T> = T extends readonly (infer I)[]
  ? Draft<I>[]
  : T extends object
    ? { [K in keyof T]: object extends Pick<T, K> ? Draft<T[K]> | undefined : Draft<T[K]> }
    : T;
export type StatusDraft = Draft<RegistrationStatus>;

/** What is true of one aspect, before it becomes a condition. */
export interface Verdict<R extends string = string> {
  status: 'True' | 'False' | 'Unknown';
  reason: R;
  message: string;
}

/** By type. A condition without a verdict is not there. */
export type Verdicts = Record<string, Verdict | undefined>;

/** Nothing goes on until a person acts. */
export const stalledBy = ({ reason, message }: { reason: string; message: string }): Verdicts => ({
  Ready: { status: 'False', reason, message },
  Stalled: { status: 'True', reason, message },
});

const longestMessage = 8192;

/** Conditions for status: the time of the last transition is kept while the status stays the same. */
export function toConditions(
  { metadata, status }: { metadata: { generation: number }; status?: { conditions?: Condition[] } | undefined },
  verdicts: Verdicts,
  now: Date,
): Condition[] {
  const before = new Map(status?.conditions?.map((condition) => [condition.type, condition]));
  return Object.entries(verdicts).flatMap(([type, verdict]) => {
    if (verdict === undefined) return [];
    const previous = before.get(type);
    const lastTransitionTime = previous?.status === verdict.status ? previous.lastTransitionTime : seconds(now);
    const message = verdict.message.slice(0, longestMessage);
    return [{ type, ...verdict, message, observedGeneration: metadata.generation, lastTransitionTime }];
  });
}

/** RFC 3339 in whole seconds, as Kubernetes writes times. */
export const seconds = (date: Date): string => `${date.toISOString().slice(0, 19)}Z`;

/** Text that came from outside, within the bounds of the schema. */
export const bounded = (text: string, length = 1024): string => text.slice(0, length);

/** The same of a word that may not be there. */
export const word = (text: string | null | undefined): string | undefined =>
  text === null || text === undefined ? undefined : bounded(text, 64);

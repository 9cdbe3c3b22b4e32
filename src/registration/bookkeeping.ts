import type { Submission } from '../api/status.ts';
import { AzureError } from '../azure/errors.ts';
import { describeFailure, nextTry, type Failure } from './failures.ts';
import type { Observed } from './facts.ts';
import type { Memory } from './memory.ts';
import type { Plan } from './plan.ts';
import { stepKey } from './step.ts';
import { steps, type StepName } from './steps/index.ts';

// What is remembered of how steps went. No I/O: tests of the decisions keep the same books.

/** What a write that only started something came back with. */
export interface Started {
  operationUrl: string | undefined;
  detail?: string;
}

const defaultRepeat = { firstSeconds: 1, capSeconds: 60 };

/** The write was accepted. Until its effect shows it is not repeated at once, and each time later. */
export function noteSuccess(memory: Memory, step: StepName, on: string, started: Started | void, now: Date): void {
  const { submits, repeat = defaultRepeat } = steps[step];
  const key = stepKey(step, on);
  const count = (memory.successes.get(key)?.count ?? 0) + 1;
  const pauseSeconds = Math.min(repeat.capSeconds, repeat.firstSeconds * 2 ** Math.min(count - 1, 12));
  memory.successes.set(key, { count, at: now, nextTry: new Date(now.getTime() + pauseSeconds * 1000) });
  memory.failures.delete(key);
  // It has just signed in: what was refused to the last certificate says nothing any more.
  if (step === 'SetRegistrationCertificate')
    for (const other of memory.failures.keys()) if (other.startsWith('Sync')) memory.failures.delete(other);
  if (step === 'SyncOnRequest') memory.syncRequested = false;
  if (submits === undefined || started === undefined) return;
  const waitUntil = new Date(now.getTime() + submits.waitSeconds * 1000);
  memory.operations.set(key, { url: started.operationUrl, waitUntil, detail: started.detail });
}

/** @param certain nothing was started that would have to be waited for */
export function noteFailure(memory: Memory, key: string, failed: Failure, certain: boolean, now: Date): void {
  const count = (memory.failures.get(key)?.count ?? 0) + 1;
  const { message, reason } = failed;
  const needsPerson = failed.errorClass === 'NeedsPerson';
  memory.failures.set(key, { count, at: now, nextTry: nextTry(failed, count, now), message, reason, needsPerson });
  if (key.startsWith('SyncOnRequest/')) memory.syncRequested = false;
  if (certain) dropSubmission(memory, key);
}

/** An operation that failed counts as a failed try of its step. */
export function noteFailedOperations(memory: Memory, { operations }: Pick<Observed, 'operations'>, now: Date): void {
  for (const [key, fact] of Object.entries(operations)) {
    if (fact.state !== 'present' || !/^(Failed|Canceled)$/i.test(fact.value.status)) continue;
    const { code, message } = fact.value.error ?? {};
    const error = new AzureError({
      code: code ?? fact.value.status,
      message: message ?? 'the operation failed without a reason',
    });
    noteFailure(memory, key, describeFailure(error), true, now);
    memory.operations.delete(key);
  }
}

/** Adds the long-running operations that are about to be started. The same list when there are none. */
export function withSubmissions(
  submissions: Submission[],
  starting: readonly { step: StepName; on: string }[],
  now: Date,
): Submission[] {
  const added = starting.flatMap(({ step, on }): Submission[] => {
    const { submits } = steps[step];
    if (submits === undefined) return [];
    const waitUntil = new Date(now.getTime() + submits.waitSeconds * 1000);
    return [{ step, target: on, submittedTime: now.toISOString(), waitUntilTime: waitUntil.toISOString() }];
  });
  if (added.length === 0) return submissions;
  const keys = new Set(added.map(({ step, target }) => stepKey(step, target)));
  return [...submissions.filter(({ step, target }) => !keys.has(stepKey(step, target))), ...added];
}

/** What is no longer pending needs no memory of how it went. */
export function forgetWhatIsDone(memory: Memory, { pending, left }: Pick<Plan, 'pending' | 'left'>): void {
  const keys = new Set([...pending, ...left].map(({ step, on }) => stepKey(step, on)));
  memory.submissions = memory.submissions.filter(({ step, target }) => keys.has(stepKey(step, target)));
  for (const key of memory.failures.keys()) if (!keys.has(key)) memory.failures.delete(key);
  for (const key of memory.successes.keys()) if (!keys.has(key)) memory.successes.delete(key);
  // Not one by one: that an upload is done can only be told from its operation until the nodes use the certificates.
  if (pending.length === 0) memory.operations.clear();
}

function dropSubmission(memory: Memory, key: string): void {
  memory.submissions = memory.submissions.filter(({ step, target }) => stepKey(step, target) !== key);
}

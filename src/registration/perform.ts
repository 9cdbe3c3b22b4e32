import type { Logger } from 'pino';
import { apiVersion } from '../api/group.ts';
import { kind, type HciClusterRegistration } from '../api/registration.ts';
import type { Submission } from '../api/status.ts';
import { AzureError } from '../azure/errors.ts';
import type { EventRecorder } from '../kube/events.ts';
import { act } from './act.ts';
import type { Clients } from './clients.ts';
import { describeFailure, nextTry, NodeError, type Failure } from './failures.ts';
import type { Observed } from './facts.ts';
import { expire, type Memory } from './memory.ts';
import type { Runnable } from './plan.ts';
import { stepKey } from './step.ts';
import { steps } from './steps/index.ts';

export interface PerformDependencies {
  events: EventRecorder;
  log: Logger;
  now: () => Date;
}

/** Does the steps side by side: a slow or failing one holds none of the others. How each went is remembered, logged and told as an event. */
export async function perform(
  { events, log, now }: PerformDependencies,
  registration: HciClusterRegistration,
  runnable: Runnable[],
  given: { clients: Clients; memory: Memory; correlationId: string },
): Promise<void> {
  const { clients, memory, correlationId } = given;
  const { namespace, name, uid } = registration.metadata;
  const subject = { apiVersion, kind, metadata: { namespace, name, uid } };
  await Promise.all(
    runnable.map(async (one) => {
      const { step, on } = one;
      const started = performance.now();
      const failed = await performStep(clients, one, memory, now);
      const durationMs = Math.round(performance.now() - started);
      const context = { registration: `${namespace}/${name}`, reconcileID: correlationId, step, on, durationMs };
      if (failed === undefined) {
        log.info(context, 'step done');
        await events.record(subject, { type: 'Normal', reason: step, action: step, note: `${step} on ${on}` });
      } else {
        log.warn({ ...context, reason: failed.reason }, failed.message);
        const note = `${step} on ${on}: ${failed.message}`;
        await events.record(subject, { type: 'Warning', reason: failed.reason, action: step, note });
      }
    }),
  );
}

/** @returns why it failed */
async function performStep(
  clients: Clients,
  runnable: Runnable,
  memory: Memory,
  now: () => Date,
): Promise<Failure | undefined> {
  const { step, on } = runnable;
  const { submits } = steps[step];
  const key = stepKey(step, on);
  try {
    const started = await act(clients, runnable);
    memory.failures.delete(key);
    if (submits !== undefined && started !== undefined) {
      const waitUntil = new Date(now().getTime() + submits.waitSeconds * 1000);
      memory.operations.set(key, { url: started.operationUrl, waitUntil, detail: started.detail });
    }
    if (step === 'Sync') memory.lastSync = now();
    return undefined;
  } catch (error) {
    const failed = describeFailure(error);
    noteFailure(memory, key, failed, now());
    // Refused for certain: nothing was started that would have to be waited for.
    if (!mayHaveHappened(error)) dropSubmission(memory, key);
    return failed;
  } finally {
    expire(memory, [...steps[step].affects(on), `operation/${key}`]);
  }
}

/** An operation that failed counts as a failed try of its step. */
export function noteFailedOperations(memory: Memory, { operations }: Observed, now: Date): void {
  for (const [key, fact] of Object.entries(operations)) {
    if (fact.state !== 'present' || !/^(Failed|Canceled)$/i.test(fact.value.status)) continue;
    const { code, message } = fact.value.error ?? {};
    const error = new AzureError({
      code: code ?? fact.value.status,
      message: message ?? 'the operation failed without a reason',
    });
    noteFailure(memory, key, describeFailure(error), now);
    memory.operations.delete(key);
    dropSubmission(memory, key);
  }
}

/** Adds the long-running operations that are about to be started. The same list when there are none. */
export function withSubmissions(submissions: Submission[], runnable: Runnable[], now: Date): Submission[] {
  const starting = runnable.flatMap(({ step, on }): Submission[] => {
    const { submits } = steps[step];
    if (submits === undefined) return [];
    const waitUntil = new Date(now.getTime() + submits.waitSeconds * 1000);
    return [{ step, target: on, submittedTime: now.toISOString(), waitUntilTime: waitUntil.toISOString() }];
  });
  if (starting.length === 0) return submissions;
  const keys = new Set(starting.map(({ step, target }) => stepKey(step, target)));
  return [...submissions.filter(({ step, target }) => !keys.has(stepKey(step, target))), ...starting];
}

function noteFailure(memory: Memory, key: string, failed: Failure, at: Date): void {
  const count = (memory.failures.get(key)?.count ?? 0) + 1;
  const { message, reason } = failed;
  const needsPerson = failed.errorClass === 'NeedsPerson';
  memory.failures.set(key, { count, at, nextTry: nextTry(failed, count, at), message, reason, needsPerson });
}

function dropSubmission(memory: Memory, key: string): void {
  memory.submissions = memory.submissions.filter(({ step, target }) => stepKey(step, target) !== key);
}

function mayHaveHappened(error: unknown): boolean {
  if (error instanceof AzureError) return error.outcomeUnknown;
  return error instanceof NodeError ? error.outcome.kind !== 'unreachable' : true;
}

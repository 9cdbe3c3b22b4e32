import type { Logger } from 'pino';
import { subjectOf, type HciClusterRegistration } from '../api/registration.ts';
import { AzureError } from '../azure/errors.ts';
import type { EventRecorder } from '../kube/events.ts';
import { act } from './act.ts';
import type { Clients } from './clients.ts';
import { noteFailure, noteSuccess } from './bookkeeping.ts';
import { describeFailure, NodeError, type Failure } from './failures.ts';
import { expire, type Memory } from './memory.ts';
import type { Runnable } from './plan.ts';
import { stepKey } from './step.ts';
import { steps, type StepName } from './steps/index.ts';

export interface PerformDependencies {
  events: EventRecorder;
  log: Logger;
  now: () => Date;
  /** For metrics. */
  onStep?: (step: StepName, result: 'success' | 'error') => void;
}

/** Does the steps side by side: a slow or failing one holds none of the others. How each went is remembered, logged and told as an event. */
export async function perform(
  { events, log, now, onStep }: PerformDependencies,
  registration: HciClusterRegistration,
  runnable: Runnable[],
  given: { clients: Clients; memory: Memory; correlationId: string },
): Promise<void> {
  const { clients, memory, correlationId } = given;
  const { namespace, name } = registration.metadata;
  const subject = subjectOf(registration.metadata);
  await Promise.all(
    runnable.map(async (one) => {
      const { step, on } = one;
      const started = performance.now();
      const failed = await performStep(clients, one, memory, now);
      const durationMs = Math.round(performance.now() - started);
      const context = { registration: `${namespace}/${name}`, reconcileID: correlationId, step, on, durationMs };
      onStep?.(step, failed === undefined ? 'success' : 'error');
      if (failed === undefined) {
        log.info(context, 'step done');
        await events.record(subject, { type: 'Normal', reason: step, action: step, note: `${step} on ${on}` });
      } else if (failed.reason === 'WaitingForAzure') {
        log.info({ ...context, reason: failed.reason }, failed.message);
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
  const key = stepKey(step, on);
  try {
    noteSuccess(memory, step, on, await act(clients, runnable), now());
    return undefined;
  } catch (error) {
    // Cut off by the deadline or a stop: what came of it is seen by the next pass.
    clients.signal.throwIfAborted();
    const failed = describeFailure(error);
    noteFailure(memory, key, failed, !mayHaveHappened(error), now());
    return failed;
  } finally {
    expire(memory, [...steps[step].affects(on), `operation/${key}`]);
  }
}

function mayHaveHappened(error: unknown): boolean {
  if (error instanceof AzureError) return error.outcomeUnknown;
  return error instanceof NodeError ? error.outcome.kind !== 'unreachable' : true;
}

import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { apiVersion, fieldManager, finalizer } from '../api/group.ts';
import { kind, parseRegistration, type HciClusterRegistration, type ParsedRegistration } from '../api/registration.ts';
import { AzureError } from '../azure/errors.ts';
import type { EventRecorder } from '../kube/events.ts';
import { addFinalizer, removeFinalizer } from '../kube/finalizers.ts';
import { isConflict } from '../kube/resource.ts';
import type { KubeObject } from '../kube/schema.ts';
import { act } from './act.ts';
import type { Clients } from './clients.ts';
import { describeFailure, nextTry, NodeError } from './failures.ts';
import { unsupported } from './guards.ts';
import { createMemory, expire, readAgain, type Memory } from './memory.ts';
import { observe, type Dependencies, type Observation } from './observe.ts';
import type { StatusDraft } from './draft.ts';
import { plan, type Plan, type Runnable } from './plan.ts';
import { unansweredPokes } from './pokes.ts';
import { report } from './report.ts';
import { reportIdle, reportUnresolved } from './report-idle.ts';
import { registrations, writeStatus } from './status-writer.ts';
import { stepKey, type PlanInput, type Step } from './step.ts';
import { steps } from './steps/index.ts';
import type { Target } from './target.ts';

export interface ReconcilerDependencies extends Dependencies {
  events: EventRecorder;
  log: Logger;
  /** The object as the store has it. */
  read(key: string): KubeObject | undefined;
  /** Puts the answer to a write of ours into the store. */
  record(written: KubeObject): void;
}

interface Result {
  requeueAfterMs?: number;
}

const again: Result = { requeueAfterMs: 0 };
const conflictRetryMs = 200;

/** One pass over one registration: observe, plan, report, act. What it did is seen by the next pass, which follows at once. */
export function createReconciler(dependencies: ReconcilerDependencies) {
  const { kube, events, now, log } = dependencies;
  const memories = new Map<string, { uid: string; generation: number; memory: Memory }>();

  const write = async (
    registration: Pick<HciClusterRegistration, 'metadata' | 'status'>,
    status: StatusDraft,
    exactly: boolean,
    signal: AbortSignal,
  ) => {
    const written = await writeStatus({ kube, events }, registration, status, { exactly, signal });
    if (written !== undefined) dependencies.record(written);
  };

  async function reconcile(key: string, signal: AbortSignal): Promise<Result> {
    const object = dependencies.read(key);
    if (object === undefined) {
      memories.delete(key);
      return {};
    }
    const parsed = parseRegistration(object);
    if (!parsed.understood) return refuseUnknown(parsed, signal);
    const { registration } = parsed;
    try {
      if (registration.metadata.deletionTimestamp !== undefined) return await release(object, registration, signal);
      return await pass(key, object, registration, signal);
    } catch (error) {
      // Somebody else changed the object meanwhile: look again, decide again.
      if (isConflict(error)) return { requeueAfterMs: conflictRetryMs };
      throw error;
    }
  }

  async function refuseUnknown(
    parsed: Extract<ParsedRegistration, { understood: false }>,
    signal: AbortSignal,
  ): Promise<Result> {
    const message = `This version of the controller does not understand the object and does nothing: ${parsed.problems.join('; ')}.`;
    const verdict = { reason: 'InvalidSpec' as const, message };
    const status = reportIdle(
      { metadata: parsed.metadata },
      { Ready: { status: 'False', ...verdict }, Stalled: { status: 'True', ...verdict } },
      parsed.metadata.generation,
      now(),
    );
    await write({ metadata: parsed.metadata }, status, false, signal);
    return {};
  }

  async function pass(
    key: string,
    object: KubeObject,
    registration: HciClusterRegistration,
    signal: AbortSignal,
  ): Promise<Result> {
    const { spec, metadata } = registration;
    if (spec.suspend) {
      await write(
        registration,
        reportIdle(
          registration,
          {
            Suspended: {
              status: 'True',
              reason: 'Suspended',
              message: 'spec.suspend is true: nothing is read or changed.',
            },
          },
          undefined,
          now(),
        ),
        false,
        signal,
      );
      return {};
    }
    const notDone = unsupported(registration);
    if (notDone !== undefined) {
      await write(
        registration,
        reportIdle(
          registration,
          { Ready: { status: 'False', ...notDone }, Stalled: { status: 'True', ...notDone } },
          metadata.generation,
          now(),
        ),
        false,
        signal,
      );
      return {};
    }
    const restMs = untilNextSync(key, registration);
    if (restMs > 0) return { requeueAfterMs: restMs };

    if (spec.managementPolicy === 'Manage' && metadata.finalizers?.includes(finalizer) !== true) {
      const added = await addFinalizer(kube, registrations, object, finalizer, { fieldManager, signal });
      if (added.outcome === 'done') dependencies.record(added.object);
      return added.outcome === 'absent' ? {} : again;
    }

    const memory = recall(key, registration);
    const correlationId = randomUUID();
    const observation = await observe(registration, memory, dependencies, correlationId, signal);
    noteFailedOperations(memory, observation);
    const { target } = observation;
    if (target === undefined) {
      await write(registration, reportUnresolved(registration, observation.observed, now()), false, signal);
      return { requeueAfterMs: until(observation.nextRead) };
    }

    const input = (): PlanInput => ({ spec, target, observed: observation.observed, memory, now: now() });
    const planned = plan(input());
    const pending = new Set(planned.pending.map(({ step, on }) => stepKey(step, on)));
    memory.submissions = memory.submissions.filter(({ step, target: on }) => pending.has(stepKey(step, on)));
    if (planned.pending.length === 0) memory.operations.clear();
    const submitted = submit(memory, planned);
    // What a write will need to be found again stands in status before the write.
    const exactly = submitted || (planned.runnable.length > 0 && !namesOnRecord(registration, target));
    await write(registration, report(registration, input(), planned), exactly, signal);
    if (planned.runnable.length > 0) {
      await perform(registration, planned, observation, memory, correlationId, signal);
      return again;
    }
    return { requeueAfterMs: schedule(memory, planned, observation) };
  }

  /** After a restart, an object that was well is left alone until its sync is due. */
  function untilNextSync(key: string, registration: HciClusterRegistration): number {
    const { status, metadata } = registration;
    if (memories.has(key) || status?.nextSyncTime === undefined || status.observedGeneration !== metadata.generation)
      return 0;
    const ready = status.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') === true;
    return ready && unansweredPokes(registration).length === 0 ? Date.parse(status.nextSyncTime) - now().getTime() : 0;
  }

  function recall(key: string, registration: HciClusterRegistration): Memory {
    const { uid, generation } = registration.metadata;
    const known = memories.get(key);
    const remembered =
      known?.uid === uid ? known : { uid, generation, memory: createMemory(registration.status?.submissions) };
    if (remembered.generation !== generation || unansweredPokes(registration).length > 0) {
      // A person changed something, or asked: everything is looked at again, and nothing waits for an earlier failure.
      remembered.memory.facts = {};
      remembered.memory.failures.clear();
      remembered.generation = generation;
    }
    memories.set(key, remembered);
    return remembered.memory;
  }

  function submit(memory: Memory, planned: Plan): boolean {
    let added = false;
    for (const { step, on } of planned.runnable) {
      const { submits }: Step<unknown> = steps[step];
      if (submits === undefined) continue;
      const at = now();
      const submission = {
        step,
        target: on,
        submittedTime: at.toISOString(),
        waitUntilTime: new Date(at.getTime() + submits.waitSeconds * 1000).toISOString(),
      };
      memory.submissions = [
        ...memory.submissions.filter((other) => !(other.step === step && other.target === on)),
        submission,
      ];
      added = true;
    }
    return added;
  }

  async function perform(
    registration: HciClusterRegistration,
    planned: Plan,
    observation: Observation,
    memory: Memory,
    correlationId: string,
    signal: AbortSignal,
  ): Promise<void> {
    const { session, access, arcSecret } = observation;
    if (session === undefined) throw new Error('there are steps to do and no session to do them with');
    const clients: Clients = { arm: session.arm, run: access.run, arcSecret, signal };
    const { namespace, name, uid } = registration.metadata;
    const subject = { apiVersion, kind, metadata: { namespace, name, uid } };
    await Promise.all(
      planned.runnable.map(async (runnable) => {
        const { step, on } = runnable;
        const started = performance.now();
        const outcome = await perform1(clients, runnable, memory);
        const context = {
          registration: `${namespace}/${name}`,
          reconcileID: correlationId,
          step,
          on,
          durationMs: Math.round(performance.now() - started),
        };
        if (outcome === undefined) {
          log.info(context, 'step done');
          await events.record(subject, { type: 'Normal', reason: step, action: step, note: `${step} on ${on}` });
        } else {
          log.warn({ ...context, reason: outcome.reason }, outcome.message);
          await events.record(subject, {
            type: 'Warning',
            reason: outcome.reason,
            action: step,
            note: `${step} on ${on}: ${outcome.message}`,
          });
        }
      }),
    );
    signal.throwIfAborted();
  }

  /** Does one step and remembers how it went. */
  async function perform1(clients: Clients, runnable: Runnable, memory: Memory) {
    const { step, on } = runnable;
    const definition: Step<unknown> = steps[step];
    const key = stepKey(step, on);
    try {
      const started = await act(clients, runnable);
      memory.failures.delete(key);
      if (definition.submits !== undefined && started !== undefined) {
        memory.operations.set(key, {
          url: started.operationUrl,
          waitUntil: new Date(now().getTime() + definition.submits.waitSeconds * 1000),
          detail: started.detail,
        });
      }
      if (step === 'Sync') memory.lastSync = now();
      return undefined;
    } catch (error) {
      const failed = describeFailure(error);
      const count = (memory.failures.get(key)?.count ?? 0) + 1;
      const at = now();
      memory.failures.set(key, {
        count,
        at,
        nextTry: nextTry(failed, count, at),
        message: failed.message,
        reason: failed.reason,
        needsPerson: failed.errorClass === 'NeedsPerson',
      });
      // Refused for certain: nothing was started that would have to be waited for.
      if (!mayHaveHappened(error))
        memory.submissions = memory.submissions.filter(
          (submission) => !(submission.step === step && submission.target === on),
        );
      return failed;
    } finally {
      expire(memory, definition.affects(on));
      expire(memory, [`operation/${key}`]);
    }
  }

  /** An operation that failed counts as a failed try of its step. */
  function noteFailedOperations(memory: Memory, { observed }: Observation): void {
    for (const [key, fact] of Object.entries(observed.operations)) {
      if (fact.state !== 'present' || !/^(Failed|Canceled)$/i.test(fact.value.status)) continue;
      const count = (memory.failures.get(key)?.count ?? 0) + 1;
      const { code, message } = fact.value.error ?? {};
      const failed = describeFailure(
        new AzureError({
          code: code ?? fact.value.status,
          message: message ?? 'the operation failed without a reason',
        }),
      );
      memory.failures.set(key, {
        count,
        at: now(),
        nextTry: nextTry(failed, count, now()),
        message: failed.message,
        reason: failed.reason,
        needsPerson: failed.errorClass === 'NeedsPerson',
      });
      memory.operations.delete(key);
      memory.submissions = memory.submissions.filter(
        (submission) => stepKey(submission.step, submission.target) !== key,
      );
    }
  }

  function schedule(memory: Memory, planned: Plan, { nextRead }: Observation): number {
    const at = now().getTime();
    let next = nextRead?.getTime() ?? at + 60_000;
    for (const { afterSeconds, readAgain: keys } of planned.pending) {
      if (afterSeconds <= 0) continue;
      const due = new Date(at + afterSeconds * 1000);
      readAgain(memory, keys, due);
      next = Math.min(next, due.getTime());
    }
    return Math.max(100, next - at);
  }

  const until = (date: Date | undefined): number =>
    Math.max(100, (date?.getTime() ?? now().getTime() + 60_000) - now().getTime());

  async function release(
    object: KubeObject,
    registration: HciClusterRegistration,
    signal: AbortSignal,
  ): Promise<Result> {
    if (registration.metadata.finalizers?.includes(finalizer) !== true) return {};
    const { spec, status } = registration;
    const policy =
      spec.managementPolicy === 'Observe'
        ? 'Detach'
        : (spec.deletion.policy ?? (status?.azure?.adopted === true ? 'Detach' : 'Unregister'));
    // Names go on record before the first write: without them nothing was ever written.
    const untouched = status?.azure?.resourceName === undefined;
    if (policy === 'Unregister' && !untouched) {
      const verdict = {
        reason: 'UnregisterNotSupported' as const,
        message: `${status.azure?.resourceId ?? status.azure?.resourceName} and its nodes are as they were: this version of the controller does not unregister. Set spec.deletion.policy to Detach to release this object, then unregister with Unregister-AzStackHCI.`,
      };
      await write(
        registration,
        reportIdle(
          registration,
          { Ready: { status: 'False', ...verdict }, Deleting: { status: 'True', ...verdict } },
          registration.metadata.generation,
          now(),
        ),
        false,
        signal,
      );
      return {};
    }
    const { namespace, name, uid } = registration.metadata;
    const note = untouched
      ? 'Nothing was ever changed in Azure or on nodes.'
      : `${status.azure?.resourceId ?? status.azure?.resourceName} stays in Azure as it is; the nodes stay registered.`;
    await events.record(
      { apiVersion, kind, metadata: { namespace, name, uid } },
      { type: 'Normal', reason: 'Detaching', action: 'Detach', note },
    );
    const removed = await removeFinalizer(kube, registrations, object, finalizer, { fieldManager, signal });
    if (removed.outcome === 'conflict') return { requeueAfterMs: conflictRetryMs };
    return {};
  }

  return { reconcile };
}

const namesOnRecord = ({ status }: HciClusterRegistration, target: Target): boolean =>
  status?.azure?.resourceName === target.resourceName &&
  status.azure.resourceGroup === target.resourceGroup &&
  status.azure.arcResourceGroup === target.arcResourceGroup;

const mayHaveHappened = (error: unknown): boolean =>
  error instanceof AzureError
    ? error.outcomeUnknown
    : error instanceof NodeError
      ? error.outcome.kind !== 'unreachable'
      : true;

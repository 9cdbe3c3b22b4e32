import type { Reason } from '../api/reasons.ts';
import { arcRefusal } from './arc-guards.ts';
import type { FactKey } from './facts.ts';
import { refusal, type Refusal } from './guards.ts';
import type { StepFailure } from './memory.ts';
import { stepKey, type Evaluation, type PlanInput, type Renews, type Step } from './step.ts';
import { order, steps, type StepArguments, type StepName } from './steps/index.ts';

/** A step that would be done now, with all it needs. */
export interface RunnableStep<N extends StepName> {
  step: N;
  on: string;
  arguments: StepArguments<N>;
}
export type Runnable = RunnableStep<StepName>;

/** A step that is still needed. */
export interface Pending {
  step: StepName;
  on: string;
  state: 'Ready' | 'Waiting' | 'Blocked';
  reason: Reason;
  message: string;
  readAgain: FactKey[];
  /** The last try failed. */
  retrying: boolean;
  /** It is not known whether the step is needed. */
  unread: boolean;
  /** What it makes anew still works. */
  renews: boolean;
  /** 0: it becomes ready by something else that is being done. */
  afterSeconds: number;
}

export interface Plan {
  /** In the order in which Register-AzStackHCI does them. Empty: nothing is left to do. */
  pending: Pending[];
  runnable: Runnable[];
  /** What cleans up, and may not: it is left as it is, and holds nothing. */
  left: Pending[];
  /** Forbids every step. */
  refusal: Refusal | undefined;
  /** Forbids the steps for Arc. */
  arcRefusal: Refusal | undefined;
}

/** What is still to be done, and what of it may be done now. Pure: the same input gives the same plan. */
export function plan(input: PlanInput): Plan {
  const refused = refusal(input);
  const arcRefused = arcRefusal(input);
  const pending: Pending[] = [];
  const runnable: Runnable[] = [];
  const left: Pending[] = [];
  const done = new Set<string>();
  const settled = new Set<string>();
  const names = order(input);

  for (const name of names) {
    const evaluated = evaluateStep(name, names, input, done, settled);
    const forbidden = refused ?? (steps[name].arc === true ? arcRefused : undefined);
    // Failing an optional step, or to renew what still works, holds nothing else; nor does one for Arc that may not be done.
    const holds = steps[name].optional !== true && (steps[name].arc !== true || arcRefused === undefined);
    if (!holds || evaluated.pending.every(({ renews }) => renews)) done.add(name);
    if (!holds || evaluated.pending.length === 0) settled.add(name);
    pending.push(...evaluated.pending.map((item) => (forbidden === undefined ? item : blocked(item, forbidden))));
    left.push(...evaluated.left);
    if (forbidden === undefined) runnable.push(...evaluated.runnable);
  }
  return {
    pending,
    runnable: input.spec.managementPolicy === 'Manage' ? runnable : [],
    left,
    refusal: refused,
    arcRefusal: arcRefused,
  };
}

/** What would be done now, were it not for what forbids it. */
const blocked = (item: Pending, { reason, message }: Refusal): Pending =>
  item.state === 'Ready' ? { ...item, state: 'Blocked', reason, message } : item;

function evaluateStep<N extends StepName>(
  name: N,
  names: readonly string[],
  input: PlanInput,
  done: ReadonlySet<string>,
  settled: ReadonlySet<string>,
): { pending: Pending[]; runnable: RunnableStep<N>[]; left: Pending[] } {
  const step: Step<StepArguments<N>> = steps[name];
  // Nothing is written to a resource that does not carry our mark yet.
  const adopted = done.has('AdoptCluster') || names.indexOf(name) <= names.indexOf('AdoptCluster');
  const awaitsMark = !adopted && names.includes('AdoptCluster') && !step.after.includes('AdoptCluster');
  // Steps that renew something wait for one another.
  const waits = (renews: boolean) => [
    ...step.after.filter((earlier) => names.includes(earlier) && !(renews ? settled : done).has(earlier)),
    ...(awaitsMark ? ['AdoptCluster'] : []),
  ];
  const pending: Pending[] = [];
  const runnable: RunnableStep<N>[] = [];
  const left: Pending[] = [];
  for (const evaluation of step.evaluate(input)) {
    if (evaluation.state === 'Done') continue;
    const item = toPending(name, evaluation, waits(evaluation.renews !== undefined), input);
    if (step.leftWhenForbidden === true && isForbidden(input, name, item)) {
      left.push(item);
      continue;
    }
    pending.push(item);
    if (item.state === 'Ready' && evaluation.state === 'Ready') {
      runnable.push({ step: name, on: evaluation.on, arguments: evaluation.arguments });
    }
  }
  return { pending, runnable, left };
}

/** Azure has refused the write for want of the right to it. */
const isForbidden = ({ memory }: PlanInput, step: StepName, { on }: Pending): boolean =>
  memory.failures.get(stepKey(step, on))?.reason === 'ActionsMissing';

function toPending(
  step: StepName,
  evaluation: Exclude<Evaluation, { state: 'Done' }>,
  waitsFor: string[],
  input: PlanInput,
): Pending {
  const { on } = evaluation;
  const renews = evaluation.renews !== undefined;
  const base = { step, on, readAgain: [], afterSeconds: 0, retrying: false, unread: false, renews };
  if (evaluation.state === 'Blocked')
    return { ...base, state: 'Blocked', reason: evaluation.reason, message: evaluation.message };
  if (waitsFor.length > 0)
    return { ...base, state: 'Waiting', reason: 'Progressing', message: `after ${waitsFor.join(', ')}` };
  if (evaluation.state === 'Unknown') {
    return { ...base, unread: true, state: 'Waiting', reason: evaluation.reason, message: evaluation.message };
  }
  if (evaluation.state === 'Waiting') {
    return {
      ...base,
      state: 'Waiting',
      reason: evaluation.reason,
      message: evaluation.message,
      readAgain: evaluation.readAgain,
      afterSeconds: evaluation.afterSeconds,
    };
  }
  const failed = input.memory.failures.get(stepKey(step, on));
  if (failed === undefined) {
    return (
      awaited(step, evaluation, input, base) ?? {
        ...base,
        state: 'Ready',
        reason: 'Progressing',
        message: 'would be done now',
      }
    );
  }
  const nextTry = steps[step].makesAnew === true ? laterTry(failed, evaluation.renews) : failed.nextTry;
  const waitSeconds = Math.ceil((nextTry.getTime() - input.now.getTime()) / 1000);
  if (failed.needsPerson && waitSeconds > 0) {
    return { ...base, state: 'Blocked', reason: failed.reason, message: failed.message, afterSeconds: waitSeconds };
  }
  if (waitSeconds <= 0)
    return {
      ...base,
      retrying: true,
      state: 'Ready',
      reason: 'ProgressingWithRetry',
      message: `${failed.message} Trying again now.`,
    };
  // Azure is busy with the same thing: nothing went wrong.
  if (failed.reason === 'WaitingForAzure')
    return {
      ...base,
      state: 'Waiting',
      reason: failed.reason,
      message: `${failed.message} Next try at ${failed.nextTry.toISOString()}.`,
      afterSeconds: waitSeconds,
    };
  return {
    ...base,
    retrying: true,
    state: 'Waiting',
    reason: failed.reason,
    message: `${failed.message} Try ${failed.count + 1} at ${nextTry.toISOString()}.`,
    afterSeconds: waitSeconds,
  };
}

const [firstRenewalPauseMs, longestRenewalPauseMs] = [3_600_000, 32 * 3_600_000];

/** Each try to renew may leave a secret that nobody holds, so they are hours apart; but several come before what is renewed expires. */
function laterTry(failed: StepFailure, renews: Renews | undefined): Date {
  if (renews === undefined) return failed.nextTry;
  const pauseMs = Math.min(longestRenewalPauseMs, firstRenewalPauseMs * 2 ** Math.min(failed.count - 1, 12));
  const leftMs = renews.until === undefined ? Infinity : Math.max(0, renews.until.getTime() - failed.at.getTime());
  return new Date(Math.max(failed.nextTry.getTime(), failed.at.getTime() + Math.min(pauseMs, leftMs / 4)));
}

/** It was done, and its effect does not show yet: it is looked at again, soon at first, and not repeated before its time. */
function awaited(
  step: StepName,
  evaluation: Extract<Evaluation, { state: 'Ready' }>,
  input: PlanInput,
  base: Pick<Pending, 'step' | 'on' | 'retrying' | 'unread' | 'renews'>,
): Pending | undefined {
  const { on, meanwhile } = evaluation;
  const done = input.memory.successes.get(stepKey(step, on));
  const leftMs = done === undefined ? 0 : done.nextTry.getTime() - input.now.getTime();
  if (done === undefined || leftMs <= 0) return undefined;
  const elapsedSeconds = (input.now.getTime() - done.at.getTime()) / 1000;
  // What did not show after many tries will not show within half a second of the next.
  const shortest = 0.5 * 2 ** Math.min(done.count - 1, 5);
  const pollSeconds = Math.min(300, Math.max(shortest, elapsedSeconds / 2));
  return {
    ...base,
    state: 'Waiting',
    reason: meanwhile?.reason ?? 'WaitingForAzure',
    message: meanwhile?.message ?? 'done; its effect does not show yet',
    readAgain: steps[step]
      .affects(on)
      .flatMap((key): FactKey[] =>
        key === 'probe/' ? input.observed.nodes.map(({ name }) => `probe/${name}` as const) : [key],
      ),
    afterSeconds: Math.min(pollSeconds, Math.max(0.1, leftMs / 1000)),
  };
}

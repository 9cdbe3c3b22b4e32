import type { Reason } from '../api/reasons.ts';
import type { FactKey } from './facts.ts';
import { refusal, type Refusal } from './guards.ts';
import { stepKey, type Evaluation, type PlanInput, type Step } from './step.ts';
import { steps, type StepArguments, type StepName } from './steps/index.ts';

/** A step that would be done now, with all it needs. */
export interface RunnableStep<N extends StepName> {
  step: N;
  on: string;
  arguments: StepArguments<N>;
}
export type Runnable = { [N in StepName]: RunnableStep<N> }[StepName];

/** A step that is still needed. */
export interface Pending {
  step: StepName;
  on: string;
  state: 'Ready' | 'Waiting' | 'Blocked';
  reason: Reason;
  message: string;
  readAgain: FactKey[];
  /** 0: it becomes ready by something else that is being done. */
  afterSeconds: number;
}

export interface Plan {
  /** In the order in which Register-AzStackHCI does them. Empty: nothing is left to do. */
  pending: Pending[];
  runnable: Runnable[];
  /** Forbids every step. */
  refusal: Refusal | undefined;
}

const stepNames = Object.keys(steps).filter((name): name is StepName => name in steps);

/** What is still to be done, and what of it may be done now. Pure: the same input gives the same plan. */
export function plan(input: PlanInput): Plan {
  const refused = refusal(input);
  const pending: Pending[] = [];
  const runnable: Runnable[] = [];
  const done = new Set<string>();

  for (const name of stepNames) {
    const step: Step<unknown> = steps[name];
    const evaluations = step.evaluate(input);
    const waitsFor = step.after.filter((earlier) => !done.has(earlier));
    if (evaluations.every(({ state }) => state === 'Done')) {
      done.add(name);
      continue;
    }
    for (const evaluation of evaluations) {
      if (evaluation.state === 'Done') continue;
      const item = toPending(name, evaluation, waitsFor, input);
      pending.push(item);
      if (item.state === 'Ready' && refused === undefined && evaluation.state === 'Ready') runnable.push(runnableStep(name, evaluation));
    }
    // Failing holds nothing else.
    if (step.optional === true) done.add(name);
  }
  return { pending, runnable: input.spec.managementPolicy === 'Manage' ? runnable : [], refusal: refused };
}

function toPending(step: StepName, evaluation: Exclude<Evaluation, { state: 'Done' }>, waitsFor: string[], input: PlanInput): Pending {
  const { on } = evaluation;
  const base = { step, on, readAgain: [], afterSeconds: 0 };
  if (evaluation.state === 'Blocked') return { ...base, state: 'Blocked', reason: evaluation.reason, message: evaluation.message };
  if (waitsFor.length > 0) return { ...base, state: 'Waiting', reason: 'Progressing', message: `after ${waitsFor.join(', ')}` };
  if (evaluation.state === 'Waiting') {
    return { ...base, state: 'Waiting', reason: evaluation.reason, message: evaluation.message, readAgain: evaluation.readAgain, afterSeconds: evaluation.afterSeconds };
  }
  const failed = input.memory.failures.get(stepKey(step, on));
  if (failed === undefined) return { ...base, state: 'Ready', reason: 'Progressing', message: 'would be done now' };
  if (failed.needsPerson) return { ...base, state: 'Blocked', reason: failed.reason, message: failed.message };
  const waitSeconds = Math.ceil((failed.nextTry.getTime() - input.now.getTime()) / 1000);
  if (waitSeconds <= 0) return { ...base, state: 'Ready', reason: 'ProgressingWithRetry', message: `${failed.message} Trying again now.` };
  return {
    ...base,
    state: 'Waiting',
    reason: failed.reason,
    message: `${failed.message} Try ${failed.count + 1} at ${failed.nextTry.toISOString()}.`,
    afterSeconds: waitSeconds,
  };
}

// `evaluate` of step N makes the arguments of step N: the table in steps/index.ts is what ties them together.
const runnableStep = <N extends StepName>(step: N, evaluation: Extract<Evaluation, { state: 'Ready' }>): Runnable =>
  ({ step, on: evaluation.on, arguments: evaluation.arguments }) as Runnable;

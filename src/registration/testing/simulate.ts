import { isDeepStrictEqual } from 'node:util';
import { expect } from 'vitest';
import type { HciClusterRegistration } from '../../api/registration.ts';
import { RegistrationStatus } from '../../api/status.ts';
import { Value } from 'typebox/value';
import { forgetWhatIsDone, noteFailedOperations, noteFailure, noteSuccess, withSubmissions } from '../bookkeeping.ts';
import { describeFailure } from '../failures.ts';
import type { Observed } from '../facts.ts';
import { createMemory, type Memory } from '../memory.ts';
import { plan, type Plan, type Runnable } from '../plan.ts';
import { reportLeaving } from '../report-leaving.ts';
import { report } from '../report.ts';
import { stepKey, type PlanInput, type Step } from '../step.ts';
import { steps } from '../steps/index.ts';
import { buildRegistration } from './builders.ts';
import { OutOfOrder } from './effect-parts.ts';
import { apply, assertKnown, passingFailure } from './effects.ts';
import { advance, observe, type World } from './world.ts';

// Rounds of observe, plan, report and act over the world without I/O, with what one pass remembers for the next.

/** What a write may come to: done; refused; not done and nobody knows; done and nobody knows. */
export type Luck = 'done' | 'refused' | 'lost' | 'answerLost';

export interface Trouble {
  /** Facts that cannot be read until so many rounds have passed. */
  unreadFor: Record<string, number>;
  luck: Luck[];
  /** Rounds after which the controller starts anew. */
  restarts: number[];
  /** A synchronisation is asked for from the start. */
  syncRequested?: boolean;
}
export const noTrouble: Trouble = { unreadFor: {}, luck: [], restarts: [] };

export interface Round {
  input: PlanInput;
  plan: Plan;
  status: RegistrationStatus;
}

export const maximumRounds = 200;

/** Plans and does what is planned until nothing is left. Throws on the first step that must not run. */
export function* simulate(world: World, trouble: Trouble = noTrouble): Generator<Round, void> {
  let memory = createMemory();
  memory.syncRequested = trouble.syncRequested ?? false;
  let registration = buildRegistration({ spec: world.spec });
  const luck = [...trouble.luck];
  let idle = 0;
  for (let round = 0; round < maximumRounds; round += 1) {
    if (trouble.restarts.includes(round)) memory = createMemory(memory.submissions);
    const unread = new Set(Object.keys(trouble.unreadFor).filter((key) => (trouble.unreadFor[key] ?? 0) > round));
    const urls = new Map([...memory.operations].flatMap(([key, { url }]) => (url === undefined ? [] : [[key, url]])));
    const observed = observe(world, unread, urls);
    noteFailedOperations(memory, observed, world.now);
    const input: PlanInput = {
      spec: world.spec,
      leaving: world.leaving,
      target: world.target,
      observed,
      memory,
      now: world.now,
    };
    const planned = plan(input);
    forgetWhatIsDone(memory, planned);
    const status = assertStatus(
      registration,
      (world.leaving === true ? reportLeaving : report)(registration, input, planned),
    );
    assertPlan(input, planned, memory);
    yield { input, plan: planned, status };
    registration = { ...registration, status };
    for (const runnable of planned.runnable) act(world, memory, runnable, luck.shift() ?? 'done');
    if (planned.runnable.length > 0) {
      idle = 0;
      advance(world, 1);
      continue;
    }
    if (planned.pending.length === 0 && unread.size === 0) return;
    const soonest = Math.min(
      ...planned.pending.flatMap(({ afterSeconds }) => (afterSeconds > 0 ? [afterSeconds] : [])),
      60,
    );
    advance(world, soonest * 2 ** Math.min(idle, 6));
    idle += 1;
  }
}

function act(world: World, memory: Memory, runnable: Runnable, luck: Luck): void {
  const { step, on } = runnable;
  const key = stepKey(step, on);
  memory.submissions = withSubmissions(memory.submissions, [{ step, on }], world.now);
  // Of a secret whose answer is lost, nothing is kept.
  const happens = luck === 'done' || (luck === 'answerLost' && step !== 'GeneratePassword');
  const earlier = observe(world, new Set(), new Map());
  const done = happens ? apply(world, runnable) : undefined;
  assertAffects(runnable, earlier, observe(world, new Set(), new Map()));
  if (luck === 'done')
    noteSuccess(
      memory,
      step,
      on,
      done === undefined
        ? undefined
        : { operationUrl: done.operationUrl, ...(done.detail === undefined ? {} : { detail: done.detail }) },
      world.now,
    );
  else noteFailure(memory, key, describeFailure(passingFailure(luck !== 'refused')), luck === 'refused', world.now);
}

function assertPlan(input: PlanInput, planned: Plan, memory: Memory): void {
  const keys = planned.runnable.map(({ step, on }) => stepKey(step, on));
  expect(new Set(keys).size, `twice in one round: ${keys.join(', ')}`).toBe(keys.length);
  if (planned.refusal !== undefined) expect(keys).toEqual([]);
  if (planned.arcRefusal !== undefined) expect(planned.runnable.filter(({ step }) => arcSteps.has(step))).toEqual([]);
  for (const { step, on } of planned.runnable) {
    const pending = planned.pending.find((item) => item.step === step && item.on === on);
    if (pending?.state !== 'Ready') throw new OutOfOrder(`${step} on ${on} runs and is not shown as ready`);
    for (const earlier of steps[step].after) {
      const open = planned.pending.some((item) => item.step === earlier && (pending.renews || !item.renews));
      const isForbidden = planned.arcRefusal !== undefined && arcSteps.has(earlier);
      if (open && !optionalSteps.has(earlier) && !isForbidden)
        throw new OutOfOrder(`${step} runs before ${earlier} is done`);
    }
    // What only an operation brings about is not started again while one is awaited, unless it failed.
    const submitted = memory.submissions.find((other) => other.step === step && other.target === on);
    const remembered = memory.operations.get(stepKey(step, on))?.waitUntil.getTime();
    const until = remembered ?? (submitted === undefined ? 0 : trustedUntil(submitted));
    if (until > input.now.getTime() && step !== 'UploadCertificate' && !memory.failures.has(stepKey(step, on)))
      throw new OutOfOrder(`${step} on ${on} is started again while it is awaited`);
    assertKnown(input, step, on);
  }
}

/** What only status knows of may never have been sent: it is awaited for two minutes at most. */
const trustedUntil = ({ submittedTime, waitUntilTime }: Memory['submissions'][number]): number =>
  Math.min(Date.parse(waitUntilTime), Date.parse(submittedTime) + 120_000);

const optionalSteps = new Set(Object.entries(steps).flatMap(([name, step]) => (step.optional === true ? [name] : [])));

const arcSteps = new Set(Object.entries(steps).flatMap(([name, step]) => (step.arc === true ? [name] : [])));

/** A step changes no fact that it does not name: only what it names is read again. */
function assertAffects({ step, on }: Runnable, earlier: Observed, later: Observed): void {
  const definition: Pick<Step<unknown>, 'affects'> = steps[step];
  const named = new Set<string>(definition.affects(on));
  const [facts, changed] = [factsOf(earlier), factsOf(later)];
  for (const [key, fact] of facts) {
    const isNamed = named.has(key) || (key.startsWith('probe/') && named.has('probe/'));
    if (!isNamed && !isDeepStrictEqual(fact, changed.get(key)))
      throw new OutOfOrder(`${step} on ${on} changes ${key}, which it does not name`);
  }
}

const factsOf = ({
  nodes: _nodes,
  hostKeys: _keys,
  signInValidity: _expiry,
  clockSkewMs: _skew,
  operations: _urls,
  ...rest
}: Observed) => {
  const { probes, providers, groupResources, ...single } = rest;
  return new Map<string, unknown>([
    ...Object.entries(single),
    ...Object.entries(groupResources).map(([name, fact]) => [`groupResources/${name}`, fact] as const),
    ...Object.entries(probes).map(([name, fact]) => [`probe/${name}`, fact] as const),
    ...Object.entries(providers).map(([name, fact]) => [`provider/${name}`, fact] as const),
  ]);
};

/** The status as it would be written, or why it cannot be. */
export function assertStatus(
  registration: HciClusterRegistration,
  draft: ReturnType<typeof report>,
): RegistrationStatus {
  const status: unknown = JSON.parse(JSON.stringify(draft));
  if (!Value.Check(RegistrationStatus, status)) {
    const [problem] = Value.Errors(RegistrationStatus, status);
    throw new Error(`status${problem?.instancePath ?? ''} ${problem?.message ?? ''}`);
  }
  assertKstatus(registration, status);
  return status;
}

/** The rules by which kstatus, Argo CD and Flux read a status. */
export function assertKstatus(registration: HciClusterRegistration, status: RegistrationStatus): void {
  const conditions = status.conditions ?? [];
  const types = conditions.map(({ type }) => type);
  expect(new Set(types).size, 'a condition twice').toBe(types.length);
  expect(types).toContain('Ready');
  const ready = conditions.find(({ type }) => type === 'Ready');
  expect(types.filter((type) => type === 'Reconciling' || type === 'Stalled').length).toBe(
    ready?.status === 'True' ? 0 : 1,
  );
  expect(status.observedGeneration).toBe(registration.metadata.generation);
  for (const { type, status: value, observedGeneration } of conditions) {
    expect(observedGeneration).toBe(registration.metadata.generation);
    if (['Reconciling', 'Stalled', 'Suspended', 'ClockSkew', 'Deleting'].includes(type)) expect(value).toBe('True');
  }
  for (const { type, status: value, lastTransitionTime } of registration.status?.conditions ?? []) {
    const next = conditions.find((condition) => condition.type === type);
    if (next?.status === value) expect(next.lastTransitionTime).toBe(lastTransitionTime);
  }
}

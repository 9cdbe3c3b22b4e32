import { randomUUID } from 'node:crypto';
import { fieldManager, finalizer } from '../api/group.ts';
import {
  parseRegistration,
  subjectOf,
  type HciClusterRegistration,
  type ParsedRegistration,
} from '../api/registration.ts';
import type { Lend } from '../kube/controller.ts';
import { addFinalizer } from '../kube/finalizers.ts';
import { isConflict } from '../kube/resource.ts';
import type { KubeObject } from '../kube/schema.ts';
import { stalledBy, type StatusDraft } from './draft.ts';
import { unsupported } from './guards.ts';
import { createClaims } from './claims.ts';
import type { Observed } from './facts.ts';
import { createMemory, expire, isBulk, leaveRest, readAgain, rememberedKeys, type Memory } from './memory.ts';
import { observe, type Dependencies, type Observation } from './observe.ts';
import { forgetWhatIsDone, noteFailedOperations, withSubmissions } from './bookkeeping.ts';
import { notices } from './notices.ts';
import { perform, type PerformDependencies } from './perform.ts';
import { plan, type Plan } from './plan.ts';
import { hear, openRenewals, syncIsComing } from './pokes.ts';
import { detach } from './detach.ts';
import { effectiveDeletionPolicy } from './effective-policy.ts';
import { holdSecrets } from './held-secrets.ts';
import { deletedTogether, massDeletionGate, type MassDeletionLimit } from './mass-deletion.ts';
import { decideRelease } from './release.ts';
import { reportHeldDeletion, reportLeaving } from './report-leaving.ts';
import { report } from './report.ts';
import { isWell, restsForMs, wasWell } from './rest.ts';
import { createRowWatch } from './row-watch.ts';
import { reportIdle, reportUnresolved } from './report-idle.ts';
import { registrations, writeStatus } from './status-writer.ts';
import { tellNotices, tellRequests } from './tell.ts';
import type { Session } from '../sign-in/sessions.ts';
import { nextRenewal, trackedCredentials } from './credentials.ts';
import type { PlanInput } from './step.ts';
import type { Target } from './target.ts';

export interface ReconcilerDependencies extends Dependencies, PerformDependencies {
  /** The object as the store has it. */
  read(key: string): KubeObject | undefined;
  /** Takes secrets out of a text that people will read. */
  clean: (text: string) => string;
  /** Puts the answer to a write of ours into the store. */
  record(written: KubeObject): void;
  /** All registrations as the store has them. */
  list(): Iterable<KubeObject>;
  massDeletion: MassDeletionLimit;
  /** Has this key be looked at, though nothing of the object changed. */
  lookAt(key: string): void;
}

interface Result {
  requeueAfterMs?: number;
}

const again: Result = { requeueAfterMs: 0 };
const conflictRetryMs = 200;
const restMs = 60_000;
const factsGoodToActOnMs = 60_000;

/** One pass over one registration: observe, plan, report, act. What it did is seen by the next pass, which follows at once. */
export function createReconciler(dependencies: ReconcilerDependencies) {
  const { kube, events, now, clean } = dependencies;
  const memories = new Map<string, { uid: string; generation: number; memory: Memory }>();
  const claims = createClaims();
  const rows = createRowWatch(dependencies.log);
  /** Registrations of which a Secret has changed since it was read. */
  const changedSecrets = new Set<string>();

  async function write(
    registration: Pick<HciClusterRegistration, 'metadata' | 'status'>,
    status: StatusDraft,
    options: { exactly: boolean; signal: AbortSignal },
  ): Promise<void> {
    const written = await writeStatus({ kube, events, clean }, registration, status, options);
    if (written !== undefined) dependencies.record(written);
  }

  async function reconcile(key: string, signal: AbortSignal, lend: Lend): Promise<Result> {
    const object = dependencies.read(key);
    if (object === undefined) {
      memories.delete(key);
      claims.release(key);
      changedSecrets.delete(key);
      return {};
    }
    const parsed = parseRegistration(object);
    try {
      if (!parsed.understood) return await refuse(parsed, signal);
      const { registration } = parsed;
      if (registration.metadata.deletionTimestamp !== undefined)
        return await release(key, object, registration, signal, lend);
      return await visit(key, object, registration, signal, lend);
    } catch (error) {
      // Somebody else changed the object meanwhile: look again, decide again.
      if (isConflict(error)) return { requeueAfterMs: conflictRetryMs };
      throw error;
    }
  }

  async function refuse(
    { metadata, status, problems }: Extract<ParsedRegistration, { understood: false }>,
    signal: AbortSignal,
  ): Promise<Result> {
    const message = `This version of the controller does not understand the object and does nothing: ${problems.join('; ')}.`;
    if (status === undefined) {
      // Writing would lose what another version keeps there.
      const event = { type: 'Warning', reason: 'InvalidSpec', action: 'Reconcile', note: message } as const;
      await events.record(subjectOf(metadata), event);
      return {};
    }
    const idle = reportIdle(
      { metadata, status },
      stalledBy({ reason: 'InvalidSpec', message }),
      metadata.generation,
      now(),
    );
    await write({ metadata, status }, idle, { exactly: false, signal });
    return {};
  }

  async function release(
    key: string,
    object: KubeObject,
    registration: HciClusterRegistration,
    signal: AbortSignal,
    lend: Lend,
  ): Promise<Result> {
    if (registration.metadata.finalizers?.includes(finalizer) !== true) return {};
    const limit = dependencies.massDeletion;
    const others = deletedTogether(registration, dependencies.list(), limit);
    const decided = decideRelease(registration, massDeletionGate(registration, others, limit, now()));
    switch (decided.kind) {
      case 'hold': {
        await write(registration, reportHeldDeletion(registration, decided, now()), { exactly: false, signal });
        return decided.afterMs === undefined ? {} : { requeueAfterMs: decided.afterMs };
      }
      case 'unregister': {
        const { memory } = recall(key, registration);
        memory.atRest = false;
        return pass(key, registration, memory, signal, lend);
      }
      case 'detach':
      case 'finish': {
        const deleting = registration.status?.conditions?.find(({ type }) => type === 'Deleting');
        const told =
          decided.kind === 'detach'
            ? ({ reason: 'Detaching', note: decided.note } as const)
            : ({ reason: 'Unregistered', note: deleting?.message ?? 'Nothing of the cluster is left.' } as const);
        const done = await detach(dependencies, object, registration, told, signal);
        return done ? {} : { requeueAfterMs: conflictRetryMs };
      }
    }
  }

  /** What comes before a pass: reasons to do nothing, and the finalizer. */
  async function visit(
    key: string,
    object: KubeObject,
    registration: HciClusterRegistration,
    signal: AbortSignal,
    lend: Lend,
  ): Promise<Result> {
    const { spec, metadata } = registration;
    if (spec.suspend) {
      const verdict = {
        status: 'True',
        reason: 'Suspended',
        message: 'spec.suspend is true: nothing is read or changed.',
      } as const;
      const known = registration.status?.conditions?.some(({ type }) => type === 'Ready') === true;
      const verdicts = known
        ? { Suspended: verdict }
        : { Ready: { ...verdict, status: 'Unknown' as const }, Suspended: verdict };
      const status = reportIdle(registration, verdicts, undefined, now());
      await write(registration, status, { exactly: false, signal });
      return {};
    }
    const notDone = unsupported(registration);
    if (notDone !== undefined) {
      const status = reportIdle(registration, stalledBy(notDone), metadata.generation, now());
      await write(registration, status, { exactly: false, signal });
      return {};
    }
    const untilSyncMs = untilNextSync(key, registration);
    if (untilSyncMs > 0) return { requeueAfterMs: untilSyncMs };
    if (spec.managementPolicy === 'Manage' && metadata.finalizers?.includes(finalizer) !== true) {
      const added = await addFinalizer(kube, registrations, object, finalizer, { fieldManager, signal });
      if (added.outcome === 'done') dependencies.record(added.object);
      return added.outcome === 'absent' ? {} : again;
    }
    const { memory, heard } = recall(key, registration);
    if (spec.managementPolicy === 'Manage' && !memory.holdsSecrets && mayBeUnregistered(registration)) {
      await holdSecrets(kube, object, signal);
      memory.holdsSecrets = true;
    }
    await tellRequests(events, registration, heard);
    return pass(key, registration, memory, signal, lend);
  }

  async function pass(
    key: string,
    registration: HciClusterRegistration,
    memory: Memory,
    signal: AbortSignal,
    lend: Lend,
  ): Promise<Result> {
    const { spec } = registration;
    const correlationId = randomUUID();
    let observation = await observe(registration, memory, dependencies, correlationId, signal, lend);
    if (memory.atRest && !isConfirmed(key, registration, observation, memory)) {
      // Rows may be late or incomplete: they confirm that all is well, and whatever else they tell is read live.
      leaveRest(memory);
      observation = await observe(registration, memory, dependencies, correlationId, signal, lend);
    }
    if (mayAct(key, registration, observation, memory) && isStale(memory, now())) {
      // Nothing is written upon what was seen a while ago: somebody else may have been there, a node may have restarted.
      memory.facts = {};
      memory.atRest = false;
      observation = await observe(registration, memory, dependencies, correlationId, signal, lend);
    }
    const { target, observed, session, access, arcSecret, onboarding, nextRead } = observation;
    noteFailedOperations(memory, observed, now());
    if (target === undefined) {
      await write(registration, reportUnresolved(registration, observed, now()), { exactly: false, signal });
      return { requeueAfterMs: Math.max(100, (nextRead?.getTime() ?? now().getTime() + restMs) - now().getTime()) };
    }

    const input = (): PlanInput => inputOf(key, registration, target, observed, memory);
    const { leaving } = input();
    const planned = plan(input());
    if (planned.runnable.some(({ step }) => step === 'CreateCluster')) claims.claim(target.resourceId, key);
    forgetWhatIsDone(memory, planned);
    if (!syncIsComing(planned, spec)) memory.syncRequested = false;
    memory.renewalRequests = openRenewals(planned, spec, memory.renewalRequests);
    const before = memory.submissions;
    memory.submissions = withSubmissions(before, planned.runnable, now());
    // What a write will need to be found again stands in status before the write.
    const exactly =
      memory.submissions !== before ||
      leaving === true ||
      (planned.runnable.length > 0 && !isOnRecord(registration, target));
    const status = leaving ? reportLeaving(registration, input(), planned) : report(registration, input(), planned);
    memory.atRest = !leaving && isWell(planned, status);
    try {
      await write(registration, status, { exactly, signal });
    } catch (error) {
      memory.submissions = before; // nothing was started
      throw error;
    }
    // Nothing is left: the next visit lets the object go.
    if (status.unregistration?.endTime !== undefined) return again;
    if (!leaving) await tellNotices(events, registration, notices(input()), memory);
    if (session !== undefined) lookAtChanged(session);
    if (planned.runnable.length === 0) {
      const renewal = nextRenewal(trackedCredentials(input()), now());
      return { requeueAfterMs: schedule(memory, planned, observation, renewal) };
    }

    if (session === undefined) throw new Error('there are steps to do and no session to do them with');
    const clients = { arm: session.arm, run: access.run, arcSecret, onboarding, signal };
    await perform(dependencies, registration, planned.runnable, { clients, memory, correlationId });
    signal.throwIfAborted();
    return again;
  }

  const inputOf = (
    key: string,
    { spec, metadata, status }: HciClusterRegistration,
    target: Target,
    observed: Observed,
    memory: Memory,
  ): PlanInput => ({
    spec,
    leaving: metadata.deletionTimestamp !== undefined,
    registeredClusterId: status?.azure?.clusterId,
    target,
    observed,
    memory,
    claimedBy: claims.holder(target.resourceId, key),
    now: now(),
  });

  function mayAct(
    key: string,
    registration: HciClusterRegistration,
    { target, observed }: Observation,
    memory: Memory,
  ): boolean {
    if (target === undefined) return false;
    const input = inputOf(key, registration, target, observed, memory);
    const planned = plan(input);
    // That nothing is left is proven by what was read just now, too.
    return planned.runnable.length > 0 || (input.leaving === true && planned.pending.length === 0);
  }

  function isConfirmed(
    key: string,
    registration: HciClusterRegistration,
    { target, observed }: Observation,
    memory: Memory,
  ): boolean {
    if (target === undefined) return false;
    const input = inputOf(key, registration, target, observed, memory);
    const planned = plan(input);
    return isWell(planned, report(registration, input, planned));
  }

  /** Reads live, and soon, whatever Resource Graph shows otherwise than before. */
  function lookAtChanged(session: Session): void {
    const changed = rows.changes(session.inventory);
    if (changed.size === 0) return;
    for (const [key, { memory }] of memories) {
      if (memory.session !== session || !changed.has(memory.resourceId?.toLowerCase() ?? '')) continue;
      leaveRest(memory);
      dependencies.lookAt(key);
    }
  }

  /** After a restart, an object that was well is left alone until its sync is due. */
  const untilNextSync = (key: string, registration: HciClusterRegistration): number =>
    memories.has(key) || changedSecrets.has(key) ? 0 : restsForMs(registration, now());

  function recall(key: string, registration: HciClusterRegistration) {
    const { uid, generation } = registration.metadata;
    const known = memories.get(key);
    const remembered =
      known?.uid === uid
        ? known
        : {
            uid,
            generation,
            memory: { ...createMemory(registration.status?.submissions), atRest: wasWell(registration) },
          };
    const heard = hear(registration, remembered.memory);
    if (remembered.generation !== generation || heard.length > 0) {
      // A person changed something, or asked: everything is looked at again, and nothing waits for an earlier failure.
      remembered.memory.facts = {};
      remembered.memory.atRest = false;
      remembered.memory.holdsSecrets = false;
      remembered.memory.failures.clear();
      remembered.memory.successes.clear();
      dependencies.nodes.reset(key);
      if (remembered.generation !== generation) claims.release(key);
      remembered.generation = generation;
    }
    if (changedSecrets.delete(key)) expire(remembered.memory, ['session', 'sshKeys', 'knownHosts', 'onboardingSecret']);
    memories.set(key, remembered);
    return { memory: remembered.memory, heard };
  }

  /** When the next pass is due: when a fact is to be read again, a step that waits is to be looked at, or a credential renewed. */
  function schedule(
    memory: Memory,
    planned: Plan,
    { nextRead }: Observation,
    nextRenewalTime: Date | undefined,
  ): number {
    const at = now().getTime();
    let next = Math.min(nextRead?.getTime() ?? at + restMs, nextRenewalTime?.getTime() ?? Infinity);
    for (const { afterSeconds, readAgain: keys } of planned.pending) {
      if (afterSeconds <= 0) continue;
      const due = new Date(at + afterSeconds * 1000);
      readAgain(memory, keys, due);
      next = Math.min(next, due.getTime());
    }
    return Math.max(100, next - at);
  }

  return {
    reconcile,
    /** A Secret that this registration names has changed: the next pass reads it. Which pass that is, the caller sees to. */
    secretChanged(key: string): void {
      changedSecrets.add(key);
    },
  };
}

const mayBeUnregistered = ({ spec, status }: HciClusterRegistration): boolean =>
  effectiveDeletionPolicy(spec, status?.azure?.adopted === true) === 'Unregister';

function isStale(memory: Memory, now: Date): boolean {
  const oldest = now.getTime() - factsGoodToActOnMs;
  return rememberedKeys(memory).some((key) => {
    const fact = memory.facts[key]?.fact;
    return fact !== undefined && (isBulk(fact) || fact.at.getTime() < oldest);
  });
}

const isOnRecord = ({ status }: HciClusterRegistration, target: Target): boolean =>
  status?.firstWriteTime !== undefined &&
  status.azure?.resourceName === target.resourceName &&
  status.azure.resourceGroup === target.resourceGroup &&
  status.azure.arcResourceGroup === target.arcResourceGroup;

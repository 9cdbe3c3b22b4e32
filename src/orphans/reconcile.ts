import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import { apiVersion, fieldManager, group, version } from '../api/group.ts';
import { parseSweep, sweepKind, type HciOrphanSweep, type SweepStatus } from '../api/sweep.ts';
import type { KubeClient } from '../kube/client.ts';
import type { EventContent, EventRecorder } from '../kube/events.ts';
import { KubeError } from '../kube/kube-error.ts';
import { apply, list, type ResourceType } from '../kube/resource.ts';
import { KubeObject, parser } from '../kube/schema.ts';
import { describeFailure, nextTry, type Failure } from '../registration/failures.ts';
import { registrations } from '../registration/status-writer.ts';
import type { Session, SignsIn } from '../sign-in/sessions.ts';
import { deleteOrphan } from './delete.act.ts';
import { fleetOf } from './fleet.ts';
import { observe } from './observe.ts';
import type { Fleet, Observed } from './observed.ts';
import { planSweep, type Deletion, type SweepPlan } from './plan.ts';
import { reportFailure, reportSuspended, reportSweep } from './report.ts';
import { intervalMs, untilDueMs } from './schedule.ts';

/** As the store holds it. */
export const sweeps: ResourceType<KubeObject> = {
  group,
  version,
  plural: 'hciorphansweeps',
  kind: sweepKind,
  namespaced: true,
  parse: parser(sweepKind, KubeObject),
};

/** What a sweep needs of a session. */
type SweepSession = Pick<Session, 'arm' | 'graph' | 'inventory' | 'checkSignIn'>;

export interface SweepDependencies {
  kube: KubeClient;
  sessions: { open(object: SignsIn, signal: AbortSignal): Promise<SweepSession> };
  instanceId: string;
  /** The one namespace that this controller sees; undefined: it sees all. */
  namespace: string | undefined;
  events: EventRecorder;
  log: Logger;
  now: () => Date;
  /** The object as the store has it. */
  read(key: string): KubeObject | undefined;
  /** Puts the answer to a write of ours into the store. */
  record(written: KubeObject): void;
  onDeletion(kind: Deletion['kind'], result: 'accepted' | 'failed'): void;
}

/** A deletion takes a while to be seen; what waits for it goes next. */
const afterDeletionMs = 60_000;

/** One pass over one sweep: observe, plan, report, act. What a deletion did is seen by the next pass. */
export function createSweepReconciler(dependencies: SweepDependencies) {
  const { kube, events, now, instanceId } = dependencies;
  /** Of deletions, by sweep and id in lower case. Losing them costs an early try. */
  const failures = new Map<string, Map<string, { failure: Failure; count: number; nextTry: Date }>>();
  const failedSessions = new Map<string, number>();

  async function readFleet(signal: AbortSignal): Promise<Fleet> {
    if (dependencies.namespace !== undefined) {
      return { state: 'unknown', why: `this controller sees the namespace ${dependencies.namespace} only` };
    }
    try {
      return fleetOf((await list(kube, registrations, { signal })).items);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof KubeError)) throw error;
      return { state: 'unknown', why: `they could not be listed in all namespaces (${error.message})` };
    }
  }

  async function reconcile(key: string, signal: AbortSignal): Promise<{ requeueAfterMs?: number }> {
    const object = dependencies.read(key);
    if (object === undefined || object.metadata.deletionTimestamp !== undefined) {
      failures.delete(key);
      failedSessions.delete(key);
      return {};
    }
    const sweep = parseSweep(object);
    if (sweep === undefined) {
      const note = 'This version of the controller does not understand the object and does nothing.';
      await tell({ metadata: object.metadata }, { type: 'Warning', reason: 'InvalidSpec', action: 'Sweep', note });
      return {};
    }
    if (sweep.spec.suspend) {
      await write(sweep, reportSuspended(sweep, now()), signal);
      return {};
    }
    const untilMs = untilDueMs(sweep, now());
    if (untilMs > 0) return { requeueAfterMs: untilMs };
    return pass(key, sweep, signal);
  }

  async function pass(key: string, sweep: HciOrphanSweep, signal: AbortSignal): Promise<{ requeueAfterMs: number }> {
    let session: SweepSession;
    try {
      session = await dependencies.sessions.open(sweep, signal);
      await session.checkSignIn(signal);
    } catch (error) {
      signal.throwIfAborted();
      const failure = describeFailure(error);
      const count = (failedSessions.get(key) ?? 0) + 1;
      failedSessions.set(key, count);
      const next = nextTry(failure, count, now());
      await write(sweep, reportFailure(sweep, failure, next, now()), signal);
      return { requeueAfterMs: Math.max(1000, next.getTime() - now().getTime()) };
    }
    failedSessions.delete(key);
    const firstSeen = new Map(
      (sweep.status?.orphans ?? []).map(({ id, firstSeenTime }) => [id.toLowerCase(), new Date(firstSeenTime)]),
    );
    const look = (only?: string): Promise<Observed> =>
      observe({
        session,
        azure: sweep.spec.azure,
        readFleet: () => readFleet(signal),
        now,
        signal,
        ...(only === undefined ? {} : { only }),
      });
    const judge = (observed: Observed): SweepPlan =>
      planSweep({ spec: sweep.spec, observed, instanceId, firstSeen, now: now() });

    const observed = await look();
    const planned = judge(observed);
    const failed = failures.get(key) ?? new Map<string, { failure: Failure; count: number; nextTry: Date }>();
    failures.set(key, failed);
    for (const id of failed.keys())
      if (!planned.orphans.some((orphan) => orphan.id.toLowerCase() === id)) failed.delete(id);
    const due = planned.deletions.filter(({ id }) => (failed.get(id.toLowerCase())?.nextTry ?? now()) <= now());
    for (const deletion of due) {
      // Somebody may have changed their mind meanwhile.
      if (!isCurrent(key, sweep)) break;
      await deleteIfStill(sweep, deletion, { look, judge, session, failed, signal });
    }

    const next = nextSweep(sweep, planned, due.length > 0, failed);
    const status = reportSweep({ sweep, observed, plan: planned, failures: failed, nextSweep: next, now: now() });
    await write(sweep, status, signal);
    await announce(sweep, planned, firstSeen);
    return { requeueAfterMs: Math.max(1000, next.getTime() - now().getTime()) };
  }

  function isCurrent(key: string, sweep: HciOrphanSweep): boolean {
    const current = dependencies.read(key)?.metadata;
    return (
      current?.uid === sweep.metadata.uid &&
      current.generation === sweep.metadata.generation &&
      current.deletionTimestamp === undefined
    );
  }

  /** Reads what decides once more, right before the write: the pass may have taken minutes. */
  async function deleteIfStill(
    sweep: HciOrphanSweep,
    deletion: Deletion,
    given: {
      look(only: string): Promise<Observed>;
      judge(observed: Observed): SweepPlan;
      session: SweepSession;
      failed: Map<string, { failure: Failure; count: number; nextTry: Date }>;
      signal: AbortSignal;
    },
  ): Promise<void> {
    const { failed, signal } = given;
    const id = deletion.id.toLowerCase();
    const again = given.judge(await given.look(id));
    if (!again.deletions.some((one) => isDeepStrictEqual(one, deletion))) return;
    try {
      await deleteOrphan(given.session, deletion, signal);
      failed.delete(id);
      dependencies.onDeletion(deletion.kind, 'accepted');
      const note = `Deleted ${deletion.kind === 'ArcSettings' ? 'the Arc settings of ' : ''}${deletion.id}.`;
      await tell(sweep, { type: 'Normal', reason: 'OrphanDeleted', action: 'Delete', note });
    } catch (error) {
      signal.throwIfAborted();
      const failure = describeFailure(error);
      const count = (failed.get(id)?.count ?? 0) + 1;
      failed.set(id, { failure, count, nextTry: nextTry(failure, count, now()) });
      dependencies.onDeletion(deletion.kind, 'failed');
      const note = `${deletion.id} was not deleted: ${failure.message}`;
      await tell(sweep, { type: 'Warning', reason: 'OrphanNotDeleted', action: 'Delete', note });
    }
  }

  function nextSweep(
    sweep: HciOrphanSweep,
    planned: SweepPlan,
    hasDeleted: boolean,
    failed: ReadonlyMap<string, { nextTry: Date }>,
  ): Date {
    const regular = now().getTime() + intervalMs(sweep);
    const isDeleting = planned.orphans.some(({ id, action }) => action === 'Delete' && !failed.has(id.toLowerCase()));
    const soon = hasDeleted || isDeleting ? now().getTime() + afterDeletionMs : regular;
    const retries = [...failed.values()].map(({ nextTry: at }) => at.getTime());
    return new Date(Math.min(regular, soon, ...retries));
  }

  /** Of those that no sweep found before. */
  async function announce(sweep: HciOrphanSweep, { orphans }: SweepPlan, known: ReadonlyMap<string, Date>) {
    const fresh = orphans.filter(({ id, action }) => !known.has(id.toLowerCase()) && action !== 'Leave');
    const [first] = fresh;
    if (first === undefined) return;
    const others = fresh.length === 1 ? '' : ` And ${fresh.length - 1} more: see status.orphans.`;
    const note = `${first.kind} ${first.id}: ${first.evidence} ${first.message}${others}`;
    await tell(sweep, { type: 'Warning', reason: 'OrphansFound', action: 'Sweep', note });
  }

  const tell = (
    { metadata: { namespace, name, uid } }: { metadata: { namespace?: string | undefined; name: string; uid: string } },
    content: EventContent,
  ) => events.record({ apiVersion, kind: sweepKind, metadata: { namespace, name, uid } }, content);

  async function write(sweep: HciOrphanSweep, status: SweepStatus, signal: AbortSignal): Promise<void> {
    if (isDeepStrictEqual(status, sweep.status ?? {})) return;
    const { namespace, name, uid } = sweep.metadata;
    const written = await apply(
      kube,
      sweeps,
      { metadata: { namespace, name, uid }, status },
      { fieldManager, force: true, subresource: 'status', signal },
    );
    dependencies.record(written);
  }

  return { reconcile };
}

import { longestOrphanList, type HciOrphanSweep, type OrphanKind, type SweepStatus } from '../api/sweep.ts';
import { cannotSignIn } from '../registration/conditions/azure.ts';
import { seconds, toConditions, type Verdict, type Verdicts } from '../registration/draft.ts';
import type { Failure } from '../registration/failures.ts';
import { clocksDiffer } from '../registration/renewal.ts';
import { requestedReconcile } from '../api/group.ts';
import type { SweepPlan } from './plan.ts';
import type { Observed } from './observed.ts';

/** What became of a deletion that failed, by id in lower case. */
export type Failures = ReadonlyMap<string, { failure: Failure; nextTry: Date }>;

/** The status after a sweep. */
export function reportSweep(input: {
  sweep: HciOrphanSweep;
  observed: Observed;
  plan: SweepPlan;
  failures: Failures;
  nextSweep: Date;
  now: Date;
}): SweepStatus {
  const { sweep, observed, plan, failures, now } = input;
  const orphans = plan.orphans.map((orphan) => {
    const failed = orphan.action === 'Delete' ? failures.get(orphan.id.toLowerCase()) : undefined;
    if (failed === undefined) return orphan;
    const message = `${failed.failure.reason}: ${failed.failure.message} Next try at ${seconds(failed.nextTry)}.`;
    return { ...orphan, message: message.slice(0, 1024) };
  });
  const count = (kind: OrphanKind) => orphans.filter((orphan) => orphan.kind === kind).length;
  return {
    ...common(sweep),
    observedGeneration: sweep.metadata.generation,
    lastSweepTime: seconds(now),
    nextSweepTime: seconds(input.nextSweep),
    total: orphans.length,
    summary: {
      clusters: count('Cluster'),
      machines: count('Machine'),
      applications: count('Application'),
      roleAssignments: count('RoleAssignment'),
      resourceGroups: count('ResourceGroup'),
    },
    orphans: orphans.slice(0, longestOrphanList),
    truncated: Math.max(0, orphans.length - longestOrphanList),
    conditions: toConditions(sweep, verdictsOf(observed, plan, failures), now),
  };
}

function verdictsOf(observed: Observed, plan: SweepPlan, failures: Failures): Verdicts {
  const { orphans, undecided, held } = plan;
  const problems = [
    ...observed.unsearched.map(({ kinds, why }) => `${kinds.join(', ')} not searched: ${why}`),
    ...undecided.slice(0, 5).map(({ id, why }) => `${id} not judged: ${why}`),
    ...(undecided.length > 5 ? [`${undecided.length - 5} more not judged`] : []),
  ];
  const failed = orphans.filter(({ id, action }) => action === 'Delete' && failures.has(id.toLowerCase()));
  const ready: Verdict =
    problems.length > 0
      ? { status: 'False', reason: 'SweepIncomplete', message: `${problems.join('. ')}.` }
      : held !== undefined
        ? { status: 'False', reason: 'DeletionHeld', message: held }
        : failed.length > 0
          ? {
              status: 'False',
              reason: 'OrphanNotDeleted',
              message: `${failed.length} orphans could not be deleted: status.orphans says why.`,
            }
          : { status: 'True', reason: 'Succeeded', message: 'Everything was searched.' };
  const waiting = orphans.filter(({ action }) => action === 'Approve').length;
  const found: Verdict =
    orphans.length > 0
      ? {
          status: 'True',
          reason: 'OrphansFound',
          message: `${orphans.length} orphans${waiting === 0 ? '' : `, ${waiting} of which wait for an approval`}: see status.orphans.`,
        }
      : problems.length > 0
        ? { status: 'Unknown', reason: 'NotObserved', message: 'Not everything was searched.' }
        : { status: 'False', reason: 'NoneFound', message: 'Nothing was left behind.' };
  return {
    Ready: ready,
    ...(ready.status === 'True'
      ? {}
      : { Reconciling: { status: 'True', reason: 'ProgressingWithRetry', message: ready.message } }),
    Authenticated: { status: 'True', reason: 'Succeeded', message: 'A token was obtained.' },
    OrphansFound: found,
    ClockSkew: skewOf(observed),
  };
}

const skewOf = ({ clockSkewMs }: Observed): Verdict | undefined =>
  clockSkewMs === undefined || !clocksDiffer(clockSkewMs)
    ? undefined
    : {
        status: 'True',
        reason: 'ClockSkew',
        message: `Our clock and Azure's differ by ${Math.round(Math.abs(clockSkewMs) / 1000)} s: nothing is deleted.`,
      };

/** When nothing could be searched. What was found before stays. */
export function reportFailure(sweep: HciOrphanSweep, failure: Failure, nextTry: Date, now: Date): SweepStatus {
  const { reason, message, errorClass } = failure;
  const isSignIn = cannotSignIn.has(reason);
  const needsPerson = errorClass === 'NeedsPerson';
  const told = needsPerson ? message : `${message} Next try at ${seconds(nextTry)}.`;
  const verdicts: Verdicts = {
    Ready: { status: 'False', reason, message: told },
    ...(needsPerson
      ? { Stalled: { status: 'True', reason, message: told } }
      : { Reconciling: { status: 'True', reason: 'ProgressingWithRetry', message: told } }),
    Authenticated: isSignIn
      ? { status: 'False', reason, message: told }
      : { status: 'Unknown', reason: 'NotObserved', message: told },
    OrphansFound: { status: 'Unknown', reason: 'NotObserved', message: 'Nothing was searched.' },
  };
  return {
    ...sweep.status,
    ...common(sweep),
    observedGeneration: sweep.metadata.generation,
    nextSweepTime: seconds(nextTry),
    conditions: toConditions(sweep, verdicts, now),
  };
}

/** While spec.suspend is true: what was found before stays. */
export function reportSuspended(sweep: HciOrphanSweep, now: Date): SweepStatus {
  const message = 'spec.suspend is true: nothing is read or deleted.';
  const kept = Object.fromEntries(
    (sweep.status?.conditions ?? []).map(({ type, status, reason, message: said }) => [
      type,
      { status, reason, message: said },
    ]),
  );
  const verdicts: Verdicts = {
    Ready: { status: 'Unknown', reason: 'Suspended', message },
    ...kept,
    Suspended: { status: 'True', reason: 'Suspended', message },
    Reconciling: undefined,
    Stalled: undefined,
  };
  const { nextSweepTime: _, ...status } = sweep.status ?? {};
  return { ...status, conditions: toConditions(sweep, verdicts, now) };
}

function common(sweep: HciOrphanSweep): SweepStatus {
  const requested = requestedReconcile(sweep.metadata) ?? sweep.status?.lastHandledReconcileAt;
  return requested === undefined ? {} : { lastHandledReconcileAt: requested };
}

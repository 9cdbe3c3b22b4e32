import { durationMilliseconds } from '../api/schema.ts';
import { orphanKinds, type Orphan, type OrphanKind, type SweepSpec } from '../api/sweep.ts';
import { seconds } from '../registration/draft.ts';
import { clocksDiffer } from '../registration/renewal.ts';
import { judge } from './judge.ts';
import type { Candidate, Observed } from './observed.ts';

/** So many deletions at once, that nobody approved one by one, are more likely a mistake than the truth. */
export const mostAtOnce = 10;

/** One deletion: of the resource itself, or of what has to go before it. */
export interface Deletion {
  id: string;
  kind: OrphanKind | 'ArcSettings';
}

export interface SweepPlan {
  /** The worst first. */
  orphans: Orphan[];
  deletions: Deletion[];
  /** What could not be judged, and why. */
  undecided: { id: string; why: string }[];
  /** Why nothing may be deleted now; undefined when deleting is possible, or not asked for. */
  held: string | undefined;
}

export interface PlanInput {
  spec: Pick<SweepSpec, 'mode' | 'minimumAge' | 'approved'>;
  observed: Observed;
  instanceId: string;
  /** Since when each is known, by id in lower case. */
  firstSeen: ReadonlyMap<string, Date>;
  now: Date;
}

/** What is an orphan, and which of them go now. */
export function planSweep(input: PlanInput): SweepPlan {
  const { spec, observed, now } = input;
  const minimumAgeMs = durationMilliseconds(spec.minimumAge);
  const approved = new Set(spec.approved.map((id) => id.toLowerCase()));
  const held = spec.mode === 'Delete' ? holdFor(observed) : undefined;
  const undecided: SweepPlan['undecided'] = [];
  const found = observed.candidates.flatMap((candidate) => {
    const firstSeen = input.firstSeen.get(candidate.id.toLowerCase()) ?? now;
    const judgement = judge(candidate, { observed, instanceId: input.instanceId, firstSeen, now });
    if (judgement.verdict === 'undecided') undecided.push({ id: candidate.id, why: judgement.because });
    if (judgement.verdict !== 'orphan') return [];
    const { id, kind } = candidate;
    const isApproved = approved.has(id.toLowerCase());
    const dueAt = new Date(judgement.since.getTime() + Math.max(minimumAgeMs, judgement.leastAgeMs));
    const decide = (): Pick<Orphan, 'action' | 'message'> => {
      if (judgement.ownership === 'foreign')
        return {
          action: 'Leave',
          message: 'It belongs to another installation of this controller: it is never touched.',
        };
      if (judgement.ownership === 'unproven' && !isApproved)
        return {
          action: 'Approve',
          message: `Nothing proves that it is ours. To have it deleted, add ${id} to spec.approved.`,
        };
      if (dueAt > now) return { action: 'Wait', message: `Not before ${seconds(dueAt)}: until then it is too young.` };
      if (spec.mode !== 'Delete') return { action: 'Report', message: 'With spec.mode Delete it would be deleted.' };
      const hold = held ?? judgement.hold;
      return hold === undefined
        ? { action: 'Delete', message: 'It is being deleted.' }
        : { action: 'Hold', message: hold };
    };
    const orphan: Orphan = {
      id,
      kind,
      evidence: judgement.evidence.slice(0, 1024),
      firstSeenTime: seconds(firstSeen),
      ...decide(),
    };
    return [{ orphan, candidate, isApproved }];
  });
  // Parts of an orphan that go with it count as one with it.
  const unapproved = found.filter(({ orphan, isApproved }) => orphan.action === 'Delete' && !isApproved);
  const restrained =
    observed.fleet.state === 'known' && observed.fleet.charges.length === 0
      ? 'There is no HciClusterRegistration at all, as after a restore: only what spec.approved names is deleted.'
      : unapproved.length > mostAtOnce
        ? `${unapproved.length} deletions at once, and more than ${mostAtOnce} are held: add this id to spec.approved to have it deleted.`
        : undefined;
  if (restrained !== undefined)
    for (const { orphan } of unapproved) Object.assign(orphan, { action: 'Hold', message: restrained });
  const orphans = found.map(({ orphan }) => orphan).toSorted(byWorst);
  return { orphans, deletions: deletionsOf(found), undecided, held };
}

/** Why nothing at all may be deleted. */
export function holdFor({ fleet, clockSkewMs }: Pick<Observed, 'fleet' | 'clockSkewMs'>): string | undefined {
  if (clockSkewMs === undefined) return "Azure's clock is not known: nothing is deleted.";
  if (clocksDiffer(clockSkewMs))
    return `Our clock and Azure's differ by ${Math.round(Math.abs(clockSkewMs) / 1000)} s: nothing is deleted.`;
  if (fleet.state === 'unknown') return `Not all registrations are known: ${fleet.why}. Nothing is deleted.`;
  return undefined;
}

/** Microsoft's order: servers, then Arc settings, then the cluster. What waits for another goes in a later pass. */
function deletionsOf(found: readonly { orphan: Orphan; candidate: Candidate }[]): Deletion[] {
  const all = new Set(found.map(({ orphan }) => orphan.id.toLowerCase()));
  return found.flatMap(({ orphan, candidate: { live } }): Deletion[] => {
    if (orphan.action !== 'Delete') return [];
    const { id, kind } = orphan;
    if (live.state !== 'present' || live.value.kind !== 'Cluster') return [{ id, kind }];
    const before = live.value.machines.filter((machine) => all.has(machine.toLowerCase()));
    if (before.length > 0) {
      orphan.message = `Its Arc-enabled servers go first: ${before.map((machine) => machine.split('/').at(-1)).join(', ')}.`;
      return [];
    }
    return [live.value.hasArcSettings ? { id, kind: 'ArcSettings' } : { id, kind }];
  });
}

const actionRank: Record<Orphan['action'], number> = { Hold: 0, Delete: 0, Approve: 1, Report: 1, Wait: 2, Leave: 3 };

/** A cluster resource is billed; the rest clutters. Of a kind those first that somebody has to do something about. */
const byWorst = (one: Orphan, other: Orphan): number =>
  orphanKinds.indexOf(one.kind) - orphanKinds.indexOf(other.kind) ||
  actionRank[one.action] - actionRank[other.action] ||
  one.firstSeenTime.localeCompare(other.firstSeenTime) ||
  one.id.localeCompare(other.id);

import { parseMark } from '../registration/mark.ts';
import type {
  Candidate,
  Charge,
  Observed,
  Seen,
  SeenApplication,
  SeenCluster,
  SeenMachine,
  SeenResourceGroup,
  SeenRoleAssignment,
  Told,
} from './observed.ts';

/** What is seen by Azure within so many days lives, as far as Azure Stack HCI is concerned: so long may a cluster be offline. */
export const aliveDays = 30;
const dayMs = 24 * 3_600_000;
export const aliveMs = aliveDays * dayMs;
/** Where Azure does not tell the age, or a directory may answer late, the sweep wants to have seen it itself for so long. */
const leastOwnAgeMs = dayMs;

/** Of one resource, with no regard to what the spec allows. */
export type Judgement =
  /** It is not there, somebody looks after it, or it shows a sign of life. */
  | { verdict: 'living'; because: string }
  /** Something that decides is not known. */
  | { verdict: 'undecided'; because: string }
  | {
      verdict: 'orphan';
      evidence: string;
      ownership: 'ours' | 'unproven' | 'foreign';
      /** What the age counts from: its creation, or when a sweep found it first. */
      since: Date;
      /** Beside spec.minimumAge. */
      leastAgeMs: number;
      /** Why it must not be deleted just now. */
      hold: string | undefined;
    };

export interface JudgeContext {
  observed: Pick<Observed, 'fleet' | 'candidates'>;
  instanceId: string;
  /** When a sweep found it first; now when this one does. */
  firstSeen: Date;
  now: Date;
}

export function judge({ live }: Candidate, context: JudgeContext): Judgement {
  if (live.state === 'absent') return living('it is not there');
  if (live.state === 'unknown') return undecided(live.why.message);
  if (live.via !== 'live') return undecided('it was not read live');
  return judgeSeen(live.value, context);
}

function judgeSeen(seen: Seen, context: JudgeContext): Judgement {
  if (seen.createdAt === 'unreadable') return undecided('Azure told a time of its creation that cannot be read');
  switch (seen.kind) {
    case 'Cluster':
      return judgeCluster(seen, context);
    case 'Machine':
      return judgeMachine(seen, context);
    case 'ResourceGroup':
      return judgeResourceGroup(seen, context);
    case 'RoleAssignment':
      return judgeRoleAssignment(seen, context);
    case 'Application':
      return judgeApplication(seen, context);
  }
}

const living = (because: string): Judgement => ({ verdict: 'living', because });
const undecided = (because: string): Judgement => ({ verdict: 'undecided', because });

function judgeCluster(seen: SeenCluster, context: JudgeContext): Judgement {
  const owner = ownerOf(seen.id, seen.mark, context);
  if (owner !== undefined) return living(`${owner.name} looks after it`);
  if (seen.seenAt.includes('unreadable')) return undecided('Azure told a time of its last contact that cannot be read');
  const speaking = seen.statuses.find((status) => /^(connected|connectedrecently|partiallyconnected)$/i.test(status));
  if (speaking !== undefined) return living(`Azure shows it as ${speaking}`);
  const [machine] = seen.livingMachines;
  if (machine !== undefined) return living(`its server ${machine} is connected, or was not long ago`);
  // Made is seen too: between the first write and the first contact there are hours at most, and a restore in between may take days.
  const contact = newest([...seen.seenAt, seen.createdAt]);
  if (isRecent(contact, context.now)) return living(`Azure saw it at ${time(contact)}`);
  if (/^deleting$/i.test(seen.provisioningState)) return living('it is being deleted');
  const { ownership, told } = ownershipOf(seen.mark, context.instanceId);
  const last = contact === undefined ? 'Azure tells no contact with it' : `Azure saw it last at ${time(contact)}`;
  return {
    verdict: 'orphan',
    evidence: `${last}, and no HciClusterRegistration looks after it (${told}).`,
    ownership,
    ...ageFrom([seen.createdAt, ...seen.seenAt], context),
    hold: undecidedRegistration(seen.id, context),
  };
}

function judgeMachine(seen: SeenMachine, context: JudgeContext): Judgement {
  const { fleet, candidates } = context.observed;
  if (fleet.state === 'known') {
    const owner = fleet.charges.find(({ resourceId }) => resourceId === seen.parentId.toLowerCase());
    if (owner !== undefined) return living(`${owner.name} looks after its cluster`);
    const group = groupOf(seen.id);
    const name = seen.id.toLowerCase().split('/').at(-1) ?? '';
    const member = fleet.charges.find(({ groups, nodes }) => groups.includes(group) && nodes.includes(name));
    if (member !== undefined) return living(`it may be a node of ${member.name}`);
  }
  if (seen.changedAt === 'unreadable') return undecided('Azure told a time of its last change that cannot be read');
  if (!/^(disconnected|expired)$/i.test(seen.status)) return living(`its status is ${seen.status || 'not told'}`);
  if (isRecent(seen.changedAt, context.now)) return living(`its agent was heard of at ${time(seen.changedAt)}`);
  if (isRecent(known(seen.createdAt), context.now)) return living('it was made not long ago');
  if (seen.parent.state === 'unknown') return undecided(`its cluster ${seen.parentId}: ${seen.parent.why.message}`);
  const common = { verdict: 'orphan' as const, ...ageFrom([seen.createdAt, seen.changedAt], context) };
  const silent = `It is ${seen.status}${seen.changedAt === undefined ? '' : ` since ${time(seen.changedAt)}`}`;
  if (seen.parent.state === 'absent') {
    return {
      ...common,
      evidence: `${silent}, and its cluster ${seen.parentId} does not exist.`,
      ownership: 'unproven',
      hold: undecidedRegistration(seen.id, context),
    };
  }
  const parent = candidates.find(({ id }) => id.toLowerCase() === seen.parentId.toLowerCase());
  const parentJudgement =
    parent?.live.state === 'present' && parent.live.value.kind === 'Cluster'
      ? judgeCluster(parent.live.value, context)
      : undefined;
  if (parentJudgement?.verdict !== 'orphan') return living('its cluster exists');
  return {
    ...common,
    evidence: `${silent}, and its cluster ${seen.parentId} is an orphan.`,
    ownership: parentJudgement.ownership,
    hold: parentJudgement.hold,
  };
}

function judgeResourceGroup(seen: SeenResourceGroup, context: JudgeContext): Judgement {
  if (!seen.madeByRegistration) return living('no registration made it');
  if (seen.resources > 0) return living('it is not empty');
  if (!/^succeeded$/i.test(seen.provisioningState)) return living(`its provisioningState is ${seen.provisioningState}`);
  const { fleet } = context.observed;
  const id = seen.id.toLowerCase();
  const owner = fleet.state === 'known' ? fleet.charges.find(({ groups }) => groups.includes(id)) : undefined;
  if (owner !== undefined) return living(`${owner.name} uses it`);
  return {
    verdict: 'orphan',
    evidence: 'It is empty, has the tag of groups that a registration made, and no HciClusterRegistration uses it.',
    ownership: 'ours',
    since: context.firstSeen,
    leastAgeMs: leastOwnAgeMs,
    hold: undecidedRegistration(seen.id, context),
  };
}

function judgeRoleAssignment(seen: SeenRoleAssignment, context: JudgeContext): Judgement {
  if (!/^serviceprincipal$/i.test(seen.principalType)) return living(`its principal is a ${seen.principalType}`);
  if (seen.principal.state === 'unknown') return undecided(`its principal: ${seen.principal.why.message}`);
  if (seen.principal.state === 'present') {
    return living(seen.principal.value === 'deleted' ? 'its principal can still be restored' : 'its principal exists');
  }
  return {
    verdict: 'orphan',
    evidence: `Its service principal ${seen.principalId} does not exist any more (${seen.role} at ${seen.scope}).`,
    ownership: seen.namedByController ? 'ours' : 'unproven',
    // A principal that was made a moment ago may not be known everywhere yet.
    since: newest([seen.createdAt, context.firstSeen]) ?? context.now,
    leastAgeMs: leastOwnAgeMs,
    hold: undefined,
  };
}

function judgeApplication(seen: SeenApplication, context: JudgeContext): Judgement {
  const [cluster] = seen.clusters;
  if (cluster !== undefined) return living(`the cluster ${cluster} exists`);
  const [machine] = seen.livingMachines;
  if (machine !== undefined) return living(`the server ${machine} is connected where it has a role`);
  if (isRecent(known(seen.createdAt), context.now)) return living('it was made not long ago');
  return {
    verdict: 'orphan',
    evidence: `The name ${seen.displayName} is that of a cluster's Arc identity, and no such cluster exists in the subscription.`,
    ownership: 'unproven',
    ...ageFrom([seen.createdAt], context),
    hold: undecidedRegistration(`/subscriptions/${seen.subscriptionId}`, context),
  };
}

function ownerOf(id: string, mark: string | undefined, { observed, instanceId }: JudgeContext): Charge | undefined {
  const { fleet } = observed;
  if (fleet.state === 'unknown') return undefined;
  const marked = parseMark(mark);
  return fleet.charges.find(
    ({ name, resourceId }) =>
      resourceId === id.toLowerCase() || (marked?.instanceId === instanceId && marked.object === name),
  );
}

function ownershipOf(mark: string | undefined, instanceId: string) {
  if (mark === undefined) return { ownership: 'unproven' as const, told: 'it has no mark' };
  const marked = parseMark(mark);
  if (marked?.instanceId === instanceId) return { ownership: 'ours' as const, told: `marked ${mark}` };
  return { ownership: 'foreign' as const, told: `marked ${mark}, by another installation` };
}

/** A registration that does not know its resource yet may mean any of its subscription. */
function undecidedRegistration(id: string, { observed: { fleet } }: JudgeContext): string | undefined {
  if (fleet.state === 'unknown') return undefined;
  const subscription = id.toLowerCase().split('/')[2];
  const waiting = fleet.charges.find(
    ({ resourceId, subscriptionId }) => resourceId === undefined && subscription === subscriptionId,
  );
  return waiting === undefined
    ? undefined
    : `${waiting.name} does not know its Azure resource yet: it may be this one.`;
}

export const groupOf = (id: string): string => id.toLowerCase().split('/providers/')[0] ?? '';

const known = (told: Told): Date | undefined => (told instanceof Date ? told : undefined);

function newest(times: readonly Told[]): Date | undefined {
  const readable = times.flatMap((told) => known(told)?.getTime() ?? []);
  return readable.length === 0 ? undefined : new Date(Math.max(...readable));
}

/** A time ahead of ours is recent: some clock is wrong. */
const isRecent = (at: Date | undefined, now: Date): at is Date =>
  at !== undefined && now.getTime() - at.getTime() < aliveMs;

/** From the oldest time at which it was there. Where Azure tells none, the sweep itself has to have seen it be silent for so long. */
function ageFrom(times: readonly Told[], { firstSeen }: JudgeContext): { since: Date; leastAgeMs: number } {
  const readable = times.flatMap((told) => known(told)?.getTime() ?? []);
  return readable.length === 0
    ? { since: firstSeen, leastAgeMs: aliveMs }
    : { since: new Date(Math.min(...readable)), leastAgeMs: 0 };
}

const time = (at: Date): string => `${at.toISOString().slice(0, 19)}Z`;

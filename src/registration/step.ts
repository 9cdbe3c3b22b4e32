import type { Reason } from '../api/reasons.ts';
import type { RegistrationSpec } from '../api/spec.ts';
import type { Submission } from '../api/status.ts';
import type { ClusterResource } from '../azure/models.ts';
import { sameId } from '../azure/resource-ids.ts';
import type { Probe } from '../nodes/operations.ts';
import { valueOf, type ArcSecret, type Fact, type FactKey, type Observed } from './facts.ts';
import { formerMembers } from './membership.ts';
import type { Memory } from './memory.ts';
import type { Target } from './target.ts';

/** Everything a decision may depend on. No step reads a clock, a client or the environment. */
export interface PlanInput {
  spec: RegistrationSpec;
  target: Target;
  observed: Observed;
  memory: Readonly<Memory>;
  now: Date;
  /** The object is being deleted, and the cluster is to be unregistered: every step takes something away. */
  leaving?: boolean | undefined;
  /** The cluster's own id when Azure and the nodes last agreed on it. */
  registeredClusterId?: string | undefined;
  /** Another object of this fleet that is making the same resource. */
  claimedBy?: string | undefined;
}

/** What a step finds about one of the things it works on. */
export type Evaluation<A = unknown> = { renews?: Renews | undefined } & (
  | { state: 'Done'; on: string }
  /** Would be done now. `meanwhile` is what to say while it was done and shows no effect yet. */
  | { state: 'Ready'; on: string; arguments: A; meanwhile?: { reason: Reason; message: string } }
  /** Something has to happen first that nobody here does. `readAgain` are the facts that will show it. */
  | { state: 'Waiting'; on: string; reason: Reason; message: string; readAgain: FactKey[]; afterSeconds: number }
  /** What the step needs to know could not be read: it is read again with a backoff of its own. */
  | { state: 'Unknown'; on: string; reason: Reason; message: string }
  /** Only a change by a person helps. */
  | { state: 'Blocked'; on: string; reason: Reason; message: string }
);

/** What the step makes anew still works: the step holds no other, the registration stays Ready, and tries are hours apart. */
export interface Renews {
  /** Until then, as far as that is known. */
  until: Date | undefined;
}

export interface Step<A> {
  /** What Microsoft's page, cmdlet and events call it. */
  microsoft: { words: string; command: string; events?: number[] };
  /** Steps that must be done, for everything they work on, before this one starts. */
  after: readonly string[];
  /** A long-running operation: its start is written to status first, and not repeated for this long unless it failed. */
  submits?: { waitSeconds: number };
  /** How long it is not repeated while its effect does not show; doubled each time up to the cap. Default: 1 s to 60 s. */
  repeat?: { firstSeconds: number; capSeconds: number };
  /** Each try may leave one that nobody holds: tries to renew what still works are hours apart. */
  makesAnew?: true;
  /** Failing holds nothing else. */
  optional?: boolean;
  /** Done for Arc: what forbids Arc holds it, and it then holds nothing else. */
  arc?: true;
  /** It cleans up. Where we have not the right to it (403) it is left, told, and holds nothing. */
  leftWhenForbidden?: boolean;
  /** The facts that the write changes. */
  affects(on: string): (FactKey | 'probe/')[];
  /** No entry: the step does not apply. */
  evaluate(input: PlanInput): Evaluation<A>[];
}

export const stepKey = (step: string, on: string): string => `${step}/${on}`;

export const waiting = (
  on: string,
  message: string,
  readAgain: FactKey[],
  afterSeconds: number,
  reason: Reason = 'WaitingForAzure',
): Evaluation<never> => ({
  state: 'Waiting',
  on,
  reason,
  message,
  readAgain,
  afterSeconds,
});

/** A fact that could not be read, or is not there yet, holds the step. */
export const unread = (on: string, fact: Fact<unknown>): Evaluation<never> =>
  fact.state === 'unknown'
    ? { state: 'Unknown', on, reason: fact.why.reason, message: fact.why.message }
    : waiting(on, 'it does not exist yet', [], 0, 'Progressing');

const submission = ({ memory }: PlanInput, step: string, on: string) =>
  memory.submissions.find((candidate) => candidate.step === step && candidate.target === on);

/** How long to wait before looking again: soon at first, ever more seldom for what takes long. */
export function pollSeconds(input: PlanInput, step: string, on: string): number {
  const since = submission(input, step, on)?.submittedTime;
  const elapsedSeconds = since === undefined ? 4 : (input.now.getTime() - Date.parse(since)) / 1000;
  return Math.min(15, Math.max(0.5, elapsedSeconds / 2));
}

const unprovenMs = 120_000;

/** From before a restart: it may have been intended and never sent, so its effect is awaited for a shorter time. */
const unproven = ({ submittedTime, waitUntilTime }: Submission): Date =>
  new Date(Math.min(Date.parse(waitUntilTime), Date.parse(submittedTime) + unprovenMs));

/** While an operation is under way the step waits for its effect; when it failed, or has taken too long, the step may start it again. */
export function underWay(
  input: PlanInput,
  step: string,
  on: string,
  readAgain: FactKey[],
): Evaluation<never> | undefined {
  const key = stepKey(step, on);
  const status = valueOf(input.observed.operations[key]);
  if (status !== undefined && /^(Failed|Canceled)$/i.test(status.status)) return undefined;
  const submitted = submission(input, step, on);
  const until = input.memory.operations.get(key)?.waitUntil ?? (submitted && unproven(submitted));
  if (until === undefined || until <= input.now) return undefined;
  return waiting(
    on,
    'started; its effect is not visible yet',
    [...readAgain, `operation/${key}`],
    pollSeconds(input, step, on),
  );
}

export interface Member {
  name: string;
  fact: Fact<Probe>;
  probe: Probe | undefined;
}

/** The nodes of the cluster with what was read of them. Without hosts that were evicted, whoever lists them. */
export const members = ({ observed }: Pick<PlanInput, 'observed'>): Member[] => {
  const former = formerMembers({ observed });
  return observed.nodes
    .filter(({ name }) => !former.includes(name))
    .map(({ name }) => {
      const fact = observed.probes[name] ?? {
        state: 'unknown',
        why: { reason: 'NotYetObserved', message: `${name} was not probed yet` },
        at: new Date(0),
      };
      return { name, fact, probe: valueOf(fact) };
    });
};

/** Until all nodes have told what they hold, it is not known whether this cluster may be registered as the target. */
export function unjudged(input: PlanInput, on: string): Evaluation<never> | undefined {
  const silent = members(input).find(({ probe }) => probe === undefined);
  if (silent !== undefined) return unread(on, silent.fact);
  return input.observed.cluster.state === 'present' ? undefined : unread(on, input.observed.cluster);
}

/** Registered, or was: a cluster that is out of policy keeps its registration. */
export const registeredTo = (probe: Probe, resourceId: string): boolean =>
  /^(Registered|OutOfPolicy)$/.test(probe.registration.registrationStatus) &&
  sameId(probe.registration.azureResourceUri, resourceId);

/** Do the nodes say that they are registered as the target? Undefined while one that has not answered might. */
export function nodesClaim(input: PlanInput): boolean | undefined {
  const all = members(input);
  if (all.some(({ probe }) => sameId(probe?.registration.azureResourceUri, input.target.resourceId))) return true;
  return all.some(({ probe }) => probe === undefined) ? undefined : false;
}

/**
 * The node holds a certificate that signs in as the application of this cluster resource. What was set last is on record on the node,
 * unless the cmdlet set it: then, and while the node does connect, its registration says enough.
 */
export function certificateSet(probe: Probe, { target }: PlanInput, resource: ClusterResource): boolean {
  const { set } = probe.certificate;
  const { connectionStatus } = probe.registration;
  const { aadClientId, cloudId } = resource.properties;
  if (set !== null && set.appId === aadClientId && set.cloudId === cloudId) return true;
  return registeredTo(probe, target.resourceId) && (set === null || connectionStatus === 'Connected');
}

/** Arc is wanted again, and Azure or a node is still in the middle of disabling it. */
export const arcDisableBegun = ({
  spec,
  observed,
}: {
  spec: RegistrationSpec;
  observed: Pick<Observed, 'arcSettings' | 'probes'>;
}): boolean =>
  spec.arc.state === 'Enabled' &&
  (valueOf(observed.arcSettings)?.properties.aggregateState === 'DisableInProgress' ||
    Object.values(observed.probes).some((fact) => valueOf(fact)?.arc?.clusterArcStatus === 'DisableInProgress'));

export const arcWanted = ({ spec, observed, leaving }: PlanInput): boolean =>
  spec.arc.state === 'Enabled' &&
  leaving !== true &&
  !arcDisableBegun({ spec, observed }) &&
  spec.arc.onboarding.type !== 'ClusterIdentity' &&
  members({ observed }).every(({ probe }) => probe?.arc !== null);

export const nonEmpty = (value: string | null | undefined): value is string =>
  value !== undefined && value !== null && value !== '';

/** What our Secret tells of the Arc service principal that the cluster has now. */
export function ownArcSecret({ observed }: PlanInput): ArcSecret | undefined {
  const secret = valueOf(observed.arcSecret);
  const appId = valueOf(observed.arcSettings)?.properties.arcApplicationClientId;
  return nonEmpty(appId) && !sameId(secret?.appId, appId) ? undefined : secret;
}

/** A node was given this secret of the Arc service principal, and with it its cluster. */
export const wasGiven = (probe: Probe, { appId, held }: ArcSecret): boolean =>
  held !== undefined && sameId(probe.arcSecret?.appId, appId) && probe.arcSecret?.keyId === (held.keyId ?? '');

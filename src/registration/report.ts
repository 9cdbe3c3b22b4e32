import type { HciClusterRegistration } from '../api/registration.ts';
import { sameId } from '../azure/resource-ids.ts';
import { authenticated, clockSkew, permissionsSatisfied } from './conditions/azure.ts';
import { nodesReachable } from './conditions/nodes.ts';
import { registered, connected, inSync, lastConnected, offlineDaysLeft } from './conditions/registered.ts';
import { arcConnected } from './conditions/arc.ts';
import { credentialsCurrent } from './conditions/credentials.ts';
import {
  bounded,
  seconds,
  stalledBy,
  toConditions,
  word,
  type StatusDraft,
  type Verdict,
  type Verdicts,
} from './draft.ts';
import { valueOf } from './facts.ts';
import type { Pending, Plan } from './plan.ts';
import { handledPokes } from './pokes.ts';
import { reportCredentials, trackedCredentials } from './credentials.ts';
import { consecutiveFailures, reportNodes, reportPlan } from './report-parts.ts';
import { syncIntervalMs } from './schedule.ts';
import { effectiveDeletionPolicy } from './effective-policy.ts';
import { members, registeredTo, type PlanInput } from './step.ts';
import { steps } from './steps/index.ts';
import { markTag } from './target.ts';

/** The whole status, from what was observed and planned. Nothing else computes a condition. */
export function report(registration: HciClusterRegistration, input: PlanInput, plan: Plan): StatusDraft {
  const { observed, memory, now } = input;
  const tracked = trackedCredentials(input);
  const credentials = reportCredentials(tracked);
  const verdicts: Verdicts = {
    Authenticated: authenticated(observed.signIn),
    PermissionsSatisfied: permissionsSatisfied(input),
    NodesReachable: nodesReachable(input),
    Registered: registered(input, plan),
    Connected: connected(input),
    ArcConnected: arcConnected(input, plan),
    CredentialsCurrent: credentialsCurrent(tracked, {
      now,
      clockSkewMs: observed.clockSkewMs,
      failure: renewalFailure(plan),
    }),
    InSync: inSync(input, plan),
    ClockSkew: clockSkew(observed.clockSkewMs),
  };
  const isAdopted = adopted(registration, input);
  const syncedAt = observed.resource.state === 'unknown' ? undefined : observed.resource.at;
  return {
    ...handledPokes(registration, memory),
    observedGeneration: registration.metadata.generation,
    firstWriteTime: registration.status?.firstWriteTime ?? (plan.runnable.length > 0 ? seconds(now) : undefined),
    azure: reportAzure(registration, input, plan, isAdopted),
    lastSyncTime: syncedAt === undefined ? registration.status?.lastSyncTime : seconds(syncedAt),
    nextSyncTime:
      syncedAt === undefined
        ? undefined
        : seconds(memory.facts.resource?.readAgainAt ?? new Date(syncedAt.getTime() + syncIntervalMs(registration))),
    consecutiveFailures: consecutiveFailures(memory),
    cluster: reportCluster(input),
    nodes: reportNodes(input),
    credentials,
    earliestCredentialExpiry: credentials
      .flatMap(({ notAfter }) => notAfter ?? [])
      .toSorted()[0]
      ?.slice(0, 10),
    effective: { deletionPolicy: effectiveDeletionPolicy(registration.spec, isAdopted) },
    plan: reportPlan(plan),
    submissions: memory.submissions,
    conditions: toConditions(registration, { ...summarize(registration, verdicts, plan), ...verdicts }, now),
  };
}

/** Ready, and which of Reconciling and Stalled holds: never both, and neither when there is nothing to do. */
function summarize(registration: HciClusterRegistration, verdicts: Verdicts, plan: Plan): Verdicts {
  const needed = plan.pending.filter(({ step, renews }) => steps[step].optional !== true && !renews);
  const observing = registration.spec.managementPolicy === 'Observe';
  const others = plan.arcRefusal === undefined ? needed : needed.filter(({ step }) => steps[step].arc !== true);
  const stalled =
    plan.refusal ??
    others.find(({ state }) => state === 'Blocked') ??
    // What forbids Arc is told once the registration itself is done.
    (observing || others.length === 0 ? plan.arcRefusal : undefined);
  if (stalled !== undefined) {
    return stalledBy(stalled);
  }
  const aspects = observing
    ? ['Authenticated', 'NodesReachable']
    : ['Authenticated', 'NodesReachable', 'Registered', 'Connected', 'ArcConnected', 'CredentialsCurrent'];
  // What is not asked for, only not known ahead, or still works for a while, keeps nothing from being ready.
  const harmless = ['ExpiryUnknown', 'NotRequested', 'ExpiringSoon', 'RotationFailed', 'ClockSkew'];
  const worst = aspects
    .map((type) => verdicts[type])
    .find((verdict) => verdict !== undefined && verdict.status !== 'True' && !harmless.includes(verdict.reason));
  const open = observing ? [] : others;
  if (open.length === 0 && worst !== undefined && onlyAPersonHelps.has(worst.reason)) {
    return stalledBy(worst);
  }
  if (worst === undefined && open.length === 0) {
    const message = observing
      ? 'Observed; managementPolicy is Observe, so nothing is changed. See status.plan.'
      : 'Registered, connected, Arc as asked, credentials good.';
    return { Ready: { status: 'True', reason: 'Ready', message } };
  }
  const doing = current(open);
  const message = describe(doing, worst);
  return {
    Ready: { status: 'False', reason: readyReason(doing, worst), message },
    Reconciling: { status: 'True', reason: progressReason(doing), message },
  };
}

/** Why what still works could not be renewed. */
const renewalFailure = ({ pending }: Plan): string | undefined => {
  const failed = pending.find(({ renews, retrying, state }) => renews && (retrying || state === 'Blocked'));
  return failed === undefined ? undefined : `${failed.step} on ${failed.on}: ${failed.message}`;
};

const onlyAPersonHelps = new Set([
  'Expired',
  'AgentOutdated',
  'ArcUnsupported',
  'OutOfPolicy',
  'NodeOutOfPolicy',
  'RepairRegistrationRequired',
]);

function describe(doing: Pending | undefined, worst: Verdict | undefined): string {
  if (doing === undefined) return worst?.message ?? '';
  return doing.unread ? doing.message : `${doing.step} on ${doing.on}: ${doing.message}`;
}

/** The step that says best what is going on: one that failed, else one that is being done or waited for. */
const current = (pending: Pending[]): Pending | undefined =>
  pending.find(({ retrying }) => retrying) ??
  pending.find(({ state, afterSeconds }) => state === 'Ready' || afterSeconds > 0) ??
  pending[0];

/** While steps are done as planned that is the reason; what holds or fails one of them is told instead. */
function readyReason(doing: Pending | undefined, worst: Verdict | undefined): string {
  if (doing === undefined) return worst?.reason ?? 'Progressing';
  return doing.reason === 'WaitingForAzure' || doing.reason === 'ProgressingWithRetry' ? 'Progressing' : doing.reason;
}

function progressReason(doing: Pending | undefined): string {
  if (doing === undefined || doing.retrying || doing.unread) return 'ProgressingWithRetry';
  return doing.reason === 'WaitingForAzure' ? 'WaitingForAzure' : 'Progressing';
}

function reportAzure(
  { status }: HciClusterRegistration,
  input: PlanInput,
  plan: Plan,
  isAdopted: boolean,
): StatusDraft['azure'] {
  const { observed, target } = input;
  const resource = valueOf(observed.resource);
  const awaitsAdoption = plan.pending.some(({ step, state }) => step === 'AdoptCluster' && state === 'Waiting');
  const isRegistered = members(input).some(
    ({ probe }) => probe !== undefined && registeredTo(probe, target.resourceId),
  );
  return {
    // From here on spec.azure is fixed: once the resource is ours, not only once the nodes hold it.
    resourceId:
      resource !== undefined && plan.refusal === undefined && !awaitsAdoption
        ? target.resourceId
        : status?.azure?.resourceId,
    resourceGroup: target.resourceGroup,
    resourceName: target.resourceName,
    arcResourceGroup: target.arcResourceGroup,
    cloudId: word(resource?.properties.cloudId),
    clusterId: agreedClusterId(input) ?? status?.azure?.clusterId,
    adopted: isAdopted,
    portalUrl: isRegistered
      ? `${target.endpoints.portal}/#@${target.tenantId}/resource${target.resourceId}/overview`
      : undefined,
  };
}

/** Once a cluster was built anew under its old name, only this tells what it left behind from another cluster's. */
function agreedClusterId({ observed }: PlanInput): string | undefined {
  const reported = valueOf(observed.resource)?.properties.reportedProperties?.clusterId;
  return sameId(reported, valueOf(observed.cluster)?.id) ? word(reported) : undefined;
}

/** Existed before this object: decided when it is first seen, and kept. */
function adopted({ status }: HciClusterRegistration, { observed, target }: PlanInput): boolean {
  if (status?.azure?.adopted !== undefined && status.azure.resourceId !== undefined) return status.azure.adopted;
  const resource = valueOf(observed.resource);
  return resource !== undefined && resource.tags?.[markTag] !== target.mark;
}

function reportCluster(input: PlanInput): StatusDraft['cluster'] {
  const { observed, now } = input;
  const properties = valueOf(observed.resource)?.properties;
  const last = lastConnected(input);
  const os = members(input).find(({ probe }) => probe !== undefined)?.probe?.os;
  return {
    name: word(valueOf(observed.cluster)?.name),
    build: os === undefined ? undefined : bounded(`${os.build}.${os.ubr}`, 32),
    clusterStatus: word(properties?.connectivityStatus ?? properties?.status),
    lastConnected: last === undefined ? undefined : seconds(last),
    offlineDaysLeft: last === undefined ? undefined : offlineDaysLeft(last, now),
  };
}

import type { HciClusterRegistration } from '../api/registration.ts';
import type { Condition, CredentialStatus, NodeStatus, RegistrationStatus } from '../api/status.ts';
import type { Reason } from '../api/reasons.ts';
import * as judge from './conditions.ts';
import type { Verdict } from './conditions.ts';
import { valueOf, type Observed } from './facts.ts';
import { unsupported } from './guards.ts';
import type { Plan } from './plan.ts';
import { arcWanted, members, registeredTo, type PlanInput } from './step.ts';
import { handledPokes } from './pokes.ts';
import { syncIntervalMs } from './schedule.ts';
import { steps } from './steps/index.ts';
import { arcNotShown } from './steps/sync.ts';

const maximumClockSkewMs = 5 * 60_000;

type Conditions = Record<string, Verdict | undefined>;

/** The whole status, from what was observed and planned. Nothing else computes a condition. */
export function report(registration: HciClusterRegistration, input: PlanInput, plan: Plan): RegistrationStatus {
  const { observed, target, memory, now } = input;
  const verdicts: Conditions = {
    Authenticated: judge.authenticated(observed.signIn),
    PermissionsSatisfied: judge.permissionsSatisfied(input),
    NodesReachable: judge.nodesReachable(input),
    Registered: judge.registered(input, plan),
    Connected: judge.connected(input),
    ArcConnected: judge.arcConnected(input, plan),
    CredentialsCurrent: credentialsCurrent(credentials(input), now),
    InSync: judge.inSync(input, plan),
    ClockSkew: clockSkew(observed.clockSkewMs),
  };
  const overall = summarize(registration, verdicts, plan);
  const all: Conditions = { ...overall, ...verdicts };
  const resource = valueOf(observed.resource);
  const tracked = credentials(input);
  const earliest = tracked.flatMap(({ notAfter }) => notAfter ?? []).toSorted()[0];
  const last = judge.lastConnected(input);
  const cluster = valueOf(observed.cluster);
  const probe = members(input).find((member) => member.probe !== undefined)?.probe;
  const isRegistered = resource !== undefined && members(input).some((member) => member.probe !== undefined && registeredTo(member.probe, target.resourceId));

  return {
    ...handledPokes(registration),
    observedGeneration: registration.metadata.generation,
    azure: {
      // From here on spec.azure is fixed: once the resource is ours, not only once the nodes hold it.
      ...(resource !== undefined && plan.refusal === undefined ? { resourceId: target.resourceId } : defined({ resourceId: registration.status?.azure?.resourceId })),
      resourceGroup: target.resourceGroup,
      resourceName: target.resourceName,
      arcResourceGroup: target.arcResourceGroup,
      ...defined({ cloudId: resource?.properties.cloudId ?? undefined }),
      adopted: adopted(registration, input, plan),
      ...(isRegistered ? { portalUrl: portalUrl(input) } : {}),
    },
    ...(observed.resource.state === 'unknown'
      ? defined({ lastSyncTime: registration.status?.lastSyncTime })
      : { lastSyncTime: seconds(observed.resource.at), nextSyncTime: seconds(new Date(observed.resource.at.getTime() + syncIntervalMs(registration))) }),
    consecutiveFailures: Math.max(0, ...[...memory.failures.values()].map(({ count }) => count)),
    cluster: {
      ...defined({ name: cluster?.name, build: probe === undefined ? undefined : `${probe.os.build}.${probe.os.ubr}` }),
      ...defined({ clusterStatus: resource?.properties.connectivityStatus ?? resource?.properties.status ?? undefined }),
      ...(last === undefined ? {} : { lastConnected: seconds(last), offlineDaysLeft: judge.offlineDaysLeft(last, now) }),
    },
    nodes: nodes(input),
    credentials: tracked,
    ...(earliest === undefined ? {} : { earliestCredentialExpiry: earliest.slice(0, 10) }),
    effective: { deletionPolicy: registration.spec.deletion.policy ?? (adopted(registration, input, plan) ? 'Detach' : 'Unregister') },
    plan: { steps: plan.pending.slice(0, 32).map(({ step, on, state, message }) => ({ name: step, target: on, state, message: message.slice(0, 1024) })) },
    submissions: memory.submissions,
    conditions: conditions(registration, all, now),
  };
}

/** Status of an object that is not worked on: what was known stays, and the conditions say why. */
export function reportIdle(registration: Pick<HciClusterRegistration, 'metadata' | 'status'>, verdicts: Record<string, Verdict>, observedGeneration: number | undefined, now: Date): RegistrationStatus {
  const kept = Object.fromEntries(
    (registration.status?.conditions ?? [])
      .filter(({ type }) => type !== 'Reconciling' && type !== 'Stalled' && type !== 'Suspended')
      .map(({ type, status, reason, message }) => [type, { status, reason: reason as Reason, message }]),
  );
  return {
    ...registration.status,
    ...defined({ observedGeneration }),
    conditions: conditions(registration, { ...kept, ...verdicts }, now),
  };
}

/** Status while the name of the cluster is not known: no node has answered yet. */
export function reportUnresolved(registration: HciClusterRegistration, observed: Observed, now: Date): RegistrationStatus {
  const nodesVerdict = judge.nodesReachable({ observed });
  const waits = (what: string): Verdict => ({ status: 'Unknown', reason: 'NotYetObserved', message: `${what} is not known until a node answers.` });
  const items = observed.nodes.slice(0, 16).map(({ name, address }): NodeStatus => {
    const fact = observed.probes[name];
    return { name, address, ...defined({ hostKey: observed.hostKeys[name] }), ...(fact?.state === 'unknown' ? { reason: fact.why.reason, message: fact.why.message.slice(0, 1024) } : {}) };
  });
  const verdicts: Record<string, Verdict> = {
    Ready: { ...nodesVerdict, status: 'False' },
    Reconciling: { status: 'True', reason: 'ProgressingWithRetry', message: nodesVerdict.message },
    Authenticated: judge.authenticated(observed.signIn),
    PermissionsSatisfied: waits('The scope of the permissions'),
    NodesReachable: nodesVerdict,
    Registered: waits('The registration'),
    Connected: waits('The connection'),
    ArcConnected: waits('The state of Arc'),
    CredentialsCurrent: { status: 'Unknown', reason: 'ExpiryUnknown', message: 'No credential is tracked yet.' },
    InSync: { status: 'Unknown', reason: 'NotObserved', message: nodesVerdict.message },
  };
  return {
    ...reportIdle(registration, verdicts, registration.metadata.generation, now),
    ...handledPokes(registration),
    nodes: { total: observed.nodes.length, registered: 0, arcConnected: 0, arcSummary: `0/${observed.nodes.length}`, items },
  };
}

/** Ready, and which of Reconciling and Stalled holds: never both, and neither when there is nothing to do. */
function summarize(registration: HciClusterRegistration, verdicts: Conditions, plan: Plan): Conditions {
  const stalled = plan.refusal ?? unsupported(registration) ?? plan.pending.find(({ step, state }) => state === 'Blocked' && !isOptional(step));
  if (stalled !== undefined) {
    const verdict: Verdict = { status: 'True', reason: stalled.reason, message: stalled.message };
    return { Ready: { ...verdict, status: 'False' }, Stalled: verdict };
  }
  const needed = ['Authenticated', 'NodesReachable', 'Registered', 'Connected', ...(registration.spec.arc.state === 'Enabled' ? ['ArcConnected'] : []), 'CredentialsCurrent'];
  const observing = registration.spec.managementPolicy === 'Observe';
  const judged = observing ? ['Authenticated', 'NodesReachable'] : needed;
  const worst = judged.map((type) => verdicts[type]).find((verdict) => verdict !== undefined && !(verdict.status === 'True' || (verdict.status === 'Unknown' && verdict.reason === 'ExpiryUnknown')));
  const pending = observing ? [] : plan.pending.filter(({ step }) => !isOptional(step));
  if (worst === undefined && pending.length === 0) {
    const message = observing ? 'Observed; managementPolicy is Observe, so nothing is changed. See status.plan.' : 'Registered, connected, Arc as asked, credentials good.';
    return { Ready: { status: 'True', reason: 'Ready', message } };
  }
  const current = pending.find(({ state, afterSeconds }) => state === 'Ready' || afterSeconds > 0) ?? pending[0];
  const failing = pending.find(({ message }) => /Try \d+ at /.test(message));
  const doing = current === undefined ? (worst?.message ?? '') : `${current.step} on ${current.on}: ${current.message}`;
  return {
    Ready: { status: 'False', reason: worst?.reason ?? 'Progressing', message: worst?.message ?? doing },
    Reconciling: {
      status: 'True',
      reason: failing !== undefined ? 'ProgressingWithRetry' : current?.reason === 'WaitingForAzure' ? 'WaitingForAzure' : current === undefined ? 'ProgressingWithRetry' : 'Progressing',
      message: failing === undefined ? doing : `${failing.step} on ${failing.on}: ${failing.message}`,
    },
  };
}

const isOptional = (step: keyof typeof steps): boolean => {
  const { optional } = steps[step] satisfies { optional?: boolean };
  return optional === true;
};

function conditions({ metadata, status }: Pick<HciClusterRegistration, 'metadata' | 'status'>, verdicts: Conditions, now: Date): Condition[] {
  const before = new Map(status?.conditions?.map((condition) => [condition.type, condition]));
  return Object.entries(verdicts).flatMap(([type, verdict]) => {
    if (verdict === undefined) return [];
    const previous = before.get(type);
    const since = previous?.status === verdict.status ? previous.lastTransitionTime : seconds(now);
    return [{ type, ...verdict, message: verdict.message.slice(0, 8192), observedGeneration: metadata.generation, lastTransitionTime: since }];
  });
}

/** Existed before this object: decided when it is first seen, and kept. */
function adopted(registration: HciClusterRegistration, { observed }: PlanInput, plan: Plan): boolean {
  if (registration.status?.azure?.adopted !== undefined && registration.status.azure.resourceId !== undefined) return registration.status.azure.adopted;
  return observed.resource.state === 'present' && plan.pending.some(({ step, state }) => step === 'AdoptCluster' && state !== 'Waiting');
}

function nodes(input: PlanInput): NonNullable<RegistrationStatus['nodes']> {
  const { observed, target } = input;
  const details = new Map((valueOf(observed.arcSettings)?.properties.perNodeDetails ?? []).map(({ name, state }) => [name.toLowerCase(), state]));
  const notShown = new Set(arcNotShown(input));
  const wanted = arcWanted(input);
  const items = observed.nodes.slice(0, 16).map(({ name, address }): NodeStatus => {
    const fact = observed.probes[name];
    const probe = valueOf(fact);
    return {
      name,
      ...defined({ address: address === '' ? undefined : address, hostKey: observed.hostKeys[name], arcStatus: details.get(name.toLowerCase()) ?? undefined }),
      ...(probe === undefined
        ? {}
        : defined({
            registrationStatus: probe.registration.registrationStatus,
            connectionStatus: probe.registration.connectionStatus ?? undefined,
            agentVersion: probe.agent?.version,
            lastProbeTime: fact === undefined ? undefined : seconds(fact.at),
          })),
      ...(fact?.state === 'unknown' ? { reason: fact.why.reason, message: fact.why.message.slice(0, 1024) } : {}),
    };
  });
  const arcCount = wanted ? observed.nodes.filter(({ name }) => !notShown.has(name)).length : 0;
  return {
    total: observed.nodes.length,
    registered: members(input).filter(({ probe }) => probe !== undefined && registeredTo(probe, target.resourceId)).length,
    arcConnected: arcCount,
    arcSummary: input.spec.arc.state === 'Enabled' ? `${arcCount}/${observed.nodes.length}` : input.spec.arc.state,
    items,
  };
}

function credentials(input: PlanInput): CredentialStatus[] {
  const secret = valueOf(input.observed.arcSecret);
  const certificates = members(input).flatMap(({ name, probe }): CredentialStatus[] => {
    const created = probe?.certificate.created;
    const inUse = created !== null && created !== undefined && probe?.certificate.set?.thumbprint === created.thumbprint;
    return inUse ? [{ name: `NodeCertificate/${name}`, notAfter: seconds(new Date(created.notAfter)), keyId: created.thumbprint, source: 'Node' }] : [];
  });
  if (secret === undefined) return certificates;
  const notAfter = secret.notAfter === undefined ? undefined : seconds(new Date(secret.notAfter));
  return [{ name: 'ArcServicePrincipal', ...defined({ notAfter, keyId: secret.keyId }), source: 'generatePassword' }, ...certificates];
}

function credentialsCurrent(tracked: CredentialStatus[], now: Date): Verdict {
  const expired = tracked.filter(({ notAfter }) => notAfter !== undefined && Date.parse(notAfter) <= now.getTime());
  if (expired.length > 0) return { status: 'False', reason: 'Expired', message: `Expired: ${expired.map(({ name, notAfter }) => `${name} on ${notAfter}`).join(', ')}.` };
  const unknown = tracked.filter(({ notAfter }) => notAfter === undefined);
  if (tracked.length === 0 || unknown.length > 0) {
    return { status: 'Unknown', reason: 'ExpiryUnknown', message: tracked.length === 0 ? 'No credential is tracked yet.' : `The expiry is not known of: ${unknown.map(({ name }) => name).join(', ')}.` };
  }
  return { status: 'True', reason: 'Succeeded', message: `The first credential to expire does so on ${tracked.map(({ notAfter }) => notAfter ?? '').toSorted()[0]}.` };
}

function clockSkew(skewMs: number | undefined): Verdict | undefined {
  if (skewMs === undefined || Math.abs(skewMs) <= maximumClockSkewMs) return undefined;
  return { status: 'True', reason: 'ClockSkew', message: `Azure's clock is ${Math.round(skewMs / 1000)} s ahead of the controller's. Nothing is rotated or revoked until they agree.` };
}

const portalUrl = ({ target }: PlanInput): string => `${target.endpoints.portal}/#@${target.tenantId}/resource${target.resourceId}/overview`;

/** RFC 3339 in whole seconds, as Kubernetes writes times. */
const seconds = (date: Date): string => `${date.toISOString().slice(0, 19)}Z`;

/** Without the members that are undefined. */
const defined = <T extends Record<string, unknown>>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as { [K in keyof T]?: Exclude<T[K], undefined> };


import type { Reason } from '../api/reasons.ts';
import type { CredentialStatus } from '../api/status.ts';
import type { Draft, Verdict as AnyVerdict } from './draft.ts';
import { valueOf, type Fact } from './facts.ts';
import { missingActions, neededActions } from './permissions.ts';
import type { Plan } from './plan.ts';
import { arcWanted, members, nonEmpty, registeredTo, type PlanInput } from './step.ts';
import { arcNotShown } from './steps/sync.ts';

type Verdict = AnyVerdict<Reason>;

const yes = (message: string, reason: Reason = 'Succeeded'): Verdict => ({ status: 'True', reason, message });
const no = (reason: Reason, message: string): Verdict => ({ status: 'False', reason, message });
const unsure = (reason: Reason, message: string): Verdict => ({ status: 'Unknown', reason, message });

/** Reasons to sign in that are about the credential or the way to Azure, not about rights. */
const cannotSignIn = new Set<Reason>([
  'SecretNotFound',
  'CredentialExpired',
  'CredentialRejected',
  'WrongTenant',
  'EndpointUnreachable',
  'NamespaceNotAllowed',
]);

export function authenticated(signIn: Fact<true>): Verdict {
  if (signIn.state === 'present') return yes('A token for Azure Resource Manager was obtained.');
  const why =
    signIn.state === 'unknown' ? signIn.why : { reason: 'NotYetObserved' as const, message: 'Not tried yet.' };
  return cannotSignIn.has(why.reason) ? no(why.reason, why.message) : unsure(why.reason, why.message);
}

export function permissionsSatisfied(input: PlanInput): Verdict {
  const { permissions } = input.observed;
  if (permissions.state !== 'present') {
    const why = permissions.state === 'unknown' ? permissions.why : { reason: 'NotYetObserved', message: '' };
    const reason = why.reason === 'ActionsMissing' ? 'CheckNotAllowed' : 'NotObserved';
    return unsure(reason, `The effective actions could not be read; this blocks nothing. ${why.message}`);
  }
  const missing = missingActions(neededActions(input.spec, notThereYet(input)), permissions.value);
  const scope = `/subscriptions/${input.target.subscriptionId}`;
  if (missing.length === 0) return yes(`The effective actions at ${scope} cover what is needed.`);
  return no(
    'ActionsMissing',
    `At ${scope} these actions are missing: ${missing.join(', ')}. They may still be granted at a resource group. To grant them: az role assignment create --assignee ${input.spec.azure.identity.workloadIdentity?.clientId ?? input.spec.azure.identity.clientSecret?.clientId ?? input.spec.azure.identity.clientCertificate?.clientId ?? '<client id>'} --role "<a role with these actions>" --scope ${scope}`,
  );
}

const notThereYet = ({ observed }: PlanInput) => ({
  group: observed.resourceGroup.state === 'absent' || observed.arcResourceGroup.state === 'absent',
  providers: Object.entries(observed.providers).flatMap(([namespace, fact]) =>
    fact.state === 'present' && !/^Register(ed|ing)$/.test(fact.value.registrationState) ? [namespace] : [],
  ),
});

export function nodesReachable(input: Pick<PlanInput, 'observed'>): Verdict {
  const { observed } = input;
  const silent = observed.nodes.flatMap(({ name }) => {
    const fact = observed.probes[name];
    return fact?.state === 'unknown' ? [fact.why] : [];
  });
  const [first] = silent;
  if (first !== undefined) return no(first.reason, [...new Set(silent.map(({ message }) => message))].join(' '));
  if (observed.cluster.state === 'unknown') return no(observed.cluster.why.reason, observed.cluster.why.message);
  return yes(`All ${observed.nodes.length} nodes answered.`);
}

export function registered(input: PlanInput, plan: Plan): Verdict {
  const { target, observed } = input;
  if (observed.resource.state === 'unknown') return unsure(observed.resource.why.reason, observed.resource.why.message);
  const silent = members(input).filter(({ probe }) => probe === undefined);
  const open = members(input).filter(({ probe }) => probe !== undefined && !registeredTo(probe, target.resourceId));
  const missing = plan.pending.find(({ reason }) => reason === 'ResourceMissing');
  if (missing !== undefined) return no('ResourceMissing', missing.message);
  if (observed.resource.state === 'absent') return no('NotRegistered', `${target.resourceId} does not exist.`);
  if (open.length > 0) return no('NotRegistered', `Not registered yet: ${open.map(({ name }) => name).join(', ')}.`);
  if (silent.length > 0) return unsure('NotObserved', `Not known of: ${silent.map(({ name }) => name).join(', ')}.`);
  return yes(`Azure and all ${observed.nodes.length} nodes agree on ${target.resourceId}.`);
}

const dayMs = 86_400_000;

/** When the cluster last synchronised: the newest that any node, or Azure, says. */
export function lastConnected({ observed }: Pick<PlanInput, 'observed'>): Date | undefined {
  const times = [
    valueOf(observed.resource)?.properties.lastSyncTimestamp,
    ...Object.values(observed.probes).map((fact) => valueOf(fact)?.registration.lastConnected),
  ].flatMap((time) => (nonEmpty(time) && !Number.isNaN(Date.parse(time)) ? [Date.parse(time)] : []));
  return times.length === 0 ? undefined : new Date(Math.max(...times));
}

export const offlineDaysLeft = (last: Date, now: Date): number =>
  Math.min(30, Math.max(0, 30 - Math.floor((now.getTime() - last.getTime()) / dayMs)));

export function connected(input: PlanInput): Verdict {
  const probes = members(input);
  const silent = probes.filter(({ probe }) => probe === undefined);
  const withStatus = (status: string) =>
    probes.filter(({ probe }) => probe?.registration.connectionStatus === status).map(({ name }) => name);
  const outOfPolicy = withStatus('OutOfPolicy');
  if (outOfPolicy.length > 0) {
    return outOfPolicy.length === probes.length
      ? no('OutOfPolicy', 'All nodes are out of policy.')
      : no(
          'NodeOutOfPolicy',
          `Out of policy: ${outOfPolicy.join(', ')}. Compare their firmware, Secure Boot and TPM with the other nodes.`,
        );
  }
  const repair = withStatus('RepairRegistrationRequired');
  if (repair.length > 0)
    return no('RepairRegistrationRequired', `${repair.join(', ')}: the registration must be repaired.`);
  const last = lastConnected(input);
  if (last !== undefined && offlineDaysLeft(last, input.now) <= 10) {
    return no(
      'OfflineLimitNear',
      `Last synchronised at ${last.toISOString()}: ${offlineDaysLeft(last, input.now)} of 30 days are left until no virtual machine can be created.`,
    );
  }
  if (silent.length > 0) return unsure('NotObserved', `Not known of: ${silent.map(({ name }) => name).join(', ')}.`);
  const open = probes.filter(({ probe }) => probe?.registration.connectionStatus !== 'Connected');
  if (open.length > 0)
    return no(
      'NotConnectedRecently',
      `Not connected: ${open.map(({ name, probe }) => `${name} (${probe?.registration.connectionStatus ?? 'never synchronised'})`).join(', ')}.`,
    );
  if (last === undefined || input.now.getTime() - last.getTime() > dayMs) {
    return no(
      'NotConnectedRecently',
      last === undefined ? 'The cluster has not synchronised yet.' : `Last synchronised at ${last.toISOString()}.`,
    );
  }
  return yes(`All nodes are connected; last synchronised at ${last.toISOString()}.`);
}

export function arcConnected(input: PlanInput, plan: Plan): Verdict {
  if (input.spec.arc.state !== 'Enabled') return unsure('NotRequested', `spec.arc.state is ${input.spec.arc.state}.`);
  if (members(input).some(({ probe }) => probe !== undefined && probe.arc === null))
    return no('ArcUnsupported', 'The operating system has no Arc integration; 21H2 is the first that has.');
  const role = plan.pending.find(
    ({ step, reason }) => step === 'AssignResourceManagerRole' && reason === 'ActionsMissing',
  );
  if (role !== undefined) return no('RpRoleMissing', role.message);
  if (input.observed.arcSettings.state === 'unknown')
    return unsure(input.observed.arcSettings.why.reason, input.observed.arcSettings.why.message);
  const open = arcNotShown(input);
  if (!arcWanted(input) || input.observed.arcSettings.state === 'absent')
    return no('NodesNotConnected', 'Arc is not set up yet.');
  if (open.length === 0)
    return yes(
      `All ${input.observed.nodes.length} nodes are connected Arc-enabled servers in ${input.target.arcResourceGroup}.${consent(input)}`,
    );
  const onboarding = plan.pending.some(({ step }) => step === 'StartArcRegistrationTask');
  return onboarding
    ? no('NodesNotConnected', `Not Arc-connected yet: ${open.join(', ')}.`)
    : no(
        'ArcSyncPending',
        `All nodes are onboarded; Azure does not show ${open.join(', ')} as connected yet. This can take up to 12 hours.`,
      );
}

const consent = ({ spec }: PlanInput): string =>
  spec.arc.defaultExtensions === undefined
    ? ' Consent to the default extensions was not given (spec.arc.defaultExtensions).'
    : '';

export function inSync(input: PlanInput, plan: Plan): Verdict {
  if (input.observed.resource.state === 'unknown') return unsure('NotObserved', input.observed.resource.why.message);
  if (plan.pending.length === 0) return yes('Nothing differs from what is wanted.');
  const known = plan.pending.filter(
    ({ unread, state, afterSeconds }) => !unread && (state !== 'Waiting' || afterSeconds > 0),
  );
  const [first] = plan.pending;
  if (known.length === 0) return unsure('NotObserved', `Not everything could be read. ${first?.message ?? ''}`);
  return no('DriftDetected', `Still to be done: ${[...new Set(known.map(({ step }) => step))].join(', ')}.`);
}

export function credentialsCurrent(tracked: Draft<CredentialStatus>[], now: Date): Verdict {
  const expired = tracked.filter(({ notAfter }) => notAfter !== undefined && Date.parse(notAfter) <= now.getTime());
  if (expired.length > 0) {
    return no('Expired', `Expired: ${expired.map(({ name, notAfter }) => `${name} on ${notAfter}`).join(', ')}.`);
  }
  if (tracked.length === 0) return unsure('ExpiryUnknown', 'No credential is tracked yet.');
  const unknown = tracked.filter(({ notAfter }) => notAfter === undefined);
  if (unknown.length > 0) {
    return unsure('ExpiryUnknown', `The expiry is not known of: ${unknown.map(({ name }) => name).join(', ')}.`);
  }
  const first = tracked.toSorted((a, b) => (a.notAfter ?? '').localeCompare(b.notAfter ?? ''))[0];
  return yes(
    `The first credential to expire is ${first?.name}, on ${first?.notAfter}. This version of the controller does not rotate credentials: spec.credentialRotation has no effect yet.`,
  );
}

const maximumClockSkewMs = 5 * 60_000;

/** Present only when the clocks differ too much. */
export function clockSkew(skewMs: number | undefined): Verdict | undefined {
  if (skewMs === undefined || Math.abs(skewMs) <= maximumClockSkewMs) return undefined;
  const seconds = Math.round(skewMs / 1000);
  return yes(
    `Azure's clock is ${seconds} s ahead of the controller's. Nothing is rotated or revoked until they agree.`,
    'ClockSkew',
  );
}

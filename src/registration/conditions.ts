import type { Reason } from '../api/reasons.ts';
import type { RegistrationSpec } from '../api/spec.ts';
import type { CredentialStatus } from '../api/status.ts';
import type { Draft, Verdict as AnyVerdict } from './draft.ts';
import { valueOf, type Fact } from './facts.ts';
import {
  grantedTo,
  missingActions,
  neededActions,
  permissionScopeId,
  type NeededAction,
  type NotThereYet,
} from './permissions.ts';
import type { Pending, Plan } from './plan.ts';
import { arcWanted, members, nonEmpty, registeredTo, stepKey, type PlanInput } from './step.ts';
import { assignArcRoles, assignResourceManagerRole } from './steps/assign-role.ts';
import { createResourceGroup } from './steps/create-resource-group.ts';
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
  const { spec, target, observed } = input;
  const granted = grantedTo(observed);
  const needed = neededActions(spec, notThereYet(input));
  const missing = missingActions(needed, granted);
  if (missing.length > 0) {
    // A role cannot be assigned at a group that is not there.
    const scopeOf = ({ at }: NeededAction) =>
      permissionScopeId(target, at !== 'subscription' && observed[at].state === 'absent' ? 'subscription' : at);
    const scopes = [...new Set(missing.map(scopeOf))].map((scope) => {
      const actions = missing.filter((each) => scopeOf(each) === scope).map(({ action }) => action);
      return `At ${scope} these actions are missing: ${actions.join(', ')}. Grant a custom role with them, or Microsoft's own: ${grantCommands(spec, actions, scope)} .`;
    });
    return no('ActionsMissing', scopes.join('\n'));
  }
  if (needed.some(({ at }) => granted[at] === undefined)) {
    const { permissions } = observed;
    const why = permissions.state === 'unknown' ? permissions.why : { reason: 'NotYetObserved', message: '' };
    const reason = why.reason === 'ActionsMissing' ? 'CheckNotAllowed' : 'NotObserved';
    return unsure(reason, `The effective actions could not be read; this blocks nothing. ${why.message}`);
  }
  return yes(`The effective actions in ${permissionScopeId(target, 'subscription')} cover what is needed.`);
}

/** The two roles that Microsoft's page names. */
function grantCommands({ azure: { identity } }: RegistrationSpec, actions: string[], scope: string): string {
  const { workloadIdentity, managedIdentity, clientSecret, clientCertificate } = identity;
  const clientId = (workloadIdentity ?? managedIdentity ?? clientSecret ?? clientCertificate)?.clientId;
  const assigning = actions.filter((action) => action === 'Microsoft.Authorization/roleAssignments/write');
  const roles = [
    ...(actions.length > assigning.length ? ['Contributor'] : []),
    ...(assigning.length > 0 ? ['User Access Administrator'] : []),
  ];
  return roles
    .map(
      (role) => `az role assignment create --assignee ${clientId ?? '<client id>'} --role "${role}" --scope ${scope}`,
    )
    .join(' ; ');
}

const notThereYet = (input: PlanInput): NotThereYet => ({
  groups: createResourceGroup.evaluate(input).some(({ state }) => state === 'Ready'),
  providers: Object.entries(input.observed.providers).flatMap(([namespace, fact]) =>
    fact.state === 'present' && !/^Register(ed|ing)$/.test(fact.value.registrationState) ? [namespace] : [],
  ),
  roles: [assignResourceManagerRole, assignArcRoles].some((step) =>
    step.evaluate(input).some(({ state }) => state !== 'Done'),
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
  const { refusal } = plan;
  if (refusal?.reason === 'ResourceMissing' || refusal?.reason === 'RegisteredElsewhere')
    return no(refusal.reason, refusal.message);
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
    probes
      .filter(({ probe }) => nonEmpty(probe?.registration.azureResourceUri))
      .filter(({ probe }) => probe?.registration.connectionStatus === status)
      .map(({ name }) => name);
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
  const roles = plan.pending.flatMap(({ step, on, unread, reason, message }): Pick<Pending, 'reason' | 'message'>[] => {
    if (step !== 'AssignResourceManagerRole' && step !== 'AssignArcRoles') return [];
    const failed = input.memory.failures.get(stepKey(step, on));
    return failed === undefined ? (unread ? [{ reason, message }] : []) : [failed];
  });
  const [role] = roles;
  const refused = /^(RpRoleMissing|ActionsMissing)$/;
  if (role !== undefined && roles.every(({ reason }) => refused.test(reason)))
    return no(role.reason, [...new Set(roles.map(({ message }) => message))].join('\n'));
  if (input.observed.arcSettings.state === 'unknown')
    return unsure(input.observed.arcSettings.why.reason, input.observed.arcSettings.why.message);
  const open = arcNotShown(input);
  if (!arcWanted(input) || input.observed.arcSettings.state === 'absent')
    return no('NodesNotConnected', `Arc is not set up yet.${foreignMachines(input)}`);
  if (open.length === 0)
    return yes(
      `All ${input.observed.nodes.length} nodes are connected Arc-enabled servers in ${input.target.arcResourceGroup}.${consent(input)}${foreignMachines(input)}`,
    );
  const onboarding = plan.pending.some(({ step }) => step === 'StartArcRegistrationTask');
  return onboarding
    ? no('NodesNotConnected', `Not Arc-connected yet: ${open.join(', ')}.`)
    : no(
        'ArcSyncPending',
        `All nodes are onboarded; Azure does not show ${open.join(', ')} as connected yet. This can take up to 12 hours.`,
      );
}

/** The roles that are assigned at the Arc group hold for them too. */
function foreignMachines({ observed, target }: PlanInput): string {
  const nodes = new Set(observed.nodes.map(({ name }) => name.toLowerCase()));
  const names = (valueOf(observed.machines) ?? [])
    .map(({ name }) => name)
    .filter((name) => !nodes.has(name.toLowerCase()));
  if (names.length === 0) return '';
  const shown = names.length > 5 ? `${names.slice(0, 5).join(', ')} and ${names.length - 5} more` : names.join(', ');
  return ` ${target.arcResourceGroup} also holds Arc-enabled servers that are no nodes of this cluster: ${shown}. What is granted there for this cluster holds for them too; spec.arc.resourceGroup can name a group of its own before the first registration.`;
}

const consent = ({ spec }: PlanInput): string =>
  spec.arc.defaultExtensions === undefined
    ? ' Consent to the default extensions was not given (spec.arc.defaultExtensions).'
    : '';

export function inSync(input: PlanInput, plan: Plan): Verdict {
  if (input.observed.resource.state === 'unknown') return unsure('NotObserved', input.observed.resource.why.message);
  if (plan.refusal !== undefined) return no('DriftDetected', plan.refusal.message);
  const pending = plan.pending.filter(({ step }) => step !== 'SyncOnRequest');
  if (pending.length === 0) return yes('Nothing differs from what is wanted.');
  const known = pending.filter(
    ({ unread, state, afterSeconds }) => !unread && (state !== 'Waiting' || afterSeconds > 0),
  );
  const [first] = pending;
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

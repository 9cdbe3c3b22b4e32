import type { Reason } from '../../api/reasons.ts';
import type { RegistrationSpec } from '../../api/spec.ts';
import type { Fact } from '../facts.ts';
import {
  grantedTo,
  missingActions,
  neededActions,
  permissionScopeId,
  type NeededAction,
  type NotThereYet,
} from '../permissions.ts';
import { clocksDiffer } from '../renewal.ts';
import type { PlanInput } from '../step.ts';
import { assignArcRoles, assignResourceManagerRole } from '../steps/assign-role.ts';
import { createResourceGroup } from '../steps/create-resource-group.ts';
import { no, unsure, yes, type Verdict } from './verdict.ts';

/** Reasons to sign in that are about the credential or the way to Azure, not about rights. */
export const cannotSignIn: ReadonlySet<Reason> = new Set<Reason>([
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

/** Present only when the clocks differ too much. */
export function clockSkew(skewMs: number | undefined): Verdict | undefined {
  if (skewMs === undefined || !clocksDiffer(skewMs)) return undefined;
  const seconds = Math.round(skewMs / 1000);
  return yes(
    `Azure's clock is ${seconds} s ahead of the controller's. Nothing is rotated or revoked until they agree.`,
    'ClockSkew',
  );
}

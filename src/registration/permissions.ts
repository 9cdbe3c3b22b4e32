import type { RegistrationSpec } from '../api/spec.ts';
import type { Permission } from '../azure/models.ts';
import { resourceGroupId } from '../azure/resource-ids.ts';
import { valueOf, type Observed } from './facts.ts';
import type { Target } from './target.ts';

/** Where an action is needed. What is granted at the subscription is granted in its groups too. */
export type PermissionScope = 'subscription' | 'resourceGroup' | 'arcResourceGroup';

export interface NeededAction {
  action: string;
  at: PermissionScope;
}

/** What is not there yet, and needs further actions to be made. */
export interface NotThereYet {
  groups: boolean;
  providers: string[];
  roles: boolean;
}

const needing = (scope: PermissionScope, ...actions: string[]): NeededAction[] =>
  actions.map((action) => ({ action, at: scope }));

/** Actions that registering needs: those of Microsoft's page, as far as this spec, and what is not there yet, need them. */
export function neededActions(spec: RegistrationSpec, missing: NotThereYet): NeededAction[] {
  const arc = spec.arc.state === 'Enabled';
  const ownPrincipal = arc && spec.arc.onboarding.type === 'ResourceProvider';
  return [
    ...needing('resourceGroup', 'Microsoft.Resources/subscriptions/resourceGroups/read'),
    ...(missing.groups ? needing('subscription', 'Microsoft.Resources/subscriptions/resourceGroups/write') : []),
    ...needing('subscription', ...missing.providers.map((namespace) => `${namespace}/register/action`)),
    ...needing(
      'resourceGroup',
      'Microsoft.AzureStackHCI/clusters/read',
      'Microsoft.AzureStackHCI/clusters/write',
      'Microsoft.AzureStackHCI/clusters/createClusterIdentity/action',
      'Microsoft.AzureStackHCI/clusters/uploadCertificate/action',
      ...(arc
        ? ['Microsoft.AzureStackHCI/clusters/arcSettings/read', 'Microsoft.AzureStackHCI/clusters/arcSettings/write']
        : []),
      ...(ownPrincipal
        ? [
            'Microsoft.AzureStackHCI/clusters/arcSettings/createArcIdentity/action',
            'Microsoft.AzureStackHCI/clusters/arcSettings/generatePassword/action',
          ]
        : []),
      ...(arc && spec.arc.defaultExtensions === 'Consent'
        ? ['Microsoft.AzureStackHCI/clusters/arcSettings/consentAndInstallDefaultExtensions/action']
        : []),
    ),
    ...(arc ? needing('arcResourceGroup', 'Microsoft.Authorization/roleAssignments/read') : []),
    ...(arc && missing.roles ? needing('arcResourceGroup', 'Microsoft.Authorization/roleAssignments/write') : []),
  ];
}

const matches = (pattern: string, action: string): boolean =>
  new RegExp(`^${pattern.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*')}$`, 'i').test(action);

/** Judged by effective actions, not by the names of roles: each permission grants its actions less its own notActions. */
export const grants = (permissions: readonly Permission[], action: string): boolean =>
  permissions.some(
    ({ actions, notActions }) =>
      actions.some((pattern) => matches(pattern, action)) && !notActions.some((pattern) => matches(pattern, action)),
  );

/** What was read of the caller's effective actions, by scope; undefined where that could not be read. */
export type Granted = Record<PermissionScope, readonly Permission[] | undefined>;

export function grantedTo({
  permissions,
  groupPermissions,
}: Pick<Observed, 'permissions' | 'groupPermissions'>): Granted {
  const subscription = valueOf(permissions);
  const inGroup = (scope: 'resourceGroup' | 'arcResourceGroup') => valueOf(groupPermissions[scope]) ?? subscription;
  return { subscription, resourceGroup: inGroup('resourceGroup'), arcResourceGroup: inGroup('arcResourceGroup') };
}

/** Those that are known not to be granted. */
export const missingActions = (needed: readonly NeededAction[], granted: Granted): NeededAction[] =>
  needed.filter(({ action, at }) => {
    const permissions = granted[at];
    return permissions !== undefined && !grants(permissions, action);
  });

export const permissionScopeId = (
  { subscriptionId, resourceGroup, arcResourceGroup }: Target,
  scope: PermissionScope,
): string =>
  ({
    subscription: `/subscriptions/${subscriptionId}`,
    resourceGroup: resourceGroupId(subscriptionId, resourceGroup),
    arcResourceGroup: resourceGroupId(subscriptionId, arcResourceGroup),
  })[scope];

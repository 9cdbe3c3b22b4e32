import type { RegistrationSpec } from '../api/spec.ts';
import type { Permission } from '../azure/models.ts';

/** Actions that registering needs in the subscription: those of Microsoft's page, as far as this spec, and what is not there yet, need them. */
export function neededActions(spec: RegistrationSpec, missing: { group: boolean; providers: string[] }): string[] {
  const arc = [
    'Microsoft.AzureStackHCI/clusters/arcSettings/read',
    'Microsoft.AzureStackHCI/clusters/arcSettings/write',
    'Microsoft.AzureStackHCI/clusters/arcSettings/createArcIdentity/action',
    'Microsoft.AzureStackHCI/clusters/arcSettings/generatePassword/action',
    'Microsoft.Authorization/roleAssignments/read',
    'Microsoft.Authorization/roleAssignments/write',
  ];
  const consent = 'Microsoft.AzureStackHCI/clusters/arcSettings/consentAndInstallDefaultExtensions/action';
  return [
    'Microsoft.Resources/subscriptions/resourceGroups/read',
    ...(missing.group ? ['Microsoft.Resources/subscriptions/resourceGroups/write'] : []),
    ...missing.providers.map((namespace) => `${namespace}/register/action`),
    'Microsoft.AzureStackHCI/clusters/read',
    'Microsoft.AzureStackHCI/clusters/write',
    'Microsoft.AzureStackHCI/clusters/createClusterIdentity/action',
    'Microsoft.AzureStackHCI/clusters/uploadCertificate/action',
    ...(spec.arc.state === 'Enabled' ? arc : []),
    ...(spec.arc.state === 'Enabled' && spec.arc.defaultExtensions === 'Consent' ? [consent] : []),
  ];
}

const matches = (pattern: string, action: string): boolean =>
  new RegExp(`^${pattern.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*')}$`, 'i').test(action);

/** Judged by effective actions, not by the names of roles: each permission grants its actions less its own notActions. */
export const missingActions = (needed: string[], permissions: Permission[]): string[] =>
  needed.filter(
    (action) =>
      !permissions.some(
        ({ actions, notActions }) =>
          actions.some((pattern) => matches(pattern, action)) &&
          !notActions.some((pattern) => matches(pattern, action)),
      ),
  );

import type { CustomRole } from './state.ts';

// Built-in roles with the actions that Microsoft documents (article "Azure built-in roles", April 2024 and later).

export interface RoleDefinition extends CustomRole {
  /** GUID, lower case. */
  readonly name: string;
  readonly type: 'BuiltInRole' | 'CustomRole';
}

export const roleIds = {
  owner: '8e3af657-a8ff-443c-a75c-2fe8c4bcb635',
  contributor: 'b24988ac-6180-42a0-ab88-20f7382dd24c',
  reader: 'acdd72a7-3385-48ef-bd42-f606fba81ae7',
  userAccessAdministrator: '18d7d88d-d35e-4fb5-a5c3-7773c20a72d9',
  connectedMachineOnboarding: 'b64e21ea-ac4e-4cdf-9dc9-5b892992bee7',
  connectedMachineResourceAdministrator: 'cd570a14-e51a-42ad-bac8-bafd67325302',
  connectedMachineResourceManager: 'f5819b54-e033-4d82-ac66-4fec3cbf3f4c',
} as const;

function builtIn(
  name: string,
  roleName: string,
  description: string,
  actions: string[],
  notActions: string[] = [],
): RoleDefinition {
  const permissions = [{ actions, notActions, dataActions: [], notDataActions: [] }];
  return { name, roleName, description, type: 'BuiltInRole', assignableScopes: ['/'], permissions };
}

export const builtInRoles: readonly RoleDefinition[] = [
  builtIn(
    roleIds.owner,
    'Owner',
    'Grants full access to manage all resources, including the ability to assign roles in Azure RBAC.',
    ['*'],
  ),
  builtIn(
    roleIds.contributor,
    'Contributor',
    'Grants full access to manage all resources, but does not allow you to assign roles in Azure RBAC, manage assignments in Azure Blueprints, or share image galleries.',
    ['*'],
    [
      'Microsoft.Authorization/*/Delete',
      'Microsoft.Authorization/*/Write',
      'Microsoft.Authorization/elevateAccess/Action',
      'Microsoft.Blueprint/blueprintAssignments/write',
      'Microsoft.Blueprint/blueprintAssignments/delete',
      'Microsoft.Compute/galleries/share/action',
      'Microsoft.Purview/consents/write',
      'Microsoft.Purview/consents/delete',
      'Microsoft.Resources/deploymentStacks/manageDenySetting/action',
    ],
  ),
  builtIn(roleIds.reader, 'Reader', 'View all resources, but does not allow you to make any changes.', ['*/read']),
  builtIn(
    roleIds.userAccessAdministrator,
    'User Access Administrator',
    'Lets you manage user access to Azure resources.',
    ['*/read', 'Microsoft.Authorization/*', 'Microsoft.Support/*'],
  ),
  builtIn(
    roleIds.connectedMachineOnboarding,
    'Azure Connected Machine Onboarding',
    'Can onboard Azure Connected Machines.',
    [
      'Microsoft.HybridCompute/machines/read',
      'Microsoft.HybridCompute/machines/write',
      'Microsoft.HybridCompute/privateLinkScopes/read',
      'Microsoft.GuestConfiguration/guestConfigurationAssignments/read',
    ],
  ),
  builtIn(
    roleIds.connectedMachineResourceAdministrator,
    'Azure Connected Machine Resource Administrator',
    'Can read, write, delete and re-onboard Azure Connected Machines.',
    [
      'Microsoft.HybridCompute/machines/*',
      'Microsoft.HybridCompute/machines/extensions/*',
      'Microsoft.HybridCompute/machines/licenseProfiles/*',
      'Microsoft.HybridCompute/machines/runCommands/*',
      'Microsoft.HybridCompute/machines/UpgradeExtensions/action',
      'Microsoft.HybridCompute/privateLinkScopes/*',
      'Microsoft.HybridCompute/licenses/*',
      'Microsoft.HybridCompute/locations/*',
      'Microsoft.HybridCompute/*/read',
      'Microsoft.Resources/deployments/*',
    ],
  ),
  builtIn(
    roleIds.connectedMachineResourceManager,
    'Azure Connected Machine Resource Manager',
    'Custom Role for AzureStackHCI RP to manage hybrid compute machines and hybrid connectivity endpoints in a resource group',
    [
      'Microsoft.Authorization/*/read',
      'Microsoft.GuestConfiguration/guestConfigurationAssignments/*/read',
      'Microsoft.GuestConfiguration/guestConfigurationAssignments/read',
      'Microsoft.GuestConfiguration/guestConfigurationAssignments/write',
      'Microsoft.HybridCompute/machines/read',
      'Microsoft.HybridCompute/machines/extensions/read',
      'Microsoft.HybridCompute/*/read',
      'Microsoft.HybridCompute/machines/delete',
      'Microsoft.HybridCompute/machines/extensions/delete',
      'Microsoft.HybridCompute/machines/extensions/write',
      'Microsoft.HybridCompute/machines/licenseProfiles/delete',
      'Microsoft.HybridCompute/machines/licenseProfiles/read',
      'Microsoft.HybridCompute/machines/licenseProfiles/write',
      'Microsoft.HybridCompute/machines/UpgradeExtensions/action',
      'Microsoft.HybridCompute/machines/write',
      'Microsoft.HybridConnectivity/endpoints/read',
      'Microsoft.HybridConnectivity/endpoints/serviceConfigurations/read',
      'Microsoft.HybridConnectivity/endpoints/serviceConfigurations/write',
      'Microsoft.HybridConnectivity/endpoints/write',
      'Microsoft.Resources/subscriptions/resourceGroups/read',
      'Microsoft.EdgeMarketplace/locations/operationStatuses/read',
      'Microsoft.EdgeMarketPlace/offers/getAccessToken/action',
      'Microsoft.EdgeMarketPlace/offers/generateAccessToken/action',
      'Microsoft.EdgeMarketplace/publishers/read',
      'Microsoft.EdgeMarketplace/offers/read',
      'Microsoft.ExtendedLocation/customLocations/read',
      'Microsoft.Attestation/attestationProviders/write',
      'Microsoft.Attestation/attestationProviders/read',
      'Microsoft.Attestation/attestationProviders/delete',
      'Microsoft.Attestation/attestationProviders/attestation/read',
      'Microsoft.Attestation/attestationProviders/attestation/write',
      'Microsoft.Attestation/attestationProviders/attestation/delete',
    ],
  ),
];

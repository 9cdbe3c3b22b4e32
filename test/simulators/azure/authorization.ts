import type { CustomRole, Permission } from './state.ts';
import { isWithin, type World } from './world.ts';

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

function builtIn(name: string, roleName: string, actions: string[], notActions: string[] = []): RoleDefinition {
  const permissions = [{ actions, notActions, dataActions: [], notDataActions: [] }];
  return { name, roleName, description: roleName, type: 'BuiltInRole', assignableScopes: ['/'], permissions };
}

const builtInRoles: readonly RoleDefinition[] = [
  builtIn(roleIds.owner, 'Owner', ['*']),
  builtIn(
    roleIds.contributor,
    'Contributor',
    ['*'],
    [
      'Microsoft.Authorization/*/Delete',
      'Microsoft.Authorization/*/Write',
      'Microsoft.Authorization/elevateAccess/Action',
      'Microsoft.Blueprint/blueprintAssignments/write',
      'Microsoft.Blueprint/blueprintAssignments/delete',
    ],
  ),
  builtIn(roleIds.reader, 'Reader', ['*/read']),
  builtIn(roleIds.userAccessAdministrator, 'User Access Administrator', [
    '*/read',
    'Microsoft.Authorization/*',
    'Microsoft.Support/*',
  ]),
  builtIn(roleIds.connectedMachineOnboarding, 'Azure Connected Machine Onboarding', [
    'Microsoft.HybridCompute/machines/read',
    'Microsoft.HybridCompute/machines/write',
    'Microsoft.HybridCompute/privateLinkScopes/read',
    'Microsoft.GuestConfiguration/guestConfigurationAssignments/read',
  ]),
  builtIn(roleIds.connectedMachineResourceAdministrator, 'Azure Connected Machine Resource Administrator', [
    'Microsoft.HybridCompute/machines/read',
    'Microsoft.HybridCompute/machines/write',
    'Microsoft.HybridCompute/machines/delete',
    'Microsoft.HybridCompute/machines/UpgradeExtensions/action',
    'Microsoft.HybridCompute/machines/extensions/*',
    'Microsoft.HybridCompute/privateLinkScopes/*',
    'Microsoft.HybridCompute/*/read',
    'Microsoft.Resources/deployments/*',
  ]),
  builtIn(roleIds.connectedMachineResourceManager, 'Azure Connected Machine Resource Manager', [
    'Microsoft.HybridConnectivity/endpoints/write',
    'Microsoft.HybridCompute/*/read',
    'Microsoft.HybridCompute/machines/write',
    'Microsoft.HybridCompute/machines/delete',
    'Microsoft.HybridCompute/machines/extensions/*',
    'Microsoft.HybridCompute/machines/UpgradeExtensions/action',
    'Microsoft.GuestConfiguration/guestConfigurationAssignments/read',
    'Microsoft.Resources/deployments/*',
  ]),
];

export function roleDefinitions(world: World): RoleDefinition[] {
  const custom = Object.entries(world.state.roleDefinitions).map(([name, role]): RoleDefinition => ({
    ...role,
    name: name.toLowerCase(),
    type: 'CustomRole',
  }));
  return [...builtInRoles, ...custom];
}

/** By GUID, or by an id that ends in it. */
export function findRoleDefinition(world: World, idOrName: string): RoleDefinition | undefined {
  const name = idOrName.toLowerCase().split('/').at(-1);
  return roleDefinitions(world).find((role) => role.name === name);
}

/** What a principal may do at a scope: one entry per role assignment that acts there, inherited ones included. */
export function permissionsAt(world: World, principalId: string, scope: string): Permission[] {
  const now = world.now().toISOString();
  return Object.values(world.state.roleAssignments)
    .filter(
      (assignment) =>
        assignment.principalId === principalId && assignment.effectiveAt <= now && isWithin(assignment.scope, scope),
    )
    .flatMap((assignment) => findRoleDefinition(world, assignment.roleDefinitionId)?.permissions ?? []);
}

export function mayDo(world: World, principalId: string, action: string, scope: string): boolean {
  return permissionsAt(world, principalId, scope).some(
    (permission) =>
      permission.actions.some((pattern) => matches(pattern, action)) &&
      !permission.notActions.some((pattern) => matches(pattern, action)),
  );
}

/** Whether the principal can see anything at all of a subscription. */
export function mayRead(world: World, principalId: string, scope: string): boolean {
  const now = world.now().toISOString();
  return Object.values(world.state.roleAssignments).some(
    (assignment) =>
      assignment.principalId === principalId &&
      assignment.effectiveAt <= now &&
      (isWithin(assignment.scope, scope) || isWithin(scope, assignment.scope)),
  );
}

function matches(pattern: string, action: string): boolean {
  const expression = pattern
    .split('*')
    .map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`))
    .join('.*');
  return new RegExp(`^${expression}$`, 'i').test(action);
}

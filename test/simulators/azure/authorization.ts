import { builtInRoles, type RoleDefinition } from './builtInRoles.ts';
import type { Permission, RoleAssignment } from './state.ts';
import { isWithin, type World } from './world.ts';

export { roleIds, type RoleDefinition } from './builtInRoles.ts';

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

/** The role assignments of a principal that act now, removed ones included as long as nobody has noticed. */
function actingAssignments(world: World, principalId: string): RoleAssignment[] {
  const now = world.now().toISOString();
  return [
    ...Object.values(world.state.roleAssignments),
    ...Object.values(world.state.removedRoleAssignments).filter((removed) => (removed.effectiveUntil ?? now) > now),
  ].filter((assignment) => assignment.principalId === principalId && assignment.effectiveAt <= now);
}

/** What a principal may do at a scope: one entry per role assignment that acts there, inherited ones included. */
export function permissionsAt(world: World, principalId: string, scope: string): Permission[] {
  return actingAssignments(world, principalId)
    .filter((assignment) => isWithin(assignment.scope, scope))
    .flatMap((assignment) => findRoleDefinition(world, assignment.roleDefinitionId)?.permissions ?? []);
}

/** Decides on actions of one principal as its role assignments are now: for many questions at once. */
export function rightsOf(world: World, principalId: string): (action: string, scope: string) => boolean {
  const rights = actingAssignments(world, principalId).map((assignment) => ({
    scope: assignment.scope,
    permissions: findRoleDefinition(world, assignment.roleDefinitionId)?.permissions ?? [],
  }));
  return (action, scope) =>
    rights.some(
      (right) =>
        isWithin(right.scope, scope) &&
        right.permissions.some(
          (permission) =>
            permission.actions.some((pattern) => matches(pattern, action)) &&
            !permission.notActions.some((pattern) => matches(pattern, action)),
        ),
    );
}

export const mayDo = (world: World, principalId: string, action: string, scope: string): boolean =>
  rightsOf(world, principalId)(action, scope);

/** Whether the principal can see anything at all of a subscription. */
export function mayRead(world: World, principalId: string, scope: string): boolean {
  return actingAssignments(world, principalId).some(
    (assignment) => isWithin(assignment.scope, scope) || isWithin(scope, assignment.scope),
  );
}

/** Whether an action falls under a pattern, in which `*` stands for anything; without regard to case. */
export function matches(pattern: string, action: string): boolean {
  const expression = pattern
    .split('*')
    .map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`))
    .join('.*');
  return new RegExp(`^${expression}$`, 'i').test(action);
}

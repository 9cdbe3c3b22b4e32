import { Type } from 'typebox';
import { findRoleDefinition, permissionsAt } from '../authorization.ts';
import type { Reply } from '../listener.ts';
import type { RoleAssignment } from '../state.ts';
import { count, idKey, instant, isWithin, longInstant } from '../world.ts';
import { ArmError } from './errors.ts';
import { anything, closed, parseBody, route, type Context, type Route } from './routing.ts';

const namespace = 'Microsoft.Authorization';
const assignmentType = `${namespace}/roleAssignments`;
export const definitionType = `${namespace}/roleDefinitions`;
export const guid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

const AssignmentBody = closed({
  id: anything,
  name: anything,
  type: anything,
  properties: closed({
    roleDefinitionId: Type.String(),
    principalId: Type.String(),
    principalType: Type.Optional(Type.Union([Type.String(), Type.Null()])),
    description: Type.Optional(Type.Union([Type.String(), Type.Null()])),
    condition: Type.Optional(Type.Union([Type.String(), Type.Null()])),
    conditionVersion: anything,
    delegatedManagedIdentityResourceId: anything,
    scope: anything,
    createdOn: anything,
    createdBy: anything,
    updatedOn: anything,
    updatedBy: anything,
  }),
});

export const roleRoutes: readonly Route[] = [
  route('GET', `{scope*}/providers/${assignmentType}`, assignmentType, list),
  route('GET', `{scope*}/providers/${assignmentType}/{name}`, assignmentType, (context) => {
    const found = find(context);
    if (found === undefined) {
      throw new ArmError(404, 'RoleAssignmentNotFound', `The role assignment '${context.part('name')}' is not found.`);
    }
    return { status: 200, body: view(found) };
  }),
  route('PUT', `{scope*}/providers/${assignmentType}/{name}`, assignmentType, put),
  route('DELETE', `{scope*}/providers/${assignmentType}/{name}`, assignmentType, (context) => {
    const found = find(context);
    if (found === undefined) return { status: 204 };
    remove(context, found);
    count(context.world, 'roleAssignments', 'deleted');
    return { status: 200, body: view(found) };
  }),
  route('GET', `{scope*}/providers/${namespace}/permissions`, `${namespace}/permissions`, (context) => ({
    status: 200,
    body: { value: permissionsAt(context.world, context.caller.objectId, context.part('scope')) },
  })),
];

function find(context: Context): RoleAssignment | undefined {
  const id = `${context.part('scope')}/providers/${assignmentType}/${context.part('name')}`;
  return context.world.state.roleAssignments[idKey(id)];
}

function remove({ world }: Context, assignment: RoleAssignment): void {
  const key = idKey(assignment.id);
  delete world.state.roleAssignments[key];
  const { roleRemovalPropagationSeconds } = world.settings;
  if (roleRemovalPropagationSeconds === 0) return;
  world.state.removedRoleAssignments[key] = {
    ...assignment,
    effectiveUntil: instant(world, roleRemovalPropagationSeconds),
  };
}

/** Without `atScope()`: at, above and below the scope. */
function list(context: Context): Reply {
  const filter = context.query.get('$filter') ?? '';
  const conditions = filter === '' ? [] : filter.split(/\s+and\s+/i);
  const scope = context.part('scope');
  let value = Object.values(context.world.state.roleAssignments).filter(
    (assignment) => isWithin(assignment.scope, scope) || isWithin(scope, assignment.scope),
  );
  for (const condition of conditions) {
    const principal =
      /^principalId\s+eq\s+'([^']*)'$/i.exec(condition)?.[1] ?? /^assignedTo\('([^']*)'\)$/i.exec(condition)?.[1];
    if (/^atScope\(\)$/i.test(condition)) value = value.filter((assignment) => isWithin(assignment.scope, scope));
    else if (principal !== undefined) {
      value = value.filter((assignment) => assignment.principalId === principal.toLowerCase());
    } else {
      throw new ArmError(
        400,
        'UnsupportedFilter',
        `The filter '${filter}' is not supported. Supported filters are either 'atScope()' or 'principalId eq '{value}'' or 'assignedTo('{value}')'.`,
      );
    }
  }
  return { status: 200, body: { value: value.map(view) } };
}

function put(context: Context): Reply {
  const { world, caller } = context;
  const { state } = world;
  const name = context.part('name');
  const scope = context.part('scope');
  const { properties } = parseBody(AssignmentBody, context.body);
  if (!guid.test(name)) {
    throw new ArmError(
      400,
      'InvalidRoleAssignmentId',
      `The role assignment ID '${name}' is not valid. The role assignment ID must be a GUID.`,
    );
  }
  const principalId = properties.principalId.toLowerCase();
  if (!guid.test(principalId)) {
    throw new ArmError(400, 'InvalidPrincipalId', `A valid principal ID must be provided for role assignment.`);
  }
  const role = findRoleDefinition(world, properties.roleDefinitionId);
  // A custom role is there only within its assignable scopes.
  if (role === undefined || !role.assignableScopes.some((assignable) => isWithin(assignable, scope))) {
    const id = properties.roleDefinitionId.split('/').at(-1) ?? '';
    throw new ArmError(
      404,
      'RoleDefinitionDoesNotExist',
      `The specified role definition with ID '${plain(id)}' does not exist.`,
    );
  }
  const principal = state.servicePrincipals[principalId];
  const knownSince = principal === undefined ? Infinity : new Date(principal.createdDateTime).getTime();
  if (knownSince + world.settings.principalPropagationSeconds * 1000 > world.now().getTime()) {
    throw new ArmError(
      400,
      'PrincipalNotFound',
      `Principal ${plain(principalId)} does not exist in the directory ${state.tenantId}. Check that you have the correct principal ID. If you are creating this principal and then immediately assigning a role, this error might be related to a replication delay. In this case, set the role assignment principalType property to a value, such as ServicePrincipal, User, or Group.  See https://aka.ms/docs-principaltype`,
    );
  }
  const principalType = properties.principalType ?? 'ServicePrincipal';
  if (principalType !== 'ServicePrincipal') {
    throw new ArmError(
      400,
      'UnmatchedPrincipalType',
      `The PrincipalId '${plain(principalId)}' has type 'ServicePrincipal' , which is different from specified PrinciaplType '${principalType}'.`,
    );
  }
  const id = `${scope}/providers/${assignmentType}/${name}`;
  const existing = state.roleAssignments[idKey(id)];
  const roleDefinitionId = `${subscriptionPrefix(scope)}/providers/${definitionType}/${role.name}`;
  const same = (other: RoleAssignment) =>
    idKey(other.scope) === idKey(scope) &&
    other.principalId === principalId &&
    findRoleDefinition(world, other.roleDefinitionId)?.name === role.name;
  if (existing === undefined && Object.values(state.roleAssignments).some(same)) {
    throw new ArmError(409, 'RoleAssignmentExists', 'The role assignment already exists.');
  }
  const prefix = subscriptionPrefix(scope);
  const inSubscription = Object.values(state.roleAssignments).filter((other) => isWithin(prefix, other.scope)).length;
  if (existing === undefined && inSubscription >= world.settings.quotas.roleAssignments) {
    throw new ArmError(400, 'RoleAssignmentLimitExceeded', 'No more role assignments can be created.');
  }
  if (existing !== undefined && !same(existing)) {
    throw new ArmError(
      400,
      'RoleAssignmentUpdateNotPermitted',
      'Tenant ID, application ID, principal ID, and scope are not allowed to be updated.',
    );
  }
  const assignment: RoleAssignment = {
    id,
    name,
    scope,
    roleDefinitionId,
    principalId,
    principalType,
    description: properties.description ?? null,
    condition: properties.condition ?? null,
    createdOn: existing?.createdOn ?? longInstant(world),
    createdBy: existing?.createdBy ?? caller.objectId,
    updatedOn: longInstant(world),
    updatedBy: caller.objectId,
    effectiveAt: existing?.effectiveAt ?? instant(world, world.settings.rolePropagationSeconds),
  };
  state.roleAssignments[idKey(id)] = assignment;
  if (existing === undefined) count(world, 'roleAssignments', 'created');
  const answer = view(assignment);
  // The answer to a PUT does not know yet who made it.
  return { status: 201, body: { ...answer, properties: { ...answer.properties, createdBy: null } } };
}

export const plain = (id: string): string => id.replaceAll('-', '');

export const subscriptionPrefix = (scope: string): string => /^\/subscriptions\/[^/]+/i.exec(scope)?.[0] ?? '';

function view(assignment: RoleAssignment) {
  const { id, name, effectiveAt: _, effectiveUntil: __, ...rest } = assignment;
  return {
    properties: { ...rest, conditionVersion: null, delegatedManagedIdentityResourceId: null },
    id,
    type: assignmentType,
    name,
  };
}

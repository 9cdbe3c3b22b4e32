import { Type } from 'typebox';
import { builtInRoles } from '../builtInRoles.ts';
import { findRoleDefinition, matches, roleDefinitions, type RoleDefinition } from '../authorization.ts';
import type { Reply } from '../listener.ts';
import type { CustomRole, Permission } from '../state.ts';
import { isWithin } from '../world.ts';
import { ArmError } from './errors.ts';
import { definitionType, guid, plain, subscriptionPrefix } from './roles.ts';
import { anything, closed, parseBody, route, type Context, type Route } from './routing.ts';

const texts = Type.Array(Type.String());
const DefinitionBody = closed({
  id: anything,
  name: anything,
  type: anything,
  properties: closed({
    roleName: Type.Optional(Type.String()),
    description: Type.Optional(Type.Union([Type.String(), Type.Null()])),
    type: Type.Optional(Type.Union([Type.String(), Type.Null()])),
    assignableScopes: Type.Optional(texts),
    permissions: Type.Optional(
      Type.Array(
        closed({
          actions: Type.Optional(texts),
          notActions: Type.Optional(texts),
          dataActions: Type.Optional(texts),
          notDataActions: Type.Optional(texts),
        }),
      ),
    ),
    createdOn: anything,
    createdBy: anything,
    updatedOn: anything,
    updatedBy: anything,
  }),
});

export const roleDefinitionRoutes: readonly Route[] = [
  route('GET', `{scope*}/providers/${definitionType}`, definitionType, list),
  route('GET', `{scope*}/providers/${definitionType}/{name}`, definitionType, (context) => {
    const role = findRoleDefinition(context.world, context.part('name'));
    if (role === undefined) throw doesNotExist(context.part('name'));
    return { status: 200, body: view(context, role) };
  }),
  route('PUT', `{scope*}/providers/${definitionType}/{name}`, definitionType, put),
  route('DELETE', `{scope*}/providers/${definitionType}/{name}`, definitionType, remove),
];

const doesNotExist = (id: string) =>
  new ArmError(
    404,
    'RoleDefinitionDoesNotExist',
    `The specified role definition with ID '${plain(id)}' does not exist.`,
  );

/** What can be assigned at the scope. */
function list(context: Context): Reply {
  const filter = context.query.get('$filter');
  const roleName = /roleName\s+eq\s+'([^']*)'/i.exec(filter ?? '')?.[1];
  const type = /type\s+eq\s+'([^']*)'/i.exec(filter ?? '')?.[1];
  const below = /^atScopeAndBelow\(\)$/i.test(filter ?? '');
  if (filter !== null && roleName === undefined && type === undefined && !below) {
    throw new ArmError(400, 'UnsupportedFilter', `The filter '${filter}' is not supported.`);
  }
  const scope = context.part('scope');
  const value = roleDefinitions(context.world)
    .filter((role) =>
      role.assignableScopes.some((assignable) => isWithin(assignable, scope) || (below && isWithin(scope, assignable))),
    )
    .filter((role) => roleName === undefined || role.roleName.toLowerCase() === roleName.toLowerCase())
    .filter((role) => type === undefined || role.type.toLowerCase() === type.toLowerCase())
    .map((role) => view(context, role));
  return { status: 200, body: { value } };
}

function put(context: Context): Reply {
  const { world } = context;
  const name = context.part('name').toLowerCase();
  if (!guid.test(name)) {
    throw new ArmError(
      400,
      'InvalidRoleDefinitionId',
      `The role definition ID '${context.part('name')}' is not valid. The role definition ID must be a GUID.`,
    );
  }
  const { properties } = parseBody(DefinitionBody, context.body);
  if (builtInRoles.some((role) => role.name === name)) {
    throw new ArmError(409, 'RoleDefinitionExists', 'A role definition with the same ID already exists.');
  }
  if (properties.type === 'BuiltInRole') {
    throw new ArmError(400, 'InvalidRoleDefinitionType', 'The role definition type is not valid.');
  }
  const roleName = properties.roleName ?? '';
  if (roleName === '')
    throw new ArmError(400, 'RoleDefinitionNameNullOrEmpty', 'The role name cannot be null or empty.');
  const assignableScopes = properties.assignableScopes ?? [];
  if (assignableScopes.length === 0) {
    throw new ArmError(400, 'MissingAssignableScopes', 'The assignable scopes cannot be null or empty.');
  }
  const malformed = assignableScopes.find((scope) => !/^\/(subscriptions|providers)\/[^/]+/i.test(scope));
  if (malformed !== undefined) {
    throw new ArmError(
      400,
      'LinkedInvalidPropertyId',
      `Property id '${malformed}' at path 'properties.assignableScopes[0]' is invalid. Expect fully qualified resource Id that start with '/subscriptions/{subscriptionId}' or '/providers/{resourceProviderNamespace}/'.`,
      { gateway: true },
    );
  }
  const sameName = roleDefinitions(world).some(
    (role) => role.name !== name && role.roleName.toLowerCase() === roleName.toLowerCase(),
  );
  if (sameName) {
    throw new ArmError(
      409,
      'RoleDefinitionWithSameNameExists',
      'A custom role with the same name already exists in this directory. Use a different name',
    );
  }
  const known = world.state.roleDefinitions[name] !== undefined;
  if (!known && Object.keys(world.state.roleDefinitions).length >= world.settings.quotas.roleDefinitions) {
    throw new ArmError(
      400,
      'RoleDefinitionLimitExceeded',
      'Role definition limit exceeded. No more role definitions can be created.',
    );
  }
  const permissions = (properties.permissions ?? []).map(completePermission);
  for (const { actions, notActions } of permissions) [...actions, ...notActions].forEach(checkAction);
  const role: CustomRole = { roleName, description: properties.description ?? '', assignableScopes, permissions };
  world.state.roleDefinitions[name] = role;
  return { status: 201, body: view(context, { ...role, name, type: 'CustomRole' }) };
}

const completePermission = (given: Partial<Permission>): Permission => ({
  actions: given.actions ?? [],
  notActions: given.notActions ?? [],
  dataActions: given.dataActions ?? [],
  notDataActions: given.notDataActions ?? [],
});

/** Operations of the two providers that matter here; `*` where not all of them are listed. */
const operations = {
  'Microsoft.AzureStackHCI': [
    'register/action',
    'unregister/action',
    'operations/read',
    'locations/*',
    'virtualMachines/*',
    'edgeDevices/*',
    'clusters/read',
    'clusters/write',
    'clusters/delete',
    'clusters/createClusterIdentity/action',
    'clusters/uploadCertificate/action',
    'clusters/extendSoftwareAssuranceBenefit/action',
    'clusters/triggerLogCollection/action',
    'clusters/configureRemoteSupport/action',
    'clusters/updates/*',
    'clusters/updateSummaries/*',
    'clusters/deploymentSettings/*',
    'clusters/securitySettings/*',
    'clusters/arcSettings/read',
    'clusters/arcSettings/write',
    'clusters/arcSettings/delete',
    'clusters/arcSettings/generatePassword/action',
    'clusters/arcSettings/createArcIdentity/action',
    'clusters/arcSettings/consentAndInstallDefaultExtensions/action',
    'clusters/arcSettings/initializeDisableProcess/action',
    'clusters/arcSettings/extensions/read',
    'clusters/arcSettings/extensions/write',
    'clusters/arcSettings/extensions/delete',
    'clusters/arcSettings/extensions/upgrade/action',
  ],
  'Microsoft.HybridCompute': [
    'register/action',
    'unregister/action',
    'operations/read',
    'locations/*',
    'licenses/*',
    'privateLinkScopes/*',
    'machines/read',
    'machines/write',
    'machines/delete',
    'machines/UpgradeExtensions/action',
    'machines/extensions/read',
    'machines/extensions/write',
    'machines/extensions/delete',
    'machines/licenseProfiles/*',
    'machines/runCommands/*',
    'machines/hybridIdentityMetadata/*',
  ],
};
const catalogue = Object.entries(operations).flatMap(([namespace, names]) =>
  names.map((name) => `${namespace}/${name}`),
);

/** An action that no provider has is refused, so that a misspelt one is found. */
function checkAction(action: string): void {
  const namespace = action.split('/')[0]?.toLowerCase() ?? '';
  const listed = catalogue.filter((operation) => operation.toLowerCase().startsWith(`${namespace}/`));
  const supported =
    listed.length === 0
      ? /^(\*|\w+(\.\w+)+\/[\w*./]+|\*\/\w+)$/.test(action)
      : listed.some((operation) => matches(action, operation) || matches(operation, action));
  if (supported) return;
  throw new ArmError(
    400,
    'InvalidActionOrNotAction',
    `'${action}' does not match any of the actions supported by the providers.`,
  );
}

function remove(context: Context): Reply {
  const { world } = context;
  const name = context.part('name').toLowerCase();
  const role = findRoleDefinition(world, name);
  if (role === undefined) return { status: 204 };
  if (role.type === 'BuiltInRole') {
    throw new ArmError(400, 'InvalidRoleDefinitionType', 'A built-in role cannot be deleted.');
  }
  const used = Object.values(world.state.roleAssignments).some(
    (assignment) => findRoleDefinition(world, assignment.roleDefinitionId)?.name === name,
  );
  if (used) {
    throw new ArmError(
      400,
      'RoleDefinitionHasAssignments',
      'There are existing role assignments referencing role (code: RoleDefinitionHasAssignments).',
    );
  }
  delete world.state.roleDefinitions[name];
  return { status: 200, body: view(context, role) };
}

function view(context: Context, role: RoleDefinition) {
  const { name, roleName, type, description, assignableScopes, permissions } = role;
  return {
    properties: { roleName, type, description, assignableScopes, permissions },
    id: `${subscriptionPrefix(context.part('scope'))}/providers/${definitionType}/${name}`,
    type: definitionType,
    name,
  };
}

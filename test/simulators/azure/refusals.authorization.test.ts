import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { roleIds } from './authorization.ts';
import { at, fixture, textAt } from './testing.ts';

// Rights, custom roles and management locks.

const lab = fixture();
const authorization = 'providers/Microsoft.Authorization';

/** The role of Microsoft's page on registration, as its JSON says it. */
const registrationActions = [
  'Microsoft.Resources/subscriptions/resourceGroups/read',
  'Microsoft.Resources/subscriptions/resourceGroups/write',
  'Microsoft.Resources/subscriptions/resourceGroups/delete',
  'Microsoft.AzureStackHCI/register/action',
  'Microsoft.AzureStackHCI/Unregister/Action',
  'Microsoft.AzureStackHCI/clusters/*',
  'Microsoft.Authorization/roleAssignments/write',
  'Microsoft.Authorization/roleAssignments/read',
  'Microsoft.HybridCompute/register/action',
  'Microsoft.GuestConfiguration/register/action',
  'Microsoft.HybridConnectivity/register/action',
];

const subscription = () => `/subscriptions/${lab().azure.subscriptionId}`;

function putRole(name: string, change: Readonly<Record<string, unknown>> = {}) {
  const properties = {
    roleName: `role ${name}`,
    description: 'test',
    type: 'CustomRole',
    permissions: [{ actions: registrationActions, notActions: [] }],
    assignableScopes: [subscription()],
    ...change,
  };
  return lab().arm('PUT', `${subscription()}/${authorization}/roleDefinitions/${name}`, { body: { properties } });
}

function assign(scope: string, roleDefinitionId: string, name = randomUUID()) {
  const properties = {
    roleDefinitionId,
    principalId: lab().azure.principals.reader.objectId,
    principalType: 'ServicePrincipal',
  };
  return lab().arm('PUT', `${scope}/${authorization}/roleAssignments/${name}`, { body: { properties } });
}

describe('roles', () => {
  test('the custom role of the registration page, made, assigned, used and deleted', async () => {
    const { arm, givenGroup, azure } = lab();
    const group = await givenGroup('custom-rg');
    const role = randomUUID();
    expect((await putRole(role)).status).toBe(201);
    const definition = `${subscription()}/${authorization}/roleDefinitions/${role}`;
    expect(at((await arm('GET', definition)).body, 'properties')).toMatchObject({
      type: 'CustomRole',
      assignableScopes: [subscription()],
      permissions: [{ actions: registrationActions, notActions: [], dataActions: [], notDataActions: [] }],
    });
    const cluster = `${group}/providers/Microsoft.AzureStackHCI/clusters/hci001`;
    const put = () => arm('PUT', cluster, { as: 'reader', body: { location: 'eastus' } });
    expect(await put()).toMatchObject({ status: 403, code: 'AuthorizationFailed' });
    const assignment = randomUUID();
    expect((await assign(group, definition, assignment)).status).toBe(201);
    expect((await put()).status).toBe(200);
    // What the role does not say: reading permissions, machines, deleting role assignments.
    const machine = `${group}/providers/Microsoft.HybridCompute/machines/n1`;
    expect(await arm('PUT', machine, { as: 'reader', body: { location: 'eastus' } })).toMatchObject({ status: 403 });
    const removal = `${group}/${authorization}/roleAssignments/${assignment}`;
    expect(await arm('DELETE', removal, { as: 'reader' })).toMatchObject({ status: 403 });

    expect(await arm('DELETE', definition)).toMatchObject({ status: 400, code: 'RoleDefinitionHasAssignments' });
    expect((await arm('DELETE', removal)).status).toBe(200);
    expect((await arm('DELETE', definition)).status).toBe(200);
    expect((await arm('DELETE', definition)).status).toBe(204);
    expect(azure.state.roleDefinitions).toEqual({});
  });

  test.each([
    ['a name that is no GUID', 'registration', {}, 400, 'InvalidRoleDefinitionId'],
    ['the id of a built-in role', roleIds.reader, {}, 409, 'RoleDefinitionExists'],
    ['a built-in type', '', { type: 'BuiltInRole' }, 400, 'InvalidRoleDefinitionType'],
    ['no name', '', { roleName: '' }, 400, 'RoleDefinitionNameNullOrEmpty'],
    ['the name of another role', '', { roleName: 'Contributor' }, 409, 'RoleDefinitionWithSameNameExists'],
    ['no assignable scope', '', { assignableScopes: [] }, 400, 'MissingAssignableScopes'],
    ['a scope that is none', '', { assignableScopes: ['here'] }, 400, 'LinkedInvalidPropertyId'],
    [
      'a misspelt action',
      '',
      { permissions: [{ actions: ['Microsoft.AzureStackHCI/clusters/arcSettings/genratePassword/action'] }] },
      400,
      'InvalidActionOrNotAction',
    ],
    [
      'a misspelt resource type',
      '',
      { permissions: [{ actions: ['Microsoft.AzureStackHCI/cluster/*'] }] },
      400,
      'InvalidActionOrNotAction',
    ],
  ])('a custom role with %s', async (_, name, change, status, code) => {
    const before = structuredClone(lab().azure.state.roleDefinitions);
    expect(await putRole(name === '' ? randomUUID() : name, change)).toMatchObject({ status, code });
    expect(lab().azure.state.roleDefinitions).toEqual(before);
  });

  test('a custom role does not exist outside its assignable scopes', async () => {
    const { givenGroup } = lab();
    const [inside, outside] = [await givenGroup('inside-rg'), await givenGroup('outside-rg')];
    const role = randomUUID();
    expect((await putRole(role, { assignableScopes: [inside] })).status).toBe(201);
    expect(await assign(outside, role)).toMatchObject({ status: 404, code: 'RoleDefinitionDoesNotExist' });
    expect((await assign(inside, role)).status).toBe(201);
  });

  test('permissions show the documented actions of the Connected Machine roles', async () => {
    const { arm, givenGroup } = lab();
    const group = await givenGroup('permissions-rg');
    const { connectedMachineOnboarding, connectedMachineResourceAdministrator, connectedMachineResourceManager } =
      roleIds;
    for (const role of [
      connectedMachineOnboarding,
      connectedMachineResourceAdministrator,
      connectedMachineResourceManager,
    ]) {
      expect((await assign(group, role)).status).toBe(201);
    }
    const answer = await arm('GET', `${group}/${authorization}/permissions`, { as: 'reader' });
    const value = at(answer.body, 'value');
    expect(value).toContainEqual({
      actions: [
        'Microsoft.HybridCompute/machines/read',
        'Microsoft.HybridCompute/machines/write',
        'Microsoft.HybridCompute/privateLinkScopes/read',
        'Microsoft.GuestConfiguration/guestConfigurationAssignments/read',
      ],
      notActions: [],
      dataActions: [],
      notDataActions: [],
    });
    const actions = Array.isArray(value) ? value.flatMap((entry) => at(entry, 'actions')) : [];
    expect(actions).toContain('Microsoft.HybridCompute/machines/*');
    expect(actions).toContain('Microsoft.HybridConnectivity/endpoints/serviceConfigurations/write');
    expect(await arm('PUT', group, { as: 'reader', body: { location: 'eastus' } })).toMatchObject({ status: 403 });
  });

  test('a removed role assignment acts for a while', async () => {
    const { arm, givenGroup, settings, azure } = lab();
    const group = await givenGroup('removal-rg');
    const name = randomUUID();
    expect((await assign(group, roleIds.contributor, name)).status).toBe(201);
    const write = () => arm('PATCH', group, { as: 'reader', body: { tags: { a: 'b' } } });
    expect((await write()).status).toBe(200);
    await settings({ roleRemovalPropagationSeconds: 100 });
    expect((await arm('DELETE', `${group}/${authorization}/roleAssignments/${name}`)).status).toBe(200);
    const listed = await arm('GET', `${group}/${authorization}/roleAssignments/${name}`);
    expect(listed).toMatchObject({ status: 404, code: 'RoleAssignmentNotFound' });
    expect((await write()).status).toBe(200);
    await settings({ clockOffsetSeconds: 101 });
    expect(await write()).toMatchObject({ status: 403, code: 'AuthorizationFailed' });
    expect(azure.state.counters.roleAssignments.deleted).toBeGreaterThan(0);
  });

  test('more role assignments than a subscription may have', async () => {
    const { givenGroup, settings, azure } = lab();
    const group = await givenGroup('limit-rg');
    const there = Object.keys(azure.state.roleAssignments).length;
    await settings({ quotas: { ...azure.settings.quotas, roleAssignments: there + 1 } });
    const name = randomUUID();
    expect((await assign(group, roleIds.connectedMachineOnboarding, name)).status).toBe(201);
    expect(await assign(group, roleIds.connectedMachineResourceManager)).toMatchObject({
      status: 400,
      code: 'RoleAssignmentLimitExceeded',
    });
    expect((await assign(group, roleIds.connectedMachineOnboarding, name)).status).toBe(201);
  });
});

const lock = (scope: string, level: string, name = 'keep') =>
  lab().arm('PUT', `${scope}/${authorization}/locks/${name}`, {
    apiVersion: '2020-05-01',
    body: { properties: { level, notes: 'test' } },
    as: 'owner',
  });
const unlock = (scope: string, name = 'keep') =>
  lab().arm('DELETE', `${scope}/${authorization}/locks/${name}`, { apiVersion: '2020-05-01', as: 'owner' });

describe('management locks', () => {
  test('CanNotDelete on a cluster keeps it and its group, not what is written', async () => {
    const { arm, givenGroup, givenCluster, azure } = lab();
    const group = await givenGroup('locked-rg');
    const cluster = await givenCluster(group, 'hci001');
    expect(await lock(cluster, 'CanNotDelete')).toMatchObject({
      status: 201,
      body: { name: 'keep', type: 'Microsoft.Authorization/locks', properties: { level: 'CanNotDelete' } },
    });
    expect((await lock(cluster, 'CanNotDelete')).status).toBe(200);
    const refused = await arm('DELETE', cluster);
    expect(refused).toMatchObject({ status: 409, code: 'ScopeLocked' });
    expect(refused.headers.get('x-ms-failure-cause')).toBe('gateway');
    expect(textAt(refused.body, 'error', 'message')).toBe(
      `The scope '${cluster}' cannot perform delete operation because following scope(s) are locked: '${cluster}'. Please remove the lock and try again.`,
    );
    expect(await arm('DELETE', group)).toMatchObject({ status: 409, code: 'ScopeLocked' });
    expect((await arm('PATCH', cluster, { body: { tags: { a: 'b' } } })).status).toBe(200);
    expect(azure.state.resourceGroups[group.toLowerCase()]?.provisioningState).toBe('Succeeded');

    const list = await arm('GET', `${group}/${authorization}/locks`, { apiVersion: '2020-05-01' });
    expect(at(list.body, 'value')).toMatchObject([{ id: `${cluster}/${authorization}/locks/keep` }]);
    expect((await unlock(cluster)).status).toBe(200);
    expect((await unlock(cluster)).status).toBe(204);
    expect((await arm('DELETE', cluster)).status).toBe(202);
  });

  test('CanNotDelete on a group keeps its role assignments', async () => {
    const { arm, givenGroup } = lab();
    const group = await givenGroup('locked-roles-rg');
    const name = randomUUID();
    expect((await assign(group, roleIds.contributor, name)).status).toBe(201);
    await lock(group, 'CanNotDelete');
    const assignment = `${group}/${authorization}/roleAssignments/${name}`;
    expect(await arm('DELETE', assignment)).toMatchObject({ status: 409, code: 'ScopeLocked' });
    await unlock(group);
    expect((await arm('DELETE', assignment)).status).toBe(200);
  });

  test('ReadOnly on a group forbids writes and actions below it', async () => {
    const { arm, givenGroup, givenCluster } = lab();
    const group = await givenGroup('read-only-rg');
    const cluster = await givenCluster(group, 'hci001');
    await lock(group, 'ReadOnly');
    expect(await arm('PATCH', cluster, { body: { tags: {} } })).toMatchObject({ status: 409, code: 'ScopeLocked' });
    expect(await arm('POST', `${cluster}/createClusterIdentity`)).toMatchObject({ status: 409, code: 'ScopeLocked' });
    expect(await assign(group, roleIds.contributor)).toMatchObject({ status: 409, code: 'ScopeLocked' });
    expect((await arm('GET', cluster)).status).toBe(200);
    await unlock(group);
  });

  test('who may not write locks, and a level nobody knows', async () => {
    const { arm, givenGroup } = lab();
    const group = await givenGroup('lock-rights-rg');
    const path = `${group}/${authorization}/locks/keep`;
    const body = { properties: { level: 'CanNotDelete' } };
    expect(await arm('PUT', path, { apiVersion: '2020-05-01', as: 'reader', body })).toMatchObject({ status: 403 });
    expect(await lock(group, 'Never')).toMatchObject({ status: 400, code: 'InvalidRequestContent' });
    expect(await arm('GET', path, { apiVersion: '2020-05-01' })).toMatchObject({ status: 404, code: 'LockNotFound' });
  });
});

import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { roleIds } from './authorization.ts';
import { graphScope } from './client.ts';
import { at, certificateBase64, fixture, textAt } from './testing.ts';

// Everything that the simulated Resource Manager must refuse, and how.

const lab = fixture();

test('a caller without a good token', async () => {
  const { azure, client, arm, settings } = lab();
  const url = `${azure.resourceManager}/subscriptions?api-version=2022-12-01`;
  expect(await client.send('GET', url)).toMatchObject({ status: 401, code: 'AuthenticationFailed' });
  expect((await client.send('GET', url)).headers.get('www-authenticate')).toContain('Bearer authorization_uri=');
  expect(await client.send('GET', url, { token: 'a.b.c' })).toMatchObject({ code: 'InvalidAuthenticationToken' });
  const { clientId, clientSecret } = azure.principals.owner;
  const graphToken = await client.token(clientId, clientSecret, graphScope);
  expect(await client.send('GET', url, { token: graphToken })).toMatchObject({
    status: 401,
    code: 'InvalidAuthenticationTokenAudience',
  });
  const good = await client.token(clientId, clientSecret);
  await settings({ clockOffsetSeconds: 7200 });
  expect(await client.send('GET', url, { token: good })).toMatchObject({
    status: 401,
    code: 'ExpiredAuthenticationToken',
  });
  await settings({ clockOffsetSeconds: 0 });
  expect((await arm('GET', '/subscriptions', { token: good })).status).toBe(200);
});

test('an unregistered provider, until it is registered', async () => {
  const { azure, arm } = lab();
  const path = `/subscriptions/${azure.subscriptionId}/providers/Microsoft.AzureStackHCI/clusters`;
  const answer = await arm('GET', path);
  expect(answer).toMatchObject({ status: 409, code: 'MissingSubscriptionRegistration' });
  expect(answer.headers.get('x-ms-failure-cause')).toBe('gateway');
  expect(at(answer.body, 'error', 'details')).toMatchObject([{ target: 'Microsoft.AzureStackHCI' }]);
  await lab().givenGroup('registered-rg');
  expect((await arm('GET', path)).status).toBe(200);
});

test('what nobody may do without a role, and what notActions take away', async () => {
  const { azure, arm, givenGroup } = lab();
  const group = await givenGroup('roles-rg');
  const cluster = `${group}/providers/Microsoft.AzureStackHCI/clusters/hci001`;
  const body = { location: 'eastus' };
  const refused = await arm('PUT', cluster, { as: 'reader', body });
  expect(refused).toMatchObject({ status: 403, code: 'AuthorizationFailed' });
  const { clientId, objectId } = azure.principals.reader;
  const message = textAt(refused.body, 'error', 'message');
  expect(message).toContain(`client '${clientId}' with object id '${objectId}'`);
  expect(message).toContain(`action 'Microsoft.AzureStackHCI/clusters/write' over scope '${cluster}'`);
  expect(azure.state.clusters).toEqual({});
  expect((await arm('GET', group, { as: 'reader' })).status).toBe(200);

  // A custom role on one group: everything of clusters but deleting them.
  const role = randomUUID();
  azure.state.roleDefinitions[role] = {
    roleName: 'no deletes',
    description: '',
    assignableScopes: [group],
    permissions: [
      {
        actions: ['Microsoft.AzureStackHCI/clusters/*'],
        notActions: ['Microsoft.AzureStackHCI/clusters/delete'],
        dataActions: [],
        notDataActions: [],
      },
    ],
  };
  const assignment = `${group}/providers/Microsoft.Authorization/roleAssignments/${randomUUID()}`;
  const properties = { roleDefinitionId: role, principalId: objectId, principalType: 'ServicePrincipal' };
  expect((await arm('PUT', assignment, { body: { properties } })).status).toBe(201);
  expect((await arm('PUT', cluster, { as: 'reader', body })).status).toBe(200);
  expect(await arm('DELETE', cluster, { as: 'reader' })).toMatchObject({ code: 'AuthorizationFailed' });
  const other = await givenGroup('roles-other-rg');
  expect(
    await arm('PUT', `${other}/providers/Microsoft.AzureStackHCI/clusters/hci001`, { as: 'reader', body }),
  ).toMatchObject({ code: 'AuthorizationFailed' });

  const permissions = await arm('GET', `${group}/providers/Microsoft.Authorization/permissions`, { as: 'reader' });
  expect(at(permissions.body, 'value')).toContainEqual(
    expect.objectContaining({ notActions: ['Microsoft.AzureStackHCI/clusters/delete'] }),
  );
  expect((await arm('DELETE', assignment)).status).toBe(200);
  expect((await arm('DELETE', assignment)).status).toBe(204);
  expect(await arm('PUT', cluster, { as: 'reader', body })).toMatchObject({ code: 'AuthorizationFailed' });
});

test.each([
  ['no api-version', 'GET', 'C?api-version=', undefined, 400, 'MissingApiVersionParameter'],
  ['an api-version nobody knows', 'GET', 'C?api-version=2019-01-01', undefined, 400, 'NoRegisteredProviderFound'],
  [
    'an api-version groups do not have',
    'GET',
    'G?api-version=1999-01-01',
    undefined,
    400,
    'InvalidApiVersionParameter',
  ],
  [
    'an unknown resource type',
    'GET',
    'G/providers/Microsoft.AzureStackHCI/stacks/x',
    undefined,
    404,
    'InvalidResourceType',
  ],
  ['an unknown namespace', 'GET', 'G/providers/Microsoft.Nothing/things/x', undefined, 404, 'InvalidResourceNamespace'],
  ['an unknown action', 'POST', 'C/makeCoffee', undefined, 404, 'InvalidResourceType'],
  [
    'an action that came later',
    'POST',
    'C/arcSettings/default/initializeDisableProcess?api-version=2022-12-01',
    undefined,
    404,
    'InvalidResourceType',
  ],
  ['a method a resource does not have', 'POST', 'C', {}, 405, 'MethodNotAllowed'],
  ['an unknown field', 'PUT', 'C', { location: 'eastus', properties: { cloud: 1 } }, 400, 'InvalidRequestContent'],
  ['a field of the wrong type', 'PUT', 'C', { location: 7 }, 400, 'InvalidRequestContent'],
  ['no body', 'PUT', 'C', undefined, 400, 'InvalidRequestContent'],
  ['a body that is not JSON', 'PUT', 'C', 'location: eastus', 400, 'InvalidRequestContent'],
  ['a region without HCI', 'PUT', 'N', { location: 'westus' }, 400, 'LocationNotAvailableForResourceType'],
  ['another region', 'PUT', 'C', { location: 'westeurope' }, 409, 'InvalidResourceLocation'],
  ['another region of a group', 'PUT', 'G', { location: 'westeurope' }, 409, 'InvalidResourceGroupLocation'],
  ['a group without a region', 'PUT', 'G', {}, 400, 'LocationRequired'],
  ['a cluster that is not there', 'GET', 'N', undefined, 404, 'ResourceNotFound'],
  ['a cluster of a group that is not there', 'GET', 'M', undefined, 404, 'ResourceGroupNotFound'],
  ['arcSettings of no cluster', 'PUT', 'N/arcSettings/default', {}, 404, 'ParentResourceNotFound'],
  ['certificates without an identity', 'POST', 'C/uploadCertificate', 'CERT', 409, 'Conflict'],
  [
    'a certificate that is none',
    'POST',
    'C/uploadCertificate',
    { properties: { certificates: ['AA=='] } },
    400,
    'InvalidRequestContent',
  ],
  ['a password without an identity', 'POST', 'C/arcSettings/default/generatePassword', undefined, 409, 'Conflict'],
  ['deleting a cluster with arcSettings', 'DELETE', 'C', undefined, 409, 'CannotDeleteResource'],
  [
    'another subscription',
    'GET',
    '/subscriptions/00000000-0000-0000-0000-000000000001',
    undefined,
    404,
    'SubscriptionNotFound',
  ],
])('%s', async (_, method, target, body, status, code) => {
  const { azure, arm, givenGroup } = lab();
  const group = await givenGroup('refusals-rg');
  const clusters = `${group}/providers/Microsoft.AzureStackHCI/clusters`;
  await arm('PUT', `${clusters}/hci001`, { body: { location: 'eastus' } });
  await arm('PUT', `${clusters}/hci001/arcSettings/default`, { body: {} });
  const before = structuredClone(azure.state);
  const path = target
    .replace(/^G/, group)
    .replace(/^C/, `${clusters}/hci001`)
    .replace(/^N/, `${clusters}/none`)
    .replace(/^M/, `${clusters.replace('refusals-rg', 'missing-rg')}/hci001`);
  const certificate = await certificateBase64(azure.principals.owner.certificateFile);
  const sent = body === 'CERT' ? { properties: { certificates: [certificate] } } : body;
  const answer = await arm(method, path, sent === undefined ? {} : { body: sent });
  expect(answer).toMatchObject({ status, code });
  expect(azure.state).toEqual(before);
});

test('the same role assignment under another name, an unknown principal, and an unknown role', async () => {
  const { azure, arm, givenGroup } = lab();
  const group = await givenGroup('assignments-rg');
  const path = (name: string) => `${group}/providers/Microsoft.Authorization/roleAssignments/${name}`;
  const put = (name: string, properties: object) => arm('PUT', path(name), { body: { properties } });
  const roleDefinitionId = `/subscriptions/${azure.subscriptionId}/providers/Microsoft.Authorization/roleDefinitions/${roleIds.reader}`;
  const principalId = azure.principals.reader.objectId;
  const name = randomUUID();
  const created = await put(name, { roleDefinitionId, principalId });
  expect(created).toMatchObject({
    status: 201,
    body: { properties: { createdBy: null, principalType: 'ServicePrincipal' } },
  });
  expect((await put(name, { roleDefinitionId, principalId })).status).toBe(201);
  expect(at((await arm('GET', path(name))).body, 'properties', 'createdBy')).toBe(azure.principals.controller.objectId);
  expect(azure.state.counters.roleAssignments.created).toBe(2);
  expect(await put(randomUUID(), { roleDefinitionId, principalId })).toMatchObject({
    status: 409,
    code: 'RoleAssignmentExists',
  });
  expect(await put(randomUUID(), { roleDefinitionId, principalId: randomUUID() })).toMatchObject({
    status: 400,
    code: 'PrincipalNotFound',
  });
  expect(await put(randomUUID(), { roleDefinitionId: randomUUID(), principalId })).toMatchObject({
    status: 404,
    code: 'RoleDefinitionDoesNotExist',
  });
  expect(await put('not-a-guid', { roleDefinitionId, principalId })).toMatchObject({ code: 'InvalidRoleAssignmentId' });
  expect(
    await put(randomUUID(), { roleDefinitionId: roleIds.owner, principalId, principalType: 'User' }),
  ).toMatchObject({ code: 'UnmatchedPrincipalType' });

  const names = async (filter: string) => {
    const query = new URLSearchParams({ 'api-version': '2022-04-01', ...(filter === '' ? {} : { $filter: filter }) });
    const answer = await arm('GET', `${group}/providers/Microsoft.Authorization/roleAssignments?${query}`);
    const value = at(answer.body, 'value');
    return Array.isArray(value) ? value.length : answer.code;
  };
  expect(await names(`principalId eq '${principalId}'`)).toBe(2);
  expect(await names(`principalId eq '${randomUUID()}'`)).toBe(0);
  expect(await names('atScope()')).toBe(7);
  expect(await names('nonsense')).toBe('UnsupportedFilter');
});

test('a new principal and a new role are not known at once', async () => {
  const { azure, arm, givenGroup, settings } = lab();
  const group = await givenGroup('propagation-rg');
  const principalId = azure.principals.reader.objectId;
  const principal = azure.state.servicePrincipals[principalId];
  const assignment = `${group}/providers/Microsoft.Authorization/roleAssignments/${randomUUID()}`;
  const put = () =>
    arm('PUT', assignment, { body: { properties: { roleDefinitionId: roleIds.contributor, principalId } } });
  const write = () => arm('PATCH', group, { as: 'reader', body: { tags: { a: 'b' } } });
  if (principal === undefined) throw new Error('the reader has no principal');
  principal.createdDateTime = new Date().toISOString();
  await settings({ principalPropagationSeconds: 100, rolePropagationSeconds: 100 });
  expect(await put()).toMatchObject({ status: 400, code: 'PrincipalNotFound' });
  await settings({ clockOffsetSeconds: 101 });
  expect((await put()).status).toBe(201);
  expect(await write()).toMatchObject({ status: 403, code: 'AuthorizationFailed' });
  await settings({ clockOffsetSeconds: 202 });
  expect((await write()).status).toBe(200);
});

test('more requests than the bucket holds', async () => {
  const { arm, azure, settings } = lab();
  const rateLimits = structuredClone(azure.settings.rateLimits);
  await settings({ rateLimits: { ...rateLimits, writes: { size: 2, refillPerSecond: 0.1 } } });
  const put = (name: string) =>
    arm('PUT', `/subscriptions/${azure.subscriptionId}/resourceGroups/${name}`, { body: { location: 'eastus' } });
  expect((await put('bucket-1')).headers.get('x-ms-ratelimit-remaining-subscription-writes')).toBe('1');
  await put('bucket-2');
  const throttled = await put('bucket-3');
  expect(throttled).toMatchObject({ status: 429, code: 'SubscriptionRequestsThrottled' });
  expect(throttled.headers.get('retry-after')).toMatch(/^(9|10)$/);
  expect(throttled.headers.get('x-ms-failure-cause')).toBe('gateway');
  const reads = await arm('GET', `/subscriptions/${azure.subscriptionId}/resourceGroups/bucket-1`);
  expect(reads.status).toBe(200);
  expect(reads.headers.get('x-ms-ratelimit-remaining-subscription-reads')).not.toBeNull();
  const other = await arm('PUT', `/subscriptions/${azure.subscriptionId}/resourceGroups/bucket-3`, {
    as: 'owner',
    body: { location: 'eastus' },
  });
  expect(other.status).toBe(201);
});

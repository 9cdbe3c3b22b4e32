import { expect, test } from 'vitest';
import { at, fixture, textAt } from './testing.ts';

// Policies, quotas, names, tags, groups that go, subscriptions that are not usable.

const lab = fixture();
const subscription = () => `/subscriptions/${lab().azure.subscriptionId}`;
const groupPath = (name: string) => `${subscription()}/resourceGroups/${name}`;

test('policies deny a group by its name, tags and region, with the documented body', async () => {
  const { arm, settings, azure } = lab();
  await settings({
    policies: [
      { kind: 'resourceGroupName', like: 'prod-*' },
      { kind: 'requiredResourceGroupTag', tag: 'CostCenter' },
      { kind: 'allowedLocations', locations: ['westeurope'] },
    ],
  });
  const answer = await arm('PUT', groupPath('hci001-rg'), { body: { location: 'eastus' } });
  expect(answer).toMatchObject({ status: 403, code: 'RequestDisallowedByPolicy' });
  expect(answer.headers.get('x-ms-failure-cause')).toBe('gateway');
  expect(at(answer.body, 'error', 'target')).toBe('hci001-rg');
  expect(textAt(answer.body, 'error', 'message')).toMatch(
    /^Resource 'hci001-rg' was disallowed by policy\. Policy identifiers: '\[\{"policyAssignment":\{"name":"Resource group names","id":"\/subscriptions\//,
  );
  expect(at(answer.body, 'error', 'additionalInfo')).toMatchObject([
    {
      type: 'PolicyViolation',
      info: {
        policyDefinitionEffect: 'Deny',
        policyAssignmentScope: subscription(),
        evaluationDetails: {
          evaluatedExpressions: [
            { result: 'True', path: 'type', operator: 'Equals' },
            { path: 'name', expressionValue: 'hci001-rg', targetValue: 'prod-*', operator: 'NotLike' },
          ],
        },
      },
    },
    {
      info: {
        policyDefinitionId: '/providers/Microsoft.Authorization/policyDefinitions/96670d01-0a4d-4649-9c89-2d3abc0a5025',
        policyAssignmentParameters: { tagName: { value: 'CostCenter' } },
      },
    },
    { info: { policyDefinitionDisplayName: 'Allowed locations for resource groups' } },
  ]);
  expect(azure.state.resourceGroups).toEqual({});
  const good = { location: 'westeurope', tags: { costcenter: '1' } };
  expect((await arm('PUT', groupPath('prod-hci001'), { body: good })).status).toBe(201);
  const untagged = await arm('PATCH', groupPath('prod-hci001'), { body: { tags: {} } });
  expect(untagged).toMatchObject({ status: 403, code: 'RequestDisallowedByPolicy' });
  expect(azure.state.resourceGroups[groupPath('prod-hci001').toLowerCase()]?.tags).toEqual({ costcenter: '1' });
});

test('policies deny a cluster and a machine, and checkPolicyRestrictions says so beforehand', async () => {
  const { arm, givenGroup, settings, azure } = lab();
  const group = await givenGroup('governed-rg');
  const cluster = `${group}/providers/Microsoft.AzureStackHCI/clusters/hci001`;
  const machine = `${group}/providers/Microsoft.HybridCompute/machines/n1`;
  await settings({
    policies: [
      { kind: 'requiredTag', tag: 'owner' },
      { kind: 'allowedLocations', locations: ['eastus'] },
    ],
  });
  expect(await arm('PUT', cluster, { body: { location: 'eastus' } })).toMatchObject({
    code: 'RequestDisallowedByPolicy',
  });
  expect(await arm('PUT', machine, { body: { location: 'westeurope', tags: { owner: 'me' } } })).toMatchObject({
    code: 'RequestDisallowedByPolicy',
  });
  expect(azure.state.clusters).toEqual({});
  const check = (resourceContent: object, pendingFields: object[] = []) =>
    arm('POST', `${group}/providers/Microsoft.PolicyInsights/checkPolicyRestrictions`, {
      apiVersion: '2022-03-01',
      body: { resourceDetails: { resourceContent }, pendingFields },
    });
  const type = 'Microsoft.AzureStackHCI/clusters';
  expect(await check({ type, name: 'hci001', location: 'eastus' })).toMatchObject({
    status: 200,
    body: {
      fieldRestrictions: [],
      contentEvaluationResult: { policyEvaluations: [{ evaluationResult: 'NonCompliant' }] },
    },
  });
  const pending = await check({ type, name: 'hci001', tags: { owner: 'me' } }, [{ field: 'location' }]);
  expect(at(pending.body, 'fieldRestrictions')).toMatchObject([
    { field: 'location', restrictions: [{ result: 'Required', values: ['eastus'] }] },
  ]);
  expect((await arm('PUT', cluster, { body: { location: 'eastus', tags: { owner: 'me' } } })).status).toBe(200);
});

test('more groups than a subscription may have', async () => {
  const { arm, settings, azure } = lab();
  const there = Object.keys(azure.state.resourceGroups).length;
  await settings({ quotas: { ...azure.settings.quotas, resourceGroups: there + 1 } });
  const put = (name: string) => arm('PUT', groupPath(name), { body: { location: 'eastus' } });
  expect((await put('quota-1')).status).toBe(201);
  const refused = await put('quota-2');
  expect(refused).toMatchObject({ status: 409, code: 'ResourceGroupQuotaExceeded' });
  expect(textAt(refused.body, 'error', 'message')).toContain(`would exceed the quota of '${there + 1}'`);
  expect((await put('quota-1')).status).toBe(200);
});

test('a group that goes takes everything with it, and nothing is written in it meanwhile', async () => {
  const { arm, givenGroup, givenCluster, settings, azure } = lab();
  const group = await givenGroup('going-rg');
  const cluster = await givenCluster(group, 'hci001');
  expect((await arm('PUT', `${cluster}/arcSettings/default`, { body: {} })).status).toBe(200);
  const machine = `${group}/providers/Microsoft.HybridCompute/machines/n1`;
  expect((await arm('PUT', machine, { body: { location: 'eastus' } })).status).toBe(200);
  await settings({ groupDeletionSeconds: 100 });
  expect((await arm('DELETE', group)).status).toBe(202);
  const writes = [
    await arm('PUT', cluster, { body: { location: 'eastus' } }),
    await arm('POST', `${cluster}/createClusterIdentity`),
    await arm('PUT', group, { body: { location: 'eastus' } }),
  ];
  for (const write of writes) expect(write).toMatchObject({ status: 409, code: 'ResourceGroupBeingDeleted' });
  expect((await arm('GET', cluster)).status).toBe(200);
  expect(at((await arm('GET', group)).body, 'properties', 'provisioningState')).toBe('Deleting');
  await settings({ clockOffsetSeconds: 101 });
  expect(await arm('GET', cluster)).toMatchObject({ status: 404, code: 'ResourceGroupNotFound' });
  expect([azure.state.clusters, azure.state.arcSettings, azure.state.machines].map(Object.keys)).not.toContainEqual(
    expect.arrayContaining([expect.stringContaining('going-rg')]),
  );
});

test.each([
  ['51 tags', Object.fromEntries(Array.from({ length: 51 }, (_, n) => [`t${n}`, 'x'])), 'TooManyTags'],
  ['a name of 513 characters', { ['n'.repeat(513)]: 'x' }, 'TagNameTooLong'],
  ['a value of 257 characters', { n: 'x'.repeat(257) }, 'InvalidTagValueLength'],
  ['a slash in a name', { 'a/b': 'x' }, 'InvalidTagNameCharacters'],
  ['a number', { n: 7 }, 'InvalidRequestContent'],
])('tags: %s', async (_, tags, code) => {
  const { arm, givenGroup } = lab();
  const group = await givenGroup('tags-rg');
  expect(await arm('PATCH', group, { body: { tags } })).toMatchObject({ status: 400, code });
});

test.each([
  ['a cluster with a colon', 'PUT', 'G/providers/Microsoft.AzureStackHCI/clusters/a:b', 'InvalidResourceName'],
  [
    'a machine of 55 characters',
    'PUT',
    `G/providers/Microsoft.HybridCompute/machines/${'m'.repeat(55)}`,
    'InvalidResourceName',
  ],
  ['a machine with a blank', 'PUT', 'G/providers/Microsoft.HybridCompute/machines/a%20b', 'InvalidResourceName'],
  ['a group with a blank', 'PUT', 'S/resourceGroups/a%20b', 'InvalidResourceGroup'],
  ['a group of 91 characters', 'PUT', `S/resourceGroups/${'g'.repeat(91)}`, 'InvalidResourceGroup'],
  ['a group that ends with a dot', 'PUT', 'S/resourceGroups/group.', 'InvalidResourceGroup'],
  [
    'arcSettings by another name',
    'PUT',
    'G/providers/Microsoft.AzureStackHCI/clusters/hci001/arcSettings/mine',
    'InvalidResourceName',
  ],
])('names: %s', async (_, method, target, code) => {
  const { arm, givenGroup, givenCluster } = lab();
  const group = await givenGroup('names-rg');
  await givenCluster(group, 'hci001');
  const body = target.includes('arcSettings') ? {} : { location: 'eastus' };
  const path = target.replace(/^G/, group).replace(/^S/, subscription());
  expect(await arm(method, path, { body })).toMatchObject({ status: 400, code });
});

test('read-only properties are ignored by PUT and unknown to PATCH', async () => {
  const { arm, givenGroup, givenCluster, azure } = lab();
  const group = await givenGroup('read-only-properties-rg');
  const cluster = await givenCluster(group, 'hci001');
  const before = structuredClone(azure.state.clusters[cluster.toLowerCase()]?.properties);
  const properties = { cloudId: 'mine', status: 'ConnectedRecently', trialDaysRemaining: 999, provisioningState: 'x' };
  expect((await arm('PUT', cluster, { body: { location: 'eastus', properties } })).status).toBe(200);
  expect(azure.state.clusters[cluster.toLowerCase()]?.properties).toEqual(before);
  const patched = await arm('PATCH', cluster, { body: { properties: { cloudId: 'mine' } } });
  expect(patched).toMatchObject({ status: 400, code: 'InvalidRequestContent' });
});

test('a disabled subscription is read only, another tenant’s subscription wants another token', async () => {
  const { arm, admin, azure } = lab();
  const [disabled, foreign] = ['11111111-0000-4000-8000-000000000001', '11111111-0000-4000-8000-000000000002'];
  const other = '22222222-0000-4000-8000-000000000002';
  const scope = `/subscriptions/${disabled}`;
  const objectId = azure.principals.controller.objectId;
  const assignment = Object.values(azure.state.roleAssignments).find((found) => found.principalId === objectId);
  if (assignment === undefined) throw new Error('the controller has no role');
  azure.state.roleAssignments[`${scope}/x`] = { ...assignment, id: `${scope}/x`, scope };
  await admin('PATCH', '/state', {
    subscriptions: {
      [disabled]: { displayName: 'out of credit', state: 'Disabled', providers: {} },
      [foreign]: { displayName: 'not ours', state: 'Enabled', providers: {}, tenantId: other },
    },
  });
  expect((await arm('GET', `${scope}/resourceGroups`)).status).toBe(200);
  const write = await arm('PUT', `${scope}/resourceGroups/a`, { body: { location: 'eastus' } });
  expect(write).toMatchObject({ status: 409, code: 'ReadOnlyDisabledSubscription' });
  expect(textAt(write.body, 'error', 'message')).toContain('You cannot perform any write actions on this subscription');

  const refused = await arm('GET', `/subscriptions/${foreign}/resourceGroups`);
  expect(refused).toMatchObject({ status: 401, code: 'InvalidAuthenticationTokenTenant' });
  expect(refused.headers.get('www-authenticate')).toMatch(
    new RegExp(
      `^Bearer authorization_uri="${azure.login}/${other}", error="invalid_token", error_description="The access`,
    ),
  );
  expect(textAt(refused.body, 'error', 'message')).toContain(
    `must match the tenant 'https://sts.windows.net/${other}/'`,
  );
});

test('each provider must be registered by itself', async () => {
  const { arm, admin, givenGroup, azure } = lab();
  const group = await givenGroup('half-registered-rg');
  const providers = (state: string) => ({
    subscriptions: { [azure.subscriptionId]: { providers: { 'microsoft.hybridcompute': state } } },
  });
  await admin('PATCH', '/state', providers('NotRegistered'));
  const machine = `${group}/providers/Microsoft.HybridCompute/machines/n1`;
  const refused = await arm('PUT', machine, { body: { location: 'eastus' } });
  expect(refused).toMatchObject({ status: 409, code: 'MissingSubscriptionRegistration' });
  expect(at(refused.body, 'error', 'details')).toMatchObject([{ target: 'Microsoft.HybridCompute' }]);
  expect((await arm('GET', `${group}/providers/Microsoft.AzureStackHCI/clusters`)).status).toBe(200);
  await admin('PATCH', '/state', providers('Registered'));
});

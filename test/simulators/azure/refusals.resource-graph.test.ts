import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { roleIds } from './authorization.ts';
import type { PrincipalName } from './seed.ts';
import { at, fixture, textAt } from './testing.ts';

const lab = fixture({ settings: { resourceGraphQuota: { limit: 1000, seconds: 5 } } });

function query(
  text: string,
  options: Readonly<Record<string, unknown>> = {},
  call: { as?: PrincipalName; subscriptions?: string[] } = {},
) {
  const { arm, azure } = lab();
  return arm('POST', '/providers/Microsoft.ResourceGraph/resources', {
    apiVersion: '2021-03-01',
    as: call.as ?? 'controller',
    body: { subscriptions: call.subscriptions ?? [azure.subscriptionId], query: text, options },
  });
}

const data = async (text: string, call?: { as?: PrincipalName; subscriptions?: string[] }) =>
  at((await query(text, {}, call)).body, 'data');

const detail = (answer: { body: unknown }, index: number) => at(answer.body, 'error', 'details', String(index));

/** Clusters of their own group, with one machine each in the first group. */
async function givenFleet(name: string, clusters: readonly string[]) {
  const { arm, givenGroup, givenCluster } = lab();
  const group = await givenGroup(name);
  for (const cluster of clusters) await givenCluster(group, cluster);
  const parentClusterResourceId = `${group}/providers/Microsoft.AzureStackHCI/clusters/${clusters[0] ?? ''}`;
  const machine = `${group}/providers/Microsoft.HybridCompute/machines/${name}-n1`;
  const body = { location: 'eastus', properties: { parentClusterResourceId, agentVersion: '1.30' } };
  expect((await arm('PUT', machine, { body })).status).toBe(200);
  return group;
}

describe('queries', () => {
  test('clusters, with the columns and the casing of the index', async () => {
    const group = await givenFleet('Fleet-RG', ['hci-b', 'HCI-A']);
    const rows = await data(
      "Resources | where type =~ 'Microsoft.AzureStackHCI/clusters' and resourceGroup =~ 'FLEET-rg' | extend state = tostring(properties.connectivityStatus) | project id, name, type, resourceGroup, state, properties.status, cloud = properties.cloudId | order by name asc",
    );
    expect(rows).toMatchObject([
      {
        id: `${group}/providers/Microsoft.AzureStackHCI/clusters/HCI-A`,
        name: 'HCI-A',
        type: 'microsoft.azurestackhci/clusters',
        resourceGroup: 'fleet-rg',
        state: 'NotYetRegistered',
        properties_status: 'NotYetRegistered',
      },
      { name: 'hci-b' },
    ]);
    expect(Object.keys(Object(at(rows, '0')))).toEqual([
      'id',
      'name',
      'type',
      'resourceGroup',
      'state',
      'properties_status',
      'cloud',
    ]);
  });

  test.each([
    ["where type == 'microsoft.hybridcompute/machines' and name startswith 'Filters'", 1],
    ["where type == 'Microsoft.HybridCompute/machines'", 0],
    ["where type in~ ('MICROSOFT.hybridcompute/machines', 'x') and name contains 'filters-RG'", 1],
    ["where type in ('MICROSOFT.hybridcompute/machines')", 0],
    ["where name =~ 'filters-rg-n1' and properties.agentVersion == '1.30'", 1],
    ["where name =~ 'filters-rg-n1' and properties['agentVersion'] != '1.30'", 0],
    ["where (name == 'hci001' or name == 'hci002') and resourceGroup == 'filters-rg' and not(name == 'hci001')", 1],
    ["where resourceGroup == 'filters-rg' | where isnotempty(properties.parentClusterResourceId)", 1],
    ["where resourceGroup == 'filters-rg' | limit 2", 2],
    ["where name == 'arcSettings' or type contains 'arcsettings'", 0],
  ])('resources | %s', async (text, count) => {
    await givenFleet('filters-rg', ['hci001', 'hci002']);
    expect(await data(`resources | ${text}`)).toHaveLength(count);
  });

  test('groups, role assignments, counts, and a query without a table', async () => {
    const group = await givenFleet('tables-rg', ['hci001']);
    const groups = "resourcecontainers | where type =~ 'microsoft.resources/subscriptions/resourcegroups' | project id";
    expect(await data(`${groups} | where id =~ '${group}'`)).toEqual([{ id: group }]);
    const { objectId } = lab().azure.principals.reader;
    expect(
      await data(
        `authorizationresources | where type =~ 'microsoft.authorization/roleassignments' | where properties.principalId == '${objectId}' | project id, properties.scope`,
      ),
    ).toMatchObject([{ properties_scope: `/subscriptions/${lab().azure.subscriptionId}` }]);
    expect(await data("resources | where resourceGroup == 'tables-rg' | count")).toEqual([{ Count: 2 }]);
    expect(
      await data(
        "resources | where resourceGroup == 'tables-rg' | summarize machines = count() by type | order by type asc",
      ),
    ).toEqual([
      { type: 'microsoft.azurestackhci/clusters', machines: 1 },
      { type: 'microsoft.hybridcompute/machines', machines: 1 },
    ]);
    expect(await data("where resourceGroup == 'tables-rg' | project id")).toHaveLength(2);
  });

  test.each([
    ['resources | where', 'ParserFailure'],
    ["resources | where name = 'x'", 'ParserFailure'],
    ['resources | project id name', 'ParserFailure'],
    ['resources | mv-expand properties', 'ParserFailure'],
    ['resources | where cout(name) == 1', 'UnknownFunction'],
    ['arcsettings | project id', 'DisallowedLogicalTableName'],
    ['resources | project nonsense', 'UnresolvedColumn'],
    ['resources | project name | order by id asc', 'UnresolvedColumn'],
  ])('%s', async (text, code) => {
    await givenFleet('bad-rg', ['hci001']);
    const answer = await query(text);
    expect(answer).toMatchObject({ status: 400, code: 'BadRequest' });
    expect(textAt(answer.body, 'error', 'message')).toMatch(
      /^Please provide below info when asking for support: timestamp = \S+, correlationId = [0-9a-f-]{36}\.$/,
    );
    expect(detail(answer, 0)).toMatchObject({ code: 'InvalidQuery' });
    expect(detail(answer, 1)).toMatchObject({ code });
    expect(answer.headers.get('x-ms-user-quota-remaining')).not.toBeNull();
  });

  test('a parser failure says where', async () => {
    await givenFleet('where-rg', ['hci001']);
    const answer = await query("resources\n| where name ~ 'x'");
    expect(detail(answer, 1)).toMatchObject({ line: 2, characterPositionInLine: 13, token: '~' });
    expect(at(await query('resources | project id, ').then((found) => detail(found, 1)), 'token')).toBe('<EOF>');
  });
});

describe('pages', () => {
  test('keep their size, and end', async () => {
    const names = ['a', 'b', 'c', 'd', 'e'];
    const group = await givenFleet('pages-rg', names);
    const text = `resources | where id startswith '${group}/' and type =~ 'microsoft.azurestackhci/clusters' | project id, name | order by id asc`;
    const first = await query(text, { $top: 2 });
    expect(first.body).toMatchObject({ totalRecords: 5, count: 2, resultTruncated: 'false' });
    const second = await query(text, { $skipToken: textAt(first.body, '$skipToken') });
    expect(second.body).toMatchObject({ totalRecords: 5, count: 2 });
    const third = await query(text, { $skipToken: textAt(second.body, '$skipToken') });
    expect(third.body).toMatchObject({ count: 1, resultTruncated: 'false' });
    expect(at(third.body, '$skipToken')).toBeUndefined();
    const seen = [first, second, third].flatMap(({ body }) => Object.values(Object(at(body, 'data'))));
    expect(seen.map((row) => at(row, 'name'))).toEqual(names);

    const token = { $skipToken: textAt(first.body, '$skipToken') };
    expect(await query(text.replace('id asc', 'id desc'), token)).toMatchObject({ status: 400, code: 'BadRequest' });
    expect(await query(text, { $skipToken: 'bm9uc2Vuc2U=' })).toMatchObject({ status: 400, code: 'BadRequest' });
    expect(await query(text, { $top: 1001 })).toMatchObject({ status: 400, code: 'BadRequest' });
  });

  test('need the id and no limit in the query: else the rest is cut off', async () => {
    await givenFleet('truncated-rg', ['a', 'b', 'c']);
    await lab().settings({ resourceGraphPageSize: 2 });
    const text = "resources | where resourceGroup == 'truncated-rg' | project name";
    const answer = await query(text);
    expect(answer.body).toMatchObject({ totalRecords: 4, count: 2, resultTruncated: 'true' });
    expect(at(answer.body, '$skipToken')).toBeUndefined();
    const limited = await query(text.replace('project name', 'project id | limit 3'));
    expect(limited.body).toMatchObject({ totalRecords: 3, count: 2, resultTruncated: 'true' });
    expect(at(limited.body, '$skipToken')).toBeUndefined();
    const whole = await query(text.replace('project name', 'project id'));
    expect(whole.body).toMatchObject({ count: 2, resultTruncated: 'false', $skipToken: expect.any(String) });
  });
});

const clusters = (group: string) =>
  `resources | where type =~ 'microsoft.azurestackhci/clusters' and id startswith '${group}/' | project name | order by name asc`;

describe('what is missing', () => {
  test('the index lags', async () => {
    const { arm, settings, givenCluster } = lab();
    const group = await givenFleet('lag-rg', ['old']);
    await settings({ resourceGraphLagSeconds: 100 });
    expect(await data(clusters(group))).toEqual([{ name: 'old' }]);
    await givenCluster(group, 'young');
    const old = `${group}/providers/Microsoft.AzureStackHCI/clusters/old`;
    expect((await arm('PATCH', old, { body: { tags: { a: 'b' } } })).status).toBe(200);
    expect(await data(clusters(group))).toEqual([{ name: 'old' }]);
    expect(await data(`resources | where id =~ '${old}' | project tags.a`)).toEqual([{ tags_a: null }]);
    await settings({ clockOffsetSeconds: 101 });
    expect(await data(clusters(group))).toEqual([{ name: 'old' }, { name: 'young' }]);
    expect(await data(`resources | where id =~ '${old}' | project tags.a`)).toEqual([{ tags_a: 'b' }]);
  });

  test('rows are dropped without a word', async () => {
    const group = await givenFleet('hidden-rg', ['seen', 'unseen']);
    const hidden = `${group}/providers/Microsoft.AzureStackHCI/clusters/unseen`;
    await lab().settings({ resourceGraphHidden: [hidden] });
    const answer = await query(clusters(group));
    expect(answer).toMatchObject({ status: 200, body: { totalRecords: 1, data: [{ name: 'seen' }] } });
    expect((await lab().arm('GET', hidden)).status).toBe(200);
  });

  test('what the caller may not read, and subscriptions that it cannot see', async () => {
    const { arm, azure, admin } = lab();
    const readable = await givenFleet('readable-rg', ['mine']);
    const secret = await givenFleet('secret-rg', ['theirs']);
    const { objectId } = azure.principals.reader;
    const saved = structuredClone(azure.state.roleAssignments);
    for (const [key, assignment] of Object.entries(azure.state.roleAssignments)) {
      if (assignment.principalId === objectId) delete azure.state.roleAssignments[key];
    }
    const as = { as: 'reader' as const };
    expect(await query(clusters(readable), {}, as)).toMatchObject({ status: 400, code: 'BadRequest' });
    expect(detail(await query(clusters(readable), {}, as), 0)).toMatchObject({
      code: 'NoValidSubscriptionsInQueryRequest',
    });
    const properties = { roleDefinitionId: roleIds.reader, principalId: objectId };
    const assignment = `${readable}/providers/Microsoft.Authorization/roleAssignments/${randomUUID()}`;
    expect((await arm('PUT', assignment, { body: { properties } })).status).toBe(201);
    expect(await data(clusters(readable), as)).toEqual([{ name: 'mine' }]);
    expect(await data(clusters(secret), as)).toEqual([]);

    const other = randomUUID();
    await admin('PATCH', '/state', {
      subscriptions: { [other]: { displayName: 'other', state: 'Enabled', providers: {} } },
    });
    expect(await data(clusters(readable), { ...as, subscriptions: [azure.subscriptionId, other] })).toHaveLength(1);
    expect(await query(clusters(readable), {}, { ...as, subscriptions: [other] })).toMatchObject({ status: 400 });
    expect(detail(await query(clusters(readable), {}, { subscriptions: ['mine'] }), 0)).toMatchObject({
      code: 'SubscriptionsContainInvalidGuids',
    });
    Object.assign(azure.state.roleAssignments, saved);
  });
});

test('the quota and its headers, also on a refusal', async () => {
  const { settings, azure } = lab();
  await settings({ resourceGraphQuota: { limit: 3, seconds: 5 }, clockOffsetSeconds: 100 });
  const answers = [];
  for (const text of ['resources | project id', 'nonsense', 'resources', 'resources']) answers.push(await query(text));
  const remaining = answers.map((answer) => answer.headers.get('x-ms-user-quota-remaining'));
  expect(answers.map((answer) => answer.status)).toEqual([200, 400, 200, 429]);
  expect(remaining).toEqual(['2', '1', '0', '0']);
  const throttled = answers.at(-1);
  expect(throttled).toMatchObject({ code: 'RateLimiting' });
  expect(throttled?.headers.get('x-ms-user-quota-resets-after')).toMatch(/^00:00:0[1-5]$/);
  expect(at(throttled?.body, 'error', 'details', '0', 'code')).toBe('RateLimiting');
  expect((await query('resources', {}, { as: 'owner' })).status).toBe(200);
  await settings({ clockOffsetSeconds: 106 });
  expect((await query('resources')).status).toBe(200);
  expect(azure.settings.resourceGraphQuota.limit).toBe(3);
});

test('an api-version nobody knows and a property nobody knows', async () => {
  const { arm } = lab();
  const path = '/providers/Microsoft.ResourceGraph/resources';
  expect(await arm('POST', path, { apiVersion: '2019-04-01', body: { query: 'resources' } })).toMatchObject({
    status: 400,
    code: 'NoRegisteredProviderFound',
  });
  expect(await arm('POST', path, { apiVersion: '2022-10-01', body: { query: 'resources', top: 1 } })).toMatchObject({
    status: 400,
    code: 'InvalidRequestContent',
  });
});

import { afterEach, describe, expect, test } from 'vitest';
import { fixture } from '../../test/simulators/azure/testing.ts';
import { createInventory, type BulkAnswer } from './inventory.ts';
import * as reads from './reads.ts';
import { roles } from './resource-ids.ts';
import { resourceManagerFor } from './testing/clients.ts';

const lab = fixture({ settings: { resourceGraphQuota: { limit: 1000, seconds: 5 } } });
const { signal } = new AbortController();
const minuteMs = 60_000;

afterEach(() => lab().admin('PUT', '/faults', []));

function setup() {
  const arm = resourceManagerFor(lab().azure);
  const clock = { ms: Date.now() };
  return { arm, clock, inventory: createInventory(arm, () => new Date(clock.ms)) };
}

const queries = () =>
  lab().azure.log.filter(({ request }) => request.url.includes('/providers/Microsoft.ResourceGraph/resources')).length;

function rowsOf<T>(answer: BulkAnswer<T>): T {
  if (answer.kind === 'failed') throw answer.error;
  return answer.rows;
}

async function givenClusters(groupName: string, names: readonly string[]) {
  const { arm, givenGroup, givenCluster } = lab();
  const group = await givenGroup(groupName);
  for (const name of names) await givenCluster(group, name);
  const parentClusterResourceId = `${group}/providers/Microsoft.AzureStackHCI/clusters/${names[0]}`;
  const machine = `${group}/providers/Microsoft.HybridCompute/machines/${groupName}-n1`;
  const body = { location: 'eastus', properties: { parentClusterResourceId, agentVersion: '1.49' } };
  expect((await arm('PUT', machine, { body })).status).toBe(200);
  return group;
}

const clusterId = (group: string, name: string) => `${group}/providers/Microsoft.AzureStackHCI/clusters/${name}`;

describe('rows', () => {
  test('of clusters, Arc-enabled servers, groups and role assignments hold what live answers hold', async () => {
    const { arm, inventory } = setup();
    const group = await givenClusters('same-rg', ['same']);
    const { clusters, machines } = rowsOf(await inventory.resources.read(signal));
    const cluster = await reads.readCluster(arm, clusterId(group, 'same'), false, signal);
    if (!cluster.found) throw new Error('there is no cluster');
    const row = clusters.get(clusterId(group, 'same').toLowerCase());
    const { location, tags, properties } = cluster.value;
    expect(row).toMatchObject({ location, ...(tags === undefined ? {} : { tags }) });
    for (const [name, value] of Object.entries(row?.properties ?? {})) {
      expect([name, value]).toEqual([name, Object.entries(properties).find(([key]) => key === name)?.[1] ?? null]);
    }
    expect(row?.properties.cloudId).toMatch(/^[0-9a-f-]{36}$/);
    const live = await reads.readMachines(arm, 'same-rg', signal);
    expect(machines.get(group.toLowerCase())).toMatchObject(
      live.found
        ? live.value.map(({ id, properties: of }) => ({ id, properties: { agentVersion: of?.agentVersion } }))
        : [],
    );
    const groups = rowsOf(await inventory.resourceGroups.read(signal));
    expect(groups.get(group.toLowerCase())).toMatchObject({ name: 'same-rg', provisioningState: 'Succeeded' });
  });

  test('of role assignments are those of the roles that a registration needs', async () => {
    const { arm, inventory } = setup();
    const group = await givenClusters('roles-rg', ['hci']);
    const { objectId } = lab().azure.principals.reader;
    const role = roles['Azure Connected Machine Resource Manager'];
    const { subscriptionId } = arm;
    const name = '7b1f5c5e-5e5f-4d63-9a6b-0d7b8d6f1a01';
    const put = await lab().arm('PUT', `${group}/providers/Microsoft.Authorization/roleAssignments/${name}`, {
      body: {
        properties: {
          roleDefinitionId: `/subscriptions/${subscriptionId}/providers/Microsoft.Authorization/roleDefinitions/${role}`,
          principalId: objectId,
          principalType: 'ServicePrincipal',
        },
      },
    });
    expect(put.status).toBe(201);
    expect(rowsOf(await inventory.roleAssignments.read(signal))).toEqual([
      {
        id: expect.stringMatching(new RegExp(`${name}$`)),
        name,
        properties: {
          roleDefinitionId: expect.stringMatching(new RegExp(`${role}$`)),
          principalId: objectId,
          scope: group,
        },
      },
    ]);
  });

  test('come in pages', async () => {
    const { inventory } = setup();
    const group = await givenClusters('pages-rg', ['a', 'b', 'c', 'd']);
    await lab().settings({ resourceGraphPageSize: 2 });
    const before = queries();
    const { clusters, machines } = rowsOf(await inventory.resources.read(signal));
    expect([...clusters.keys()].filter((id) => id.startsWith(group.toLowerCase()))).toHaveLength(4);
    expect(machines.get(group.toLowerCase())).toHaveLength(1);
    expect(queries() - before).toBeGreaterThanOrEqual(3);
    await lab().settings({ resourceGraphPageSize: 1000 });
  });
});

describe('an answer', () => {
  test('is shared for five minutes, by those that ask at once too', async () => {
    const { clock, inventory } = setup();
    await givenClusters('shared-rg', ['hci']);
    const before = queries();
    const [first, second] = await Promise.all([inventory.resources.read(signal), inventory.resources.read(signal)]);
    expect(first).toBe(second);
    clock.ms += 5 * minuteMs - 1;
    expect(await inventory.resources.read(signal)).toBe(first);
    expect(inventory.resources.latest()).toBe(first);
    expect(queries() - before).toBe(1);
    clock.ms += 1;
    expect(await inventory.resources.read(signal)).not.toBe(first);
    expect(queries() - before).toBe(2);
  });

  test.each<[string, object, string]>([
    [
      'a refusal',
      { status: 403, body: { error: { code: 'AuthorizationFailed', message: 'no' } } },
      'AuthorizationFailed',
    ],
    ['throttling', { status: 429, body: { error: { code: 'RateLimiting', message: 'no' } } }, 'RateLimiting'],
    ['a page of a proxy', { status: 200, body: '<html>' }, 'UnexpectedAnswer'],
    [
      'one that was cut off',
      { status: 200, body: { totalRecords: 5, count: 0, data: [], resultTruncated: 'true' } },
      'UnexpectedAnswer',
    ],
    [
      'one that holds fewer rows than it says',
      { status: 200, body: { totalRecords: 5, count: 0, data: [], resultTruncated: 'false' } },
      'UnexpectedAnswer',
    ],
    [
      'a row of another shape',
      {
        status: 200,
        body: {
          totalRecords: 1,
          count: 1,
          data: [{ id: '/x', name: 'x', type: 'microsoft.azurestackhci/clusters' }],
          resultTruncated: 'false',
        },
      },
      'UnexpectedAnswer',
    ],
  ])('%s is no rows at all, and is not asked for again at once', async (_, respond, code) => {
    const { inventory } = setup();
    await givenClusters('failing-rg', ['hci']);
    await lab().admin('PUT', '/faults', [{ host: 'arm', path: 'Microsoft.ResourceGraph', effect: { respond } }]);
    const before = queries();
    expect(await inventory.resources.read(signal)).toMatchObject({ kind: 'failed', error: { code } });
    expect(await inventory.resources.read(signal)).toMatchObject({ kind: 'failed' });
    expect(queries() - before).toBe(1);
  });

  test('that failed is followed by another after a minute', async () => {
    const { clock, inventory } = setup();
    await givenClusters('again-rg', ['hci']);
    const respond = { status: 503, body: '' };
    await lab().admin('PUT', '/faults', [{ host: 'arm', path: 'Microsoft.ResourceGraph', effect: { respond } }]);
    expect(await inventory.resources.read(signal)).toMatchObject({ kind: 'failed' });
    await lab().admin('PUT', '/faults', []);
    clock.ms += minuteMs;
    expect(await inventory.resources.read(signal)).toMatchObject({ kind: 'rows' });
  });

  test('lacks what the principal may not read', async () => {
    const { inventory } = setup();
    const group = await givenClusters('hidden-rg', ['seen', 'unseen']);
    await lab().settings({ resourceGraphHidden: [clusterId(group, 'unseen')] });
    const { clusters } = rowsOf(await inventory.resources.read(signal));
    expect(clusters.has(clusterId(group, 'seen').toLowerCase())).toBe(true);
    expect(clusters.has(clusterId(group, 'unseen').toLowerCase())).toBe(false);
    await lab().settings({ resourceGraphHidden: [] });
  });

  test('that one caller no longer waits for is still there for the others', async () => {
    const { inventory } = setup();
    await givenClusters('abort-rg', ['hci']);
    await lab().admin('PUT', '/faults', [
      { host: 'arm', path: 'Microsoft.ResourceGraph', effect: { delaySeconds: 0.2 } },
    ]);
    const stop = new AbortController();
    const [left, stayed] = [inventory.resources.read(stop.signal), inventory.resources.read(signal)];
    const reason = new Error('the controller stops');
    stop.abort(reason);
    await expect(left).rejects.toBe(reason);
    expect(await stayed).toMatchObject({ kind: 'rows' });
  });
});

test('a resource provider and permissions are read once for all objects', async () => {
  const { arm, clock, inventory } = setup();
  await lab().admin('DELETE', '/log');
  const scope = `/subscriptions/${arm.subscriptionId}`;
  for (let i = 0; i < 3; i += 1) {
    expect(await inventory.providers('Microsoft.AzureStackHCI').read(signal)).toMatchObject({
      rows: { namespace: 'Microsoft.AzureStackHCI' },
    });
    expect(rowsOf(await inventory.permissions(scope).read(signal)).length).toBeGreaterThan(0);
  }
  const reading = () =>
    lab().azure.log.filter(({ request }) => request.method === 'GET' && request.url.includes(scope));
  expect(reading()).toHaveLength(2);
  clock.ms += 60 * minuteMs;
  await inventory.permissions(scope).read(signal);
  expect(reading()).toHaveLength(3);
});

import { createServer } from 'node:http';
import { once } from 'node:events';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { fixture } from '../../test/simulators/azure/testing.ts';
import { AzureError } from './errors.ts';
import * as reads from './reads.ts';
import { resourceGroupId } from './resource-ids.ts';
import type { ResourceManager } from './resource-manager.ts';
import { resourceManagerFor } from './testing/clients.ts';

const lab = fixture();
const { signal } = new AbortController();
afterEach(async () => {
  vi.useRealTimers();
  await lab().admin('PUT', '/faults', []);
});

const fault = (path: string, effect: object, rest: object = {}) =>
  lab().admin('PUT', '/faults', [{ host: 'arm', path, effect, ...rest }]);
const respond = (status: number, body: unknown, headers?: Record<string, string>) => ({
  respond: { status, body, ...(headers === undefined ? {} : { headers }) },
});
const failure = async (promise: Promise<unknown>): Promise<AzureError> => {
  const error: unknown = await promise.then(
    () => new Error('it succeeded'),
    (reason: unknown) => reason,
  );
  if (error instanceof AzureError) return error;
  throw error;
};
const getGroups = (arm: ResourceManager, caller = signal) =>
  arm.send({
    method: 'GET',
    path: `/subscriptions/${arm.subscriptionId}/resourcegroups`,
    apiVersion: '2022-09-01',
    signal: caller,
  });
const sent = (path: RegExp) => lab().azure.log.filter(({ request }) => path.test(request.url));
const clusterId = (arm: ResourceManager, group: string, name: string) =>
  `${resourceGroupId(arm.subscriptionId, group)}/providers/Microsoft.AzureStackHCI/clusters/${name}`;

describe('a request', () => {
  test('is answered with status and body, and tells the clock of Azure', async () => {
    const { azure, settings } = lab();
    const arm = resourceManagerFor(azure);
    expect(arm.clockSkewMs()).toBeUndefined();
    expect(await getGroups(arm)).toMatchObject({ status: 200, body: { value: [] }, operationUrl: undefined });
    expect(Math.abs(arm.clockSkewMs() ?? Infinity)).toBeLessThan(60_000);
    await settings({ clockOffsetSeconds: 900 });
    await getGroups(arm);
    expect(arm.clockSkewMs()).toBeGreaterThan(840_000);
  });
  test('is sent once, whatever the answer', async () => {
    const arm = resourceManagerFor(lab().azure);
    await getGroups(arm);
    for (const [status, code] of [
      [503, 'ServiceUnavailable'],
      [429, 'RetryableError'],
    ] as const) {
      await fault('/resourcegroups', respond(status, { error: { code, message: 'busy' } }, { 'retry-after': '1' }));
      await lab().admin('DELETE', '/log');
      expect(await failure(getGroups(arm))).toMatchObject({ status, code, retryAfterSeconds: 1 });
      await expect(arm.resources.resourceGroups.get('x')).rejects.toMatchObject({ statusCode: status });
      expect(sent(/resourcegroups/i)).toHaveLength(2);
    }
  });
  test('that writes is not sent when writing is over; one that reads is', async () => {
    const over = new Error('leadership is lost');
    const arm = resourceManagerFor(lab().azure, undefined, () => {
      throw over;
    });
    await getGroups(arm);
    await lab().admin('DELETE', '/log');
    const put = { method: 'PUT', path: clusterId(arm, 'a', 'b'), apiVersion: '2023-08-01', body: {}, signal } as const;
    expect((await failure(arm.send(put))).cause).toBe(over);
    await expect(arm.resources.resourceGroups.createOrUpdate('a', { location: 'eastus' })).rejects.toBe(over);
    await expect(arm.stackHci.arcSettings.generatePassword('a', 'b', 'default')).rejects.toBe(over);
    expect(sent(/subscriptions/i)).toEqual([]);
  });
  test('that is throttled in plain text says so', async () => {
    const arm = resourceManagerFor(lab().azure);
    await fault(
      '/resourcegroups',
      respond(429, 'Too many requests', { 'content-type': 'text/plain', 'retry-after': '7' }),
    );
    expect(await failure(getGroups(arm))).toMatchObject({
      code: 'HTTP429',
      errorClass: 'RetrySoon',
      retryAfterSeconds: 7,
      message: expect.stringMatching(/Too many requests$/),
    });
  });
  test('that was cut off may have been carried out', async () => {
    const arm = resourceManagerFor(lab().azure);
    await getGroups(arm);
    const group = resourceGroupId(arm.subscriptionId, 'cut-rg');
    await fault('cut-rg', { dropResponse: true }, { times: 1 });
    const put = arm.send({
      method: 'PUT',
      path: group,
      apiVersion: '2022-09-01',
      body: { location: 'eastus' },
      signal,
    });
    expect(await failure(put)).toMatchObject({ code: 'NoAnswer', outcomeUnknown: true });
    expect(await reads.readResourceGroup(arm, 'cut-rg', signal)).toMatchObject({ found: true });
  });
  test('that is answered with a page of a proxy is no success', async () => {
    const arm = resourceManagerFor(lab().azure);
    await fault(
      '/resourcegroups',
      respond(200, '<html>sign in to the secret network</html>', { 'content-type': 'text/html' }),
    );
    const error = await failure(getGroups(arm));
    expect(error).toMatchObject({ code: 'UnexpectedAnswer', status: 200, outcomeUnknown: true });
    expect(error.message).not.toContain('network');
  });
  test('has a deadline', async () => {
    const arm = resourceManagerFor(lab().azure);
    await getGroups(arm);
    await fault('/resourcegroups', { hang: true });
    await lab().admin('DELETE', '/log');
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const hanging = failure(getGroups(arm));
    while (sent(/resourcegroups/i).length === 0) await new Promise((resolve) => setImmediate(resolve));
    vi.advanceTimersByTime(60_000);
    expect(await hanging).toMatchObject({ code: 'NoAnswer', outcomeUnknown: true });
  });
  test('ends with its signal, as an abort and not as a failure of Azure', async () => {
    const arm = resourceManagerFor(lab().azure);
    await getGroups(arm);
    await fault('/resourcegroups', { hang: true });
    await lab().admin('DELETE', '/log');
    const stop = new AbortController();
    const requests = Promise.allSettled([getGroups(arm, stop.signal), reads.readResourceGroup(arm, 'x', stop.signal)]);
    await expect.poll(() => sent(/resourcegroups/i).length, { interval: 5 }).toBe(2);
    const reason = new Error('the controller stops');
    stop.abort(reason);
    expect(await requests).toEqual([
      { status: 'rejected', reason },
      { status: 'rejected', reason },
    ]);
  });
  test('tells nothing secret when it fails', async () => {
    const { azure } = lab();
    const arm = resourceManagerFor(azure);
    await fault('/operations', respond(404, { error: { code: 'NotFound', message: 'gone' } }));
    const error = await failure(
      arm.follow(`${azure.resourceManager}/operations/1?api-version=1&t=signed-text`, signal),
    );
    expect(`${error.message} ${JSON.stringify(error)}`).not.toMatch(/signed-text|Bearer|eyJ/);
  });
});

describe('the token goes to Resource Manager only', () => {
  const elsewhere = 'https://management.example.com/operations/1';
  test('no URL of another host is followed', async () => {
    const { azure } = lab();
    const arm = resourceManagerFor(azure);
    for (const url of [elsewhere, azure.login, azure.resourceManager.replace('127.0.0.1', '127.0.0.1.example.com')])
      await expect((async () => arm.follow(url, signal))()).rejects.toThrow(/must lead back to Azure Resource Manager/);
    await fault('/machines', respond(200, { value: [], nextLink: elsewhere }));
    await expect(reads.readMachines(arm, 'arc-rg', signal)).rejects.toThrow(/must lead back/);
  });
  test('a redirection to another host takes no token along', async () => {
    const seen: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      seen.push(request.headers.authorization);
      response.end('{}');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    try {
      const arm = resourceManagerFor(lab().azure);
      await fault('/resourcegroups', respond(302, '', { location: `http://127.0.0.1:${address.port}/` }));
      await getGroups(arm).catch(() => undefined);
      await arm.resources.resourceGroups.get('x').catch(() => undefined);
      expect(seen.filter((authorization) => authorization !== undefined)).toEqual([]);
    } finally {
      server.close();
    }
  });
});

const machine = (name: string) => ({ id: `/machines/${name}`, name, properties: {} });

const actions = async (arm: ResourceManager) => {
  const read = await reads.readPermissions(arm, `/subscriptions/${arm.subscriptionId}`, signal);
  return read.found ? read.value.flatMap((permission) => permission.actions) : [];
};

describe('what is read', () => {
  test('a resource that is there, and one that is not', async () => {
    const { azure, givenGroup, givenCluster } = lab();
    const arm = resourceManagerFor(azure);
    await givenCluster(await givenGroup('there-rg'), 'hci001');
    const id = clusterId(arm, 'there-rg', 'hci001');
    expect(await reads.readCluster(arm, id, false, signal)).toMatchObject({
      found: true,
      value: { name: 'hci001', location: 'eastus' },
    });
    expect(await reads.readCluster(arm, `${id}x`, false, signal)).toEqual({ found: false });
    expect(await reads.readArcSettings(arm, id, signal)).toEqual({ found: false });
    expect(await reads.readResourceGroup(arm, 'there-rg', signal)).toMatchObject({
      found: true,
      value: { location: 'eastus' },
    });
    expect(await reads.readResourceGroup(arm, 'other-rg', signal)).toEqual({ found: false });
    expect(await reads.readResourceProvider(arm, 'Microsoft.AzureStackHCI', signal)).toMatchObject({
      value: { registrationState: 'Registered', clusterLocations: expect.arrayContaining(['East US']) },
    });
  });
  test('a parent that is missing says nothing of the resource, unless it was read', async () => {
    const arm = resourceManagerFor(lab().azure);
    const id = clusterId(arm, 'no-such-rg', 'hci001');
    expect(await failure(reads.readCluster(arm, id, false, signal))).toMatchObject({
      status: 404,
      code: 'ResourceGroupNotFound',
    });
    expect(await reads.readCluster(arm, id, true, signal)).toEqual({ found: false });
    await fault('/arcSettings/', respond(404, { error: { code: 'ParentResourceNotFound', message: 'no' } }));
    expect(await failure(reads.readArcSettings(arm, id, signal))).toMatchObject({ code: 'ParentResourceNotFound' });
  });
  test.each([
    [403, 'AuthorizationFailed'],
    [404, 'SubscriptionNotFound'],
    [404, 'InvalidResourceType'],
    [410, 'ResourceNotFound'],
    [500, 'ResourceNotFound'],
  ])('%i %s is no proof of absence', async (status, code) => {
    const arm = resourceManagerFor(lab().azure);
    await fault('/clusters/', respond(status, { error: { code, message: 'no' } }));
    const read = reads.readCluster(arm, clusterId(arm, 'g', 'c'), true, signal);
    expect(await failure(read)).toMatchObject({ status, code });
  });
  test('an answer of another shape is no answer', async () => {
    const arm = resourceManagerFor(lab().azure);
    await fault('/clusters/', respond(200, { name: 'hci001' }));
    const error = await failure(reads.readCluster(arm, clusterId(arm, 'g', 'c'), true, signal));
    expect(error).toMatchObject({ code: 'UnexpectedAnswer', errorClass: 'RetrySoon' });
  });
  test('a list to its last page, and not less', async () => {
    const { azure } = lab();
    const arm = resourceManagerFor(azure);
    const page = (names: string[], next?: string) =>
      respond(200, { value: names.map(machine), nextLink: next ?? null });
    const next = (number: number) => `${azure.resourceManager}/next/${number}?token=t`;
    const pages = [
      { host: 'arm', path: '/machines', effect: page(['a', 'b'], next(2)) },
      { host: 'arm', path: '/next/2', effect: page([], next(3)) },
    ];
    await lab().admin('PUT', '/faults', [...pages, { host: 'arm', path: '/next/3', effect: page(['c']) }]);
    const all = await reads.readMachines(arm, 'arc-rg', signal);
    expect(all.found && all.value.map(({ name }) => name)).toEqual(['a', 'b', 'c']);
    await lab().admin('PUT', '/faults', [...pages, { host: 'arm', path: '/next/3', effect: respond(500, '') }]);
    expect(await failure(reads.readMachines(arm, 'arc-rg', signal))).toMatchObject({ code: 'HTTP500' });
  });
  test('assignments of a principal that count at the scope', async () => {
    const arm = resourceManagerFor(lab().azure);
    const group = resourceGroupId(arm.subscriptionId, 'arc-rg');
    const subscription = `/subscriptions/${arm.subscriptionId}`;
    const scopes = [
      '/',
      '/providers/Microsoft.Management/managementGroups/everything',
      subscription,
      group.toUpperCase(),
      `${group}-other`,
      `${group}/providers/Microsoft.HybridCompute/machines/m`,
    ];
    const assignments = scopes.map((scope) => ({
      id: scope,
      name: scope,
      properties: { scope, principalId: 'p', roleDefinitionId: 'r' },
    }));
    await fault('/roleAssignments', respond(200, { value: assignments }));
    const read = await reads.readRoleAssignments(arm, group, 'p', signal);
    expect(read.found && read.value.map(({ name }) => name)).toEqual(scopes.slice(0, 4));
  });
  test('permissions of whoever asks', async () => {
    const { azure } = lab();
    const { clientId, clientSecret } = azure.principals.reader;
    expect(await actions(resourceManagerFor(azure))).toContain('*');
    expect(await actions(resourceManagerFor(azure, { type: 'ClientSecret', clientId, clientSecret }))).not.toContain(
      '*',
    );
  });
  test('a long-running operation until its end', async () => {
    const { azure, givenGroup, givenCluster } = lab();
    const arm = resourceManagerFor(azure);
    const path = `${await givenCluster(await givenGroup('operation-rg'), 'hci001')}/createClusterIdentity`;
    const { status, operationUrl = '' } = await arm.send({
      method: 'POST',
      path,
      apiVersion: reads.apiVersions.cluster,
      signal,
    });
    expect(status).toBe(202);
    await expect
      .poll(async () => (await reads.readOperation(arm, operationUrl, signal)).status, { interval: 10 })
      .toBe('Succeeded');
    await fault('/operationStatuses|/operations', respond(202, undefined));
    expect(await reads.readOperation(arm, `${azure.resourceManager}/operations/1`, signal)).toEqual({
      status: 'InProgress',
    });
  });
});

import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { graphScope } from './client.ts';
import type { PrincipalName } from './seed.ts';
import { at, fixture, textAt } from './testing.ts';

// What Microsoft Graph refuses, and what it does not know yet. Its forms are in graph.test.ts.

const lab = fixture();

async function graph(method: string, path: string, call: { as?: PrincipalName; body?: unknown } = {}) {
  const { azure, client } = lab();
  const { clientId, clientSecret } = azure.principals[call.as ?? 'controller'];
  const token = await client.token(clientId, clientSecret, graphScope);
  return client.send(method, `${azure.graph}/v1.0/${path}`, {
    token,
    ...(call.body === undefined ? {} : { body: call.body }),
  });
}

async function createdApplication(as: PrincipalName = 'controller') {
  const { body } = await graph('POST', 'applications', { as, body: { displayName: `app ${randomUUID()}` } });
  return { id: textAt(body, 'id'), appId: textAt(body, 'appId') };
}

test('a new application is unknown to every other request for a while', async () => {
  const { settings } = lab();
  await settings({ graphPropagationSeconds: 100 });
  const { id, appId } = await createdApplication();
  const tries = [
    await graph('POST', `applications/${id}/addPassword`, { body: {} }),
    await graph('POST', `applications/${id}/addPassword`, { body: {} }),
    await graph('GET', `applications/${id}`),
    await graph('GET', `applications/${id}`),
  ];
  expect(tries.map(({ status }) => status)).toEqual([404, 200, 404, 200]);
  expect(tries[0]).toMatchObject({ code: 'Request_ResourceNotFound' });
  const filter = `applications?$filter=${encodeURIComponent(`appId eq '${appId}'`)}`;
  expect(at((await graph('GET', filter)).body, 'value')).toEqual([]);
  expect(at((await graph('GET', filter)).body, 'value')).toHaveLength(1);
  expect(await graph('POST', 'servicePrincipals', { body: { appId } })).toMatchObject({
    status: 400,
    code: 'Request_BadRequest',
  });
  expect((await graph('POST', 'servicePrincipals', { body: { appId } })).status).toBe(201);
  await settings({ clockOffsetSeconds: 101 });
  for (let turn = 0; turn < 3; turn += 1) expect((await graph('GET', `applications/${id}`)).status).toBe(200);
});

test('OwnedBy reaches what the caller owns only, All reaches everything, and no permission nothing', async () => {
  const { azure } = lab();
  const foreign = await createdApplication('owner');
  const denied = { status: 403, code: 'Authorization_RequestDenied' };
  expect(await graph('PATCH', `applications/${foreign.id}`, { body: { notes: 'x' } })).toMatchObject(denied);
  expect(await graph('DELETE', `applications/${foreign.id}`)).toMatchObject(denied);
  expect(await graph('POST', `applications/${foreign.id}/addPassword`, { body: {} })).toMatchObject(denied);
  expect(await graph('POST', 'servicePrincipals', { body: { appId: foreign.appId } })).toMatchObject(denied);
  expect(await graph('POST', 'applications', { as: 'reader', body: { displayName: 'x' } })).toMatchObject(denied);
  const own = await createdApplication();
  expect((await graph('PATCH', `applications/${own.id}`, { as: 'owner', body: { notes: 'x' } })).status).toBe(204);

  const { objectId } = azure.principals.controller;
  const reference = { '@odata.id': `${azure.graph}/v1.0/directoryObjects/${objectId}` };
  const add = (as: PrincipalName) => graph('POST', `applications/${foreign.id}/owners/$ref`, { as, body: reference });
  expect(await add('controller')).toMatchObject(denied);
  expect((await add('owner')).status).toBe(204);
  expect(await add('owner')).toMatchObject({ status: 400, code: 'Request_BadRequest' });
  const owners = await graph('GET', `applications/${foreign.id}/owners`);
  expect(at(owners.body, 'value')).toContainEqual(expect.objectContaining({ id: objectId }));
  expect((await graph('POST', `applications/${foreign.id}/addPassword`, { body: {} })).status).toBe(200);
  expect((await graph('DELETE', `applications/${foreign.id}/owners/${objectId}/$ref`)).status).toBe(204);
  expect(await graph('DELETE', `applications/${foreign.id}`)).toMatchObject(denied);
});

test('federated identity credentials', async () => {
  const { id } = await createdApplication();
  const path = `applications/${id}/federatedIdentityCredentials`;
  const credential = {
    name: 'edge',
    issuer: 'https://kubernetes.example.com',
    subject: 'system:serviceaccount:edge:hci',
    audiences: ['api://AzureADTokenExchange'],
  };
  const created = await graph('POST', path, { body: credential });
  expect(created).toMatchObject({ status: 201, body: credential });
  const conflict = { status: 409, code: 'Request_MultipleObjectsWithSameKeyValue' };
  expect(await graph('POST', path, { body: credential })).toMatchObject(conflict);
  expect(await graph('POST', path, { body: { ...credential, name: 'other' } })).toMatchObject(conflict);
  for (const bad of [{ name: 'a b c' }, { audiences: [] }, { colour: 'red' }]) {
    expect(await graph('POST', path, { body: { ...credential, subject: 'x', name: 'new', ...bad } })).toMatchObject({
      status: 400,
      code: 'Request_BadRequest',
    });
  }
  expect((await graph('PATCH', `${path}/edge`, { body: { subject: 'changed' } })).status).toBe(204);
  const one = await graph('GET', `${path}/${textAt(created.body, 'id')}`);
  expect(one.body).toMatchObject({ name: 'edge', subject: 'changed' });
  expect(at((await graph('GET', path)).body, 'value')).toHaveLength(1);
  expect((await graph('DELETE', `${path}/edge`)).status).toBe(204);
  expect((await graph('DELETE', `${path}/edge`)).status).toBe(404);
});

test('deleted items: restored, deleted for good, gone after 30 days, and only by their owner', async () => {
  const { settings } = lab();
  const { id } = await createdApplication();
  const item = `directory/deletedItems/${id}`;
  expect((await graph('DELETE', `applications/${id}`)).status).toBe(204);
  expect((await graph('GET', item)).status).toBe(200);
  expect((await graph('POST', `${item}/restore`)).body).toMatchObject({ id, deletedDateTime: null });
  expect((await graph('GET', `applications/${id}`)).status).toBe(200);
  expect(await graph('POST', `${item}/restore`)).toMatchObject({ status: 404, code: 'Request_ResourceNotFound' });

  const foreign = await createdApplication('owner');
  expect((await graph('DELETE', `applications/${foreign.id}`, { as: 'owner' })).status).toBe(204);
  for (const [method, path] of [
    ['POST', `directory/deletedItems/${foreign.id}/restore`],
    ['DELETE', `directory/deletedItems/${foreign.id}`],
  ] as const) {
    expect(await graph(method, path)).toMatchObject({ status: 403, code: 'Authorization_RequestDenied' });
  }
  await settings({ clockOffsetSeconds: 31 * 24 * 3600 });
  expect((await graph('GET', `directory/deletedItems/${foreign.id}`)).status).toBe(404);
});

test('too many resource units, too many writes', async () => {
  const { settings, azure } = lab();
  const { clientId } = azure.principals.controller;
  const units = { limit: 5, seconds: 10 };
  await settings({
    graphRateLimits: { resourceUnits: units, writes: { limit: 1, seconds: 150 } },
    clockOffsetSeconds: 200,
  });
  expect((await graph('GET', 'applications')).headers.get('x-ms-resource-unit')).toBe('2');
  await createdApplication();
  const write = await graph('POST', 'applications', { body: { displayName: 'x' } });
  expect(write).toMatchObject({ status: 429, code: 'TooManyRequests' });
  expect(Number(write.headers.get('retry-after'))).toBeGreaterThan(100);
  expect(write.headers.get('x-ms-throttle-information')).toBe('WriteLimitExceeded');
  expect(write.headers.get('x-ms-throttle-scope')).toBe(`Tenant_Application/Write/${clientId}/${azure.tenantId}`);
  const read = await graph('GET', 'applications');
  expect(read).toMatchObject({ status: 429, code: 'TooManyRequests' });
  expect(read.headers.get('x-ms-throttle-information')).toBe('ResourceUnitLimitExceeded');
  expect((await graph('GET', 'applications', { as: 'owner' })).status).toBe(200);
  await settings({ clockOffsetSeconds: 211 });
  expect((await graph('GET', 'applications')).status).toBe(200);
});

test('client secrets: a policy, too many of them, and writes that meet', async () => {
  const { settings } = lab();
  const { id } = await createdApplication();
  const add = () => graph('POST', `applications/${id}/addPassword`, { body: {} });
  await settings({ policies: [{ kind: 'passwordAddition' }] });
  expect(await add()).toMatchObject({ status: 400, code: 'CredentialTypeNotAllowedAsPerAppPolicy' });
  await settings({ policies: [] });
  expect((await add()).status).toBe(200);
  await settings({ graphConvergenceSeconds: 100 });
  expect(await add()).toMatchObject({ status: 409, code: 'Directory_ConcurrencyViolation' });
  await settings({ clockOffsetSeconds: 101 });
  expect((await add()).status).toBe(200);
  await settings({ graphConvergenceSeconds: 0 });
  expect(await add()).toMatchObject({ status: 400, code: 'TooManyAppPasswords' });
  await graph('PATCH', `applications/${id}`, { body: { signInAudience: 'AzureADMyOrg' } });
  expect((await add()).status).toBe(200);
});

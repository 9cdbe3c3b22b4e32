import { expect, test } from 'vitest';
import { graphScope } from './client.ts';
import type { PrincipalName } from './seed.ts';
import { at, fixture, textAt } from './testing.ts';

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

test('a token of Resource Manager, or none', async () => {
  const { azure, client } = lab();
  const { clientId, clientSecret } = azure.principals.owner;
  const token = await client.token(clientId, clientSecret);
  const url = `${azure.graph}/v1.0/applications`;
  expect(await client.send('GET', url, { token })).toMatchObject({ status: 401, code: 'InvalidAuthenticationToken' });
  expect(await client.send('GET', url)).toMatchObject({ status: 401, code: 'InvalidAuthenticationToken' });
});

test('application permissions', async () => {
  const { azure } = lab();
  expect(await graph('GET', 'applications', { as: 'reader' })).toMatchObject({
    status: 403,
    code: 'Authorization_RequestDenied',
  });
  const foreign = `applications(appId='${azure.principals.owner.clientId}')`;
  expect((await graph('GET', foreign)).status).toBe(200);
  expect(await graph('POST', `${foreign}/addPassword`, { body: {} })).toMatchObject({
    code: 'Authorization_RequestDenied',
  });
  expect((await graph('POST', `${foreign}/addPassword`, { as: 'owner', body: {} })).status).toBe(200);
});

test('an application of its own, its principal and its passwords', async () => {
  const { azure, client } = lab();
  const created = await graph('POST', 'applications', {
    body: { displayName: 'mine', web: { homePageUrl: 'https://a' } },
  });
  expect(created.status).toBe(201);
  const id = textAt(created.body, 'id');
  const appId = textAt(created.body, 'appId');
  expect(created.headers.get('location')).toContain(id);
  const principal = await graph('POST', 'servicePrincipals', { body: { appId } });
  expect(principal.status).toBe(201);
  expect((await graph('POST', 'servicePrincipals', { body: { appId } })).status).toBe(409);

  const passwordCredential = { displayName: 'first', endDateTime: '2099-01-01T00:00:00Z' };
  const added = await graph('POST', `applications/${id}/addPassword`, { body: { passwordCredential } });
  expect(added).toMatchObject({ status: 200, body: { displayName: 'first', endDateTime: '2099-01-01T00:00:00Z' } });
  expect(added.headers.get('location')).not.toBeNull();
  const secret = textAt(added.body, 'secretText');
  expect(textAt(added.body, 'hint')).toBe(secret.slice(0, 3));
  const read = await graph('GET', `applications/${id}?$select=id,passwordCredentials`);
  expect(Object.keys(Object(read.body)).toSorted()).toEqual(['@odata.context', 'id', 'passwordCredentials']);
  expect(at(read.body, 'passwordCredentials')).toMatchObject([{ displayName: 'first', secretText: null }]);
  expect((await client.signIn({ client_id: appId, client_secret: secret })).status).toBe(200);
  const keyId = textAt(added.body, 'keyId');
  expect((await graph('POST', `applications/${id}/removePassword`, { body: { keyId } })).status).toBe(204);
  expect((await graph('POST', `applications/${id}/removePassword`, { body: { keyId } })).status).toBe(400);
  expect((await client.signIn({ client_id: appId, client_secret: secret })).status).toBe(401);

  expect((await graph('PATCH', `applications/${id}`, { body: { web: { logoutUrl: 'https://b' } } })).status).toBe(204);
  const web = at((await graph('GET', `applications/${id}`)).body, 'web');
  expect(web).toMatchObject({ homePageUrl: 'https://a', logoutUrl: 'https://b' });
  expect(await graph('PATCH', `applications/${id}`, { body: { colour: 'red' } })).toMatchObject({
    status: 400,
    code: 'Request_BadRequest',
  });

  const byId = await graph('POST', 'directoryObjects/getByIds', { body: { ids: [textAt(principal.body, 'id'), id] } });
  expect(at(byId.body, 'value')).toMatchObject([
    { '@odata.type': '#microsoft.graph.servicePrincipal' },
    { '@odata.type': '#microsoft.graph.application' },
  ]);

  expect((await graph('DELETE', `applications/${id}`)).status).toBe(204);
  expect(await graph('GET', `applications/${id}`)).toMatchObject({ status: 404, code: 'Request_ResourceNotFound' });
  expect(await graph('GET', `servicePrincipals(appId='${appId}')`)).toMatchObject({ status: 404 });
  expect((await graph('GET', `directory/deletedItems/${id}`)).status).toBe(200);
  expect((await graph('DELETE', `directory/deletedItems/${id}`)).status).toBe(204);
  expect((await graph('DELETE', `directory/deletedItems/${id}`)).status).toBe(404);
  expect(azure.state.counters.applications).toEqual({ created: 1, deleted: 1 });
});

test.each([
  [`appId eq 'CONTROLLER'`, ['controller']],
  [`displayName eq 'Owner'`, ['owner']],
  [`startswith(displayName,'re')`, ['reader']],
  [`startswith(displayName,'o') and appId eq 'CONTROLLER'`, []],
  [`servicePrincipalNames/any(c:c eq 'CONTROLLER')`, ['controller']],
])('$filter=%s', async (filter, names) => {
  const { azure } = lab();
  const asked = filter.replaceAll('CONTROLLER', azure.principals.controller.clientId);
  const answer = await graph('GET', `servicePrincipals?$filter=${encodeURIComponent(asked)}`);
  const value = at(answer.body, 'value');
  expect(Array.isArray(value) ? value.map((item) => at(item, 'displayName')) : answer.body).toEqual(names);
});

test('a filter nobody knows, and pages', async () => {
  expect(await graph('GET', `applications?$filter=${encodeURIComponent("endswith(displayName,'x')")}`)).toMatchObject({
    status: 400,
    code: 'Request_UnsupportedQuery',
  });
  const { client, azure } = lab();
  const first = await graph('GET', 'applications?$top=2');
  expect(at(first.body, 'value')).toHaveLength(2);
  const { clientId, clientSecret } = azure.principals.owner;
  const token = await client.token(clientId, clientSecret, graphScope);
  const second = await client.send('GET', textAt(first.body, '@odata.nextLink'), { token });
  expect(at(second.body, 'value')).toHaveLength(1);
  expect(at(second.body, '@odata.nextLink')).toBeUndefined();
});

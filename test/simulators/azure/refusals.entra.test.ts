import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { SignJWT } from 'jose';
import { expect, test } from 'vitest';
import { graphScope } from './client.ts';
import { at, certificateBase64, fixture, textAt } from './testing.ts';

// Credentials that are old, gone or somewhere else, and the clock. Wrong ones are in login.test.ts.

const lab = fixture();
const codes = (answer: { body: unknown }) => at(answer.body, 'error_codes');

async function owned() {
  const { azure, client } = lab();
  const { clientId, clientSecret } = azure.principals.owner;
  const token = await client.token(clientId, clientSecret, graphScope);
  const graph = (method: string, path: string, body?: unknown) =>
    client.send(method, `${azure.graph}/v1.0/${path}`, { token, ...(body === undefined ? {} : { body }) });
  const application = await graph('POST', 'applications', { displayName: 'mine' });
  const [id, appId] = [textAt(application.body, 'id'), textAt(application.body, 'appId')];
  const principal = await graph('POST', 'servicePrincipals', { appId });
  return { graph, id, appId, principalId: textAt(principal.body, 'id') };
}

const addPassword = async (graph: Awaited<ReturnType<typeof owned>>['graph'], id: string, endDateTime: string) => {
  const added = await graph('POST', `applications/${id}/addPassword`, { passwordCredential: { endDateTime } });
  return { secret: textAt(added.body, 'secretText'), keyId: textAt(added.body, 'keyId') };
};

test('a secret that has expired, and one that was revoked', async () => {
  const { client, settings } = lab();
  const { graph, id, appId } = await owned();
  const inTen = new Date(Date.now() + 600_000).toISOString();
  const expiring = await addPassword(graph, id, inTen);
  const revoked = await addPassword(graph, id, '2099-01-01T00:00:00Z');
  expect((await client.signIn({ client_id: appId, client_secret: expiring.secret })).status).toBe(200);
  expect((await graph('POST', `applications/${id}/removePassword`, { keyId: revoked.keyId })).status).toBe(204);
  await settings({ clockOffsetSeconds: 601 });
  const expired = await client.signIn({ client_id: appId, client_secret: expiring.secret });
  expect(expired).toMatchObject({ status: 401, code: 'invalid_client' });
  expect(codes(expired)).toEqual([7000222]);
  expect(textAt(expired.body, 'error_description')).toContain(`client secret keys for app '${appId}' are expired`);
  expect(codes(await client.signIn({ client_id: appId, client_secret: revoked.secret }))).toEqual([7000215]);
});

test('an application that was deleted, restored, disabled, or has no service principal', async () => {
  const { client, azure } = lab();
  const { graph, id, appId, principalId } = await owned();
  const { secret } = await addPassword(graph, id, '2099-01-01T00:00:00Z');
  const signIn = () => client.signIn({ client_id: appId, client_secret: secret });
  expect((await graph('PATCH', `servicePrincipals/${principalId}`, { accountEnabled: false })).status).toBe(204);
  expect(codes(await signIn())).toEqual([7000112]);
  expect((await graph('PATCH', `servicePrincipals/${principalId}`, { accountEnabled: true })).status).toBe(204);
  expect((await graph('DELETE', `applications/${id}`)).status).toBe(204);
  expect(codes(await signIn())).toEqual([700016]);
  expect((await graph('POST', `directory/deletedItems/${id}/restore`)).status).toBe(200);
  expect(codes(await signIn())).toEqual([7000229]);
  expect((await graph('POST', `directory/deletedItems/${principalId}/restore`)).status).toBe(200);
  expect((await signIn()).status).toBe(200);
  expect(azure.state.deletedItems).toEqual({});
});

async function assertion(change: { validFor?: string; audience?: string }) {
  const { azure } = lab();
  const { clientId, certificateFile, privateKeyFile } = azure.principals.controller;
  const certificate = new X509Certificate(await readFile(certificateFile));
  const x5t = createHash('sha1').update(certificate.raw).digest('base64url');
  return new SignJWT({})
    .setProtectedHeader({ alg: 'RS256', typ: 'JWT', x5t })
    .setIssuer(clientId)
    .setSubject(clientId)
    .setAudience(change.audience ?? `${azure.login}/${azure.tenantId}/oauth2/v2.0/token`)
    .setNotBefore('0s')
    .setExpirationTime(change.validFor ?? '10m')
    .sign(createPrivateKey(await readFile(privateKeyFile)));
}

const signInWith = async (client_assertion: string) =>
  lab().client.signIn({
    client_id: lab().azure.principals.controller.clientId,
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion,
  });

test('a certificate that has expired, and one that was removed', async () => {
  const { azure, settings } = lab();
  const { clientId } = azure.principals.controller;
  const application = Object.values(azure.state.applications).find(({ appId }) => appId === clientId);
  const [credential] = application?.keyCredentials ?? [];
  if (application === undefined || credential === undefined) throw new Error('the controller has no certificate');
  await settings({ clockOffsetSeconds: 60 });
  const end = credential.endDateTime;
  credential.endDateTime = new Date(Date.now() + 30_000).toISOString();
  const expired = await signInWith(await assertion({}));
  expect(expired.status).toBe(401);
  expect(textAt(expired.body, 'error_description')).toMatch(/^AADSTS700027: .*The key used is expired\./);
  credential.endDateTime = end;
  application.keyCredentials = [];
  const removed = await signInWith(await assertion({}));
  expect(textAt(removed.body, 'error_description')).toMatch(/^AADSTS700027: .*The key was not found\./);
  application.keyCredentials = [credential];
  expect((await signInWith(await assertion({}))).status).toBe(200);
});

test('an assertion outside its time, or for another endpoint', async () => {
  const { settings, azure } = lab();
  const early = await assertion({});
  await settings({ clockOffsetSeconds: -3600 });
  const refused = await signInWith(early);
  expect(codes(refused)).toEqual([700024]);
  expect(textAt(refused.body, 'error_description')).toMatch(
    /Current time: \d{4}-\S+Z, assertion valid from \d{4}-\S+Z, expiry time of assertion \d{4}-\S+Z\./,
  );
  await settings({ clockOffsetSeconds: 0 });
  const elsewhere = await assertion({ audience: `${azure.login}/other/oauth2/v2.0/token` });
  expect(codes(await signInWith(elsewhere))).toEqual([50013]);
  expect((await signInWith(early)).status).toBe(200);
});

test.each([
  ['no scope', '', 900144],
  ['a scope without /.default', 'https://management.azure.com/user_impersonation', 1002012],
  ['a resource nobody knows', 'https://example.com/.default', 500011],
  ['another cloud’s resource', 'https://management.chinacloudapi.cn/.default', 900382],
])('%s', async (_, scope, code) => {
  const { client, azure, settings } = lab();
  await settings({ cloud: 'AzureCloud' });
  const { clientId, clientSecret } = azure.principals.reader;
  const answer = await client.signIn({ client_id: clientId, client_secret: clientSecret, scope });
  expect(answer.status).toBe(400);
  expect(codes(answer)).toEqual([code]);
  expect((await client.signIn({ client_id: clientId, client_secret: clientSecret })).status).toBe(200);
});

test('a tenant that exists and is not ours', async () => {
  const { client, azure, settings } = lab();
  const other = '33333333-0000-4000-8000-000000000003';
  const { clientId, clientSecret } = azure.principals.reader;
  const signIn = () =>
    client.send('POST', `${azure.login}/${other}/oauth2/v2.0/token`, {
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: clientId,
        client_secret: clientSecret,
        scope: graphScope,
      }).toString(),
    });
  expect(codes(await signIn())).toEqual([90002]);
  await settings({ otherTenants: [other] });
  const refused = await signIn();
  expect(refused).toMatchObject({ status: 400, code: 'unauthorized_client' });
  expect(codes(refused)).toEqual([700016]);
  expect(textAt(refused.body, 'error_description')).toContain(`was not found in the directory '${other}'`);
});

test('tokens live by Azure’s clock', async () => {
  const { client, azure, settings } = lab();
  const { clientId, clientSecret } = azure.principals.reader;
  await settings({ clockOffsetSeconds: 7200, tokenLifetimeSeconds: 600 });
  const token = await client.token(clientId, clientSecret);
  const read = () => client.send('GET', `${azure.resourceManager}/subscriptions?api-version=2022-12-01`, { token });
  const fine = await read();
  expect(fine.status).toBe(200);
  const ahead = Date.parse(fine.headers.get('date') ?? '') - Date.now();
  expect(Math.round(ahead / 60_000)).toBe(120);
  await settings({ clockOffsetSeconds: 7900 });
  expect(await read()).toMatchObject({ status: 401, code: 'ExpiredAuthenticationToken' });
  await settings({ clockOffsetSeconds: 6000 });
  expect(await read()).toMatchObject({ status: 401, code: 'InvalidAuthenticationToken' });
});

test('the policy on lifetimes refuses passwords and certificates that live too long', async () => {
  const { settings, azure, arm, givenGroup, givenCluster, finished } = lab();
  const { graph, id } = await owned();
  const day = 24 * 3600;
  await settings({
    policies: [
      { kind: 'passwordLifetime', maximumSeconds: 180 * day },
      { kind: 'keyLifetime', maximumSeconds: 90 * day },
    ],
  });
  const password = (days: number) =>
    graph('POST', `applications/${id}/addPassword`, {
      passwordCredential: { endDateTime: new Date(Date.now() + days * day * 1000).toISOString() },
    });
  const refused = await password(365);
  expect(refused).toMatchObject({ status: 400, code: 'CredentialInvalidLifetimeAsPerAppPolicy' });
  expect(textAt(refused.body, 'error', 'message')).toMatch(
    /^Credential lifetime exceeds the max value allowed as per assigned policy '/,
  );
  expect((await password(90)).status).toBe(200);
  const key = await certificateBase64(azure.principals.owner.certificateFile);
  const keyCredentials = [{ type: 'AsymmetricX509Cert', usage: 'Verify', key }];
  expect(await graph('PATCH', `applications/${id}`, { keyCredentials })).toMatchObject({
    status: 400,
    code: 'CredentialInvalidLifetimeAsPerAppPolicy',
  });

  const cluster = await givenCluster(await givenGroup('lifetime-rg'), 'hci001');
  const arc = `${cluster}/arcSettings/default`;
  expect((await arm('PUT', arc, { body: {} })).status).toBe(200);
  await finished(await arm('POST', `${arc}/createArcIdentity`));
  const generate = () => arm('POST', `${arc}/generatePassword`);
  expect(await generate()).toMatchObject({ status: 400, code: 'CredentialInvalidLifetimeAsPerAppPolicy' });
  await settings({ policies: [] });
  expect((await generate()).status).toBe(200);
});

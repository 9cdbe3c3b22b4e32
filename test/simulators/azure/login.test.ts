import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { describe, expect, test } from 'vitest';
import { graphScope, resourceManagerScope } from './client.ts';
import { at, fixture, textAt } from './testing.ts';

const issuer = 'https://kubernetes.example.com';
const subject = 'system:serviceaccount:edge:hci-edge';
const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const serviceAccountKeys = await generateKeyPair('RS256');
const lab = fixture({
  serviceAccountIssuer: {
    issuer,
    jwks: { keys: [{ ...(await exportJWK(serviceAccountKeys.publicKey)), kid: 'sa', alg: 'RS256' }] },
    subjects: [subject],
  },
});

const codes = (body: unknown) => at(body, 'error_codes');

describe('discovery', () => {
  test('OpenID configuration, keys and instances', async () => {
    const { azure, client } = lab();
    const answer = await client.send('GET', `${azure.login}/${azure.tenantId}/v2.0/.well-known/openid-configuration`);
    expect(at(answer.body, 'token_endpoint')).toBe(`${azure.login}/${azure.tenantId}/oauth2/v2.0/token`);
    const keys = await client.send('GET', textAt(answer.body, 'jwks_uri'));
    expect(at(keys.body, 'keys')).toMatchObject([{ kty: 'RSA', use: 'sig' }]);
    const instance = await client.send('GET', `${azure.login}/common/discovery/instance?api-version=1.1`);
    expect(at(instance.body, 'metadata')).toHaveLength(1);
  });
  test('an unknown tenant', async () => {
    const { azure, client } = lab();
    const answer = await client.send('POST', `${azure.login}/contoso.com/oauth2/v2.0/token`, { body: {} });
    expect(answer).toMatchObject({ status: 400, code: 'invalid_tenant' });
    expect(codes(answer.body)).toEqual([90002]);
  });
});

describe('secrets', () => {
  test('who is refused and how', async () => {
    const { azure, client } = lab();
    const { clientId, clientSecret } = azure.principals.reader;
    const wrong = await client.signIn({ client_id: clientId, client_secret: 'wrong' });
    expect(wrong).toMatchObject({ status: 401, code: 'invalid_client' });
    expect(textAt(wrong.body, 'error_description')).toMatch(/^AADSTS7000215: Invalid client secret provided/);
    const unknown = await client.signIn({ client_id: azure.tenantId, client_secret: clientSecret });
    expect(unknown).toMatchObject({ status: 400, code: 'unauthorized_client' });
    expect(codes(unknown.body)).toEqual([700016]);
    const scope = await client.signIn({
      client_id: clientId,
      client_secret: clientSecret,
      scope: 'https://x/.default',
    });
    expect(codes(scope.body)).toEqual([500011]);
  });
  test('a double slash before .default is the same scope', async () => {
    const { azure, client } = lab();
    const { clientId, clientSecret } = azure.principals.reader;
    const scope = 'https://management.azure.com//.default';
    const token = await client.token(clientId, clientSecret, scope);
    const answer = await client.send('GET', `${azure.resourceManager}/subscriptions?api-version=2022-12-01`, { token });
    expect(answer.status).toBe(200);
    expect(at(answer.body, 'count')).toEqual({ type: 'Total', value: 1 });
  });
  test('a new secret is not known at once', async () => {
    const { azure, client, settings } = lab();
    await settings({ secretPropagationSeconds: 50 });
    const owner = azure.principals.owner;
    const token = await client.token(owner.clientId, owner.clientSecret, graphScope);
    const made = await client.send('POST', `${azure.graph}/v1.0/applications(appId='${owner.clientId}')/addPassword`, {
      token,
    });
    const secret = textAt(made.body, 'secretText');
    const signIn = async () => client.signIn({ client_id: owner.clientId, client_secret: secret });
    expect(codes((await signIn()).body)).toEqual([7000215]);
    await settings({ clockOffsetSeconds: 51 });
    expect((await signIn()).status).toBe(200);
  });
});

async function signInByCertificate(change: { header?: object; audience?: string; padded?: boolean; as?: 'owner' }) {
  const { azure, client } = lab();
  const { clientId } = azure.principals.controller;
  const files = azure.principals[change.as ?? 'controller'];
  const certificate = new X509Certificate(await readFile(files.certificateFile));
  const thumbprint = createHash('sha1').update(certificate.raw).digest('base64url');
  const x5t = change.padded === true ? `${thumbprint}=` : thumbprint;
  const assertion = await new SignJWT({})
    .setProtectedHeader({ alg: 'RS256', typ: 'JWT', x5t, ...change.header })
    .setIssuer(clientId)
    .setSubject(clientId)
    .setAudience(change.audience ?? `${azure.login}/${azure.tenantId}/oauth2/v2.0/token`)
    .setNotBefore('0s')
    .setExpirationTime('10m')
    .sign(createPrivateKey(await readFile(files.privateKeyFile)));
  return client.signIn({ client_id: clientId, client_assertion_type: assertionType, client_assertion: assertion });
}

describe('certificates', () => {
  test('a registered one, with and without padding of its thumbprint', async () => {
    expect((await signInByCertificate({})).status).toBe(200);
    expect((await signInByCertificate({ padded: true })).status).toBe(200);
  });
  test('one of somebody else, one that only claims to be registered, another audience, another time', async () => {
    const { azure, settings } = lab();
    const foreign = await signInByCertificate({ as: 'owner' });
    expect(foreign.status).toBe(401);
    expect(codes(foreign.body)).toEqual([700027]);
    const own = new X509Certificate(await readFile(azure.principals.controller.certificateFile));
    const x5t = createHash('sha1').update(own.raw).digest('base64url');
    expect(codes((await signInByCertificate({ as: 'owner', header: { x5t } })).body)).toEqual([700027]);
    expect((await signInByCertificate({ audience: 'https://example.com' })).status).toBe(401);
    await settings({ clockOffsetSeconds: 3600 });
    expect(codes((await signInByCertificate({})).body)).toEqual([700024]);
  });
});

async function signInFederated(change: {
  issuer?: string;
  subject?: string;
  audience?: string;
  key?: CryptoKey;
  as?: 'owner';
}) {
  const { azure, client } = lab();
  const assertion = await new SignJWT({})
    .setProtectedHeader({ alg: 'RS256', kid: 'sa' })
    .setIssuer(change.issuer ?? issuer)
    .setSubject(change.subject ?? subject)
    .setAudience(change.audience ?? 'api://AzureADTokenExchange')
    .setIssuedAt()
    .setExpirationTime('10m')
    .sign(change.key ?? serviceAccountKeys.privateKey);
  const { clientId } = azure.principals[change.as ?? 'controller'];
  return client.signIn({
    client_id: clientId,
    client_assertion_type: assertionType,
    client_assertion: assertion,
    scope: resourceManagerScope,
  });
}

const codesOf = async (change: Parameters<typeof signInFederated>[0]) => codes((await signInFederated(change)).body);

describe('federated credentials', () => {
  test('a known issuer, subject and audience', async () => {
    expect((await signInFederated({})).status).toBe(200);
  });
  test('anything else', async () => {
    expect(await codesOf({ issuer: 'https://other.example.com' })).toEqual([700211]);
    expect(await codesOf({ subject: 'system:serviceaccount:edge:other' })).toEqual([700213]);
    expect(await codesOf({ audience: 'api://other' })).toEqual([700212]);
    expect(await codesOf({ as: 'owner' })).toEqual([700211]);
    expect(await codesOf({ key: (await generateKeyPair('RS256')).privateKey })).toEqual([50013]);
  });
  test('a subject that is added to the state', async () => {
    const { azure, admin } = lab();
    const added = 'system:serviceaccount:other:hci';
    const { clientId } = azure.principals.controller;
    const application = Object.values(azure.state.applications).find(({ appId }) => appId === clientId);
    const credential = { issuer, subject: added, audiences: ['api://AzureADTokenExchange'] };
    await admin('PATCH', '/state', {
      applications: { [application?.id ?? '']: { federatedIdentityCredentials: { added: credential } } },
    });
    expect((await signInFederated({ subject: added })).status).toBe(200);
  });
});

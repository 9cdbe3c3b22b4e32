import { readFile } from 'node:fs/promises';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { describe, expect, test } from 'vitest';
import { fixture } from '../../test/simulators/azure/testing.ts';
import { federatedTokenAudience, type SignIn } from './credentials.ts';
import { toAzureError } from './errors.ts';
import { controllerSecret, credentialFor, endpointsOf } from './testing/clients.ts';

const issuer = 'https://kubernetes.example.com';
const subject = 'system:serviceaccount:edge:hci-edge';
const keys = await generateKeyPair('RS256');
const lab = fixture({
  serviceAccountIssuer: {
    issuer,
    jwks: { keys: [{ ...(await exportJWK(keys.publicKey)), kid: 'sa', alg: 'RS256' }] },
    subjects: [subject],
  },
});

async function signIn(how: SignIn, tenantId?: string): Promise<string> {
  const { azure } = lab();
  const token = await credentialFor(azure, how, tenantId).getToken(endpointsOf(azure).resourceManagerScope);
  return token?.token ?? '';
}
const refused = async (how: SignIn, tenantId?: string) =>
  toAzureError(
    await signIn(how, tenantId).then(
      () => new Error('it signed in'),
      (error: unknown) => error,
    ),
  );

async function certificate(of: 'controller' | 'owner', keyOf = of): Promise<SignIn> {
  const { principals } = lab().azure;
  const text = await Promise.all([
    readFile(principals[of].certificateFile, 'utf8'),
    readFile(principals[keyOf].privateKeyFile, 'utf8'),
  ]);
  return { type: 'ClientCertificate', clientId: principals.controller.clientId, pem: text.join('\n') };
}

const federated = (changes: { subject?: string; audience?: string } = {}): SignIn => ({
  type: 'WorkloadIdentity',
  clientId: lab().azure.principals.controller.clientId,
  getAssertion: () =>
    new SignJWT({})
      .setProtectedHeader({ alg: 'RS256', kid: 'sa' })
      .setIssuer(issuer)
      .setSubject(changes.subject ?? subject)
      .setAudience(changes.audience ?? federatedTokenAudience)
      .setIssuedAt()
      .setExpirationTime('10m')
      .sign(keys.privateKey),
});

describe('a token is obtained', () => {
  test.each<[string, () => SignIn | Promise<SignIn>]>([
    ['with a client secret', () => controllerSecret(lab().azure)],
    ['with a certificate', () => certificate('controller')],
    ['with a federated token', () => federated()],
  ])('%s', async (_, how) => {
    expect((await signIn(await how())).split('.')).toHaveLength(3);
  });
});

describe('a sign-in is refused with the code of Microsoft Entra', () => {
  test('for a wrong secret, of which nothing is told', async () => {
    const { clientId } = lab().azure.principals.controller;
    const error = await refused({ type: 'ClientSecret', clientId, clientSecret: 'a-wrong-secret' });
    expect(error).toMatchObject({ code: 'AADSTS7000215', errorClass: 'RetrySlowly', outcomeUnknown: false });
    expect(error.message).not.toContain('a-wrong-secret');
  });
  test('for an expired secret', async () => {
    const { azure, settings } = lab();
    await settings({ clockOffsetSeconds: 100 * 365 * 86_400 });
    expect(await refused(controllerSecret(azure))).toMatchObject({ code: 'AADSTS7000222' });
  });
  test('for an unknown application', async () => {
    const { azure } = lab();
    const unknown: SignIn = { type: 'ClientSecret', clientId: azure.subscriptionId, clientSecret: 'x' };
    expect(await refused(unknown)).toMatchObject({ code: 'AADSTS700016' });
  });
  test('for the certificate of another', async () => {
    expect(await refused(await certificate('owner'))).toMatchObject({ code: 'AADSTS700027' });
  });
  test('for the token of another ServiceAccount, or one for another audience', async () => {
    expect(await refused(federated({ subject: 'system:serviceaccount:other:hci' }))).toMatchObject({
      code: 'AADSTS700213',
    });
    expect(await refused(federated({ audience: 'https://kubernetes.default.svc' }))).toMatchObject({
      code: 'AADSTS700212',
    });
  });
  test('and once: nothing is retried', async () => {
    const { azure, admin } = lab();
    await admin('DELETE', '/log');
    await refused({ type: 'ClientSecret', clientId: azure.principals.reader.clientId, clientSecret: 'wrong' });
    expect(azure.log.filter(({ request }) => request.url.includes('/oauth2/'))).toHaveLength(1);
  });
});

test('of an unknown tenant it is said that it may not exist', async () => {
  const { azure } = lab();
  expect(await refused(controllerSecret(azure), azure.subscriptionId)).toMatchObject({
    code: 'NoAnswer',
    message: expect.stringContaining('the endpoints of this tenant: it does not exist there, or there is no answer'),
  });
});

test('a fault of Microsoft Entra is no refusal, and is not retried either', async () => {
  const { azure, admin } = lab();
  await admin('DELETE', '/log');
  await admin('PUT', '/faults', [
    { path: '/oauth2/', host: 'login', effect: { respond: { status: 503, body: 'busy' } } },
  ]);
  try {
    expect(await refused(controllerSecret(azure))).toMatchObject({ code: 'NoAnswer', errorClass: 'RetrySoon' });
    expect(azure.log.filter(({ request }) => request.url.includes('/oauth2/'))).toHaveLength(1);
  } finally {
    await admin('PUT', '/faults', []);
  }
});

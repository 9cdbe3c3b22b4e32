import { readFile } from 'node:fs/promises';
import { decodeJwt, exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { fixture } from '../../test/simulators/azure/testing.ts';
import { federatedTokenAudience, type SignIn } from './credentials.ts';
import { toAzureError } from './errors.ts';
import { obtainToken } from './sign-in.ts';
import { authorityOf, controllerSecret, credentialFor, endpointsOf } from './testing/clients.ts';

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

describe('an unknown tenant', () => {
  const { signal } = new AbortController();
  const obtained = (tenantId: string) => {
    const { azure } = lab();
    const credential = credentialFor(azure, controllerSecret(azure), tenantId);
    return obtainToken(credential, authorityOf(azure, tenantId), signal).then(
      () => undefined,
      (error: unknown) => error,
    );
  };
  test('is told from a silent one by asking for its endpoints once more', async () => {
    const { azure } = lab();
    expect(await obtained(azure.tenantId)).toBeUndefined();
    expect(await obtained(azure.subscriptionId)).toMatchObject({
      code: 'AADSTS90002',
      message: expect.stringContaining(`Tenant '${azure.subscriptionId}' not found.`),
    });
  });
  test.each([
    ['is silent', { dropRequest: true }],
    ['fails', { respond: { status: 503, body: 'busy' } }],
    ['answers a page of its own', { respond: { status: 404, body: '<html>proxy</html>' } }],
  ])('where Microsoft Entra %s nothing is said of the tenant', async (_, effect) => {
    const { azure, admin } = lab();
    await admin('PUT', '/faults', [{ path: 'openid-configuration', host: 'login', effect }]);
    try {
      expect(await obtained(azure.tenantId)).toMatchObject({ code: 'EndpointsNotResolved', errorClass: 'RetrySoon' });
    } finally {
      await admin('PUT', '/faults', []);
    }
  });
});

test('an endpoint that hangs holds nobody who has given up', async () => {
  const { azure, admin } = lab();
  await admin('PUT', '/faults', [{ path: '/oauth2/', host: 'login', effect: { hang: true } }]);
  try {
    const stop = new AbortController();
    const credential = credentialFor(azure, controllerSecret(azure));
    const obtained = obtainToken(credential, authorityOf(azure), stop.signal);
    await expect.poll(() => azure.log.at(-1)?.request.url).toMatch(/oauth2/);
    stop.abort(new Error('given up'));
    await expect(obtained).rejects.toThrow('given up');
  } finally {
    await admin('PUT', '/faults', []);
  }
});

describe('a managed identity', () => {
  beforeEach(() => {
    vi.stubEnv('AZURE_POD_IDENTITY_AUTHORITY_HOST', lab().azure.instanceMetadata);
  });
  afterEach(() => vi.unstubAllEnvs());

  test('signs in with what the host has, by its client id or without', async () => {
    const { managedIdentity } = lab().azure;
    for (const clientId of [undefined, managedIdentity.clientId]) {
      expect(decodeJwt(await signIn({ type: 'ManagedIdentity', clientId }))).toMatchObject({
        appid: managedIdentity.clientId,
        aud: 'https://management.azure.com',
      });
    }
  });
  test('that the host does not have is refused, with what its service says', async () => {
    const clientId = lab().azure.principals.controller.clientId;
    expect(await refused({ type: 'ManagedIdentity', clientId })).toMatchObject({
      code: 'ManagedIdentityRefused',
      errorClass: 'RetrySlowly',
      message: "The identity service of the controller's host refused the sign-in: Identity not found",
    });
  });
  test('a service that fails or is not there is no refusal', async () => {
    const { admin } = lab();
    const clientId = '11111111-1111-4111-8111-111111111111';
    for (const effect of [{ respond: { status: 500, body: { error: 'unknown' } } }, { dropRequest: true }]) {
      await admin('PUT', '/faults', [{ path: '/metadata/', host: 'instanceMetadata', effect }]);
      const error = await refused({ type: 'ManagedIdentity', clientId });
      await admin('PUT', '/faults', []);
      expect(error).toMatchObject({ code: 'NoAnswer', errorClass: 'RetrySoon' });
    }
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

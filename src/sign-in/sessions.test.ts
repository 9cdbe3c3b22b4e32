import { readFile } from 'node:fs/promises';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { fixture } from '../../test/simulators/azure/testing.ts';
import type { RegistrationSpec } from '../api/spec.ts';
import { readConfiguration, type Configuration } from '../configuration.ts';
import type { KubeClient } from '../kube/client.ts';
import { secrets } from '../kube/core.ts';
import { KubeError } from '../kube/kube-error.ts';
import { get } from '../kube/resource.ts';
import { describeFailure } from '../registration/failures.ts';
import { createSessions, type Session, type Sessions } from './sessions.ts';
import { buildRegistration, buildSpec } from '../registration/testing/builders.ts';

const issuer = 'https://kubernetes.example.com';
const keys = await generateKeyPair('RS256');
const otherTenant = '77777777-7777-4777-8777-777777777777';
const lab = fixture({
  serviceAccountIssuer: {
    issuer,
    jwks: { keys: [{ ...(await exportJWK(keys.publicKey)), kid: 'sa', alg: 'RS256' }] },
    subjects: ['system:serviceaccount:edge:hci-edge'],
  },
  settings: { otherTenants: [otherTenant] },
});
const { signal } = new AbortController();
afterEach(() => vi.unstubAllEnvs());

type Contents = Record<string, Record<string, string>>;
type Identity = RegistrationSpec['azure']['identity'];

/** An API server with these Secrets, and one ServiceAccount: hci-edge. */
function createKube(contents: Contents): KubeClient {
  return {
    async request({ path, body }) {
      const [kind = '', name = '', sub] = path.split('/namespaces/edge/')[1]?.split('/') ?? [];
      if (kind === 'serviceaccounts' && sub === 'token' && name === 'hci-edge') {
        expect(body).toMatchObject({ spec: { audiences: ['api://AzureADTokenExchange'] } });
        const token = await new SignJWT({})
          .setProtectedHeader({ alg: 'RS256', kid: 'sa' })
          .setIssuer(issuer)
          .setSubject(`system:serviceaccount:edge:${name}`)
          .setAudience('api://AzureADTokenExchange')
          .setIssuedAt()
          .setExpirationTime('10m')
          .sign(keys.privateKey);
        return { status: { token, expirationTimestamp: new Date(Date.now() + 600_000).toISOString() } };
      }
      const content = kind === 'secrets' ? contents[name] : undefined;
      if (content === undefined)
        throw new KubeError({
          status: 404,
          reason: 'NotFound',
          message: `${kind} "${name}" not found`,
          retryable: false,
        });
      return {
        metadata: { name, namespace: 'edge', uid: 'uid', resourceVersion: '1' },
        data: Object.fromEntries(
          Object.entries(content).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
        ),
      };
    },
    stream: () => Promise.reject(new Error('nothing is watched here')),
    close: async () => {},
  };
}

async function sessionsOver(contents: Contents, configured: Partial<Configuration> = {}): Promise<Sessions> {
  const { resourceManager, login, graph, caPem } = lab().azure;
  const configuration = {
    ...(await readConfiguration(undefined)),
    clouds: { AzureCloud: { resourceManager, login, graph } },
    ...configured,
  };
  const kube = createKube(contents);
  return createSessions({
    kube,
    secrets: { read: (name, abort) => get(kube, secrets, name, { signal: abort }) },
    configuration,
    certificateAuthorities: [caPem],
    userAgent: 'test',
    beforeWrite: () => {},
    onExchange: () => {},
  });
}

const registrationWith = (changes: Partial<RegistrationSpec['azure']>) => {
  const { tenantId, subscriptionId, principals } = lab().azure;
  const identity: Identity = {
    type: 'ClientSecret',
    clientSecret: { clientId: principals.controller.clientId, secretRef: { name: 'sign-in' } },
  };
  const azure = { ...buildSpec().azure, tenantId, subscriptionId, identity, ...changes };
  return buildRegistration({ spec: buildSpec({ azure }) });
};
const secretOf = (changes: Record<string, string> = {}): Contents => ({
  'sign-in': { clientSecret: lab().azure.principals.controller.clientSecret, ...changes },
});
const open = (sessions: Sessions, changes: Partial<RegistrationSpec['azure']> = {}): Promise<Session> =>
  sessions.open(registrationWith(changes), signal);
const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => describeFailure(error),
  );

describe('a session', () => {
  test('is shared by all that sign in the same way, and made anew when the Secret changes', async () => {
    const contents = secretOf();
    const sessions = await sessionsOver(contents);
    const first = await open(sessions);
    await first.checkSignIn(signal);
    expect(await open(sessions)).toBe(first);

    contents['sign-in'] = { clientSecret: 'another' };
    const second = await open(sessions);
    expect(second).not.toBe(first);
    expect(await failure(second.checkSignIn(signal))).toMatchObject({ reason: 'CredentialRejected' });

    contents['sign-in'] = secretOf({ expiresOn: '2030-01-01T00:00:00Z' })['sign-in'] ?? {};
    const third = await open(sessions);
    await third.checkSignIn(signal);
    expect(third.credentialValidity).toEqual({ notBefore: undefined, notAfter: new Date('2030-01-01T00:00:00Z') });
  });

  test('is of one tenant and one subscription: the same secret is tried in each by itself', async () => {
    const sessions = await sessionsOver(secretOf());
    const ours = await open(sessions);
    const theirs = await open(sessions, { tenantId: otherTenant });
    const nobodys = await open(sessions, { tenantId: lab().azure.subscriptionId });
    expect(new Set([ours, theirs, nobodys]).size).toBe(3);
    expect(await open(sessions, { subscriptionId: otherTenant })).not.toBe(ours);
    expect(await failure(theirs.checkSignIn(signal))).toMatchObject({
      reason: 'WrongTenant',
      message: expect.stringContaining('AADSTS700016'),
    });
    expect(await failure(nobodys.checkSignIn(signal))).toMatchObject({
      reason: 'WrongTenant',
      message: expect.stringContaining('AADSTS90002'),
    });
    await ours.checkSignIn(signal);
  });
});

describe('what the spec names', () => {
  test.each<[string, Contents, RegExp]>([
    ['no Secret', {}, /^Secret edge\/sign-in does not exist\.$/],
    ['a Secret without the key', { 'sign-in': { other: 'x' } }, /has no key clientSecret/],
    [
      'an expiry that is no time',
      { 'sign-in': { clientSecret: 'x', expiresOn: 'soon' } },
      /expiresOn is not an RFC 3339 time/,
    ],
  ])('%s', async (_, contents, message) => {
    const sessions = await sessionsOver(contents);
    expect(await failure(open(sessions))).toMatchObject({
      reason: 'SecretNotFound',
      message: expect.stringMatching(message),
    });
  });

  test('a certificate, whose own end is told', async () => {
    const { clientId, certificateFile, privateKeyFile } = lab().azure.principals.controller;
    const [certificate, key] = await Promise.all([readFile(certificateFile, 'utf8'), readFile(privateKeyFile, 'utf8')]);
    const contents: Contents = { 'sign-in': { 'tls.crt': certificate, 'tls.key': key } };
    const sessions = await sessionsOver(contents);
    const identity: Identity = {
      type: 'ClientCertificate',
      clientCertificate: { clientId, secretRef: { name: 'sign-in' } },
    };
    const session = await open(sessions, { identity });
    await session.checkSignIn(signal);
    expect(session.credentialValidity?.notAfter.getTime()).toBeGreaterThan(Date.now());
    contents['sign-in'] = { 'tls.crt': 'no certificate', 'tls.key': key };
    expect(await failure(open(sessions, { identity }))).toMatchObject({ reason: 'SecretNotFound' });
  });

  test('a ServiceAccount of the namespace, which may be missing', async () => {
    const { clientId } = lab().azure.principals.controller;
    const sessions = await sessionsOver({});
    const as = (serviceAccountName: string): Partial<RegistrationSpec['azure']> => ({
      identity: { type: 'WorkloadIdentity', workloadIdentity: { clientId, serviceAccountName } },
    });
    const session = await open(sessions, as('hci-edge'));
    await session.checkSignIn(signal);
    const missing = await open(sessions, as('nobody'));
    expect(missing).not.toBe(session);
    expect(await failure(missing.checkSignIn(signal))).toMatchObject({
      reason: 'SecretNotFound',
      message: 'ServiceAccount edge/nobody does not exist.',
    });
  });

  test("the controller's own identity, only where the configuration lists the namespace", async () => {
    vi.stubEnv('AZURE_POD_IDENTITY_AUTHORITY_HOST', lab().azure.instanceMetadata);
    const identity: Identity = { type: 'ManagedIdentity', managedIdentity: {} };
    expect(await failure(open(await sessionsOver({}), { identity }))).toMatchObject({ reason: 'NamespaceNotAllowed' });
    const session = await open(await sessionsOver({}, { managedIdentityNamespaces: ['edge'] }), { identity });
    await session.checkSignIn(signal);
  });
});

test('the clouds are those of the configuration', async () => {
  const sessions = await sessionsOver({}, { clouds: { AzureChinaCloud: { login: 'https://login.example.com/' } } });
  const endpoints = (cloud: RegistrationSpec['azure']['cloud']) => sessions.endpoints(registrationWith({ cloud }));
  expect(endpoints('AzureChinaCloud')).toMatchObject({
    login: 'https://login.example.com',
    resourceManager: 'https://management.chinacloudapi.cn',
  });
  expect(endpoints('AzureUSGovernment').login).toBe('https://login.microsoftonline.us');
});

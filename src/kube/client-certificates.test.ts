import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createCertificateAuthority, type KeyPair } from '../../test/controlplane/certificates.ts';
import { createKubeClient, type KubeClient } from './client.ts';
import { failure, ok } from './testing/client-lab.ts';
import { answerStatus, startFaultServer, type FaultServer } from './testing/fault-server.ts';

// As a kubelet or cert-manager replaces them: two files, one after the other.

const authority = await createCertificateAuthority('clients');
const strangers = await createCertificateAuthority('strangers');
const issue = (commonName: string, from = authority) => from.issueClient({ commonName });

let directory: string;
let server: FaultServer;
let client: KubeClient;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'client-certificates-'));
  server = await startFaultServer(
    (request, response) =>
      request.clientName === undefined ? answerStatus(response, 401, 'Unauthorized') : ok(request, response),
    authority.certificatePem,
  );
  const clientCertificate = { certificate: { file: file('crt') }, key: { file: file('key') } };
  client = createKubeClient(server.kubeConfig({ clientCertificate }), { userAgent: 'test', requestTimeoutMs: 10_000 });
});
afterEach(async () => {
  vi.useRealTimers();
  await client.close();
  await server.stop();
  await rm(directory, { recursive: true });
});

const file = (extension: 'crt' | 'key') => join(directory, `client.${extension}`);
const put = async ({ certificatePem, privateKeyPem }: KeyPair) => {
  await writeFile(file('crt'), certificatePem);
  await writeFile(file('key'), privateKeyPem);
};
const call = () => client.request({ method: 'GET', path: '/version' });
const names = () => server.requests.map(({ clientName }) => clientName);

it('signs in with certificates that were replaced, on a new connection', async () => {
  await put(await issue('first'));
  vi.useFakeTimers({ toFake: ['performance'] });
  await call();
  await put(await issue('second'));
  await call();
  vi.advanceTimersByTime(11_000);
  await call();
  await call();
  expect(names()).toEqual(['first', 'first', 'second', 'second']);
  expect(server.connections()).toBe(2);
});

it('reads certificates anew at once when the server refuses them', async () => {
  await put(await issue('stranger', strangers));
  expect(await failure(call())).toMatchObject({ status: 401, reason: 'Unauthorized' });
  await put(await issue('known'));
  await call();
  expect(names().slice(-1)).toEqual(['known']);
});

it('outlives a pair of which one half is replaced already', async () => {
  const [old, fresh] = [await issue('old'), await issue('fresh')];
  await put({ ...fresh, privateKeyPem: old.privateKeyPem });
  expect(await failure(call())).toMatchObject({ reason: 'ConnectionFailed', retryable: true });
  await writeFile(file('key'), fresh.privateKeyPem);
  await call();
  expect(names()).toEqual(['fresh']);
});

it('says in no error what a key is', async () => {
  const { certificatePem } = await issue('broken');
  await put({ certificatePem, privateKeyPem: '-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n' });
  const error = await failure(call());
  expect(error).toMatchObject({ reason: 'ConnectionFailed' });
  expect(JSON.stringify([error.message, String(error.cause)])).not.toContain('c2VjcmV0');
});

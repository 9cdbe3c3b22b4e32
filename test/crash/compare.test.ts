import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createSshTransport } from '../../src/nodes/ssh.ts';
import { startOutside, type Outside } from '../lab/lab.ts';
import { createClient } from '../simulators/azure/client.ts';
import { createApplication, newPassword } from '../simulators/azure/directory.ts';
import type { Exchange, OnExchange } from '../simulators/shared/admin.ts';
import { counts, differences as compare, type End } from './compare.ts';
import type { Effect } from './modes.ts';
import { register } from './scenarios/register.ts';
import { normalize } from './normalize.ts';

let directory: string;
let onExchange: OnExchange;
const started: Outside[] = [];
const start = async (name: string): Promise<Outside> => {
  const outside = await startOutside({
    directory: join(directory, name),
    onExchange: (exchange) => onExchange(exchange),
  });
  started.push(outside);
  return outside;
};

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'crash-test-'));
  onExchange = () => undefined;
});
afterEach(async () => {
  await Promise.all(started.splice(0).map((outside) => outside.close()));
  await rm(directory, { recursive: true, force: true });
});

const endOf = (outside: Outside, namespace: string): End => ({
  state: normalize(outside, namespace),
  counts: counts(outside.azure.state.counters, outside.nodes.state().counters),
});
const differences = (clean: End, perturbed: End, write: string, effect: Effect = 'killed after') =>
  compare(clean, perturbed, register, { write, effect });
const generatePassword = 'POST clusters/hci001/arcSettings/default/generatePassword';

const instant = () => new Date().toISOString();
const arc = { status: 1, tenantId: '', subscriptionId: '', region: '', resourceGroup: '', cloud: '' };
const worldOf = ({ azure: { state, settings } }: Outside) => ({
  state,
  settings,
  urls: { resourceManager: '', login: '', graph: '', dataPlane: '' },
  now: () => new Date(),
});

/** Azure with the application that createArcIdentity makes, and so many secrets in it; the nodes hold the last one. */
async function withSecrets(name: string, secrets: number): Promise<Outside> {
  const outside = await start(name);
  const application = createApplication(worldOf(outside), 'hci001.arc', []);
  const cluster = outside.nodes.state().clusters['hci001'];
  for (let made = 0; made < secrets; made += 1) {
    const dates = { startDateTime: instant(), endDateTime: instant() };
    const password = newPassword(worldOf(outside), { displayName: null, ...dates });
    application.passwordCredentials.push(password);
    if (cluster !== undefined) cluster.arc = { ...arc, secret: password.secretText, applicationId: application.appId };
  }
  return outside;
}

test('two worlds that are alike differ in nothing, though every id, key, address and time in them does', async () => {
  const [one, other] = [await start('one'), await start('other')];
  expect(JSON.stringify(one.azure.state)).not.toBe(JSON.stringify(other.azure.state));
  expect(differences(endOf(one, 'n1'), endOf(other, 'n2'), 'PUT clusters/hci001')).toEqual([]);
});

const group = (tag: string) => ({
  id: '/g',
  name: 'g',
  location: 'eastus',
  tags: { managed: tag },
  provisioningState: 'Succeeded',
});

test('the namespace in a mark is no difference, another mark is', async () => {
  const [one, other] = [await start('one'), await start('other')];
  one.azure.state.resourceGroups['/g'] = group('x/crash-1/hci001');
  other.azure.state.resourceGroups['/g'] = group('x/crash-2/hci001');
  expect(differences(endOf(one, 'crash-1'), endOf(other, 'crash-2'), 'PUT g')).toEqual([]);
  other.azure.state.resourceGroups['/g'] = group('x/crash-2/hci002');
  expect(differences(endOf(one, 'crash-1'), endOf(other, 'crash-2'), 'PUT g')).toEqual([
    'azure.resourceGroups./g.tags.managed: "x/<namespace>/hci002", expected "x/<namespace>/hci001"',
  ]);
});

test('a second application of the same name is seen, and which of the two is used', async () => {
  const [one, other] = [await withSecrets('one', 1), await withSecrets('other', 1)];
  const second = createApplication(worldOf(other), 'hci001.arc', []);
  const cluster = other.nodes.state().clusters['hci001'];
  if (cluster?.arc !== undefined) cluster.arc.applicationId = second.appId;
  const found = differences(endOf(one, 'n'), endOf(other, 'n'), generatePassword);
  expect(found).toContain('Azure: applications created: 2, expected 1');
  expect(found).toContain(
    'nodes.hci001.arc.applicationId: "<client id hci001.arc #2>", expected "<client id hci001.arc>"',
  );
  expect(found.some((line) => line.startsWith('azure.applications.<application hci001.arc #2>.'))).toBe(true);
});

test('one more secret: after a lost answer of generatePassword, then exactly one, and after nothing else', async () => {
  const [one, two, three] = [await withSecrets('one', 1), await withSecrets('two', 2), await withSecrets('three', 3)];
  const clean = endOf(one, 'n');
  expect(differences(clean, endOf(two, 'n'), generatePassword)).toEqual([]);
  expect(differences(clean, endOf(two, 'n'), 'NODE1 initializeArcIntegration')).toContain(
    'Azure: passwords created: 2, expected 1',
  );
  expect(differences(clean, endOf(three, 'n'), generatePassword)).toContain('Azure: passwords created: 3, expected 2');
  expect(differences(clean, endOf(one, 'n'), generatePassword)).toContain('Azure: passwords created: 1, expected 2');
  expect(differences(clean, endOf(two, 'n'), generatePassword, 'answer cut')).toEqual([]);
  expect(differences(clean, endOf(two, 'n'), generatePassword, 'refused 503')).toContain(
    'Azure: passwords created: 2, expected 1',
  );
});

test('a certificate that a node made twice is seen', async () => {
  const [one, other] = [await start('one'), await start('other')];
  const certificate = { certificate: '', privateKey: '', notAfter: instant() };
  const make = ({ nodes }: Outside, thumbprint: string) => {
    const node = nodes.state().clusters['hci001']?.nodes['NODE1'];
    if (node !== undefined) node.certificateStore[thumbprint] = certificate;
    nodes.state().counters.certificatesCreated += 1;
  };
  make(one, 'A'.repeat(40));
  make(other, 'B'.repeat(40));
  expect(differences(endOf(one, 'n'), endOf(other, 'n'), 'NODE1 sync')).toEqual([]);
  make(other, 'C'.repeat(40));
  const found = differences(endOf(one, 'n'), endOf(other, 'n'), 'NODE1 sync');
  expect(found[0]).toBe('nodes: certificatesCreated: 2, expected 1');
  expect(found).toContainEqual(
    expect.stringContaining('nodes.hci001.nodes.NODE1.certificateStore.<certificate of NODE1 #2>'),
  );
});

test('Azure: the effect is there when an exchange is seen, and its answer waits for it', async () => {
  const { azure } = await start('azure');
  const client = createClient(azure);
  const { clientId, clientSecret } = azure.principals.controller;
  const token = await client.token(clientId, clientSecret);
  const url = `${azure.resourceManager}/subscriptions/${azure.subscriptionId}/resourceGroups/g?api-version=2022-09-01`;
  const order: string[] = [];
  onExchange = async ({ request }: Exchange) => {
    if (request.method !== 'PUT') return;
    order.push(`groups: ${Object.keys(azure.state.resourceGroups).length}`);
    // Takes longer than the answer to the PUT, if that had been sent.
    const { status } = await client.send('GET', url, { token });
    order.push(`read: ${status}`);
  };
  const { status } = await client.send('PUT', url, { token, body: { location: 'eastus' } });
  order.push(`answered: ${status}`);
  await client.close();
  expect(order).toEqual(['groups: 1', 'read: 200', 'answered: 201']);
});

test('nodes: the effect is there when an exchange is seen, and its answer waits for it', async () => {
  const { nodes } = await start('nodes');
  const [cluster] = nodes.clusters;
  if (cluster === undefined) throw new Error('there is no cluster');
  const privateKeys = [await readFile(cluster.ssh.privateKeyFile, 'utf8')];
  const transport = createSshTransport({ allowLoopback: true });
  const call = async (node: string, operation: 'newRegistrationCertificate' | 'probe') => {
    const { address, hostKey } = cluster.nodes.find(({ name }) => name === node) ?? { address: '', hostKey: '' };
    const endpoint = {
      name: node,
      address,
      port: cluster.ssh.port,
      user: cluster.ssh.user,
      execution: 'Dispatcher' as const,
      privateKeys,
      hostKeys: [hostKey],
    };
    const { kind } = await transport.run(
      endpoint,
      operation,
      {},
      { signal: new AbortController().signal, correlationId: 'test' },
    );
    return kind;
  };
  const order: string[] = [];
  onExchange = async ({ request }: Exchange) => {
    if (!request.url.endsWith('/newRegistrationCertificate')) return;
    order.push(`certificates: ${nodes.state().counters.certificatesCreated}`);
    order.push(`probe of another node: ${await call('NODE2', 'probe')}`);
  };
  order.push(`answered: ${await call('NODE1', 'newRegistrationCertificate')}`);
  await transport.close();
  expect(order).toEqual(['certificates: 1', 'probe of another node: ok', 'answered: ok']);
});

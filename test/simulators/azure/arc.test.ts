import { createHash, createPrivateKey, randomUUID, X509Certificate } from 'node:crypto';
import { SignJWT } from 'jose';
import { expect, test } from 'vitest';
import { roleIds } from './authorization.ts';
import { createClientCertificate } from './certificates.ts';
import { billingScope } from './client.ts';
import { at, fixture, textAt } from './testing.ts';

// What nodes do: sign in with the registration certificate, sync, and connect their Arc machines with the Arc principal.

const lab = fixture();

const node = (name: string, id: number) => ({
  name,
  id,
  osName: 'Azure Stack HCI',
  osVersion: '10.0.20349.1547',
  osDisplayVersion: '22H2',
  manufacturer: 'Contoso',
  model: 'M1',
  serialNumber: `SN${id}`,
  coreCount: 16,
  memoryInGiB: 256,
});
const report = {
  clusterName: 'hci001',
  clusterId: randomUUID(),
  clusterVersion: '10.0.20349.1547',
  diagnosticLevel: 'Basic',
  imdsAttestation: 'Disabled',
  nodes: [node('NODE1', 1), node('NODE2', 2)],
};

async function nodeToken(clientId: string, certificatePem: string, privateKeyPem: string): Promise<string> {
  const { azure, client } = lab();
  const x5t = createHash('sha1').update(new X509Certificate(certificatePem).raw).digest('base64url');
  const assertion = await new SignJWT({})
    .setProtectedHeader({ alg: 'RS256', typ: 'JWT', x5t })
    .setIssuer(clientId)
    .setSubject(clientId)
    .setAudience(`${azure.login}/${azure.tenantId}/oauth2/v2.0/token`)
    .setExpirationTime('10m')
    .sign(createPrivateKey(privateKeyPem));
  const answer = await client.signIn({ client_id: clientId, client_assertion: assertion, scope: billingScope });
  return textAt(answer.body, 'access_token');
}

test('a cluster is registered, its machines are linked, and Arc is disabled again', async () => {
  const { azure, client, arm, givenGroup, givenCluster, finished } = lab();
  const group = await givenGroup('hci001-rg');
  const id = await givenCluster(group, 'hci001');
  await finished(await arm('POST', `${id}/createClusterIdentity`));
  const { certificatePem, privateKeyPem } = await createClientCertificate('NODE1', 365);
  const certificate = new X509Certificate(certificatePem).raw.toString('base64');
  await finished(
    await arm('POST', `${id}/uploadCertificate`, { body: { properties: { certificates: [certificate] } } }),
  );
  const cluster = (await arm('GET', id)).body;
  const endpoint = textAt(cluster, 'properties', 'serviceEndpoint');
  const cloudId = textAt(cluster, 'properties', 'cloudId');
  const clientId = textAt(cluster, 'properties', 'aadClientId');

  expect((await client.send('GET', `${endpoint}health`)).status).toBe(200);
  const syncUrl = `${endpoint}clusters/${cloudId}/sync`;
  const token = await nodeToken(clientId, certificatePem, privateKeyPem);
  const sync = () => client.send('POST', syncUrl, { token, body: report });
  expect((await client.send('POST', syncUrl, { body: report })).status).toBe(401);
  const controller = azure.principals.controller;
  const armToken = await client.token(controller.clientId, controller.clientSecret);
  expect((await client.send('POST', syncUrl, { token: armToken, body: report })).status).toBe(401);
  const foreign = await client.token(controller.clientId, controller.clientSecret, billingScope);
  expect((await client.send('POST', syncUrl, { token: foreign, body: report })).status).toBe(403);
  expect((await client.send('POST', `${endpoint}clusters/${randomUUID()}/sync`, { token, body: report })).status).toBe(
    404,
  );
  expect((await client.send('POST', syncUrl, { token, body: { ...report, nodes: [] } })).status).toBe(400);
  expect(at((await arm('GET', id)).body, 'properties', 'status')).toBe('NotYetRegistered');

  const synced = await sync();
  expect(synced).toMatchObject({
    status: 200,
    body: { lastSyncTimestamp: expect.any(String), nextSync: expect.any(String) },
  });
  expect((await arm('GET', id)).body).toMatchObject({
    properties: {
      status: 'ConnectedRecently',
      connectivityStatus: 'Connected',
      lastSyncTimestamp: at(synced.body, 'lastSyncTimestamp'),
      reportedProperties: { clusterId: report.clusterId, nodes: [{ name: 'NODE1' }, { name: 'NODE2' }] },
    },
  });

  // Arc: the machine is made by the Arc principal, which needs a role of its own.
  const arc = `${id}/arcSettings/default`;
  await arm('PUT', arc, { body: { properties: { arcInstanceResourceGroup: 'hci001-rg' } } });
  await finished(await arm('POST', `${arc}/createArcIdentity`));
  const { properties } = azure.state.arcSettings[arc.toLowerCase()] ?? {};
  const secret = textAt((await arm('POST', `${arc}/generatePassword`)).body, 'secretText');
  const arcToken = await client.token(properties?.arcApplicationClientId ?? '', secret);
  const machine = (name: string) => `${group}/providers/Microsoft.HybridCompute/machines/${name}`;
  const connect = (name: string) =>
    arm('PUT', machine(name), {
      token: arcToken,
      body: { location: 'eastus', properties: { vmId: randomUUID(), clientPublicKey: 'key', agentVersion: '1.50' } },
    });
  const assign = (principalId: string, role: string) =>
    arm('PUT', `${group}/providers/Microsoft.Authorization/roleAssignments/${randomUUID()}`, {
      body: { properties: { roleDefinitionId: role, principalId, principalType: 'ServicePrincipal' } },
    });
  expect(await connect('NODE1')).toMatchObject({ status: 403, code: 'AuthorizationFailed' });
  const arcObjectId = properties?.arcServicePrincipalObjectId ?? '';
  expect((await assign(arcObjectId, roleIds.connectedMachineOnboarding)).status).toBe(201);
  expect((await connect('NODE1')).status).toBe(200);

  // Without its own role the provider links nothing.
  await sync();
  const details = async () => at((await arm('GET', arc)).body, 'properties', 'perNodeDetails');
  const aggregate = async () => at((await arm('GET', arc)).body, 'properties', 'aggregateState');
  expect(await details()).toEqual([]);
  expect(at((await arm('GET', machine('node1'))).body, 'properties', 'parentClusterResourceId')).toBeUndefined();
  await assign(azure.state.resourceProviderObjectId, roleIds.connectedMachineResourceManager);
  await sync();
  expect(await details()).toEqual([{ name: 'NODE1', arcInstance: machine('NODE1'), state: 'Connected' }]);
  expect(await aggregate()).toBe('PartiallyConnected');
  await connect('NODE2');
  await expect.poll(aggregate, { timeout: 5000, interval: 20 }).toBe('Connected');
  expect(at((await arm('GET', machine('NODE2'))).body, 'properties', 'parentClusterResourceId')).toBe(id);

  await finished(await arm('POST', `${arc}/initializeDisableProcess`));
  expect(await aggregate()).toBe('DisableInProgress');
  expect(await arm('DELETE', machine('NODE1'), { token: arcToken })).toMatchObject({ code: 'AuthorizationFailed' });
  await assign(arcObjectId, roleIds.connectedMachineResourceAdministrator);
  const deleted = await Promise.all(
    ['NODE1', 'NODE2'].map((name) => arm('DELETE', machine(name), { token: arcToken })),
  );
  expect(deleted.map((answer) => answer.status)).toEqual([200, 200]);
  expect(await details()).toEqual([]);
  expect((await arm('DELETE', machine('NODE1'), { token: arcToken })).status).toBe(204);
  await finished(await arm('DELETE', arc));
  await finished(await arm('DELETE', id));
  // The role assignments of the principals that went with it stay behind, as in Azure.
  const left = Object.values(azure.state.roleAssignments).map(({ principalId }) => principalId);
  expect(left).toContain(arcObjectId);
  expect(azure.state.counters.machines).toEqual({ created: 2, deleted: 2 });
});

test('a cluster that has not been heard of', async () => {
  const { azure, arm, givenGroup, givenCluster, settings } = lab();
  const id = await givenCluster(await givenGroup('silent-rg'), 'silent');
  const cluster = azure.state.clusters[id.toLowerCase()];
  if (cluster === undefined) throw new Error('no cluster');
  cluster.properties.status = 'ConnectedRecently';
  cluster.properties.lastSyncTimestamp = new Date().toISOString();
  const status = async () => at((await arm('GET', id)).body, 'properties', 'status');
  const day = 24 * 3600;
  await settings({ tokenLifetimeSeconds: 60 * day });
  expect(await status()).toBe('ConnectedRecently');
  const { clientId, clientSecret } = azure.principals.owner;
  const token = await lab().client.token(clientId, clientSecret);
  const later = async (seconds: number) => {
    await settings({ clockOffsetSeconds: seconds });
    return at((await arm('GET', id, { token })).body, 'properties', 'status');
  };
  expect(await later(2 * day)).toBe('NotConnectedRecently');
  expect(await later(31 * day)).toBe('Disconnected');
});

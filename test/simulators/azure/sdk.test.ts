import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AzureStackHCIClient } from '@azure/arm-azurestackhci';
import { HybridComputeManagementClient } from '@azure/arm-hybridcompute';
import { ResourceManagementClient } from '@azure/arm-resources';
import { ClientCertificateCredential, ClientSecretCredential } from '@azure/identity';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startSimulatedAzure, type SimulatedAzure } from './azure.ts';
import { resourceManagerScope } from './client.ts';

// Microsoft's own SDKs, unchanged, against the simulated Azure.

let azure: SimulatedAzure;
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'azure-'));
  azure = await startSimulatedAzure({ directory, settings: { operationSeconds: 0.1 } });
});
afterAll(async () => {
  await azure.close();
  await rm(directory, { recursive: true });
});

const identityOptions = () => ({
  authorityHost: azure.login,
  disableInstanceDiscovery: true,
  tlsOptions: { ca: azure.caPem },
});
const clientOptions = () => ({
  endpoint: azure.resourceManager,
  credentialScopes: [resourceManagerScope],
  tlsOptions: { ca: azure.caPem },
});
const updateIntervalInMs = 20;

function credential() {
  const { clientId, clientSecret } = azure.principals.controller;
  return new ClientSecretCredential(azure.tenantId, clientId, clientSecret, identityOptions());
}

test('a certificate signs in', async () => {
  const { clientId, certificateFile, privateKeyFile } = azure.principals.controller;
  const certificate = `${await readFile(privateKeyFile, 'utf8')}\n${await readFile(certificateFile, 'utf8')}`;
  const signedIn = new ClientCertificateCredential(azure.tenantId, clientId, { certificate }, identityOptions());
  const token = await signedIn.getToken(resourceManagerScope);
  expect(token.token.split('.')).toHaveLength(3);
  expect(token.expiresOnTimestamp).toBeGreaterThan(Date.now());
});

test('a wrong secret does not', async () => {
  const wrong = new ClientSecretCredential(azure.tenantId, azure.principals.owner.clientId, 'wrong', identityOptions());
  await expect(wrong.getToken(resourceManagerScope)).rejects.toThrow(/AADSTS7000215/);
});

test('a cluster lives from registration of the provider to deletion of its group', async () => {
  const resources = new ResourceManagementClient(credential(), azure.subscriptionId, {
    endpoint: azure.resourceManager,
    credentials: { scopes: [resourceManagerScope] },
    tlsOptions: { ca: azure.caPem },
  });
  const hci = new AzureStackHCIClient(credential(), azure.subscriptionId, clientOptions());
  const arc = new HybridComputeManagementClient(credential(), azure.subscriptionId, clientOptions());

  expect((await resources.providers.get('Microsoft.AzureStackHCI')).registrationState).toBe('NotRegistered');
  expect((await resources.providers.register('Microsoft.AzureStackHCI')).registrationState).toBe('Registering');
  await expect
    .poll(async () => (await resources.providers.get('Microsoft.AzureStackHCI')).registrationState, { timeout: 5000 })
    .toBe('Registered');
  await resources.providers.register('Microsoft.HybridCompute');

  expect((await resources.resourceGroups.checkExistence('hci001-rg')).body).toBe(false);
  await resources.resourceGroups.createOrUpdate('hci001-rg', { location: 'eastus', tags: { CreatedBy: 'test' } });
  expect((await resources.resourceGroups.get('hci001-rg')).properties?.provisioningState).toBe('Succeeded');

  const created = await hci.clusters.create('hci001-rg', 'hci001', { location: 'East US' });
  expect(created).toMatchObject({
    location: 'eastus',
    status: 'NotYetRegistered',
    trialDaysRemaining: 60,
    billingModel: 'Trial',
    serviceEndpoint: `${azure.serviceEndpoint}/eastus/`,
  });
  await hci.clusters.beginCreateIdentityAndWait('hci001-rg', 'hci001', { updateIntervalInMs });
  const withIdentity = await hci.clusters.get('hci001-rg', 'hci001');
  expect(withIdentity.aadClientId).toMatch(/^[0-9a-f-]{36}$/);
  const application = azure.state.applications[withIdentity.aadApplicationObjectId ?? ''];
  expect(application).toMatchObject({ displayName: 'hci001', appId: withIdentity.aadClientId });
  const certificate = (await readFile(azure.principals.owner.certificateFile, 'utf8'))
    .replaceAll(/-----[^-]+-----/g, '')
    .replaceAll('\n', '');
  await hci.clusters.beginUploadCertificateAndWait(
    'hci001-rg',
    'hci001',
    { properties: { certificates: [certificate] } },
    { updateIntervalInMs },
  );
  expect(azure.state.counters.certificates.created).toBe(1);

  await hci.arcSettings.create('hci001-rg', 'hci001', 'default', { arcInstanceResourceGroup: 'hci001-rg' });
  await hci.arcSettings.beginCreateIdentityAndWait('hci001-rg', 'hci001', 'default', { updateIntervalInMs });
  const password = await hci.arcSettings.generatePassword('hci001-rg', 'hci001', 'default');
  const arcSettings = await hci.arcSettings.get('hci001-rg', 'hci001', 'default');
  const arcPrincipal = new ClientSecretCredential(
    azure.tenantId,
    arcSettings.arcApplicationClientId ?? '',
    password.secretText ?? '',
    identityOptions(),
  );
  expect((await arcPrincipal.getToken(resourceManagerScope)).token).not.toBe('');
  expect(Number(password.endDateTime) - Number(password.startDateTime)).toBe(730 * 24 * 3600 * 1000);

  const machines: string[] = [];
  for await (const machine of arc.machines.listByResourceGroup('hci001-rg')) machines.push(machine.name ?? '');
  expect(machines).toEqual([]);

  await expect(hci.clusters.beginDeleteAndWait('hci001-rg', 'hci001')).rejects.toMatchObject({
    statusCode: 409,
    code: 'CannotDeleteResource',
  });
  await hci.arcSettings.beginDeleteAndWait('hci001-rg', 'hci001', 'default', { updateIntervalInMs });
  await hci.clusters.beginDeleteAndWait('hci001-rg', 'hci001', { updateIntervalInMs });
  await expect(hci.clusters.get('hci001-rg', 'hci001')).rejects.toMatchObject({ code: 'ResourceNotFound' });
  const left = Object.values(azure.state.applications).map(({ displayName }) => displayName);
  expect(left.toSorted()).toEqual(['controller', 'owner', 'reader']);

  await resources.resourceGroups.delete('hci001-rg');
  expect((await resources.resourceGroups.checkExistence('hci001-rg')).body).toBe(false);
  expect(azure.state.counters).toMatchObject({
    resourceGroups: { created: 1, deleted: 1 },
    clusters: { created: 1, deleted: 1 },
    arcSettings: { created: 1, deleted: 1 },
    applications: { created: 2, deleted: 2 },
    passwords: { created: 1 },
  });
});

test('a machine is read and deleted', async () => {
  const scope = `/subscriptions/${azure.subscriptionId}/resourceGroups/arc-rg`;
  azure.state.resourceGroups[scope.toLowerCase()] = {
    id: scope,
    name: 'arc-rg',
    location: 'eastus',
    provisioningState: 'Succeeded',
  };
  const id = `${scope}/providers/Microsoft.HybridCompute/machines/NODE1`;
  azure.state.machines[id.toLowerCase()] = {
    id,
    name: 'NODE1',
    location: 'eastus',
    identity: { type: 'SystemAssigned', principalId: randomUUID(), tenantId: azure.tenantId },
    properties: { status: 'Connected', agentVersion: '1.50', provisioningState: 'Succeeded' },
  };
  const providers = azure.state.subscriptions[azure.subscriptionId]?.providers ?? {};
  providers['microsoft.hybridcompute'] = 'Registered';
  const arc = new HybridComputeManagementClient(credential(), azure.subscriptionId, clientOptions());
  expect(await arc.machines.get('arc-rg', 'node1')).toMatchObject({
    name: 'NODE1',
    properties: { status: 'Connected' },
  });
  await arc.machines.delete('arc-rg', 'NODE1');
  await arc.machines.delete('arc-rg', 'NODE1');
  expect(azure.state.counters.machines.deleted).toBe(1);
});

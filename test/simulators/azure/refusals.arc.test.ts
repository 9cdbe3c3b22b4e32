import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { roleIds } from './authorization.ts';
import type { Answer } from './client.ts';
import { at, fixture, textAt } from './testing.ts';

// Arc machines and their extensions, and disabling Arc.

const lab = fixture();

async function givenMachine(group: string, name = 'NODE1') {
  const id = `${group}/providers/Microsoft.HybridCompute/machines/${name}`;
  expect((await lab().arm('PUT', id, { body: { location: 'eastus' } })).status).toBe(200);
  return id;
}

/** Polls an operation of HybridCompute, which answers 200 from its start. */
async function finishedHybrid(answer: Answer) {
  const { client, azure } = lab();
  const url = answer.headers.get('azure-asyncoperation') ?? '';
  expect(url).toContain('/providers/Microsoft.HybridCompute/locations/eastus/operationstatus/');
  const { clientId, clientSecret } = azure.principals.controller;
  const token = await client.token(clientId, clientSecret);
  const poll = async () => {
    const { status, body } = await client.send('GET', url, { token });
    return [status, at(body, 'status')];
  };
  expect(await poll()).toEqual([200, 'InProgress']);
  await expect.poll(poll, { timeout: 5000, interval: 20 }).toEqual([200, 'Succeeded']);
}

test('an extension of a machine: made, changed, deleted, and its operations', async () => {
  const { arm, givenGroup, settings } = lab();
  await settings({ operationSeconds: 0.3 });
  const machine = await givenMachine(await givenGroup('machine-extensions-rg'));
  const extension = `${machine}/extensions/AzureMonitor`;
  const properties = {
    publisher: 'Microsoft.Azure.Monitor',
    type: 'AzureMonitorWindowsAgent',
    settings: { a: 1 },
    protectedSettings: { key: 'secret' },
  };
  const created = await arm('PUT', extension, { body: { location: 'eastus', properties } });
  expect(created).toMatchObject({
    status: 201,
    body: {
      type: 'Microsoft.HybridCompute/machines/extensions',
      properties: { provisioningState: 'Creating', settings: { a: 1 } },
    },
  });
  expect(JSON.stringify(created.body)).not.toContain('secret');
  await finishedHybrid(created);
  expect(at((await arm('GET', extension)).body, 'properties', 'provisioningState')).toBe('Succeeded');
  await finishedHybrid(await arm('PATCH', extension, { body: { properties: { enableAutomaticUpgrade: true } } }));
  expect(at((await arm('GET', `${machine}/extensions`)).body, 'value')).toHaveLength(1);
  const deleted = await arm('DELETE', extension);
  expect(deleted.status).toBe(202);
  await finishedHybrid(deleted);
  expect(await arm('GET', extension)).toMatchObject({ status: 404, code: 'ResourceNotFound' });
  expect((await arm('DELETE', extension)).status).toBe(204);
});

test('extensions of a machine that is not there, with what nobody knows, and without rights', async () => {
  const { arm, givenGroup, azure } = lab();
  const group = await givenGroup('machine-extension-refusals-rg');
  const machine = await givenMachine(group);
  const body = { location: 'eastus' };
  expect(
    await arm('PUT', `${group}/providers/Microsoft.HybridCompute/machines/none/extensions/x`, { body }),
  ).toMatchObject({
    status: 404,
    code: 'ParentResourceNotFound',
  });
  expect(await arm('PUT', `${machine}/extensions/x`, { body: { ...body, properties: { colour: 1 } } })).toMatchObject({
    status: 400,
    code: 'InvalidRequestContent',
  });
  expect(await arm('PUT', `${machine}/extensions/x`, { body: {} })).toMatchObject({ code: 'InvalidRequestContent' });
  const assign = (roleDefinitionId: string) =>
    arm('PUT', `${group}/providers/Microsoft.Authorization/roleAssignments/${randomUUID()}`, {
      body: { properties: { roleDefinitionId, principalId: azure.principals.reader.objectId } },
    });
  expect((await assign(roleIds.connectedMachineOnboarding)).status).toBe(201);
  const put = () => arm('PUT', `${machine}/extensions/x`, { as: 'reader', body });
  expect(await put()).toMatchObject({ status: 403, code: 'AuthorizationFailed' });
  expect(await arm('DELETE', machine, { as: 'reader' })).toMatchObject({ status: 403 });
  expect((await assign(roleIds.connectedMachineResourceAdministrator)).status).toBe(201);
  expect((await put()).status).toBe(201);
});

test('a machine is deleted at once by older api-versions and in the background by the newest, with its extensions', async () => {
  const { arm, givenGroup, settings, azure } = lab();
  await settings({ operationSeconds: 0.3 });
  const group = await givenGroup('machine-deletion-rg');
  const machine = await givenMachine(group);
  expect((await arm('PUT', `${machine}/extensions/x`, { body: { location: 'eastus' } })).status).toBe(201);
  expect(await arm('DELETE', machine)).toMatchObject({ status: 200, body: '' });
  expect((await arm('DELETE', machine)).status).toBe(204);
  expect(azure.state.machineExtensions).not.toHaveProperty([`${machine}/extensions/x`.toLowerCase()]);

  await givenMachine(group);
  const deleted = await arm('DELETE', machine, { apiVersion: '2026-07-15' });
  expect(deleted).toMatchObject({ status: 202, body: '' });
  expect((await arm('GET', machine)).status).toBe(200);
  await finishedHybrid(deleted);
  expect(await arm('GET', machine)).toMatchObject({ status: 404, code: 'ResourceNotFound' });
  expect((await arm('DELETE', machine, { apiVersion: '2026-07-15' })).status).toBe(204);
});

test('disabling Arc: the order that Azure holds to', async () => {
  const { arm, azure, givenGroup, givenCluster, finished, settings } = lab();
  const cluster = await givenCluster(await givenGroup('disable-rg'), 'hci001');
  const arc = `${cluster}/arcSettings/default`;
  expect((await arm('PUT', arc, { body: { properties: { arcInstanceResourceGroup: 'disable-rg' } } })).status).toBe(
    200,
  );
  expect((await arm('PUT', `${arc}/extensions/Monitor`, { body: { properties: {} } })).status).toBe(200);

  // Without nodes there is nothing to disable, and the state does not change.
  await finished(await arm('POST', `${arc}/initializeDisableProcess`, { apiVersion: '2023-08-01' }));
  expect(at((await arm('GET', arc)).body, 'properties', 'aggregateState')).toBe('NotSpecified');
  const settingsOf = azure.state.arcSettings[arc.toLowerCase()];
  if (settingsOf === undefined) throw new Error('there are no arcSettings');
  settingsOf.properties.perNodeDetails = [{ name: 'NODE1', arcInstance: `${cluster}/x`, state: 'Connected' }];
  settingsOf.properties.aggregateState = 'Connected';

  await settings({ operationSeconds: 0.3 });
  const started = await arm('POST', `${arc}/initializeDisableProcess`);
  const again = await arm('POST', `${arc}/initializeDisableProcess`);
  expect(again).toMatchObject({ status: 409, code: 'AnotherOperationInProgress' });
  expect(textAt(again.body, 'error', 'message')).toMatch(
    /^Another operation on this or dependent resource is in progress\. To retrieve status of the operation use uri: https:/,
  );
  await finished(started);
  expect((await arm('GET', arc)).body).toMatchObject({
    properties: { aggregateState: 'DisableInProgress', perNodeDetails: [{ state: 'DisableInProgress' }] },
  });

  const nested = await arm('DELETE', arc);
  expect(nested).toMatchObject({ status: 409, code: 'CannotDeleteResource' });
  expect(textAt(nested.body, 'error', 'message')).toContain('clusters/hci001/arcSettings/default/extensions/Monitor');
  const managed = azure.state.extensions[`${arc}/extensions/monitor`.toLowerCase()];
  if (managed === undefined) throw new Error('there is no extension');
  managed.properties.managedBy = 'Azure';
  expect(await arm('DELETE', `${arc}/extensions/Monitor`)).toMatchObject({ status: 409, code: 'Conflict' });
  managed.properties.managedBy = 'User';
  await finished(await arm('DELETE', `${arc}/extensions/Monitor`));
  expect(await arm('DELETE', cluster)).toMatchObject({ status: 409, code: 'CannotDeleteResource' });
  await finished(await arm('DELETE', arc));
  expect((await arm('DELETE', arc)).status).toBe(204);
  await finished(await arm('DELETE', cluster));
  expect((await arm('DELETE', cluster)).status).toBe(204);
});

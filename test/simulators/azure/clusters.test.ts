import { expect, test } from 'vitest';
import { at, certificateBase64, fixture, textAt } from './testing.ts';

const lab = fixture();

test('paths ignore case and doubled slashes, and the id keeps the case of its creator', async () => {
  const { arm, givenGroup, givenCluster } = lab();
  const group = await givenGroup('Case-RG');
  const id = await givenCluster(group, 'Case01');
  const answer = await arm('GET', `/${id.toUpperCase().replace('/PROVIDERS', '//providers')}`);
  expect(answer).toMatchObject({ status: 200, body: { id, name: 'Case01', type: 'microsoft.azurestackhci/clusters' } });
  expect(at(answer.body, 'systemData')).toBeUndefined();
  expect(answer.headers.get('etag')).toMatch(/^"[0-9a-f-]{36}"$/);
  expect(answer.headers.get('x-ms-routing-request-id')).toMatch(/^EASTUS:\d{8}T\d{6}Z:[0-9a-f-]{36}$/);
});

test('what a cluster shows depends on the api-version', async () => {
  const { arm, givenGroup, givenCluster } = lab();
  const id = await givenCluster(await givenGroup('versions-rg'), 'versions');
  const keys = async (apiVersion: string) =>
    Object.keys(Object(at((await arm('GET', id, { apiVersion })).body, 'properties')));
  expect(await keys('2023-08-01')).toContain('connectivityStatus');
  expect(await keys('2022-12-01')).not.toContain('connectivityStatus');
  expect(await keys('2022-12-01')).toContain('resourceProviderObjectId');
  expect(await keys('2022-05-01')).not.toContain('resourceProviderObjectId');
});

test('the object id of the provider comes late, or with a PATCH', async () => {
  const { azure, arm, givenGroup, givenCluster, settings } = lab();
  const group = await givenGroup('late-rg');
  await settings({ resourceProviderObjectIdSeconds: 1000 });
  const id = await givenCluster(group, 'late');
  const other = await givenCluster(group, 'late2');
  const read = async (path: string) => at((await arm('GET', path)).body, 'properties', 'resourceProviderObjectId');
  expect(await read(id)).toBeUndefined();
  expect((await arm('PATCH', id, { body: {} })).status).toBe(200);
  expect(await read(id)).toBe(azure.state.resourceProviderObjectId);
  expect(await read(other)).toBeUndefined();
  await settings({ clockOffsetSeconds: 1001 });
  expect(await read(other)).toBe(azure.state.resourceProviderObjectId);
});

test('identities are made once, and not twice at a time', async () => {
  const { azure, arm, givenGroup, givenCluster, finished, settings } = lab();
  const id = await givenCluster(await givenGroup('identity-rg'), 'identity');
  const created = azure.state.counters.applications.created;
  await settings({ operationSeconds: 100 });
  const first = await arm('POST', `${id}/createClusterIdentity`);
  expect(first.headers.get('retry-after')).toBeNull();
  expect(first.headers.get('location')).toBe(first.headers.get('azure-asyncoperation'));
  expect(first.headers.get('location')?.length).toBeGreaterThan(2000);
  expect(await arm('POST', `${id}/createClusterIdentity`)).toMatchObject({
    status: 409,
    code: 'AnotherOperationInProgress',
  });
  expect(at((await arm('GET', id)).body, 'properties', 'aadClientId')).toBeUndefined();
  await settings({ clockOffsetSeconds: 101, operationSeconds: 0.05 });
  await finished(first);
  const clientId = textAt((await arm('GET', id)).body, 'properties', 'aadClientId');
  await finished(await arm('POST', `${id}/createClusterIdentity`));
  expect(at((await arm('GET', id)).body, 'properties', 'aadClientId')).toBe(clientId);
  expect(azure.state.counters.applications.created).toBe(created + 1);
});

test.each(['adds', 'replaces'] as const)('a second certificate %s', async (uploadCertificate) => {
  const { azure, arm, givenGroup, givenCluster, finished, settings } = lab();
  const id = await givenCluster(await givenGroup('certificates-rg'), `certificates-${uploadCertificate}`);
  await finished(await arm('POST', `${id}/createClusterIdentity`));
  await settings({ uploadCertificate });
  const objectId = textAt((await arm('GET', id)).body, 'properties', 'aadApplicationObjectId');
  const before = azure.state.counters.certificates.created;
  const [one, two] = await Promise.all([
    certificateBase64(azure.principals.owner.certificateFile),
    certificateBase64(azure.principals.reader.certificateFile),
  ]);
  const upload = async (...certificates: string[]) =>
    finished(await arm('POST', `${id}/uploadCertificate`, { body: { properties: { certificates } } }));
  const keys = () => azure.state.applications[objectId]?.keyCredentials.map(({ key }) => key);
  await upload(one);
  await upload(one);
  expect(keys()).toEqual([one]);
  await upload(two);
  expect(keys()).toEqual(uploadCertificate === 'adds' ? [one, two] : [two]);
  expect(azure.state.counters.certificates.created).toBe(before + 2);
});

test.each(['adds', 'replaces'] as const)('a second password %s', async (generatePassword) => {
  const { azure, client, arm, givenGroup, givenCluster, finished, settings } = lab();
  const id = await givenCluster(await givenGroup('passwords-rg'), `passwords-${generatePassword}`);
  const arc = `${id}/arcSettings/default`;
  await arm('PUT', arc, { body: { properties: { arcInstanceResourceGroup: 'passwords-rg' } } });
  await finished(await arm('POST', `${arc}/createArcIdentity`));
  await settings({ generatePassword, secretLifetimeSeconds: 3600 });
  const clientId = textAt((await arm('GET', arc)).body, 'properties', 'arcApplicationClientId');
  const generate = async () => textAt((await arm('POST', `${arc}/generatePassword`)).body, 'secretText');
  const [first, second] = [await generate(), await generate()];
  const signIn = (secret: string) => client.signIn({ client_id: clientId, client_secret: secret });
  expect((await signIn(second)).status).toBe(200);
  expect((await signIn(first)).status).toBe(generatePassword === 'adds' ? 200 : 401);
  await settings({ clockOffsetSeconds: 3601 });
  expect(at((await signIn(second)).body, 'error_codes')).toEqual([7000222]);
  await settings({ clockOffsetSeconds: 0 });
  expect(azure.state.counters.passwords.created).toBeGreaterThan(1);
});

test('consent, extensions and their order at deletion', async () => {
  const { arm, givenGroup, givenCluster, finished } = lab();
  const id = await givenCluster(await givenGroup('extensions-rg'), 'extensions');
  const arc = `${id}/arcSettings/default`;
  await arm('PUT', arc, { body: {} });
  const consented = await arm('POST', `${arc}/consentAndInstallDefaultExtensions`);
  expect(consented.status).toBe(200);
  expect(at(consented.body, 'properties', 'defaultExtensions')).toMatchObject([{ consentTime: expect.any(String) }]);
  const extension = `${arc}/extensions/Monitor`;
  const body = { properties: { extensionParameters: { publisher: 'P', type: 'T', typeHandlerVersion: '1.0' } } };
  const made = await arm('PUT', extension, { body });
  expect(at(made.body, 'properties', 'extensionParameters')).toEqual({
    publisher: 'P',
    type: 'T',
    autoUpgradeMinorVersion: false,
    enableAutomaticUpgrade: true,
  });
  expect(await arm('DELETE', arc)).toMatchObject({ status: 409, code: 'CannotDeleteResource' });
  await finished(await arm('DELETE', extension));
  expect(at((await arm('GET', `${arc}/extensions`)).body, 'value')).toEqual([]);
  await finished(await arm('DELETE', arc));
  expect((await arm('DELETE', arc)).status).toBe(204);
  await finished(await arm('DELETE', id));
  expect((await arm('DELETE', id)).status).toBe(204);
});

const jobOf = (answer: { headers: Headers }) => answer.headers.get('location')?.split('&')[0];

test('a group that is being deleted says so, and takes everything with it', async () => {
  const { azure, arm, client, givenGroup, givenCluster, settings } = lab();
  const group = await givenGroup('dying-rg');
  await givenCluster(group, 'dying');
  await settings({ groupDeletionSeconds: 100 });
  const deleted = await arm('DELETE', group);
  expect(deleted).toMatchObject({ status: 202, body: '' });
  expect(deleted.headers.get('azure-asyncoperation')).toBeNull();
  expect(deleted.headers.get('retry-after')).toBe('15');
  // The same job; only the signature is of its time.
  expect(jobOf(await arm('DELETE', group))).toBe(jobOf(deleted));
  expect(at((await arm('GET', group)).body, 'properties', 'provisioningState')).toBe('Deleting');
  expect(await arm('PUT', group, { body: { location: 'eastus' } })).toMatchObject({
    status: 409,
    code: 'ResourceGroupBeingDeleted',
  });
  const { clientId, clientSecret } = azure.principals.controller;
  const poll = async () => {
    const token = await client.token(clientId, clientSecret);
    return (await client.send('GET', deleted.headers.get('location') ?? '', { token })).status;
  };
  expect(await poll()).toBe(202);
  await settings({ clockOffsetSeconds: 101 });
  expect(await poll()).toBe(200);
  await settings({ clockOffsetSeconds: 0, groupDeletionSeconds: 0.05 });
  expect(await arm('GET', group)).toMatchObject({ status: 404, code: 'ResourceGroupNotFound' });
  expect((await arm('HEAD', group)).status).toBe(404);
  expect(Object.values(azure.state.clusters).map(({ name }) => name)).not.toContain('dying');
  const assignment = `${group}/providers/Microsoft.Authorization/roleAssignments/${azure.subscriptionId}`;
  expect((await arm('DELETE', assignment)).status).toBe(204);
});

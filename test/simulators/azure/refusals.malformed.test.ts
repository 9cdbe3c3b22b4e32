import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { roleIds } from './authorization.ts';
import { billingScope, graphScope } from './client.ts';
import { at, fixture, textAt } from './testing.ts';

// What is malformed, and what leads nowhere.

const lab = fixture();
const subscription = () => `/subscriptions/${lab().azure.subscriptionId}`;
const authorization = 'providers/Microsoft.Authorization';
const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

const requests: readonly [string, string, string, object | undefined, number, string][] = [
  ['a subscription that is no GUID', 'GET', '/subscriptions/production', undefined, 400, 'InvalidSubscriptionId'],
  [
    'resources by an unknown filter',
    'GET',
    "S/resources?$filter=name eq 'x'",
    undefined,
    400,
    'InvalidFilterInQueryString',
  ],
  [
    'locks by an unknown filter',
    'GET',
    `S/${authorization}/locks?api-version=2020-05-01&$filter=all()`,
    undefined,
    400,
    'InvalidFilterInQueryString',
  ],
  ['a path that is none', 'GET', 'S/nothing/here', undefined, 404, 'NotFound'],
  [
    'an operation of the HCI provider',
    'GET',
    '/providers/Microsoft.AzureStackHCI/locations/eastus/operationStatuses/none?api-version=2024-04-01',
    undefined,
    404,
    'OperationNotFound',
  ],
  [
    'an operation of HybridCompute',
    'GET',
    'S/providers/Microsoft.HybridCompute/locations/eastus/operationstatus/none?api-version=2022-12-27',
    undefined,
    404,
    'OperationNotFound',
  ],
  [
    'a group where no group can be',
    'PUT',
    'S/resourceGroups/rg',
    { location: 'atlantis' },
    400,
    'LocationNotAvailableForResourceGroup',
  ],
  [
    'a principal that is no GUID',
    'PUT',
    `S/${authorization}/roleAssignments/ID`,
    { properties: { roleDefinitionId: roleIds.reader, principalId: 'somebody' } },
    400,
    'InvalidPrincipalId',
  ],
];

test.each(requests)('%s', async (_, method, target, body, status, code) => {
  await lab().givenGroup('malformed-rg');
  const path = target.replace(/^S/, subscription()).replace(/ID$/, randomUUID());
  const before = structuredClone(lab().azure.state);
  expect(await lab().arm(method, path, body === undefined ? {} : { body })).toMatchObject({ status, code });
  expect(lab().azure.state).toEqual(before);
});

test('a role assignment keeps its principal', async () => {
  const { arm, azure } = lab();
  const path = `${subscription()}/${authorization}/roleAssignments/${randomUUID()}`;
  const put = (principalId: string) =>
    arm('PUT', path, { body: { properties: { roleDefinitionId: roleIds.contributor, principalId } } });
  expect((await put(azure.principals.reader.objectId)).status).toBe(201);
  expect(await put(azure.principals.owner.objectId)).toMatchObject({
    status: 400,
    code: 'RoleAssignmentUpdateNotPermitted',
  });
});

test('more custom roles than there may be', async () => {
  const { arm, azure, settings } = lab();
  const put = (name: string) =>
    arm('PUT', `${subscription()}/${authorization}/roleDefinitions/${name}`, {
      body: { properties: { roleName: name, permissions: [], assignableScopes: [subscription()] } },
    });
  const [first, second] = [randomUUID(), randomUUID()];
  await settings({ quotas: { ...azure.settings.quotas, roleDefinitions: 1 } });
  expect((await put(first)).status).toBe(201);
  expect(await put(second)).toMatchObject({ status: 400, code: 'RoleDefinitionLimitExceeded' });
  expect((await put(first)).status).toBe(201);
});

test.each([
  ['a page of no row', { $top: 0 }, 'InvalidTopParameter'],
  ['a page of too many rows', { $top: 1001 }, 'InvalidTopParameter'],
  ['a page of nowhere', { $skipToken: 'x' }, 'InvalidSkipToken'],
])('Resource Graph: %s', async (_, options, code) => {
  const answer = await lab().arm('POST', '/providers/Microsoft.ResourceGraph/resources', {
    apiVersion: '2022-10-01',
    body: { query: 'resources', options },
  });
  expect(answer).toMatchObject({ status: 400, code: 'BadRequest' });
  expect(at(answer.body, 'error', 'details', '0', 'code')).toBe(code);
});

test('the details of a retryable error', async () => {
  const { admin, arm } = lab();
  await admin('PUT', '/faults', [{ path: '/subscriptions', times: 1, effect: { refuse: 'RetryableError' } }]);
  const { body } = await arm('GET', subscription());
  expect(at(body, 'error', 'details', '0', 'code')).toBe('RetryableErrorDueToAnotherOperation');
});

const base64 = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
const numbers = async (form: Readonly<Record<string, string>>) => {
  const answer = await lab().client.signIn(form);
  return { status: answer.status, codes: at(answer.body, 'error_codes') };
};

test('sign-in without a credential, with an assertion that is none, with keys that cannot be read', async () => {
  const { azure, client } = lab();
  const { clientId, clientSecret } = azure.principals.owner;
  expect(await numbers({ client_id: clientId })).toEqual({ status: 401, codes: [7000218] });
  const withAssertion = (client_id: string, client_assertion: string) =>
    numbers({ client_id, client_assertion, client_assertion_type: assertionType });
  expect(await withAssertion(clientId, 'none')).toEqual({ status: 401, codes: [50027] });

  const token = await client.token(clientId, clientSecret, graphScope);
  const graph = (path: string, body: object) => client.send('POST', `${azure.graph}/v1.0/${path}`, { token, body });
  const application = (await graph('applications', { displayName: 'federated' })).body;
  const appId = textAt(application, 'appId');
  expect((await graph('servicePrincipals', { appId })).status).toBe(201);
  const [iss, sub, aud] = ['https://issuer.example.com', 'somebody', 'api://AzureADTokenExchange'];
  const credential = { name: 'federated', issuer: iss, subject: sub, audiences: [aud] };
  const added = await graph(`applications/${textAt(application, 'id')}/federatedIdentityCredentials`, credential);
  expect(added.status).toBe(201);
  const exp = Math.floor(Date.now() / 1000) + 600;
  const assertion = `${base64({ alg: 'RS256', kid: 'k' })}.${base64({ iss, sub, aud, exp })}.c2ln`;
  expect(await withAssertion(appId, assertion)).toEqual({ status: 401, codes: [90061] });
});
test('the data plane refuses who does not belong to the cluster', async () => {
  const { azure, client, givenGroup, givenCluster } = lab();
  const cluster = await givenCluster(await givenGroup('data-plane-rg'), 'hci001');
  const properties = azure.state.clusters[cluster.toLowerCase()]?.properties;
  const sync = (id: string | undefined, token?: string) =>
    client.send('POST', `${properties?.serviceEndpoint}/clusters/${id}/sync`, token === undefined ? {} : { token });
  const { clientId, clientSecret } = azure.principals.owner;
  const token = await client.token(clientId, clientSecret, billingScope);
  expect(await sync(properties?.cloudId)).toMatchObject({ status: 401, code: 'Unauthorized' });
  expect(await sync(properties?.cloudId, token)).toMatchObject({ status: 403, code: 'Forbidden' });
  expect(await sync(randomUUID(), token)).toMatchObject({ status: 404, code: 'NotFound' });
});

import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { roleIds } from '../simulators/azure/authorization.ts';
import { graphScope, type Answer } from '../simulators/azure/client.ts';
import { certificateBase64, fixture, textAt, type Fixture } from '../simulators/azure/testing.ts';

// A deliberately wrong client: what it gets is what real Azure says, and nothing is done. Each case names where that answer is from;
// a guess is called one.

const lab = fixture();
let group = '';
let cluster = '';

/** A group, a cluster without an identity, and its arcSettings: once for all. */
async function given(): Promise<void> {
  if (group !== '') return;
  group = await lab().givenGroup('wrong-rg');
  cluster = await lab().givenCluster(group, 'hci001');
  await lab().arm('PUT', `${cluster}/arcSettings/default`, { body: {} });
}

interface Wrong {
  readonly what: string;
  readonly send: (lab: Fixture) => Promise<Answer>;
  readonly status: number;
  readonly code: string;
  readonly source: string;
}

const text = { 'content-type': 'text/plain' };
const assignment = (name: string) => `${group}/providers/Microsoft.Authorization/roleAssignments/${name}`;
const role = { roleDefinitionId: roleIds.reader, principalType: 'ServicePrincipal' };
const memory = 'azure-apis.md 6, from memory';

const wrongRequests: readonly Wrong[] = [
  {
    what: 'no api-version',
    send: ({ arm }) => arm('GET', `${cluster}?api-version=`),
    status: 400,
    code: 'MissingApiVersionParameter',
    source: 'quoted in public for every provider',
  },
  {
    what: 'an api-version that is not served',
    send: ({ arm }) => arm('GET', `${cluster}?api-version=2019-01-01`),
    status: 400,
    code: 'NoRegisteredProviderFound',
    source: memory,
  },
  {
    what: 'an api-version in another form',
    send: ({ arm }) => arm('GET', `${cluster}?api-version=v2`),
    status: 400,
    code: 'NoRegisteredProviderFound',
    source: 'guess: as one that is not served',
  },
  {
    what: 'a property that nobody knows',
    send: ({ arm }) => arm('PUT', cluster, { body: { location: 'eastus', properties: { cloudIdentifier: 'x' } } }),
    status: 400,
    code: 'InvalidRequestContent',
    source: 'code: recorded (azure-simulator.md 2); that HCI refuses: guess, from the OpenAPI file',
  },
  {
    what: 'a property in another case',
    send: async ({ azure, client }) =>
      client.send('POST', `${azure.graph}/v1.0/applications`, { ...(await graphCall()), body: { DisplayName: 'x' } }),
    status: 400,
    code: 'Request_BadRequest',
    source: 'OData: property names are case-sensitive',
  },
  {
    what: 'a read-only property in a PATCH',
    send: ({ arm }) => arm('PATCH', cluster, { body: { properties: { status: 'ConnectedRecently' } } }),
    status: 400,
    code: 'InvalidRequestContent',
    source: 'OpenAPI file: ClusterPatch has no status',
  },
  {
    what: 'a property of the wrong type',
    send: ({ arm }) => arm('PATCH', cluster, { body: { tags: { a: 1 } } }),
    status: 400,
    code: 'InvalidRequestContent',
    source: 'OpenAPI file; code recorded (azure-simulator.md 2)',
  },
  {
    what: 'JSON that ends too early',
    send: ({ arm }) => arm('PUT', cluster, { body: '{"location": "eastus"' }),
    status: 400,
    code: 'InvalidRequestContent',
    source: 'recorded (azure-simulator.md 2)',
  },
  {
    what: 'a body that is not called JSON',
    send: ({ arm }) => arm('PUT', cluster, { body: { location: 'eastus' }, headers: text }),
    status: 415,
    code: 'UnsupportedMediaType',
    source: 'Azure/azure-cli#10143, hashicorp/terraform#30354',
  },
  {
    what: 'no body where one is needed',
    send: ({ arm }) => arm('PUT', cluster),
    status: 400,
    code: 'InvalidRequestContent',
    source: 'guess: as JSON that cannot be read',
  },
  {
    what: 'arcSettings before their cluster',
    send: ({ arm }) => arm('PUT', `${cluster}x/arcSettings/default`, { body: {} }),
    status: 404,
    code: 'ParentResourceNotFound',
    source: 'recorded for other providers (azure-simulator.md 2)',
  },
  {
    what: 'arcSettings that are not called default',
    send: ({ arm }) => arm('PUT', `${cluster}/arcSettings/other`, { body: {} }),
    status: 400,
    code: 'InvalidResourceName',
    source: 'only default is in use (azure-apis.md 1c); status and code: guess',
  },
  {
    what: 'uploadCertificate before createClusterIdentity',
    send: async ({ arm, azure }) => {
      const certificates = [await certificateBase64(azure.principals.owner.certificateFile)];
      return arm('POST', `${cluster}/uploadCertificate`, { body: { properties: { certificates } } });
    },
    status: 409,
    code: 'Conflict',
    source: 'the order is the cmdlet’s; status and code: guess',
  },
  {
    what: 'generatePassword before createArcIdentity',
    send: ({ arm }) => arm('POST', `${cluster}/arcSettings/default/generatePassword`),
    status: 409,
    code: 'Conflict',
    source: 'the order is the cmdlet’s; status and code: guess',
  },
  {
    what: 'deleting a cluster before its arcSettings',
    send: ({ arm }) => arm('DELETE', cluster),
    status: 409,
    code: 'CannotDeleteResource',
    source: 'errors/409-CannotDeleteResource-nested',
  },
  {
    what: 'an action that there is not',
    send: ({ arm }) => arm('POST', `${cluster}/createIdentity`),
    status: 404,
    code: 'InvalidResourceType',
    source: 'recorded (azure-simulator.md 2)',
  },
  {
    what: 'an action that this api-version does not have',
    send: ({ arm }) =>
      arm('POST', `${cluster}/arcSettings/default/consentAndInstallDefaultExtensions?api-version=2022-12-01`),
    status: 404,
    code: 'InvalidResourceType',
    source: 'OpenAPI files: from 2023-03-01 on',
  },
  {
    what: 'a method that there is not',
    send: ({ arm }) => arm('PUT', `${group}/providers/Microsoft.AzureStackHCI/clusters`, { body: {} }),
    status: 405,
    code: 'MethodNotAllowed',
    source: 'guess',
  },
  {
    what: 'a cluster name that is none',
    send: ({ arm }) => arm('PUT', `${cluster}%3f`, { body: { location: 'eastus' } }),
    status: 400,
    code: 'InvalidResourceName',
    source: 'naming rules of Resource Manager; code: guess',
  },
  {
    what: 'another location',
    send: ({ arm }) => arm('PUT', cluster, { body: { location: 'westeurope' } }),
    status: 409,
    code: 'InvalidResourceLocation',
    source: memory,
  },
  {
    what: 'a location without HCI',
    send: ({ arm }) => arm('PUT', `${cluster}2`, { body: { location: 'westus' } }),
    status: 400,
    code: 'LocationNotAvailableForResourceType',
    source: 'microsoft/azure_arc#2632',
  },
  {
    what: 'a role assignment whose name is no GUID',
    send: ({ arm, azure }) =>
      arm('PUT', assignment('hci001'), {
        body: { properties: { ...role, principalId: azure.principals.reader.objectId } },
      }),
    status: 400,
    code: 'InvalidRoleAssignmentId',
    source: memory,
  },
  {
    what: 'a role for a principal that there is not',
    send: ({ arm }) =>
      arm('PUT', assignment(randomUUID()), { body: { properties: { ...role, principalId: randomUUID() } } }),
    status: 400,
    code: 'PrincipalNotFound',
    source: 'recorded (aso.Test_Authorization_RoleAssignment)',
  },
  {
    what: "Graph's token for Resource Manager",
    send: async ({ azure, client }) =>
      client.send('GET', `${azure.resourceManager}${cluster}?api-version=2024-04-01`, await graphCall()),
    status: 401,
    code: 'InvalidAuthenticationTokenAudience',
    source: 'quoted in public',
  },
  {
    what: "Resource Manager's token for Graph",
    send: async ({ azure, client }) => {
      const { clientId, clientSecret } = azure.principals.owner;
      return client.send('GET', `${azure.graph}/v1.0/applications`, {
        token: await client.token(clientId, clientSecret),
      });
    },
    status: 401,
    code: 'InvalidAuthenticationToken',
    source: 'azure-simulator.md 1.3',
  },
  {
    what: 'a token that has expired',
    send: async ({ arm, settings, azure, client }) => {
      const { clientId, clientSecret } = azure.principals.owner;
      const token = await client.token(clientId, clientSecret);
      await settings({ clockOffsetSeconds: 2 * 3600 });
      return arm('GET', cluster, { token });
    },
    status: 401,
    code: 'ExpiredAuthenticationToken',
    source: 'recorded (azure-simulator.md 2)',
  },
  {
    what: 'signing in to a tenant that there is not',
    send: async ({ azure, client }) =>
      client.send('POST', `${azure.login}/${randomUUID()}/oauth2/v2.0/token`, {
        body: 'grant_type=client_credentials',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
      }),
    status: 400,
    code: 'AADSTS90002',
    source: 'azure-simulator.md 1.5',
  },
  {
    what: 'a grant type in another case',
    send: ({ client, azure }) =>
      client.signIn({
        grant_type: 'Client_Credentials',
        client_id: azure.principals.owner.clientId,
        client_secret: azure.principals.owner.clientSecret,
      }),
    status: 400,
    code: 'AADSTS70003',
    source: 'Entra’s list of error codes; that case counts: guess',
  },
  {
    what: 'a secret that there is not',
    send: ({ client, azure }) => client.signIn({ client_id: azure.principals.owner.clientId, client_secret: 'wrong' }),
    status: 401,
    code: 'AADSTS7000215',
    source: 'azure-simulator.md 1.5',
  },
];

async function graphCall(): Promise<{ token: string }> {
  const { azure, client } = lab();
  const { clientId, clientSecret } = azure.principals.owner;
  return { token: await client.token(clientId, clientSecret, graphScope) };
}

const codeOf = (answer: Answer): string | undefined =>
  answer.code !== undefined && /^(invalid|unsupported|unauthorized)_/.test(answer.code)
    ? /^AADSTS\d+/.exec(textAt(answer.body, 'error_description'))?.[0]
    : answer.code;

test('there are at least twenty wrong requests', () => {
  expect(wrongRequests.length).toBeGreaterThanOrEqual(20);
});

test.each(wrongRequests.map((wrong) => [wrong.what, wrong.source, wrong] as const))(
  '%s (%s)',
  async (_what, _source, { send, status, code }) => {
    await given();
    const { azure } = lab();
    const before = structuredClone(azure.state);
    const answer = await send(lab());
    expect({ status: answer.status, code: codeOf(answer) }).toEqual({ status, code });
    expect(azure.state).toEqual(before);
  },
);

test('the right requests among them are taken', async () => {
  await given();
  const { arm, azure } = lab();
  const principalId = azure.principals.reader.objectId;
  expect((await arm('PUT', cluster, { body: { location: 'eastus' } })).status).toBe(200);
  expect((await arm('PATCH', cluster, { body: { tags: { a: '1' } } })).status).toBe(200);
  expect((await arm('PUT', assignment(randomUUID()), { body: { properties: { ...role, principalId } } })).status).toBe(
    201,
  );
  expect((await arm('POST', `${cluster}/createClusterIdentity`)).status).toBe(202);
});

import { randomBytes, randomUUID } from 'node:crypto';
import type { SimulatedAzure } from '../simulators/azure/azure.ts';
import { createClient } from '../simulators/azure/client.ts';

const apiVersions = { groups: '2022-09-01', authorization: '2022-04-01' };

/** What an owner of the subscription does ahead, by Resource Manager's own requests. */
export interface Owner {
  /** An application with a secret and no rights at all. */
  principal(name: string): { clientId: string; objectId: string; clientSecret: string };
  /** Makes a custom role. @returns its id */
  role(name: string, actions: readonly string[]): Promise<string>;
  assign(scope: string, principalId: string, roleDefinitionId: string): Promise<void>;
  group(name: string): Promise<string>;
  register(...namespaces: string[]): Promise<void>;
  /** Id of a role, built-in or not. */
  roleId(guid: string): string;
  subscription: string;
  close(): Promise<void>;
}

export function createOwner(azure: SimulatedAzure): Owner {
  const client = createClient(azure);
  const subscription = `/subscriptions/${azure.subscriptionId}`;
  const { owner } = azure.principals;
  const send = async (method: string, path: string, apiVersion: string, body?: unknown) => {
    const token = await client.token(owner.clientId, owner.clientSecret);
    const url = `${azure.resourceManager}${path}?api-version=${apiVersion}`;
    const answer = await client.send(method, url, { token, ...(body === undefined ? {} : { body }) });
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  };
  const roleId = (guid: string) => `${subscription}/providers/Microsoft.Authorization/roleDefinitions/${guid}`;
  return {
    subscription,
    roleId,
    principal(name) {
      const [applicationId, clientId, objectId] = [randomUUID(), randomUUID(), randomUUID()];
      const clientSecret = randomBytes(30).toString('base64url');
      const past = '2020-01-01T00:00:00.000Z';
      const common = { appId: clientId, createdDateTime: past, displayName: name, owners: [], other: {} };
      azure.state.applications[applicationId] = {
        ...common,
        id: applicationId,
        passwordCredentials: [
          {
            keyId: randomUUID(),
            displayName: null,
            hint: clientSecret.slice(0, 3),
            secretText: clientSecret,
            startDateTime: past,
            endDateTime: '2099-12-31T00:00:00.000Z',
            effectiveAt: past,
          },
        ],
        keyCredentials: [],
        federatedIdentityCredentials: {},
      };
      azure.state.servicePrincipals[objectId] = {
        ...common,
        id: objectId,
        servicePrincipalType: 'Application',
        accountEnabled: true,
        appRoles: [],
        passwordCredentials: [],
      };
      return { clientId, objectId, clientSecret };
    },
    async role(name, actions) {
      const guid = randomUUID();
      const properties = { roleName: name, assignableScopes: [subscription], permissions: [{ actions }] };
      await send('PUT', roleId(guid), apiVersions.authorization, { properties });
      return roleId(guid);
    },
    assign: (scope, principalId, roleDefinitionId) =>
      send(
        'PUT',
        `${scope}/providers/Microsoft.Authorization/roleAssignments/${randomUUID()}`,
        apiVersions.authorization,
        { properties: { roleDefinitionId, principalId, principalType: 'ServicePrincipal' } },
      ),
    async group(name) {
      await send('PUT', `${subscription}/resourceGroups/${name}`, apiVersions.groups, { location: 'eastus' });
      return `${subscription}/resourceGroups/${name}`;
    },
    async register(...namespaces) {
      for (const namespace of namespaces)
        await send('POST', `${subscription}/providers/${namespace}/register`, apiVersions.groups);
    },
    close: client.close,
  };
}

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Type, type Static, type TSchema } from 'typebox';
import { Value } from 'typebox/value';
import type { OperationArguments } from '../../../src/nodes/operations.ts';
import { roleIds } from '../azure/authorization.ts';
import type { SimulatedAzure } from '../azure/azure.ts';
import { billingScope, createClient, graphScope } from '../azure/client.ts';
import type { NodesLab } from './lab.ts';

// The Azure half of a registration as a person with `owner` would do it by hand, for the tests of the nodes.

const hci = 'api-version=2023-03-01';
export const region = 'eastus';

const ClusterBody = Type.Object({
  id: Type.String(),
  properties: Type.Object({
    status: Type.String(),
    cloudId: Type.String(),
    serviceEndpoint: Type.String(),
    aadClientId: Type.String(),
    aadApplicationObjectId: Type.String(),
    aadServicePrincipalObjectId: Type.String(),
    resourceProviderObjectId: Type.String(),
  }),
});
const ArcSettingsBody = Type.Object({
  properties: Type.Object({
    aggregateState: Type.String(),
    perNodeDetails: Type.Array(Type.Object({ name: Type.String(), state: Type.String() })),
    arcApplicationClientId: Type.String(),
    arcServicePrincipalObjectId: Type.String(),
  }),
});
const Password = Type.Object({ secretText: Type.String() });
const Status = Type.Object({ status: Type.String() });
const Provider = Type.Object({ registrationState: Type.String() });

export type AzureCluster = Static<typeof ClusterBody>;

export interface AzureByHand {
  /** Providers, group, cluster resource, its identity, and the provider's role. */
  readonly createCluster: (name: string) => Promise<AzureCluster>;
  readonly getCluster: (name: string) => Promise<AzureCluster>;
  readonly uploadCertificates: (name: string, certificates: readonly string[]) => Promise<void>;
  /** arcSettings, the Arc identity, its roles unless they are left out, and a secret. */
  readonly createArc: (
    name: string,
    roles?: 'withRoles' | 'withoutRoles',
  ) => Promise<{ appId: string; secret: string; objectId: string }>;
  readonly assignArcRoles: (name: string, objectId: string) => Promise<void>;
  readonly getArcSettings: (name: string) => Promise<Static<typeof ArcSettingsBody>>;
  readonly machineStatus: (name: string, machine: string) => Promise<number>;
  readonly setCertificateArguments: (cluster: AzureCluster) => OperationArguments<'setRegistrationCertificate'>;
  readonly setRegistrationArguments: (cluster: AzureCluster, name: string) => OperationArguments<'setRegistration'>;
  readonly arcArguments: (
    name: string,
    arc: { appId: string; secret: string },
  ) => OperationArguments<'initializeArcIntegration'>;
  readonly close: () => Promise<void>;
}

const patienceMilliseconds = 10_000;

/** Asks until there is an answer; throws when none comes in ten seconds. */
const eventually = async <T>(what: string, ask: () => Promise<T | undefined>): Promise<T> => {
  for (const start = performance.now(); performance.now() - start < patienceMilliseconds; await sleep(20)) {
    const answer = await ask();
    if (answer !== undefined) return answer;
  }
  throw new Error(`${what} did not come about`);
};

export const azureByHand = async (azure: SimulatedAzure): Promise<AzureByHand> => {
  const client = createClient(azure);
  const { owner } = azure.principals;
  const token = await client.token(owner.clientId, owner.clientSecret);
  const { resourceManager, subscriptionId } = azure;

  const send = async (method: string, pathAndQuery: string, body?: unknown) => {
    const answer = await client.send(method, `${resourceManager}${pathAndQuery}`, {
      token,
      ...(body === undefined ? {} : { body }),
    });
    if (answer.status >= 400)
      throw new Error(`${method} ${pathAndQuery}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer;
  };
  const until = async <T extends TSchema>(schema: T, pathAndQuery: string): Promise<Static<T>> => {
    return eventually(pathAndQuery, async () => {
      const { body } = await send('GET', pathAndQuery);
      return Value.Check(schema, body) ? body : undefined;
    });
  };
  const finish = async (url: string | null): Promise<void> => {
    if (url === null) throw new Error('this is no long-running operation');
    await eventually(url, async () => {
      const { body } = await client.send('GET', url, { token });
      return Value.Parse(Status, body).status === 'Succeeded' ? true : undefined;
    });
  };
  const subscription = `/subscriptions/${subscriptionId}`;
  const groupOf = (name: string): string => `${subscription}/resourceGroups/${name}-rg`;
  const clusterOf = (name: string): string => `${groupOf(name)}/providers/Microsoft.AzureStackHCI/clusters/${name}`;
  const arcOf = (name: string): string => `${clusterOf(name)}/arcSettings/default`;

  const assign = async (name: string, role: string, principalId: string): Promise<void> => {
    await send(
      'PUT',
      `${groupOf(name)}/providers/Microsoft.Authorization/roleAssignments/${randomUUID()}?api-version=2022-04-01`,
      {
        properties: {
          roleDefinitionId: `${subscription}/providers/Microsoft.Authorization/roleDefinitions/${role}`,
          principalId,
          principalType: 'ServicePrincipal',
        },
      },
    );
  };
  const registerProvider = async (namespace: string): Promise<void> => {
    const provider = `${subscription}/providers/${namespace}`;
    await send('POST', `${provider}/register?api-version=2021-04-01`);
    await eventually(namespace, async () => {
      const { body } = await send('GET', `${provider}?api-version=2021-04-01`);
      return Value.Parse(Provider, body).registrationState === 'Registered' ? true : undefined;
    });
  };
  const assignArcRoles: AzureByHand['assignArcRoles'] = async (name, objectId) => {
    await assign(name, roleIds.connectedMachineOnboarding, objectId);
    await assign(name, roleIds.connectedMachineResourceAdministrator, objectId);
  };
  const common = (cluster: AzureCluster) => ({
    serviceEndpoint: cluster.properties.serviceEndpoint,
    billingServiceApiScope: billingScope,
    graphServiceApiScope: graphScope,
    aadAuthority: azure.login,
    appId: cluster.properties.aadClientId,
    tenantId: azure.tenantId,
    cloudId: cluster.properties.cloudId,
    certificateThumbprint: '',
  });

  return {
    createCluster: async (name) => {
      const namespaces = ['AzureStackHCI', 'HybridCompute', 'GuestConfiguration', 'HybridConnectivity'];
      await Promise.all(namespaces.map((each) => registerProvider(`Microsoft.${each}`)));
      await send('PUT', `${groupOf(name)}?api-version=2021-04-01`, { location: region });
      await send('PUT', `${clusterOf(name)}?${hci}`, {
        location: region,
        identity: { type: 'SystemAssigned' },
        properties: {},
      });
      await send('POST', `${clusterOf(name)}/createClusterIdentity?${hci}`);
      const cluster = await until(ClusterBody, `${clusterOf(name)}?${hci}`);
      await assign(name, roleIds.connectedMachineResourceManager, cluster.properties.resourceProviderObjectId);
      return cluster;
    },
    getCluster: (name) => until(ClusterBody, `${clusterOf(name)}?${hci}`),
    uploadCertificates: async (name, certificates) => {
      const answer = await send('POST', `${clusterOf(name)}/uploadCertificate?${hci}`, {
        properties: { certificates },
      });
      await finish(answer.headers.get('azure-asyncoperation'));
    },
    createArc: async (name, roles = 'withRoles') => {
      await send('PUT', `${arcOf(name)}?${hci}`, { properties: { arcInstanceResourceGroup: `${name}-rg` } });
      await send('POST', `${arcOf(name)}/createArcIdentity?${hci}`);
      const { properties } = await until(ArcSettingsBody, `${arcOf(name)}?${hci}`);
      const objectId = properties.arcServicePrincipalObjectId;
      if (roles === 'withRoles') await assignArcRoles(name, objectId);
      const { body } = await send('POST', `${arcOf(name)}/generatePassword?${hci}`);
      return { appId: properties.arcApplicationClientId, secret: Value.Parse(Password, body).secretText, objectId };
    },
    assignArcRoles,
    getArcSettings: (name) => until(ArcSettingsBody, `${arcOf(name)}?${hci}`),
    machineStatus: async (name, machine) => {
      const path = `${groupOf(name)}/providers/Microsoft.HybridCompute/machines/${machine}?api-version=2022-12-27`;
      return (await client.send('GET', `${resourceManager}${path}`, { token })).status;
    },
    setCertificateArguments: common,
    setRegistrationArguments: (cluster, name) => ({
      ...common(cluster),
      subscriptionId,
      objectId: cluster.properties.aadApplicationObjectId,
      resourceName: name,
      providerNamespace: 'Microsoft.AzureStackHCI',
      resourceArmId: cluster.id,
      servicePrincipalClientId: cluster.properties.aadServicePrincipalObjectId,
    }),
    arcArguments: (name, { appId, secret }) => ({
      appId,
      secret,
      keyId: 'by-hand',
      tenantId: azure.tenantId,
      subscriptionId,
      region,
      resourceGroup: `${name}-rg`,
      cloud: 'AzurePublicCloud',
    }),
    close: () => client.close(),
  };
};

/** Takes a cluster from nothing to registered and synchronized. */
export const register = async (
  lab: NodesLab,
  hand: AzureByHand,
  name: string,
  nodeNames: readonly string[],
): Promise<AzureCluster> => {
  const cluster = await hand.createCluster(name);
  const made = await Promise.all(nodeNames.map((node) => lab.result(node, 'newRegistrationCertificate', {})));
  await hand.uploadCertificates(
    name,
    made.map(({ certificate }) => certificate),
  );
  await Promise.all(
    nodeNames.map((node) => lab.result(node, 'setRegistrationCertificate', hand.setCertificateArguments(cluster))),
  );
  const first = nodeNames[0] ?? '';
  await lab.result(first, 'setRegistration', hand.setRegistrationArguments(cluster, name));
  await lab.result(first, 'sync', {});
  return cluster;
};

import { randomUUID, X509Certificate } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { roleIds } from './authorization.ts';
import { createClientCertificate } from './certificates.ts';
import { newKeyCredential } from './directory.ts';
import { idKey, newSecret, type World } from './world.ts';

/** Who can sign in from the start, with which rights on the subscription and in Graph. */
const seededPrincipals = {
  controller: {
    roles: [roleIds.contributor, roleIds.userAccessAdministrator],
    appRoles: ['Application.ReadWrite.OwnedBy'],
  },
  owner: { roles: [roleIds.owner], appRoles: ['Application.ReadWrite.All'] },
  reader: { roles: [roleIds.reader], appRoles: [] },
};
export type PrincipalName = keyof typeof seededPrincipals;

export interface Principal {
  readonly clientId: string;
  readonly objectId: string;
  readonly clientSecret: string;
  /** PEM files. */
  readonly certificateFile: string;
  readonly privateKeyFile: string;
}

/** A managed identity has no application of its own. */
export type ManagedIdentity = Pick<Principal, 'clientId' | 'objectId'>;

/** Whose tokens WorkloadIdentity presents; `subjects` may sign in as `controller` from the start, others by `PATCH /state`. */
export interface ServiceAccountIssuer {
  readonly issuer: string;
  readonly jwks: { readonly keys: readonly object[] };
  readonly subjects?: readonly string[];
}

const past = '2020-01-01T00:00:00.000Z';

/** Fills a new state with the provider's own principal and those that tests sign in as. */
export async function seed(
  world: World,
  subscriptionId: string,
  directory: string,
  serviceAccountIssuer: ServiceAccountIssuer | undefined,
): Promise<Readonly<Record<PrincipalName, Principal>>> {
  const { state } = world;
  state.servicePrincipals[state.resourceProviderObjectId] = {
    id: state.resourceProviderObjectId,
    appId: '1412d89f-b8a8-4111-b4fd-e82905cbd85d',
    createdDateTime: past,
    displayName: 'Microsoft.AzureStackHCI Resource Provider',
    servicePrincipalType: 'Application',
    accountEnabled: true,
    owners: [],
    appRoles: [],
    passwordCredentials: [],
    other: {},
  };
  if (serviceAccountIssuer !== undefined) {
    const keys = serviceAccountIssuer.jwks.keys.map((key) => ({ ...key }));
    state.issuers[serviceAccountIssuer.issuer] = { keys };
  }
  const create = async (name: PrincipalName): Promise<Principal> => {
    const { certificatePem, privateKeyPem } = await createClientCertificate(name, 365);
    const certificateFile = join(directory, `${name}.pem`);
    const privateKeyFile = join(directory, `${name}.key.pem`);
    await writeFile(certificateFile, certificatePem);
    await writeFile(privateKeyFile, privateKeyPem, { mode: 0o600 });
    const clientSecret = newSecret();
    const [applicationId, clientId, objectId] = [randomUUID(), randomUUID(), randomUUID()];
    const key = newKeyCredential(world, new X509Certificate(certificatePem).raw.toString('base64'));
    const subjects = name === 'controller' ? (serviceAccountIssuer?.subjects ?? []) : [];
    state.applications[applicationId] = {
      id: applicationId,
      appId: clientId,
      createdDateTime: past,
      displayName: name,
      owners: [],
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
      keyCredentials: key === undefined ? [] : [key],
      federatedIdentityCredentials: Object.fromEntries(
        subjects.map((subject, index) => [
          `subject-${index}`,
          { issuer: serviceAccountIssuer?.issuer ?? '', subject, audiences: ['api://AzureADTokenExchange'] },
        ]),
      ),
      other: {},
    };
    state.servicePrincipals[objectId] = {
      id: objectId,
      appId: clientId,
      createdDateTime: past,
      displayName: name,
      servicePrincipalType: 'Application',
      accountEnabled: true,
      owners: [],
      appRoles: [...seededPrincipals[name].appRoles],
      passwordCredentials: [],
      other: {},
    };
    assignRoles(world, subscriptionId, objectId, seededPrincipals[name].roles);
    return { clientId, objectId, clientSecret, certificateFile, privateKeyFile };
  };
  const [controller, owner, reader] = await Promise.all([create('controller'), create('owner'), create('reader')]);
  return { controller, owner, reader };
}

/** A managed identity with the rights of `controller` on the subscription. */
export function seedManagedIdentity(world: World, subscriptionId: string, displayName: string): ManagedIdentity {
  const [clientId, objectId] = [randomUUID(), randomUUID()];
  world.state.servicePrincipals[objectId] = {
    id: objectId,
    appId: clientId,
    createdDateTime: past,
    displayName,
    servicePrincipalType: 'ManagedIdentity',
    accountEnabled: true,
    owners: [],
    appRoles: [],
    passwordCredentials: [],
    other: {},
  };
  assignRoles(world, subscriptionId, objectId, seededPrincipals.controller.roles);
  return { clientId, objectId };
}

function assignRoles({ state }: World, subscriptionId: string, objectId: string, roles: readonly string[]): void {
  for (const role of roles) {
    const assignment = randomUUID();
    const scope = `/subscriptions/${subscriptionId}`;
    const id = `${scope}/providers/Microsoft.Authorization/roleAssignments/${assignment}`;
    state.roleAssignments[idKey(id)] = {
      id,
      name: assignment,
      scope,
      roleDefinitionId: `${scope}/providers/Microsoft.Authorization/roleDefinitions/${role}`,
      principalId: objectId,
      principalType: 'ServicePrincipal',
      description: null,
      condition: null,
      createdOn: past,
      createdBy: objectId,
      updatedOn: past,
      updatedBy: objectId,
      effectiveAt: past,
    };
  }
}

import { createHash } from 'node:crypto';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import type { Reply } from '../listener.ts';
import type { Application } from '../state.ts';
import type { World } from '../world.ts';
import { badRequest, GraphError, notFound } from './errors.ts';

// What hangs on an application: owners (of service principals too) and federated identity credentials.

interface Owned {
  readonly id: string;
  owners: string[];
}

const Reference = Type.Object({ '@odata.id': Type.String() });

/** `owners`, `owners/$ref` and `owners/{id}/$ref`; undefined for anything else. */
export function ownersOf(
  world: World,
  owned: Owned,
  method: string,
  segments: readonly string[],
  body: unknown,
): Reply | undefined {
  const [id, reference] = segments;
  if (method === 'GET' && id === undefined) {
    const value = owned.owners.flatMap((owner) => {
      const principal = world.state.servicePrincipals[owner];
      if (principal === undefined) return [];
      const { appId, displayName, servicePrincipalType } = principal;
      return [
        { '@odata.type': '#microsoft.graph.servicePrincipal', id: owner, appId, displayName, servicePrincipalType },
      ];
    });
    return { status: 200, body: { '@odata.context': `${world.urls.graph}/v1.0/$metadata#directoryObjects`, value } };
  }
  if (method === 'POST' && id === '$ref') {
    if (!Value.Check(Reference, body)) throw badRequest("The property '@odata.id' is missing.");
    const owner = body['@odata.id'].split('/').at(-1) ?? '';
    if (world.state.servicePrincipals[owner] === undefined) throw notFound(owner);
    if (owned.owners.includes(owner)) {
      throw badRequest(
        "One or more added object references already exist for the following modified properties: 'owners'.",
      );
    }
    owned.owners.push(owner);
    return { status: 204 };
  }
  if (method === 'DELETE' && id !== undefined && reference === '$ref') {
    if (!owned.owners.includes(id)) throw notFound(id);
    owned.owners = owned.owners.filter((owner) => owner !== id);
    return { status: 204 };
  }
  return undefined;
}

const Credential = Type.Object(
  {
    name: Type.String(),
    issuer: Type.String({ minLength: 1, maxLength: 600 }),
    subject: Type.String({ minLength: 1, maxLength: 600 }),
    audiences: Type.Array(Type.String(), { minItems: 1, maxItems: 1 }),
    description: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  },
  { additionalProperties: false },
);
const CredentialPatch = Type.Partial(Type.Omit(Credential, ['name']));

/** `federatedIdentityCredentials` and one of them, by id or name; undefined for anything else. */
export function federatedCredentialsOf(
  world: World,
  application: Application,
  method: string,
  segments: readonly string[],
  body: unknown,
): Reply | undefined {
  const credentials = application.federatedIdentityCredentials;
  const context = `${world.urls.graph}/v1.0/$metadata#applications('${application.id}')/federatedIdentityCredentials`;
  const view = (name: string) => {
    const found = credentials[name];
    return { id: credentialId(application.id, name), name, ...found, description: null };
  };
  const [wanted] = segments;
  if (wanted === undefined) {
    if (method === 'GET') {
      return { status: 200, body: { '@odata.context': context, value: Object.keys(credentials).map(view) } };
    }
    if (method !== 'POST') return undefined;
    if (!Value.Check(Credential, body)) throw badRequest('The federated identity credential is not valid.');
    const { name, issuer, subject, audiences } = body;
    if (!/^[\w-]{3,120}$/.test(name))
      throw badRequest(`The federated identity credential name '${name}' is not valid.`);
    if (name in credentials) {
      throw new GraphError(
        409,
        'Request_MultipleObjectsWithSameKeyValue',
        `FederatedIdentityCredential with name ${name} already exists.`,
      );
    }
    const same = Object.values(credentials).some((other) => other.issuer === issuer && other.subject === subject);
    if (same) {
      throw new GraphError(
        409,
        'Request_MultipleObjectsWithSameKeyValue',
        'FederatedIdentityCredential with same issuer and subject already exists.',
      );
    }
    if (Object.keys(credentials).length >= 20) {
      throw badRequest('The maximum number of federated identity credentials (20) is reached.');
    }
    credentials[name] = { issuer, subject, audiences };
    return { status: 201, body: { '@odata.context': `${context}/$entity`, ...view(name) } };
  }
  const name = Object.keys(credentials).find((key) => key === wanted || credentialId(application.id, key) === wanted);
  const found = name === undefined ? undefined : credentials[name];
  if (name === undefined || found === undefined) throw notFound(wanted);
  if (method === 'GET') return { status: 200, body: { '@odata.context': `${context}/$entity`, ...view(name) } };
  if (method === 'DELETE') {
    delete credentials[name];
    return { status: 204 };
  }
  if (method !== 'PATCH') return undefined;
  if (!Value.Check(CredentialPatch, body)) throw badRequest('The federated identity credential is not valid.');
  const { issuer = found.issuer, subject = found.subject, audiences = found.audiences } = body;
  credentials[name] = { issuer, subject, audiences };
  return { status: 204 };
}

/** The state keeps them by name; their ids follow from it. */
function credentialId(applicationId: string, name: string): string {
  const digits = createHash('sha256').update(`${applicationId}/${name}`).digest('hex');
  return digits.slice(0, 32).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

import { randomUUID } from 'node:crypto';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import type { SimulatedAzure } from '../simulators/azure/azure.ts';
import type { Ids } from './ids.ts';
import type { Recording } from './recordings.ts';

// What a session found there without having made it: registered providers, a resource group, a principal.

const Group = Type.Object({
  id: Type.String(),
  location: Type.String(),
  tags: Type.Optional(Type.Record(Type.String(), Type.String())),
});
const Job = Type.Object({ jobLocation: Type.String() });
const Assignment = Type.Object({ properties: Type.Object({ principalId: Type.String() }) });
const groupPath = /^\/subscriptions\/[^/]+\/resourcegroups\/([^/]+)$/i;

export async function prepare(recording: Recording, azure: SimulatedAzure, ids: Ids): Promise<void> {
  const { state } = azure;
  const providers = state.subscriptions[azure.subscriptionId]?.providers;
  if (providers === undefined) throw new Error('the simulated subscription is not there');
  providers['microsoft.azurestackhci'] = 'Registered';
  givenGroup(recording, azure);
  givenPrincipals(recording, azure, ids);
}

/** The group that a session's first call on a group shows to be there already. */
function givenGroup(recording: Recording, azure: SimulatedAzure): void {
  const first = recording.exchanges.find(({ url }) => groupPath.test(new URL(url).pathname));
  const name = groupPath.exec(first === undefined ? '' : new URL(first.url).pathname)?.[1];
  if (first === undefined || name === undefined || first.method === 'PUT' || first.answer.status >= 400) return;
  const shown = first.answer.body;
  const { location, tags } = Value.Check(Group, shown) ? shown : { location: jobLocation(first.answer.headers) };
  const id = `/subscriptions/${azure.subscriptionId}/resourceGroups/${name}`;
  azure.state.resourceGroups[id.toLowerCase()] = {
    id,
    name,
    location,
    ...(tags === undefined ? {} : { tags }),
    provisioningState: 'Succeeded',
  };
}

/** Where a session begins with deleting the group, only the deletion's job tells its location. */
function jobLocation(headers: Readonly<Record<string, string>>): string {
  const id = new URL(headers['location'] ?? '').pathname.split('/').at(-1) ?? '';
  return Value.Parse(Job, JSON.parse(Buffer.from(id, 'base64url').toString('utf8'))).jobLocation;
}

/** Principals that roles are given to: they were made in ways that the simulator does not know, and are not known at once. */
function givenPrincipals(recording: Recording, azure: SimulatedAzure, ids: Ids): void {
  const refused = recording.exchanges.some(({ answer }) => answer.status === 400);
  if (refused) azure.settings.principalPropagationSeconds = 600;
  for (const exchange of recording.exchanges) {
    if (exchange.method !== 'PUT' || !exchange.url.includes('/roleAssignments/')) continue;
    const { principalId } = Value.Parse(Assignment, JSON.parse(exchange.body)).properties;
    if (ids.toSimulated(principalId) !== principalId) continue;
    const id = randomUUID();
    ids.learn(principalId, id);
    azure.state.servicePrincipals[id] = {
      id,
      appId: randomUUID(),
      createdDateTime: new Date().toISOString(),
      displayName: 'an identity of the recording',
      servicePrincipalType: 'ManagedIdentity',
      accountEnabled: true,
      owners: [],
      appRoles: [],
      passwordCredentials: [],
      other: {},
    };
  }
}

import { Type, type Static } from 'typebox';
import { readAnswer, type Graph } from './graph.ts';
import { apiVersions, find, list, parse, type Found } from './reads.ts';
import type { ResourceManager } from './resource-manager.ts';

// What tells whether something was left behind, read live: how old it is, when it was heard of, whether its principal exists.

const text = Type.String();
const optionalText = Type.Optional(Type.Union([Type.String(), Type.Null()]));

const ListedResource = Type.Object({ id: text, createdTime: optionalText });
export type ListedResource = Static<typeof ListedResource>;

/** All resources of this type in a subscription or a resource group, with the time of their creation, which single reads do not tell. */
export const readResources = (
  arm: ResourceManager,
  scope: string,
  type: string,
  signal: AbortSignal,
): Promise<Found<ListedResource[]>> =>
  find(signal, ['ResourceGroupNotFound'], () =>
    list(arm, ListedResource, {
      path: `${scope}/resources`,
      apiVersion: apiVersions.resourceGroups,
      query: { $expand: 'createdTime', $filter: `resourceType eq '${type}'` },
      signal,
    }),
  );

const ArcMachine = Type.Object({
  id: text,
  properties: Type.Optional(
    Type.Object({ status: optionalText, lastStatusChange: optionalText, parentClusterResourceId: optionalText }),
  ),
});
export type ArcMachine = Static<typeof ArcMachine>;

export const readArcMachine = (arm: ResourceManager, id: string, signal: AbortSignal): Promise<Found<ArcMachine>> =>
  find(signal, ['ResourceNotFound'], async () =>
    parse(ArcMachine, await arm.send({ method: 'GET', path: id, apiVersion: apiVersions.machines, signal })),
  );

const Assignment = Type.Object({
  id: text,
  name: text,
  properties: Type.Object({
    roleDefinitionId: text,
    principalId: text,
    scope: text,
    principalType: optionalText,
    createdOn: optionalText,
    delegatedManagedIdentityResourceId: optionalText,
  }),
});
export type Assignment = Static<typeof Assignment>;

export const readRoleAssignment = (arm: ResourceManager, id: string, signal: AbortSignal): Promise<Found<Assignment>> =>
  find(signal, ['RoleAssignmentNotFound'], async () =>
    parse(Assignment, await arm.send({ method: 'GET', path: id, apiVersion: apiVersions.authorization, signal })),
  );

const DirectoryObject = Type.Object({
  id: text,
  '@odata.type': optionalText,
  appId: optionalText,
  displayName: optionalText,
});
export type DirectoryObject = Static<typeof DirectoryObject>;
const Page = Type.Object({ value: Type.Array(Type.Unknown()), '@odata.nextLink': Type.Optional(text) });

const idsAtOnce = 1000;

/** Those of these objects that the directory knows, of whatever type. One that is missing may only be new. */
export async function readDirectoryObjects(
  graph: Graph,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<DirectoryObject[]> {
  const found: DirectoryObject[] = [];
  for (let from = 0; from < ids.length; from += idsAtOnce) {
    const body = { ids: ids.slice(from, from + idsAtOnce) };
    let page = await graph.send({ method: 'POST', path: '/directoryObjects/getByIds', body, signal });
    for (;;) {
      const { value, '@odata.nextLink': next } = readAnswer(Page, page);
      for (const item of value) found.push(readAnswer(DirectoryObject, { ...page, body: item }));
      if (next === undefined) break;
      page = await graph.follow(next, signal);
    }
  }
  return found;
}

/** Whether a service principal exists: `deleted` while it can be restored. */
export async function readServicePrincipal(
  graph: Graph,
  id: string,
  signal: AbortSignal,
): Promise<Found<'living' | 'deleted'>> {
  const path = encodeURIComponent(id);
  const query = { $select: 'id' };
  const notFound = ['Request_ResourceNotFound'];
  const present = await find(signal, notFound, () =>
    graph.send({ method: 'GET', path: `/servicePrincipals/${path}`, query, signal }),
  );
  if (present.found) return { found: true, value: 'living' };
  const deleted = await find(signal, notFound, () =>
    graph.send({ method: 'GET', path: `/directory/deletedItems/${path}`, signal }),
  );
  return deleted.found ? { found: true, value: 'deleted' } : { found: false };
}

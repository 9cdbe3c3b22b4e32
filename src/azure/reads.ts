import { Value } from 'typebox/value';
import type { Static, TSchema } from 'typebox';
import { AzureError, toAzureError } from './errors.ts';
import * as models from './models.ts';
import { countsAt, resourceGroupId } from './resource-ids.ts';
import type { ArmAnswer, ResourceManager } from './resource-manager.ts';

/** Read, or proven not to exist. Anything else is thrown as an AzureError: it says nothing about existence. */
export type Found<T> = { found: true; value: T } | { found: false };

export const apiVersions = {
  cluster: '2024-04-01',
  arcSettings: '2024-04-01',
  machines: '2022-12-27',
  authorization: '2022-04-01',
  resourceGroups: '2022-09-01',
} as const;

export const readResourceGroup = (
  arm: ResourceManager,
  name: string,
  signal: AbortSignal,
): Promise<Found<models.ResourceGroup>> =>
  find(signal, ['ResourceGroupNotFound'], async () => {
    const group = await arm.resources.resourceGroups.get(name, { abortSignal: signal });
    return {
      name: group.name ?? name,
      location: group.location,
      provisioningState: group.properties?.provisioningState ?? 'Unknown',
      tags: group.tags ?? {},
    };
  });

export const readResourceProvider = (
  arm: ResourceManager,
  namespace: string,
  signal: AbortSignal,
): Promise<Found<models.ResourceProvider>> =>
  find(signal, [], async () => {
    const provider = await arm.resources.providers.get(namespace, { abortSignal: signal });
    const clusters = provider.resourceTypes?.find(({ resourceType }) => resourceType?.toLowerCase() === 'clusters');
    return {
      namespace,
      registrationState: provider.registrationState ?? 'Unknown',
      clusterLocations: clusters?.locations ?? [],
    };
  });

/** `parentAbsent`: the resource group was read and does not exist, so a missing parent proves that the cluster does not exist either. */
export const readCluster = (
  arm: ResourceManager,
  id: string,
  parentAbsent: boolean,
  signal: AbortSignal,
): Promise<Found<models.ClusterResource>> =>
  find(signal, ['ResourceNotFound', ...(parentAbsent ? ['ResourceGroupNotFound'] : [])], async () =>
    parse(models.ClusterResource, await arm.send({ method: 'GET', path: id, apiVersion: apiVersions.cluster, signal })),
  );

export const readArcSettings = (
  arm: ResourceManager,
  clusterId: string,
  signal: AbortSignal,
): Promise<Found<models.ArcSettings>> =>
  find(signal, ['ResourceNotFound'], async () =>
    parse(
      models.ArcSettings,
      await arm.send({
        method: 'GET',
        path: `${clusterId}/arcSettings/default`,
        apiVersion: apiVersions.arcSettings,
        signal,
      }),
    ),
  );

/** Arc extensions of the cluster. */
export const readExtensions = (
  arm: ResourceManager,
  clusterId: string,
  signal: AbortSignal,
): Promise<Found<models.Extension[]>> =>
  find(signal, ['ResourceNotFound', 'ParentResourceNotFound'], () =>
    list(arm, models.Extension, {
      path: `${clusterId}/arcSettings/default/extensions`,
      apiVersion: apiVersions.arcSettings,
      signal,
    }),
  );

/** Whatever lies in a resource group, of all types. */
export const readGroupResources = (
  arm: ResourceManager,
  name: string,
  signal: AbortSignal,
): Promise<Found<models.GroupResource[]>> =>
  find(signal, ['ResourceGroupNotFound'], () =>
    list(arm, models.GroupResource, {
      path: `${resourceGroupId(arm.subscriptionId, name)}/resources`,
      apiVersion: apiVersions.resourceGroups,
      signal,
    }),
  );

/** All Arc-enabled servers of a group. A group that does not exist has none. */
export const readMachines = (
  arm: ResourceManager,
  group: string,
  signal: AbortSignal,
): Promise<Found<models.Machine[]>> =>
  find(signal, ['ResourceGroupNotFound'], () =>
    list(arm, models.Machine, {
      path: `${resourceGroupId(arm.subscriptionId, group)}/providers/Microsoft.HybridCompute/machines`,
      apiVersion: apiVersions.machines,
      signal,
    }),
  );

/** Role assignments of a principal that count at this scope: its own and those inherited from above. */
export const readRoleAssignments = (
  arm: ResourceManager,
  scope: string,
  principalId: string,
  signal: AbortSignal,
): Promise<Found<models.RoleAssignment[]>> =>
  find(signal, ['ResourceGroupNotFound'], async () => {
    const assignments = await list(arm, models.RoleAssignment, {
      path: `${scope}/providers/Microsoft.Authorization/roleAssignments`,
      apiVersion: apiVersions.authorization,
      query: { $filter: `principalId eq '${principalId}'` },
      signal,
    });
    // The filter also returns assignments below the scope, which do not count at it.
    return assignments.filter(({ properties }) => countsAt(properties.scope, scope));
  });

/** What the caller may do in the subscription. */
export const readPermissions = (
  arm: ResourceManager,
  scope: string,
  signal: AbortSignal,
): Promise<Found<models.Permission[]>> =>
  find(signal, [], () =>
    list(arm, models.Permission, {
      path: `${scope}/providers/Microsoft.Authorization/permissions`,
      apiVersion: apiVersions.authorization,
      signal,
    }),
  );

export async function readOperation(
  arm: ResourceManager,
  url: string,
  signal: AbortSignal,
): Promise<models.OperationStatus> {
  const answer = await arm.follow(url, signal);
  // A group's operation answers 202 and 200 without a body.
  if (answer.body === undefined || answer.body === null)
    return { status: answer.status === 202 ? 'InProgress' : 'Succeeded' };
  return parse(models.OperationStatus, answer);
}

export async function list<T extends TSchema>(
  arm: ResourceManager,
  item: T,
  request: { path: string; apiVersion: string; query?: Record<string, string>; signal: AbortSignal },
): Promise<Static<T>[]> {
  const schema = models.Page(item);
  const items: Static<T>[] = [];
  let page = parse(schema, await arm.send({ method: 'GET', ...request }));
  for (;;) {
    items.push(...page.value);
    if (page.nextLink === undefined || page.nextLink === null || page.nextLink === '') return items;
    page = parse(schema, await arm.follow(page.nextLink, request.signal));
  }
}

export function parse<T extends TSchema>(schema: T, answer: ArmAnswer): Static<T> {
  if (Value.Check(schema, answer.body)) return answer.body;
  const [problem] = Value.Errors(schema, answer.body);
  throw new AzureError({
    code: 'UnexpectedAnswer',
    status: answer.status,
    message: `Azure's answer has not the shape that its API describes: ${problem?.instancePath ?? ''} ${problem?.message ?? ''}`,
  });
}

export async function find<T>(signal: AbortSignal, absentCodes: string[], read: () => Promise<T>): Promise<Found<T>> {
  try {
    return { found: true, value: await read() };
  } catch (cause) {
    signal.throwIfAborted();
    const error = toAzureError(cause);
    if (error.status === 404 && absentCodes.includes(error.code)) return { found: false };
    throw error;
  }
}

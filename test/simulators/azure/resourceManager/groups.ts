import { Type } from 'typebox';
import type { Reply } from '../listener.ts';
import type { ResourceGroup } from '../state.ts';
import { count, idKey } from '../world.ts';
import { checkGroupLocation, group, groupId, groupNamed } from './common.ts';
import { ArmError, groupBeingDeleted, resourceGroupNotFound } from './errors.ts';
import { schedule, signedUrl } from './operations.ts';
import { anything, closed, parseBody, route, Tags, type Context, type Route } from './routing.ts';

const type = 'Microsoft.Resources/subscriptions/resourceGroups';
const subscription = '/subscriptions/{subscription}';

const GroupBody = closed({
  id: anything,
  name: anything,
  type: anything,
  properties: anything,
  location: Type.Optional(Type.String()),
  managedBy: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  tags: Type.Optional(Tags),
});

export const groupRoutes: readonly Route[] = [
  route('GET', `${subscription}/resourceGroups`, type, list),
  route('GET', group, type, (context) => ({ status: 200, body: view(getGroup(context)) })),
  route('HEAD', group, type, (context) => {
    getGroup(context);
    return { status: 204 };
  }),
  route('PUT', group, type, put),
  route('PATCH', group, type, (context) => {
    const existing = getGroup(context);
    refuseWhileDeleting(existing);
    const body = parseBody(GroupBody, context.body ?? {});
    if (body.tags !== undefined) existing.tags = body.tags;
    return { status: 200, body: view(existing) };
  }),
  route('DELETE', group, type, remove),
  route('GET', `${group}/resources`, `${type}/resources`, (context) => listResources(context, groupId(context))),
  route('GET', `${subscription}/resources`, 'Microsoft.Resources/subscriptions/resources', (context) =>
    listResources(context, `/subscriptions/${context.part('subscription')}`),
  ),
  route('GET', `${subscription}/operationresults/{operation}`, type, operationResult, null),
];

function getGroup(context: Context): ResourceGroup {
  const found = groupNamed(context.world, context.part('subscription'), context.part('group'));
  if (found === undefined) throw resourceGroupNotFound(context.part('group'));
  return found;
}

function list(context: Context): Reply {
  const prefix = idKey(`/subscriptions/${context.part('subscription')}/resourceGroups/`);
  const filter = context.query.get('$filter');
  const tag = /^tagname eq '([^']*)'(?: and tagvalue eq '([^']*)')?$/i.exec(filter ?? '');
  if (filter !== null && tag === null) throw invalidFilter(filter);
  const value = Object.entries(context.world.state.resourceGroups)
    .filter(([key]) => key.startsWith(prefix))
    .map(([, found]) => found)
    .filter((found) => {
      if (tag === null) return true;
      const set = found.tags?.[tag[1] ?? ''];
      return set !== undefined && (tag[2] === undefined || tag[2] === set);
    })
    .map(view);
  return { status: 200, body: { value } };
}

function put(context: Context): Reply {
  const { world } = context;
  const body = parseBody(GroupBody, context.body);
  if (body.location === undefined) {
    throw new ArmError(400, 'LocationRequired', 'The location property is required for this definition.', {
      gateway: true,
    });
  }
  const location = checkGroupLocation(world, body.location);
  const existing = groupNamed(world, context.part('subscription'), context.part('group'));
  if (existing === undefined) {
    const created: ResourceGroup = {
      id: groupId(context),
      name: context.part('group'),
      location,
      ...(body.managedBy === undefined || body.managedBy === null ? {} : { managedBy: body.managedBy }),
      ...(body.tags === undefined ? {} : { tags: body.tags }),
      provisioningState: 'Succeeded',
    };
    if (!/^[-\w.()]{1,90}(?<!\.)$/.test(created.name)) {
      throw new ArmError(
        400,
        'InvalidResourceGroup',
        `The provided resource group name '${created.name}' has these invalid characters.`,
        {
          gateway: true,
        },
      );
    }
    checkQuota(context);
    world.state.resourceGroups[idKey(created.id)] = created;
    count(world, 'resourceGroups', 'created');
    return { status: 201, body: view(created) };
  }
  refuseWhileDeleting(existing);
  if (existing.location !== location) {
    throw new ArmError(
      409,
      'InvalidResourceGroupLocation',
      `Invalid resource group location '${body.location}'. The Resource group already exists in location '${existing.location}'.`,
      { gateway: true },
    );
  }
  existing.tags = body.tags ?? {};
  return { status: 200, body: view(existing) };
}

function checkQuota({ world, part }: Context): void {
  const prefix = idKey(`/subscriptions/${part('subscription')}/resourceGroups/`);
  const there = Object.keys(world.state.resourceGroups).filter((key) => key.startsWith(prefix)).length;
  const quota = world.settings.quotas.resourceGroups;
  if (there < quota) return;
  throw new ArmError(
    409,
    'ResourceGroupQuotaExceeded',
    `Creating the resource group '${part('group')}' would exceed the quota of '${quota}'. The current resource group count is '${there}', please delete some resource groups before creating a new one.`,
    { gateway: true },
  );
}

/** 202 without a body, Location, no Azure-AsyncOperation; named after the group, so a second DELETE answers the same. */
function remove(context: Context): Reply {
  const { world } = context;
  const existing = getGroup(context);
  if (existing.provisioningState !== 'Deleting') {
    existing.provisioningState = 'Deleting';
    schedule(world, 'deleteGroup', idKey(existing.id), world.settings.groupDeletionSeconds);
  }
  return { status: 202, headers: deletionHeaders(context, existing) };
}

function deletionHeaders(context: Context, existing: ResourceGroup): Record<string, string> {
  const { world, apiVersion } = context;
  const name = existing.name.toUpperCase().replaceAll('-', ':2D').replaceAll('_', ':5F');
  const job = {
    jobId: `RESOURCEGROUPDELETIONJOB-${name}-${existing.location.toUpperCase()}`,
    jobLocation: existing.location,
  };
  const id = Buffer.from(JSON.stringify(job)).toString('base64url');
  return {
    location: signedUrl(
      world,
      `/subscriptions/${context.part('subscription')}/operationresults/${id}?api-version=${apiVersion}`,
    ),
    // Azure says 15; no more than the deletion takes here, so that tests do not wait.
    'retry-after': String(Math.min(15, Math.ceil(world.settings.groupDeletionSeconds))),
  };
}

function operationResult(context: Context): Reply {
  const prefix = idKey(`/subscriptions/${context.part('subscription')}/resourceGroups/`);
  const deleting = Object.entries(context.world.state.resourceGroups).find(([key, found]) => {
    if (!key.startsWith(prefix) || found.provisioningState !== 'Deleting') return false;
    return deletionHeaders(context, found)['location']?.includes(`/${context.part('operation')}?`);
  });
  return deleting === undefined ? { status: 200 } : { status: 202, headers: deletionHeaders(context, deleting[1]) };
}

function refuseWhileDeleting(existing: ResourceGroup): void {
  if (existing.provisioningState !== 'Deleting') return;
  throw groupBeingDeleted(existing.name);
}

function listResources(context: Context, scope: string): Reply {
  const { state } = context.world;
  const filter = context.query.get('$filter');
  const wanted = /^resourceType eq '([^']*)'$/i.exec(filter ?? '')?.[1]?.toLowerCase();
  if (filter !== null && wanted === undefined) throw invalidFilter(filter);
  const expanded = (context.query.get('$expand') ?? '').split(',').map((one) => one.trim().toLowerCase());
  const all = [
    ...Object.values(state.clusters).map((cluster) => ({
      resource: { ...cluster, createdTime: cluster.systemData.createdAt },
      typeName: 'Microsoft.AzureStackHCI/clusters',
    })),
    ...Object.values(state.machines).map((machine) => ({
      resource: machine,
      typeName: 'Microsoft.HybridCompute/machines',
    })),
  ];
  const value = all
    .filter(({ resource }) => idKey(resource.id).startsWith(`${idKey(scope)}/`))
    .filter(({ typeName }) => wanted === undefined || typeName.toLowerCase() === wanted)
    .map(({ resource, typeName }) => ({
      id: resource.id,
      name: resource.name,
      type: typeName,
      location: resource.location,
      ...(expanded.includes('createdtime') && resource.createdTime !== undefined
        ? { createdTime: resource.createdTime }
        : {}),
      ...(resource.identity === undefined ? {} : { identity: resource.identity }),
      ...(resource.tags === undefined ? {} : { tags: resource.tags }),
    }));
  return { status: 200, body: { value } };
}

const invalidFilter = (filter: string) =>
  new ArmError(400, 'InvalidFilterInQueryString', `Invalid $filter '${filter}' specified in the query string.`, {
    gateway: true,
  });

function view(found: ResourceGroup) {
  const { id, name, location, tags, managedBy, provisioningState } = found;
  return {
    id,
    name,
    type: 'Microsoft.Resources/resourceGroups',
    location,
    ...(managedBy === undefined ? {} : { managedBy }),
    ...(tags === undefined ? {} : { tags }),
    properties: { provisioningState },
  };
}

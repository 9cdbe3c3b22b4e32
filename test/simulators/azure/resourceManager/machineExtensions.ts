import { Type } from 'typebox';
import type { Reply } from '../listener.ts';
import type { Machine, MachineExtension, Pending } from '../state.ts';
import { idKey, longInstant, newId, type World } from '../world.ts';
import { checkLocation, checkSameLocation, group, groupId } from './common.ts';
import { ArmError, parentResourceNotFound, resourceNotFound } from './errors.ts';
import { schedule, signedUrl } from './operations.ts';
import { anything, closed, parseBody, route, Tags, type Context, type Route } from './routing.ts';

// Extensions of Arc machines, and the status of HybridCompute's long-running operations.

const type = 'Microsoft.HybridCompute/machines/extensions';
const statusType = 'Microsoft.HybridCompute/locations/operationstatus';
const collection = `${group}/providers/Microsoft.HybridCompute/machines/{machine}/extensions`;
const one = `${collection}/{extension}`;

const writable = {
  forceUpdateTag: anything,
  publisher: Type.Optional(Type.String()),
  type: Type.Optional(Type.String()),
  typeHandlerVersion: Type.Optional(Type.String()),
  enableAutomaticUpgrade: Type.Optional(Type.Boolean()),
  autoUpgradeMinorVersion: Type.Optional(Type.Boolean()),
  settings: anything,
  protectedSettings: anything,
};
const ExtensionBody = closed({
  id: anything,
  name: anything,
  type: anything,
  systemData: anything,
  location: Type.String(),
  tags: Type.Optional(Tags),
  properties: Type.Optional(closed({ ...writable, provisioningState: anything, instanceView: anything })),
});
const ExtensionPatch = closed({ tags: Type.Optional(Tags), properties: Type.Optional(closed(writable)) });

const machineId = (context: Context): string =>
  `${groupId(context)}/providers/Microsoft.HybridCompute/machines/${context.part('machine')}`;
const extensionId = (context: Context): string => `${machineId(context)}/extensions/${context.part('extension')}`;

export const machineExtensionRoutes: readonly Route[] = [
  route('GET', collection, type, (context) => {
    getMachine(context);
    const prefix = `${idKey(machineId(context))}/`;
    const value = Object.entries(context.world.state.machineExtensions)
      .filter(([key]) => key.startsWith(prefix))
      .map(([, extension]) => view(extension));
    return { status: 200, body: { value } };
  }),
  route('GET', one, type, (context) => ({ status: 200, body: view(getExtension(context)) })),
  route('PUT', one, type, put),
  route('PATCH', one, type, (context) => {
    const extension = getExtension(context);
    const body = parseBody(ExtensionPatch, context.body ?? {});
    if (body.tags !== undefined) extension.tags = body.tags;
    const { protectedSettings: _, ...properties } = body.properties ?? {};
    Object.assign(extension.properties, properties);
    return start(context, extension, 'putMachineExtension', 202);
  }),
  route('DELETE', one, type, (context) => {
    const extension = context.world.state.machineExtensions[idKey(extensionId(context))];
    if (extension === undefined) return { status: 204 };
    extension.properties['provisioningState'] = 'Deleting';
    const { body: _, ...reply } = start(context, extension, 'deleteMachineExtension', 202);
    return reply;
  }),
  route(
    'GET',
    '/subscriptions/{subscription}/providers/Microsoft.HybridCompute/locations/{location}/operationstatus/{operation}',
    statusType,
    operationStatus,
    null,
  ),
];

function getMachine(context: Context): Machine {
  const machine = context.world.state.machines[idKey(machineId(context))];
  if (machine === undefined) throw parentResourceNotFound('machines/extensions', machineId(context));
  return machine;
}

function getExtension(context: Context): MachineExtension {
  const extension = context.world.state.machineExtensions[idKey(extensionId(context))];
  if (extension === undefined) {
    const name = `Microsoft.HybridCompute/machines/${context.part('machine')}/extensions/${context.part('extension')}`;
    throw resourceNotFound(name, context.part('group'));
  }
  return extension;
}

function put(context: Context): Reply {
  const { world } = context;
  getMachine(context);
  const body = parseBody(ExtensionBody, context.body);
  const location = checkLocation(world, body.location, type);
  const key = idKey(extensionId(context));
  const existing = world.state.machineExtensions[key];
  if (existing !== undefined) checkSameLocation(existing, location, context.part('group'));
  // Protected settings go to the machine and are never shown.
  const { protectedSettings: _, instanceView: __, provisioningState: ___, ...given } = body.properties ?? {};
  const extension: MachineExtension = {
    id: extensionId(context),
    name: context.part('extension'),
    location,
    ...(body.tags === undefined ? {} : { tags: body.tags }),
    properties: { ...given, provisioningState: 'Creating' },
  };
  world.state.machineExtensions[key] = extension;
  return start(context, extension, 'putMachineExtension', existing === undefined ? 201 : 202);
}

function start(context: Context, extension: MachineExtension, kind: Pending['kind'], status: 201 | 202): Reply {
  const headers = startHybridOperation(context, kind, extension);
  return { status, headers, body: view(extension) };
}

/** The headers of an answer that starts an operation of HybridCompute: its status is below the subscription, and is 200 while it runs. */
export function startHybridOperation(
  context: Context,
  kind: Pending['kind'],
  resource: { id: string; location: string },
): Record<string, string> {
  const { world, apiVersion } = context;
  const id = newId();
  world.state.operations[id] = {
    id,
    resourceId: resource.id,
    location: resource.location,
    status: 'InProgress',
    deletion: false,
    startTime: longInstant(world),
    endTime: null,
    error: null,
  };
  schedule(world, kind, idKey(resource.id), world.settings.operationSeconds, { operationId: id });
  const path = `${statusPath(context, resource.location)}/${id}?api-version=${apiVersion}`;
  const url = signedUrl(world, path);
  return { 'azure-asyncoperation': url, location: url };
}

const statusPath = (context: Context, location: string): string =>
  `/subscriptions/${context.part('subscription')}/providers/Microsoft.HybridCompute/locations/${location}/operationstatus`;

function operationStatus(context: Context): Reply {
  const operation = find(context.world, context.part('operation'));
  const { id, status, startTime, endTime, error } = operation;
  return {
    status: 200,
    body: {
      id: `${statusPath(context, operation.location)}/${id}`,
      name: id,
      status,
      startTime,
      ...(endTime === null ? {} : { endTime }),
      ...(error === null ? {} : { error }),
    },
  };
}

function find(world: World, id: string) {
  const operation = world.state.operations[id];
  if (operation !== undefined) return operation;
  throw new ArmError(404, 'OperationNotFound', `The operation '${id}' was not found.`);
}

function view(extension: MachineExtension) {
  const { id, name, location, tags, properties } = extension;
  return { id, name, type, location, tags: tags ?? {}, properties };
}

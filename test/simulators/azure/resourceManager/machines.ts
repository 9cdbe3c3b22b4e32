import { Type } from 'typebox';
import { createServicePrincipal } from '../directory.ts';
import type { Reply } from '../listener.ts';
import type { Machine } from '../state.ts';
import { count, idKey, instant, longInstant, newId } from '../world.ts';
import { since } from './apiVersions.ts';
import { checkLocation, checkSameLocation, group, groupId } from './common.ts';
import { resourceNotFound } from './errors.ts';
import { removeMachine } from './effects.ts';
import { checkMachineName } from './names.ts';
import { startHybridOperation } from './machineExtensions.ts';
import { schedule } from './operations.ts';
import { anything, closed, parseBody, route, Tags, type Context, type Route } from './routing.ts';

const type = 'Microsoft.HybridCompute/machines';
const collection = `${group}/providers/${type}`;
const one = `${collection}/{machine}`;

const properties = closed({
  locationData: anything,
  agentConfiguration: anything,
  serviceStatuses: anything,
  cloudMetadata: anything,
  agentUpgrade: anything,
  osProfile: anything,
  provisioningState: anything,
  status: anything,
  lastStatusChange: anything,
  errorDetails: anything,
  agentVersion: Type.Optional(Type.String()),
  vmId: Type.Optional(Type.String()),
  displayName: anything,
  machineFqdn: anything,
  clientPublicKey: anything,
  osName: anything,
  osVersion: anything,
  osType: anything,
  osEdition: anything,
  vmUuid: anything,
  extensions: anything,
  osSku: anything,
  domainName: anything,
  adFqdn: anything,
  dnsFqdn: anything,
  privateLinkScopeResourceId: anything,
  parentClusterResourceId: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  mssqlDiscovered: anything,
  detectedProperties: anything,
});
const MachineBody = closed({
  id: anything,
  name: anything,
  type: anything,
  systemData: anything,
  resources: anything,
  kind: anything,
  identity: anything,
  location: Type.String(),
  tags: Type.Optional(Tags),
  properties: Type.Optional(properties),
});
const MachinePatch = closed({
  tags: Type.Optional(Tags),
  identity: anything,
  kind: anything,
  properties: Type.Optional(
    closed({
      locationData: anything,
      osProfile: anything,
      cloudMetadata: anything,
      agentUpgrade: anything,
      parentClusterResourceId: Type.Optional(Type.String()),
      privateLinkScopeResourceId: anything,
    }),
  ),
});

const machineId = (context: Context): string => `${groupId(context)}/providers/${type}/${context.part('machine')}`;

function getMachine(context: Context): Machine {
  const machine = context.world.state.machines[idKey(machineId(context))];
  if (machine === undefined) throw resourceNotFound(`${type}/${context.part('machine')}`, context.part('group'));
  return machine;
}

export const machineRoutes: readonly Route[] = [
  route('GET', `/subscriptions/{subscription}/providers/${type}`, type, (context) =>
    list(context, `/subscriptions/${context.part('subscription')}`),
  ),
  route('GET', collection, type, (context) => list(context, groupId(context))),
  route('GET', one, type, (context) => ({ status: 200, body: machineView(getMachine(context), context.apiVersion) })),
  route('PUT', one, type, put),
  route('PATCH', one, type, (context) => {
    const machine = getMachine(context);
    const body = parseBody(MachinePatch, context.body ?? {});
    if (body.tags !== undefined) machine.tags = body.tags;
    Object.assign(machine.properties, body.properties);
    return { status: 200, body: machineView(machine, context.apiVersion) };
  }),
  route('DELETE', one, type, remove),
];

function list(context: Context, scope: string): Reply {
  const value = Object.entries(context.world.state.machines)
    .filter(([key]) => key.startsWith(`${idKey(scope)}/`))
    .map(([, machine]) => machineView(machine, context.apiVersion));
  return { status: 200, body: { value } };
}

/** What the agent does at `azcmagent connect`. */
function put(context: Context): Reply {
  const { world } = context;
  const body = parseBody(MachineBody, context.body);
  const location = checkLocation(world, body.location, type);
  checkMachineName(context.part('machine'));
  const key = idKey(machineId(context));
  const existing = world.state.machines[key];
  if (existing !== undefined) checkSameLocation(existing, location, context.part('group'));
  const machine: Machine = existing ?? {
    id: machineId(context),
    name: context.part('machine'),
    location,
    createdTime: instant(world),
    identity: { type: 'SystemAssigned', principalId: '', tenantId: world.state.tenantId },
    properties: {},
  };
  if (existing === undefined) {
    const principal = createServicePrincipal(world, {
      appId: newId(),
      displayName: machine.name,
      owners: [],
      servicePrincipalType: 'ManagedIdentity',
    });
    machine.identity.principalId = principal.id;
    world.state.machines[key] = machine;
    count(world, 'machines', 'created');
  }
  if (body.tags !== undefined) machine.tags = body.tags;
  Object.assign(machine.properties, body.properties, {
    provisioningState: 'Succeeded',
    status: 'Connected',
    lastStatusChange: longInstant(world),
    errorDetails: [],
  });
  schedule(world, 'linkMachines', key, world.settings.operationSeconds);
  return { status: 200, body: machineView(machine, context.apiVersion) };
}

function remove(context: Context): Reply {
  const { world, apiVersion } = context;
  const key = idKey(machineId(context));
  const machine = world.state.machines[key];
  if (machine === undefined) return { status: 204 };
  // The newest versions know only 202 and 204.
  if (!since(apiVersion, '2026-01-01')) {
    removeMachine(world, key);
    return { status: 200 };
  }
  return { status: 202, headers: startHybridOperation(context, 'deleteMachine', machine) };
}

export function machineView(machine: Machine, apiVersion: string) {
  const { id, name, location, tags, identity, properties: values } = machine;
  const nested = since(apiVersion, '2022-01-01') ? { resources: [] } : {};
  return { id, name, type, location, tags: tags ?? {}, identity, properties: values, ...nested };
}

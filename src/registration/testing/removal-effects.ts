import { resourceGroupId } from '../../azure/resource-ids.ts';
import type { PlanInput } from '../step.ts';
import type { StepName } from '../steps/index.ts';
import { unregistered } from './builders.ts';
import { must, node, operation, type Effects } from './effect-parts.ts';
import { allMachines, inGroup, isOwn, type World } from './world.ts';

const delays = { disable: 3, extension: 4, delete: 3 };

type Removal =
  | 'StartDisablingArc'
  | 'InitializeDisableProcess'
  | 'DeleteExtension'
  | 'UnregisterArcRegistrationTask'
  | 'DisableArcIntegration'
  | 'DeleteMachine'
  | 'RemoveArcRoles'
  | 'DeleteArcSettings'
  | 'ClearArcIntegration'
  | 'RemoveResourceManagerRole'
  | 'RemoveCloudManagement'
  | 'RemoveRegistration'
  | 'RemoveRegistrationCertificate'
  | 'DeleteCluster'
  | 'DeleteResourceGroup';

const noMachine = (world: World, name: string): void => {
  world.machines = world.machines.filter((machine) => machine.name !== name);
  const properties = world.arcSettings?.properties;
  if (properties?.perNodeDetails)
    properties.perNodeDetails = properties.perNodeDetails.filter((detail) => detail.name !== name);
};

/** What the steps that take something away do to the world, and what Azure or a node would refuse. */
export const removalEffects: Pick<Effects, Removal> = {
  StartDisablingArc(world) {
    for (const { arc } of world.nodes.values()) {
      must(arc, 'the node knows no Arc');
      must(arc.clusterArcStatus === 'Enabled', 'Arc is not enabled');
      arc.clusterArcStatus = 'DisableInProgress';
    }
  },
  InitializeDisableProcess(world) {
    const { arcSettings } = world;
    must(arcSettings, 'there are no Arc settings');
    const operationUrl = operation(world, delays.disable, () => {
      if ((arcSettings.properties.perNodeDetails ?? []).length > 0)
        arcSettings.properties.aggregateState = 'DisableInProgress';
    });
    return { operationUrl };
  },
  DeleteExtension(world, { extension }) {
    must(world.extensions.get(extension) === 'User', `${extension} is not there, or Azure's`);
    return { operationUrl: operation(world, delays.extension, () => void world.extensions.delete(extension)) };
  },
  UnregisterArcRegistrationTask(world) {
    for (const probe of world.nodes.values()) {
      must(probe.arc?.clusterArcStatus !== 'Enabled', 'the task would come back');
      probe.arcRegistrationTask = null;
    }
  },
  DisableArcIntegration(world, { node: name }) {
    const probe = node(world, name);
    must(probe.arc, 'the node knows no Arc');
    must(probe.arc.clusterArcStatus === 'DisableInProgress', 'Arc is not being disabled');
    must(probe.arcRegistrationTask === null, 'the task would enable it again');
    must(![...world.extensions.values()].includes('User'), 'the agent is needed to remove extensions');
    probe.agent = null;
    probe.arc.nodesArcStatus[name.toLowerCase()] = 'Disabled';
    noMachine(world, name);
  },
  DeleteMachine(world, { id }) {
    const machine = allMachines(world).find((other) => other.id === id);
    must(machine, 'there is no such machine');
    must(machine.properties?.parentClusterResourceId === world.target.resourceId, 'it belongs to another cluster');
    (world.deletedMachines ??= new Set()).add(machine.name);
    noMachine(world, machine.name);
  },
  RemoveArcRoles(world, _given, on) {
    must(
      allMachines(world).every(({ properties }) => properties?.parentClusterResourceId !== world.target.resourceId),
      'the nodes need it to disconnect',
    );
    for (const role of world.arcRoles) if (role === on) world.arcRoles.delete(role);
  },
  DeleteArcSettings(world) {
    must(world.arcSettings, 'there are no Arc settings');
    must(![...world.extensions.values()].includes('User'), 'nested resources exist');
    must(
      allMachines(world).every(({ properties }) => properties?.parentClusterResourceId !== world.target.resourceId),
      'nodes are still Arc-enabled',
    );
    must(world.arcRoles.size === 0 || isOwn(world), 'the roles would stay for an unknown identity');
    const operationUrl = operation(world, delays.delete, () => {
      world.arcSettings = undefined;
      world.extensions.clear();
    });
    return { operationUrl };
  },
  ClearArcIntegration(world) {
    must(world.arcSettings === undefined, 'the Arc settings are there');
    for (const { arc } of world.nodes.values()) {
      must(arc, 'the node knows no Arc');
      must(arc.clusterArcStatus === 'DisableInProgress', 'there is nothing to clear');
      Object.assign(arc, { clusterArcStatus: 'Disabled', applicationId: null });
    }
  },
  RemoveResourceManagerRole(world) {
    const parents = allMachines(world).map(({ properties }) => properties?.parentClusterResourceId ?? '');
    must(
      parents.every((parent) => parent === ''),
      'the provider needs it for Arc-enabled servers of the group',
    );
    must(world.resource, 'the principal cannot be known');
    world.providerRoles.clear();
  },
  RemoveCloudManagement(world) {
    must(world.leaving, 'the cluster stays registered');
    must(world.cloudManagement, 'there is none');
    world.cloudManagement = false;
  },
  RemoveRegistration(world, { node: name }) {
    must(world.leaving, 'the cluster stays registered');
    must(node(world, name).registration.azureResourceUri, `${name} is not registered`);
    for (const probe of world.nodes.values()) {
      must(
        world.spec.deletion.whenNodesUnreachable === 'AzureOnly' || probe.arc?.clusterArcStatus !== 'DisableInProgress',
        'Arc is still there',
      );
      must(probe.arc?.clusterArcStatus !== 'Enabled', 'Arc is still enabled');
      Object.assign(probe.registration, unregistered);
    }
  },
  RemoveRegistrationCertificate(world, { node: name }) {
    const probe = node(world, name);
    must(probe.registration.azureResourceUri === null, 'it is in use');
    must(probe.certificate.created ?? probe.certificate.set, 'there is none');
    probe.certificate = { created: null, set: null };
  },
  DeleteCluster(world) {
    const { resource } = world;
    must(world.leaving, 'the cluster stays registered');
    must(resource, 'there is no cluster resource');
    must(world.arcSettings === undefined, 'nested resources exist');
    must(
      world.spec.deletion.whenNodesUnreachable === 'AzureOnly' ||
        [...world.nodes.values()].every(({ registration }) => registration.azureResourceUri === null),
      'nodes are still registered',
    );
    const operationUrl = operation(world, delays.delete, () => {
      world.resource = undefined;
    });
    return { operationUrl };
  },
  DeleteResourceGroup(world, { name }) {
    const key = name.toLowerCase();
    must(world.tagged.has(key), `${name} is somebody else's`);
    must(inGroup(world, name)?.length === 0, `${name} is not empty`);
    world.groups.set(key, 'Deleting');
    if (key === world.target.arcResourceGroup.toLowerCase()) world.providerRoles.clear();
    return { operationUrl: operation(world, delays.delete, () => void world.groups.delete(key)) };
  },
};

const present = (what: string, fact: { state: string } | undefined) =>
  must(fact?.state === 'present', `${what} is not known`);

/** Nothing is taken away that is not known to be there. */
export const knownForRemoval: { [N in StepName]?: (input: PlanInput, on: string) => void } = {
  InitializeDisableProcess: ({ observed }) => present('the Arc settings', observed.arcSettings),
  DeleteExtension: ({ observed }) => present('the extensions', observed.extensions),
  DisableArcIntegration: ({ observed }, on) => present(on, observed.probes[on]),
  DeleteMachine: ({ observed }) => present('the Arc-enabled servers', observed.machines),
  RemoveArcRoles: ({ observed }) => present('the roles', observed.arcRoles),
  DeleteArcSettings: ({ observed }) => present('the Arc settings', observed.arcSettings),
  RemoveResourceManagerRole: ({ observed }) => present('the roles', observed.providerRoles),
  RemoveRegistrationCertificate: ({ observed }, on) => present(on, observed.probes[on]),
  DeleteCluster: ({ observed }) => present('the cluster resource', observed.resource),
  DeleteResourceGroup({ observed, target }, on) {
    const key = on === target.resourceGroup ? 'resourceGroup' : 'arcResourceGroup';
    present(on, observed[key]);
    present(`what is in ${resourceGroupId(target.subscriptionId, on)}`, observed.groupResources[key]);
  },
};

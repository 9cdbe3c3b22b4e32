import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { mayDo } from '../authorization.ts';
import { createApplication, createServicePrincipal, deleteApplication, newKeyCredential } from '../directory.ts';
import type { ArcSettings, Cluster, Pending } from '../state.ts';
import { count, idKey, instant, isWithin, newEtag, type World } from '../world.ts';
import { tenantOf } from '../tenants.ts';
import { arcSettingsOf } from './common.ts';

/** What each thing that happens later does when its time has come. The resource may be gone by then. */
export const effects: Readonly<Record<Pending['kind'], (world: World, entry: Pending) => void>> = {
  createClusterIdentity: (world, entry) => {
    const cluster = world.state.clusters[entry.target];
    if (cluster === undefined) return;
    const { properties } = cluster;
    if (world.state.applications[properties.aadApplicationObjectId ?? ''] !== undefined) return;
    const tenantId = tenantOf(world.state, entry.target);
    const identity = createIdentity(world, cluster.name, tenantId);
    properties.aadClientId = identity.appId;
    properties.aadTenantId = tenantId;
    properties.aadApplicationObjectId = identity.applicationObjectId;
    properties.aadServicePrincipalObjectId = identity.servicePrincipalObjectId;
    cluster.etag = newEtag();
  },
  uploadCertificate: (world, entry) => {
    const application =
      world.state.applications[world.state.clusters[entry.target]?.properties.aadApplicationObjectId ?? ''];
    if (application === undefined || !Value.Check(Type.Array(Type.String()), entry.data)) return;
    const kept = application.keyCredentials;
    const uploaded = entry.data.flatMap((certificate) => newKeyCredential(world, certificate) ?? []);
    const next = world.settings.uploadCertificate === 'adds' ? [...kept] : [];
    for (const credential of uploaded) {
      const same = (other: { customKeyIdentifier: string }) =>
        other.customKeyIdentifier === credential.customKeyIdentifier;
      if (next.some(same)) continue;
      const known = kept.find(same);
      next.push(known ?? credential);
      if (known === undefined) count(world, 'certificates', 'created');
    }
    for (const credential of kept) if (!next.includes(credential)) count(world, 'certificates', 'deleted');
    application.keyCredentials = next;
  },
  extendSoftwareAssuranceBenefit: (world, entry) => {
    const cluster = world.state.clusters[entry.target];
    if (cluster === undefined) return;
    const intent = entry.data === 'Enable' ? 'Enable' : 'Disable';
    cluster.properties.softwareAssuranceProperties = {
      softwareAssuranceStatus: `${intent}d`,
      softwareAssuranceIntent: intent,
      lastUpdated: instant(world),
    };
  },
  setResourceProviderObjectId: (world, entry) => {
    const cluster = world.state.clusters[entry.target];
    if (cluster !== undefined) cluster.properties.resourceProviderObjectId = world.state.resourceProviderObjectId;
  },
  deleteCluster: (world, entry) => removeCluster(world, entry.target),
  createArcIdentity: (world, entry) => {
    const settings = world.state.arcSettings[entry.target];
    const cluster = world.state.clusters[clusterKeyOf(entry.target)];
    if (settings === undefined || cluster === undefined) return;
    const { properties } = settings;
    if (world.state.applications[properties.arcApplicationObjectId ?? ''] !== undefined) return;
    const tenantId = tenantOf(world.state, entry.target);
    const identity = createIdentity(world, `${cluster.name}.arc`, tenantId);
    properties.arcApplicationClientId = identity.appId;
    properties.arcApplicationTenantId = tenantId;
    properties.arcApplicationObjectId = identity.applicationObjectId;
    properties.arcServicePrincipalObjectId = identity.servicePrincipalObjectId;
    settings.etag = newEtag();
  },
  initializeDisableProcess: (world, entry) => {
    const settings = world.state.arcSettings[entry.target];
    if (settings === undefined || settings.properties.perNodeDetails.length === 0) return;
    settings.properties.aggregateState = 'DisableInProgress';
    for (const node of settings.properties.perNodeDetails) node.state = 'DisableInProgress';
    settings.etag = newEtag();
  },
  deleteArcSettings: (world, entry) => removeArcSettings(world, entry.target),
  deleteExtension: (world, entry) => {
    if (world.state.extensions[entry.target] === undefined) return;
    delete world.state.extensions[entry.target];
    count(world, 'extensions', 'deleted');
  },
  deleteMachine: (world, entry) => removeMachine(world, entry.target),
  putMachineExtension: (world, entry) => {
    const extension = world.state.machineExtensions[entry.target];
    if (extension !== undefined) extension.properties['provisioningState'] = 'Succeeded';
  },
  deleteMachineExtension: (world, entry) => {
    delete world.state.machineExtensions[entry.target];
  },
  registerProvider: (world, entry) => setRegistration(world, entry, 'Registered'),
  unregisterProvider: (world, entry) => setRegistration(world, entry, 'Unregistered'),
  deleteGroup: (world, entry) => removeGroup(world, entry.target),
  linkMachines: (world, entry) => {
    for (const cluster of Object.values(world.state.clusters)) {
      const settings = arcSettingsOf(world.state, cluster);
      if (settings !== undefined && isWithin(arcGroupId(cluster, settings), entry.target)) linkMachines(world, cluster);
    }
  },
};

/**
 * What the HCI provider does with its own rights: gives the Arc machines of a cluster's reported nodes their parent, and
 * shows them in arcSettings. Without a role that lets it write machines in the Arc group it changes nothing.
 */
export function linkMachines(world: World, cluster: Cluster): void {
  const settings = arcSettingsOf(world.state, cluster);
  const nodes = cluster.properties.reportedProperties?.nodes ?? [];
  if (settings === undefined || nodes.length === 0) return;
  const groupId = arcGroupId(cluster, settings);
  if (!mayDo(world, world.state.resourceProviderObjectId, 'Microsoft.HybridCompute/machines/write', groupId)) return;
  const { properties } = settings;
  const disabling = properties.aggregateState === 'DisableInProgress';
  for (const node of nodes) {
    const machine = world.state.machines[idKey(`${groupId}/providers/Microsoft.HybridCompute/machines/${node.name}`)];
    if (machine === undefined) continue;
    const parent = machine.properties['parentClusterResourceId'];
    if (typeof parent === 'string' && parent !== '' && idKey(parent) !== idKey(cluster.id)) continue;
    machine.properties['parentClusterResourceId'] = cluster.id;
    const connected = machine.properties['status'] === 'Connected' ? 'Connected' : 'Disconnected';
    const detail = { name: node.name, arcInstance: machine.id, state: disabling ? 'DisableInProgress' : connected };
    const index = properties.perNodeDetails.findIndex((known) => known.name.toLowerCase() === node.name.toLowerCase());
    if (index === -1) properties.perNodeDetails.push(detail);
    else properties.perNodeDetails[index] = detail;
  }
  setAggregateState(settings, nodes.length);
}

function setAggregateState(settings: ArcSettings, nodes: number): void {
  const { properties } = settings;
  if (properties.aggregateState === 'DisableInProgress') return;
  const connected = properties.perNodeDetails.filter((node) => node.state === 'Connected').length;
  if (properties.perNodeDetails.length === 0) properties.aggregateState = 'NotSpecified';
  else if (connected === 0) properties.aggregateState = 'Disconnected';
  else properties.aggregateState = connected < nodes ? 'PartiallyConnected' : 'Connected';
  settings.etag = newEtag();
}

export function removeMachine(world: World, key: string): void {
  const machine = world.state.machines[key];
  if (machine === undefined) return;
  delete world.state.machines[key];
  delete world.state.servicePrincipals[machine.identity.principalId];
  for (const extension of Object.keys(world.state.machineExtensions)) {
    if (extension.startsWith(`${key}/`)) delete world.state.machineExtensions[extension];
  }
  count(world, 'machines', 'deleted');
  for (const settings of Object.values(world.state.arcSettings)) {
    const { properties } = settings;
    const left = properties.perNodeDetails.filter((node) => idKey(node.arcInstance) !== key);
    if (left.length === properties.perNodeDetails.length) continue;
    properties.perNodeDetails = left;
    const cluster = world.state.clusters[clusterKeyOf(idKey(settings.id))];
    setAggregateState(settings, cluster?.properties.reportedProperties?.nodes.length ?? left.length);
  }
}

function removeCluster(world: World, key: string): void {
  const cluster = world.state.clusters[key];
  if (cluster === undefined) return;
  const settings = arcSettingsOf(world.state, cluster);
  if (settings !== undefined) removeArcSettings(world, idKey(settings.id));
  delete world.state.clusters[key];
  count(world, 'clusters', 'deleted');
  if (cluster.identity?.principalId !== undefined) delete world.state.servicePrincipals[cluster.identity.principalId];
  removeOwnedApplication(world, cluster.properties.aadApplicationObjectId);
}

function removeArcSettings(world: World, key: string): void {
  const settings = world.state.arcSettings[key];
  if (settings === undefined) return;
  delete world.state.arcSettings[key];
  count(world, 'arcSettings', 'deleted');
  for (const extension of Object.keys(world.state.extensions)) {
    if (!extension.startsWith(`${key}/`)) continue;
    delete world.state.extensions[extension];
    count(world, 'extensions', 'deleted');
  }
  removeOwnedApplication(world, settings.properties.arcApplicationObjectId);
}

/** The provider deletes the applications that it made itself: nobody else owns those. */
function removeOwnedApplication(world: World, objectId: string | undefined): void {
  const application = world.state.applications[objectId ?? ''];
  if (application?.owners.includes(world.state.resourceProviderObjectId) === true) {
    deleteApplication(world, application.id);
  }
}

function removeGroup(world: World, key: string): void {
  const { state } = world;
  if (state.resourceGroups[key] === undefined) return;
  const inside = (map: Record<string, unknown>) => Object.keys(map).filter((id) => id.startsWith(`${key}/`));
  for (const id of inside(state.clusters)) removeCluster(world, id);
  for (const id of inside(state.machines)) removeMachine(world, id);
  for (const id of inside(state.roleAssignments)) {
    delete state.roleAssignments[id];
    count(world, 'roleAssignments', 'deleted');
  }
  for (const id of inside(state.locks)) delete state.locks[id];
  delete state.resourceGroups[key];
  count(world, 'resourceGroups', 'deleted');
}

function createIdentity(world: World, displayName: string, tenantId: string) {
  const owners = [world.state.resourceProviderObjectId];
  const application = createApplication(world, displayName, owners);
  if (tenantId !== world.state.tenantId) application.tenantId = tenantId;
  const principal = createServicePrincipal(world, {
    appId: application.appId,
    displayName,
    owners,
    servicePrincipalType: 'Application',
  });
  return {
    appId: application.appId,
    applicationObjectId: application.id,
    servicePrincipalObjectId: principal.id,
  };
}

function setRegistration(world: World, entry: Pending, state: string): void {
  const [subscription = '', namespace = ''] = entry.target.split('/');
  const providers = world.state.subscriptions[subscription]?.providers;
  if (providers !== undefined) providers[namespace] = state;
}

const clusterKeyOf = (arcSettingsKey: string): string => arcSettingsKey.replace(/\/arcsettings\/[^/]+$/, '');

const arcGroupId = (cluster: Cluster, settings: ArcSettings): string =>
  `/subscriptions/${cluster.id.split('/')[2]}/resourceGroups/${settings.properties.arcInstanceResourceGroup}`;

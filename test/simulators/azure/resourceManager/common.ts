import type { ArcSettings, Cluster, ResourceGroup, State } from '../state.ts';
import type { Caller } from '../tokens.ts';
import { idKey, longInstant, type World } from '../world.ts';
import { ArmError, resourceNotFound } from './errors.ts';
import type { Context } from './routing.ts';

export const group = '/subscriptions/{subscription}/resourceGroups/{group}';

export const groupId = (context: Context): string =>
  `/subscriptions/${context.part('subscription')}/resourceGroups/${context.part('group')}`;

export const clusterId = (context: Context): string =>
  `${groupId(context)}/providers/Microsoft.AzureStackHCI/clusters/${context.part('cluster')}`;

export function getCluster(context: Context): Cluster {
  const cluster = context.world.state.clusters[idKey(clusterId(context))];
  if (cluster === undefined) {
    throw resourceNotFound(`Microsoft.AzureStackHCI/clusters/${context.part('cluster')}`, context.part('group'));
  }
  return cluster;
}

export const arcSettingsId = (context: Context): string => `${clusterId(context)}/arcSettings/${context.part('arc')}`;

export function getArcSettings(context: Context): ArcSettings {
  const settings = context.world.state.arcSettings[idKey(arcSettingsId(context))];
  if (settings === undefined) {
    throw resourceNotFound(
      `Microsoft.AzureStackHCI/clusters/${context.part('cluster')}/arcSettings/${context.part('arc')}`,
      context.part('group'),
    );
  }
  return settings;
}

export const arcSettingsOf = (state: State, cluster: Cluster): ArcSettings | undefined =>
  Object.entries(state.arcSettings).find(([key]) => key.startsWith(`${idKey(cluster.id)}/`))?.[1];

export const groupNamed = (world: World, subscription: string, name: string): ResourceGroup | undefined =>
  world.state.resourceGroups[idKey(`/subscriptions/${subscription}/resourceGroups/${name}`)];

export function systemData(world: World, caller: Caller, previous?: Cluster['systemData']): Cluster['systemData'] {
  const modified = {
    lastModifiedBy: caller.appId,
    lastModifiedByType: 'Application',
    lastModifiedAt: longInstant(world),
  };
  return previous === undefined
    ? { createdBy: caller.appId, createdByType: 'Application', createdAt: modified.lastModifiedAt, ...modified }
    : { ...previous, ...modified };
}

const regions: Readonly<Record<string, string>> = {
  eastus: 'East US',
  eastus2: 'East US 2',
  southcentralus: 'South Central US',
  centralus: 'Central US',
  westus: 'West US',
  westus2: 'West US 2',
  westus3: 'West US 3',
  canadacentral: 'Canada Central',
  westeurope: 'West Europe',
  northeurope: 'North Europe',
  germanywestcentral: 'Germany West Central',
  southeastasia: 'Southeast Asia',
  japaneast: 'Japan East',
  centralindia: 'Central India',
  australiaeast: 'Australia East',
  chinaeast2: 'China East 2',
  usgovvirginia: 'USGov Virginia',
};
const ofOtherClouds = ['chinaeast2', 'usgovvirginia'];
const hciRegions = [
  'eastus',
  'southcentralus',
  'canadacentral',
  'westeurope',
  'southeastasia',
  'centralindia',
  'japaneast',
  'australiaeast',
];

/** Regions of the cloud, and those in which the HCI provider offers clusters. */
const regionsOf = ({ settings: { cloud } }: World): { all: readonly string[]; hci: readonly string[] } => {
  if (cloud === 'AzureChinaCloud') return { all: ['chinaeast2'], hci: ['chinaeast2'] };
  if (cloud === 'AzureUSGovernment') return { all: ['usgovvirginia'], hci: ['usgovvirginia'] };
  const all = Object.keys(regions).filter((region) => cloud === 'any' || !ofOtherClouds.includes(region));
  return { all, hci: hciRegions };
};

const displayNames = (names: readonly string[]): string[] => names.map((name) => regions[name] ?? name);
export const allLocations = (world: World): string[] => displayNames(regionsOf(world).all);
export const hciLocations = (world: World): string[] => displayNames(regionsOf(world).hci);

/** `East US` → `eastus`. */
const normalisedLocation = (location: string): string => location.replaceAll(/\s/g, '').toLowerCase();

export function checkGroupLocation(world: World, location: string): string {
  const normalised = normalisedLocation(location);
  const { all } = regionsOf(world);
  if (all.includes(normalised)) return normalised;
  throw new ArmError(
    400,
    'LocationNotAvailableForResourceGroup',
    `The provided location '${location}' is not available for resource group. List of available regions is '${all.join(',')}'.`,
    { gateway: true },
  );
}

export function checkLocation(world: World, location: string, resourceType: string): string {
  const normalised = normalisedLocation(location);
  const { all, hci } = regionsOf(world);
  const available = resourceType === 'Microsoft.AzureStackHCI/clusters' ? hci : all;
  if (available.includes(normalised)) return normalised;
  throw new ArmError(
    400,
    'LocationNotAvailableForResourceType',
    `The provided location '${location}' is not available for resource type '${resourceType}'. List of available regions for the resource type is '${available.join(',')}'.`,
    { gateway: true },
  );
}

/** A tracked resource cannot move by PUT. */
export function checkSameLocation(
  existing: { name: string; location: string },
  location: string,
  groupName: string,
): void {
  if (existing.location === location) return;
  throw new ArmError(
    409,
    'InvalidResourceLocation',
    `The resource '${existing.name}' already exists in location '${existing.location}' in resource group '${groupName}'. A resource with the same name cannot be created in location '${location}'. Please select a new resource name.`,
    { gateway: true },
  );
}

import type { CloudEndpoints } from '../azure/clouds.ts';
import {
  clusterResourceId,
  normalizeRegion,
  parseClusterResourceId,
  sameId,
  type ClusterName,
} from '../azure/resource-ids.ts';
import type { HciClusterRegistration } from '../api/registration.ts';
import { nonEmpty } from './step.ts';

/** What the registration is to be in Azure, with every default resolved as Register-AzStackHCI resolves it. */
export interface Target {
  subscriptionId: string;
  tenantId: string;
  region: string;
  resourceGroup: string;
  resourceName: string;
  arcResourceGroup: string;
  /** Id of the cluster resource. */
  resourceId: string;
  /** Tags of the cluster resource, with our mark. */
  tags: Record<string, string>;
  mark: string;
  endpoints: CloudEndpoints;
}

/** Tag that Az.StackHCI sets on resource groups it makes, and looks for before it deletes one. */
export const createdByTag = { CreatedBy: '4C02703C-F5D0-44B0-ADC3-4ED5C2839E61' } as const;

/** Tag on the cluster resource that says which object it belongs to: <instanceId>/<namespace>/<name>. */
export const markTag = 'HciClusterRegistration';

/** What the nodes tell that names default to. */
export interface Named {
  clusterName: string | undefined;
  /** The nodes' AzureResourceUri, of those that have one. */
  resourceUris: string[];
}

/**
 * Undefined while the name of the resource is not known: without one in the spec it is that which the nodes are registered as, else the
 * cluster's own, and only a node can tell either. Once registered, what status holds wins over a default, so that a renamed cluster does
 * not become another resource.
 */
export function resolveTarget(
  registration: HciClusterRegistration,
  { clusterName, resourceUris }: Named,
  endpoints: CloudEndpoints,
  instanceId: string,
): Target | undefined {
  const { spec, status, metadata } = registration;
  const registered = status?.azure?.resourceId === undefined ? undefined : status.azure;
  const fixed = registered ?? registeredAs(spec, resourceUris);
  // What is taken away is what is on record, whatever the spec says by now.
  const leaving = metadata.deletionTimestamp === undefined ? undefined : status?.azure;
  const resourceName = leaving?.resourceName ?? spec.azure.resourceName ?? fixed?.resourceName ?? clusterName;
  if (resourceName === undefined) return undefined;
  const resourceGroup =
    leaving?.resourceGroup ?? spec.azure.resourceGroup ?? fixed?.resourceGroup ?? `${resourceName}-rg`;
  const name = { subscriptionId: spec.azure.subscriptionId, resourceGroup, resourceName };
  const mark = `${instanceId}/${metadata.namespace}/${metadata.name}`;
  return {
    ...name,
    tenantId: spec.azure.tenantId,
    region: normalizeRegion(spec.azure.region),
    arcResourceGroup:
      leaving?.arcResourceGroup ?? spec.arc.resourceGroup ?? registered?.arcResourceGroup ?? resourceGroup,
    resourceId: clusterResourceId(name),
    tags: { ...spec.azure.tags, [markTag]: mark },
    mark,
    endpoints,
  };
}

/** Of another subscription the name is no default: the spec would name a resource that the nodes do not mean. */
const registeredAs = ({ azure }: HciClusterRegistration['spec'], resourceUris: string[]): ClusterName | undefined =>
  resourceUris
    .flatMap((uri) => parseClusterResourceId(uri) ?? [])
    .find(({ subscriptionId }) => sameId(subscriptionId, azure.subscriptionId));

/** The Arc settings that are there say which group they use: it is the default, and cannot be changed. */
export const withArcSettings = (
  target: Target,
  { arc }: HciClusterRegistration['spec'],
  arcInstanceResourceGroup: string | null | undefined,
): Target =>
  arc.resourceGroup === undefined && nonEmpty(arcInstanceResourceGroup)
    ? { ...target, arcResourceGroup: arcInstanceResourceGroup }
    : target;

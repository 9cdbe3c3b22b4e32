import type { CloudEndpoints } from '../azure/clouds.ts';
import { clusterResourceId, normalizeRegion } from '../azure/resource-ids.ts';
import type { HciClusterRegistration } from '../api/registration.ts';

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

/**
 * Undefined while the name of the resource is not known: without one in the spec it is the cluster's own, which only a node can tell.
 * Once registered, what status holds wins over a default, so that a renamed cluster does not become another resource.
 */
export function resolveTarget(
  registration: HciClusterRegistration,
  clusterName: string | undefined,
  endpoints: CloudEndpoints,
  instanceId: string,
): Target | undefined {
  const { spec, status, metadata } = registration;
  const fixed = status?.azure?.resourceId === undefined ? undefined : status.azure;
  const resourceName = spec.azure.resourceName ?? fixed?.resourceName ?? clusterName;
  if (resourceName === undefined) return undefined;
  const resourceGroup = spec.azure.resourceGroup ?? fixed?.resourceGroup ?? `${resourceName}-rg`;
  const name = { subscriptionId: spec.azure.subscriptionId, resourceGroup, resourceName };
  const mark = `${instanceId}/${metadata.namespace}/${metadata.name}`;
  return {
    ...name,
    tenantId: spec.azure.tenantId,
    region: normalizeRegion(spec.azure.region),
    arcResourceGroup: spec.arc.resourceGroup ?? fixed?.arcResourceGroup ?? resourceGroup,
    resourceId: clusterResourceId(name),
    tags: { ...spec.azure.tags, [markTag]: mark },
    mark,
    endpoints,
  };
}

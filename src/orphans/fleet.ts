import { parseRegistration } from '../api/registration.ts';
import { clusterResourceId, resourceGroupId } from '../azure/resource-ids.ts';
import type { KubeObject } from '../kube/schema.ts';
import type { Charge, Fleet } from './observed.ts';

/** An object that is being deleted still looks after what it has. One that is not understood could look after anything. */
export function fleetOf(objects: readonly KubeObject[]): Fleet {
  const charges: Charge[] = [];
  for (const object of objects) {
    const parsed = parseRegistration(object);
    if (!parsed.understood) {
      const { namespace, name } = parsed.metadata;
      return { state: 'unknown', why: `this version of the controller does not understand ${namespace}/${name}` };
    }
    const { metadata, spec, status } = parsed.registration;
    const { subscriptionId } = spec.azure;
    const resourceName = status?.azure?.resourceName ?? spec.azure.resourceName;
    const resourceGroup =
      status?.azure?.resourceGroup ??
      spec.azure.resourceGroup ??
      (resourceName === undefined ? undefined : `${resourceName}-rg`);
    const arcResourceGroup = status?.azure?.arcResourceGroup ?? spec.arc.resourceGroup;
    const isDecided = resourceName !== undefined && resourceGroup !== undefined;
    const resourceId = isDecided ? clusterResourceId({ subscriptionId, resourceGroup, resourceName }) : undefined;
    charges.push({
      name: `${metadata.namespace}/${metadata.name}`,
      subscriptionId: subscriptionId.toLowerCase(),
      resourceId: (status?.azure?.resourceId ?? resourceId)?.toLowerCase(),
      groups: [resourceGroup, arcResourceGroup].flatMap((group) =>
        group === undefined ? [] : [resourceGroupId(subscriptionId, group).toLowerCase()],
      ),
      nodes: spec.nodes.hosts.map(({ name }) => name.toLowerCase()),
    });
  }
  return { state: 'known', charges };
}

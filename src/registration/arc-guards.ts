import { sameId } from '../azure/resource-ids.ts';
import { valueOf } from './facts.ts';
import type { Refusal } from './guards.ts';
import { arcDisableBegun, members, nonEmpty, type PlanInput } from './step.ts';

/**
 * What forbids Arc until a person changes it. The registration goes on meanwhile: a cluster must be connected, and need not be
 * Arc-enabled, to keep its virtual machines.
 */
export function arcRefusal(input: PlanInput): Refusal | undefined {
  const { spec, target, observed } = input;
  if (spec.arc.state === 'Unmanaged' || input.leaving === true) return undefined;
  if (spec.arc.state === 'Enabled' && spec.arc.onboarding.type === 'ClusterIdentity') {
    return {
      reason: 'ClusterIdentityUnsupported',
      message:
        "Nodes are onboarded with the cluster's managed identity only by the registration without applications, which Register-AzStackHCI does where nodes have Set-AzureStackHCIRegistrationMsi; its classic flow never takes that way. Set spec.arc.onboarding.type to ResourceProvider or ServicePrincipal.",
    };
  }
  const settings = valueOf(observed.arcSettings);
  const group = settings?.properties.arcInstanceResourceGroup;
  if (nonEmpty(group) && group.toLowerCase() !== target.arcResourceGroup.toLowerCase()) {
    return {
      reason: 'InvalidSpec',
      message: `The Arc settings of the cluster use resource group ${group}, not ${target.arcResourceGroup} (9129). Set spec.arc.resourceGroup to ${group}.`,
    };
  }
  // What was begun is finished first: it concerns this cluster's own servers only.
  if (spec.arc.state !== 'Enabled' || arcDisableBegun(input)) return undefined;
  const nodes = new Set(members(input).map(({ name }) => name.toLowerCase()));
  const foreign = valueOf(observed.machines)?.filter(
    ({ name, properties }) =>
      nodes.has(name.toLowerCase()) &&
      nonEmpty(properties?.parentClusterResourceId) &&
      !sameId(properties.parentClusterResourceId, target.resourceId),
  );
  if (foreign !== undefined && foreign.length > 0) {
    return {
      reason: 'ArcMachineOwnedElsewhere',
      message: `Arc-enabled servers of these names belong to other clusters (9105): ${foreign.map(({ name, properties }) => `${name} of ${properties?.parentClusterResourceId}`).join(', ')}. Disconnect them there, or set another spec.arc.resourceGroup.`,
    };
  }
  return undefined;
}

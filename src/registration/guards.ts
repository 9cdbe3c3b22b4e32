import type { Reason } from '../api/reasons.ts';
import type { HciClusterRegistration } from '../api/registration.ts';
import { normalizeRegion, parseClusterResourceId, sameId } from '../azure/resource-ids.ts';
import { valueOf } from './facts.ts';
import { leavingRefusal } from './leaving-guards.ts';
import { marksSameObject } from './mark.ts';
import { members, nodesClaim, nonEmpty, type PlanInput } from './step.ts';
import { markTag } from './target.ts';

/** Something that forbids every write until a person changes it. */
export interface Refusal {
  reason: Reason;
  message: string;
}

const refuse = (field: string, instead: string): Refusal => ({
  reason: 'NotSupportedYet',
  message: `${field} is not supported by this version of the controller; ${instead}. Nothing was changed.`,
});

/** What this version of the controller does not do. The fields are accepted, so that manifests stay valid; they are answered, not ignored. */
export function unsupported({ spec }: Pick<HciClusterRegistration, 'spec'>): Refusal | undefined {
  if (spec.nodes.transport.type === 'WinRM') return refuse('spec.nodes.transport.type: WinRM', 'use SSH');
  return undefined;
}

/** Checks that hold for the whole registration, whatever step is due. Only what is known for certain refuses. */
export function refusal(input: PlanInput): Refusal | undefined {
  if (input.leaving === true) return wrongComputer(input) ?? cloudDeployed(input) ?? leavingRefusal(input);
  return (
    wrongComputer(input) ??
    cloudDeployed(input) ??
    registeredElsewhere(input) ??
    resourceMissing(input) ??
    newerFlow(input) ??
    ownership(input) ??
    region(input)
  );
}

function wrongComputer(input: PlanInput): Refusal | undefined {
  const clusterNodes = valueOf(input.observed.cluster)?.nodes.map(({ name }) => name.toUpperCase());
  for (const { name, probe } of members(input)) {
    if (probe === undefined) continue;
    if (probe.computerName.toUpperCase() !== name.toUpperCase()) {
      return {
        reason: 'NodeIdentityMismatch',
        message: `The computer at the address of ${name} says that it is ${probe.computerName}.`,
      };
    }
    if (clusterNodes !== undefined && !clusterNodes.includes(name.toUpperCase())) {
      return {
        reason: 'NodeIdentityMismatch',
        message: `${name} is not a node of the cluster ${valueOf(input.observed.cluster)?.name}: its nodes are ${clusterNodes.join(', ')}.`,
      };
    }
  }
  return undefined;
}

const deployedFromAzure = (what: string): Refusal => ({
  reason: 'CloudDeployed',
  message: `This cluster was deployed from Azure (${what}): the deployment has registered it, and its own updates and repair keep it so. Nothing is changed here; status shows what was observed. Set managementPolicy to Observe to keep it in sight, or delete this object.`,
});

/** Microsoft's own orchestration registers it, and keeps it registered. */
function cloudDeployed(input: PlanInput): Refusal | undefined {
  const node = members(input).find(({ probe }) => /^CloudDeployment$/i.test(probe?.deploymentLaunchType ?? ''));
  if (node !== undefined) return deployedFromAzure(`DeploymentLaunchType is CloudDeployment on ${node.name}`);
  const status = valueOf(input.observed.resource)?.properties.status ?? '';
  // Only a deployment from Azure puts a cluster resource into these.
  return /^(Validation|Deployment)[A-Z]/.test(status)
    ? deployedFromAzure(`the cluster resource is ${status}`)
    : undefined;
}

/**
 * Where nodes have this cmdlet, Register-AzStackHCI registers without applications and certificates, by `reconcile` on arcSettings.
 * What was registered with an application stays so.
 */
function newerFlow(input: PlanInput): Refusal | undefined {
  const command = 'Set-AzureStackHCIRegistrationMsi';
  const node = members(input).find(({ probe }) => probe?.commands.includes(command) === true);
  const { resource } = input.observed;
  if (node === undefined || resource.state === 'unknown') return undefined;
  if (resource.state === 'present' && nonEmpty(resource.value.properties.aadApplicationObjectId)) return undefined;
  return {
    reason: 'FlowNotSupported',
    message: `${node.name} has ${command}: on such nodes Register-AzStackHCI registers with managed identities (reconcile on arcSettings), which this controller does not do. Register the cluster with Register-AzStackHCI. Nothing was changed.`,
  };
}

function registeredElsewhere(input: PlanInput): Refusal | undefined {
  for (const { name, probe } of members(input)) {
    const uri = probe?.registration.azureResourceUri;
    if (nonEmpty(uri) && !sameId(uri, input.target.resourceId)) {
      return {
        reason: 'RegisteredElsewhere',
        message: `${name} is registered as ${uri}, and this object describes ${input.target.resourceId} (${difference(uri, input)}). Make spec.azure name the former, or unregister the cluster first.`,
      };
    }
  }
  return undefined;
}

/** In the order in which Register-AzStackHCI compares. */
function difference(uri: string, { target }: PlanInput): string {
  const held = parseClusterResourceId(uri);
  if (held === undefined) return '9107: the former is no id of a cluster resource';
  if (!sameId(held.resourceName, target.resourceName)) return '9127: the names differ';
  if (!sameId(held.resourceGroup, target.resourceGroup)) return '9125: the resource groups differ';
  return '9128: the subscriptions differ';
}

/** Nodes that hold an id are never registered anew, whatever their status: only unregistering takes it from them. */
function resourceMissing(input: PlanInput): Refusal | undefined {
  if (input.observed.resource.state !== 'absent') return undefined;
  const holder = members(input).find(({ probe }) => nonEmpty(probe?.registration.azureResourceUri));
  if (holder === undefined) return undefined;
  return {
    reason: 'ResourceMissing',
    message: `${holder.name} is registered as ${input.target.resourceId}, which Azure does not have (9106). Unregister the cluster on its nodes first (Unregister-AzStackHCI); nothing was created.`,
  };
}

function region({ target, observed }: PlanInput): Refusal | undefined {
  const resource = valueOf(observed.resource);
  if (resource !== undefined && normalizeRegion(resource.location) !== target.region) {
    return {
      reason: 'InvalidRegion',
      message: `The cluster resource ${target.resourceId} is in ${resource.location}, not in ${target.region} (9104). Set spec.azure.region to ${resource.location}.`,
    };
  }
  const offered = valueOf(observed.providers['Microsoft.AzureStackHCI'])?.clusterLocations ?? [];
  if (offered.length > 0 && !offered.some((location) => normalizeRegion(location) === target.region)) {
    return {
      reason: 'InvalidRegion',
      message: `Microsoft.AzureStackHCI does not offer ${target.region} (9108). It offers: ${offered.map(normalizeRegion).join(', ')}.`,
    };
  }
  return undefined;
}

function ownership(input: PlanInput): Refusal | undefined {
  const { spec, target, observed } = input;
  const resource = valueOf(observed.resource);
  if (resource === undefined) return undefined;
  // Two clusters may have one name: the cluster's own id decides, whatever the policy.
  const reported = resource.properties.reportedProperties?.clusterId;
  const own = valueOf(observed.cluster)?.id;
  if (nonEmpty(reported) && own !== undefined && !sameId(reported, own)) {
    return {
      reason: 'OwnershipConflict',
      message: `${target.resourceId} belongs to the cluster with id ${reported}; this cluster's id is ${own}. Set spec.azure.resourceName to another name.`,
    };
  }
  const mark = resource.tags?.[markTag];
  if (mark === target.mark) return undefined;
  // While that is not known, AdoptCluster waits.
  const claimed = nodesClaim(input) ?? true;
  if (nonEmpty(mark) && !(claimed && marksSameObject(mark, target.mark))) {
    return {
      reason: 'OwnershipConflict',
      message: `${target.resourceId} is managed as ${mark} (tag ${markTag}). Delete that object with deletion.policy Detach, or remove the tag, to hand it over.`,
    };
  }
  if (spec.adoptionPolicy === 'Always' || (spec.adoptionPolicy === 'IfOwned' && claimed)) return undefined;
  return {
    reason: 'AdoptionRefused',
    message: `${target.resourceId} exists, was not made by this object, and adoptionPolicy is ${spec.adoptionPolicy}${spec.adoptionPolicy === 'IfOwned' ? ' (the nodes are not registered to it)' : ''}. Set adoptionPolicy to Always if it is this cluster, or choose another resourceName.`,
  };
}

import type { RoleAssignment } from '../../azure/models.ts';
import { resourceGroupId, roleAssignmentName, roles, sameId, type RoleName } from '../../azure/resource-ids.ts';
import { valueOf, type Fact } from '../facts.ts';
import { arcUnwanted, machinesForbidden } from '../removal.ts';
import { arcDisableBegun, nonEmpty, unread, waiting, type Evaluation, type PlanInput, type Step } from '../step.ts';

export interface RemoveRoleArguments {
  id: string;
}

/** Those that were made at the Arc group itself; what is inherited from above is nobody's here to remove. */
const assignedAt = (input: PlanInput, fact: Fact<RoleAssignment[]>, role: RoleName): RoleAssignment[] => {
  const scope = resourceGroupId(input.target.subscriptionId, input.target.arcResourceGroup);
  return (valueOf(fact) ?? []).filter(
    ({ properties }) =>
      sameId(properties.scope, scope) && properties.roleDefinitionId.toLowerCase().endsWith(`/${roles[role]}`),
  );
};

const removals = (assignments: RoleAssignment[], role: RoleName): Evaluation<RemoveRoleArguments>[] =>
  assignments.map(({ id }) => ({ state: 'Ready', on: role, arguments: { id } }));

/** Unregister-AzStackHCI forgets them, and they stay as assignments to an unknown identity. Later their principal could not be read any more. */
export const removeArcRoles: Step<RemoveRoleArguments> = {
  microsoft: { words: 'Remove the Arc onboarding roles', command: '(none: the cmdlet leaves them)' },
  after: ['StartDisablingArc', 'DisableArcIntegration', 'DeleteMachine'],
  arc: true,
  leftWhenForbidden: true,
  affects: () => ['arcRoles'],
  evaluate(input) {
    const { arcSettings, arcRoles } = input.observed;
    // A principal of the user's own may serve other clusters as well.
    if (!arcUnwanted(input) || input.spec.arc.onboarding.type === 'ServicePrincipal') return [];
    if (arcSettings.state !== 'present') return [];
    if (!nonEmpty(arcSettings.value.properties.arcServicePrincipalObjectId)) return [];
    if (arcRoles.state === 'unknown') return [unread('Azure Connected Machine Onboarding', arcRoles)];
    return (['Azure Connected Machine Onboarding', 'Azure Connected Machine Resource Administrator'] as const).flatMap(
      (role) => removals(assignedAt(input, arcRoles, role).slice(0, 1), role),
    );
  },
};

/** Only the assignment that this controller made, by its name, and only once no cluster has Arc-enabled servers in the group. */
export const removeResourceManagerRole: Step<RemoveRoleArguments> = {
  microsoft: {
    words: 'Take the role on the Arc resource group from the resource provider',
    command: 'Remove-AzRoleAssignment',
  },
  after: ['StartDisablingArc', 'DeleteMachine', 'DeleteArcSettings', 'ClearArcIntegration'],
  arc: true,
  leftWhenForbidden: true,
  affects: () => ['providerRoles'],
  evaluate(input) {
    const { resource, providerRoles, machines } = input.observed;
    // It is about to be needed again.
    if (!arcUnwanted(input) || (arcDisableBegun(input) && input.leaving !== true)) return [];
    const role = 'Azure Connected Machine Resource Manager';
    const principalId = valueOf(resource)?.properties.resourceProviderObjectId;
    if (!nonEmpty(principalId) || machinesForbidden(input)) return [];
    if (providerRoles.state === 'unknown') return [unread(role, providerRoles)];
    const scope = resourceGroupId(input.target.subscriptionId, input.target.arcResourceGroup);
    const own = assignedAt(input, providerRoles, role).filter(({ name }) =>
      sameId(name, roleAssignmentName(scope, principalId, role)),
    );
    if (own.length === 0) return [{ state: 'Done', on: role }];
    if (machines.state === 'unknown') return [unread(role, machines)];
    const parents = (valueOf(machines) ?? []).map(({ properties }) => properties?.parentClusterResourceId);
    const ours = parents.some((parent) => sameId(parent, input.target.resourceId));
    if (ours) return [waiting(role, 'Arc-enabled servers of this cluster are still there', ['machines'], 5)];
    return parents.some(nonEmpty) ? [{ state: 'Done', on: role }] : removals(own, role);
  },
};

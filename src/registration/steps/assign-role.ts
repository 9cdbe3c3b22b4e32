import type { RoleAssignment } from '../../azure/models.ts';
import { resourceGroupId, roles, type RoleName } from '../../azure/resource-ids.ts';
import type { Fact } from '../facts.ts';
import { arcWanted, nonEmpty, unread, waiting, type Evaluation, type PlanInput, type Step } from '../step.ts';

export interface AssignRoleArguments {
  scope: string;
  principalId: string;
  role: RoleName;
}

const evaluateRole = (
  input: PlanInput,
  principalId: string,
  role: RoleName,
  fact: Fact<RoleAssignment[]>,
): Evaluation<AssignRoleArguments> => {
  const { target } = input;
  const on = role;
  if (fact.state === 'unknown') return unread(on, fact);
  const definition = roles[role];
  const assigned =
    fact.state === 'present' &&
    fact.value.some(
      ({ properties }) =>
        properties.principalId.toLowerCase() === principalId.toLowerCase() &&
        properties.roleDefinitionId.toLowerCase().endsWith(`/${definition}`),
    );
  if (assigned) return { state: 'Done', on };
  const scope = resourceGroupId(target.subscriptionId, target.arcResourceGroup);
  return { state: 'Ready', on, arguments: { scope, principalId, role } };
};

/** The HCI resource provider manages the Arc-enabled servers in the Arc group. */
export const assignResourceManagerRole: Step<AssignRoleArguments> = {
  microsoft: {
    words: 'Assign the resource provider its role on the Arc resource group',
    command: 'New-AzRoleAssignment',
    events: [9132],
  },
  after: ['CreateResourceGroup', 'RefreshResourceProviderObjectId'],
  arc: true,
  affects: () => ['providerRoles'],
  evaluate(input) {
    if (input.spec.arc.state !== 'Enabled') return [];
    const { resource, providerRoles } = input.observed;
    if (resource.state !== 'present') return [unread('Azure Connected Machine Resource Manager', resource)];
    const principalId = resource.value.properties.resourceProviderObjectId;
    if (!nonEmpty(principalId))
      return [
        waiting(
          'Azure Connected Machine Resource Manager',
          "the provider's object id is not known yet",
          ['resource'],
          5,
        ),
      ];
    return [evaluateRole(input, principalId, 'Azure Connected Machine Resource Manager', providerRoles)];
  },
};

/** With these the Arc service principal may onboard the nodes. */
export const assignArcRoles: Step<AssignRoleArguments> = {
  microsoft: { words: 'Assign the Arc onboarding roles', command: 'New-AzRoleAssignment' },
  after: ['CreateResourceGroup', 'CreateArcSettings', 'CreateArcIdentity'],
  arc: true,
  affects: () => ['arcRoles'],
  evaluate(input) {
    if (!arcWanted(input)) return [];
    const principalId = arcPrincipalId(input);
    return typeof principalId === 'string'
      ? arcRoleNames.map((role) => evaluateRole(input, principalId, role, input.observed.arcRoles))
      : [principalId];
  },
};

const arcRoleNames = ['Azure Connected Machine Onboarding', 'Azure Connected Machine Resource Administrator'] as const;

function arcPrincipalId({ spec, observed }: PlanInput): string | Evaluation<never> {
  const on = arcRoleNames[0];
  const { arcSettings, arcSignIn } = observed;
  if (arcSettings.state !== 'present') return unread(on, arcSettings);
  if (spec.arc.onboarding.type === 'ServicePrincipal')
    return arcSignIn.state === 'present' ? arcSignIn.value.principalId : unread(on, arcSignIn);
  const principalId = arcSettings.value.properties.arcServicePrincipalObjectId;
  return nonEmpty(principalId)
    ? principalId
    : waiting(on, 'the Arc service principal does not exist yet', [], 0, 'Progressing');
}

import { apiVersions } from '../../azure/reads.ts';
import { roleAssignmentName, roleDefinitionId } from '../../azure/resource-ids.ts';
import type { Act } from '../clients.ts';
import type { AssignRoleArguments } from './assign-role.ts';

/** The name follows from what is assigned, so that a repeated assignment is the same one. */
export const assignRole: Act<AssignRoleArguments> = async ({ arm, signal }, { scope, principalId, role }) => {
  await arm.send({
    method: 'PUT',
    path: `${scope}/providers/Microsoft.Authorization/roleAssignments/${roleAssignmentName(scope, principalId, role)}`,
    apiVersion: apiVersions.authorization,
    // With principalType Azure does not look the principal up, which fails for one that was just made.
    body: {
      properties: {
        roleDefinitionId: roleDefinitionId(arm.subscriptionId, role),
        principalId,
        principalType: 'ServicePrincipal',
      },
    },
    signal,
  });
};

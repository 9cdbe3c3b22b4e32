import { AzureError } from '../../azure/errors.ts';
import { apiVersions } from '../../azure/reads.ts';
import { roleAssignmentName, roleDefinitionId } from '../../azure/resource-ids.ts';
import type { Act } from '../clients.ts';
import { RoleNotAssignable } from '../failures.ts';
import type { AssignRoleArguments } from './assign-role.ts';

/** The name follows from what is assigned, so that a repeated assignment is the same one. */
export const assignRole: Act<AssignRoleArguments> = async ({ arm, signal }, given) => {
  const { scope, principalId, role } = given;
  try {
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
  } catch (error) {
    // A policy that refuses it is told as one.
    const refused = error instanceof AzureError && /^(Linked)?AuthorizationFailed$/.test(error.code);
    throw refused ? new RoleNotAssignable(given, error) : error;
  }
};

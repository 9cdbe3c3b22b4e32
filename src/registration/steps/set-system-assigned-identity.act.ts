import { apiVersions } from '../../azure/reads.ts';
import type { Act } from '../clients.ts';
import type { SetSystemAssignedIdentityArguments } from './set-system-assigned-identity.ts';

export const setSystemAssignedIdentity: Act<SetSystemAssignedIdentityArguments> = async (
  { arm, signal },
  { resourceId, type },
) => {
  await arm.send({
    method: 'PATCH',
    path: resourceId,
    apiVersion: apiVersions.cluster,
    body: { identity: { type } },
    signal,
  });
};

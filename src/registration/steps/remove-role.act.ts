import { apiVersions } from '../../azure/reads.ts';
import type { Act } from '../clients.ts';
import type { RemoveRoleArguments } from './remove-role.ts';

export const removeRole: Act<RemoveRoleArguments> = async ({ arm, signal }, { id }) => {
  await arm.send({ method: 'DELETE', path: id, apiVersion: apiVersions.authorization, signal });
};

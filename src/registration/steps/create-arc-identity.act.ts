import { apiVersions } from '../../azure/reads.ts';
import type { Act } from '../clients.ts';
import type { CreateArcIdentityArguments } from './create-arc-identity.ts';

export const createArcIdentity: Act<CreateArcIdentityArguments> = ({ arm, signal }, { resourceId }) =>
  arm.send({
    method: 'POST',
    path: `${resourceId}/arcSettings/default/createArcIdentity`,
    apiVersion: apiVersions.arcSettings,
    signal,
  });

import { apiVersions } from '../../azure/reads.ts';
import type { Act } from '../clients.ts';
import type { RefreshResourceProviderObjectIdArguments } from './refresh-resource-provider-object-id.ts';

export const refreshResourceProviderObjectId: Act<RefreshResourceProviderObjectIdArguments> = async (
  { arm, signal },
  { resourceId },
) => {
  await arm.send({ method: 'PATCH', path: resourceId, apiVersion: apiVersions.cluster, body: {}, signal });
};

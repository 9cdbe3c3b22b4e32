import { apiVersions } from '../../azure/reads.ts';
import type { Act } from '../clients.ts';
import type { CreateClusterArguments } from './create-cluster.ts';

export const createCluster: Act<CreateClusterArguments> = async ({ arm, signal }, { resourceId, location, tags }) => {
  await arm.send({
    method: 'PUT',
    path: resourceId,
    apiVersion: apiVersions.cluster,
    body: { location, tags, identity: { type: 'SystemAssigned' }, properties: {} },
    signal,
  });
};

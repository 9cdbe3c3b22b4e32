import { apiVersions } from '../../azure/reads.ts';
import type { Act } from '../clients.ts';
import type { AdoptClusterArguments } from './adopt-cluster.ts';

export const adoptCluster: Act<AdoptClusterArguments> = async ({ arm, signal }, { resourceId, tags }) => {
  await arm.send({ method: 'PATCH', path: resourceId, apiVersion: apiVersions.cluster, body: { tags }, signal });
};

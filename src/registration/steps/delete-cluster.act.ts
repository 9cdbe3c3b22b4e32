import { apiVersions } from '../../azure/reads.ts';
import type { Act } from '../clients.ts';
import type { DeleteClusterArguments } from './delete-cluster.ts';

export const deleteCluster: Act<DeleteClusterArguments> = ({ arm, signal }, { resourceId }) =>
  arm.send({ method: 'DELETE', path: resourceId, apiVersion: apiVersions.cluster, signal });

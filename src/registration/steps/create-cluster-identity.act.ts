import { apiVersions } from '../../azure/reads.ts';
import type { Act } from '../clients.ts';
import type { CreateClusterIdentityArguments } from './create-cluster-identity.ts';

export const createClusterIdentity: Act<CreateClusterIdentityArguments> = ({ arm, signal }, { resourceId }) =>
  arm.send({ method: 'POST', path: `${resourceId}/createClusterIdentity`, apiVersion: apiVersions.cluster, signal });

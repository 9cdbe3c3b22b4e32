import { nonEmpty, underWay, unread, type Step } from '../step.ts';

export interface CreateClusterIdentityArguments {
  resourceId: string;
}

export const createClusterIdentity: Step<CreateClusterIdentityArguments> = {
  microsoft: {
    words: "Create the cluster's Microsoft Entra application",
    command: 'Invoke-AzResourceAction createClusterIdentity',
  },
  after: ['CreateCluster', 'AdoptCluster'],
  submits: { waitSeconds: 600 },
  affects: () => ['resource'],
  evaluate(input) {
    const { target, observed } = input;
    const on = target.resourceName;
    if (observed.resource.state !== 'present') return [unread(on, observed.resource)];
    const { aadApplicationObjectId, aadClientId } = observed.resource.value.properties;
    if (nonEmpty(aadApplicationObjectId) && nonEmpty(aadClientId)) return [{ state: 'Done', on }];
    return [
      underWay(input, 'CreateClusterIdentity', on, ['resource']) ?? {
        state: 'Ready',
        on,
        arguments: { resourceId: target.resourceId },
      },
    ];
  },
};

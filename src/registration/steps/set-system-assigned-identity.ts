import { nonEmpty, unread, type Step } from '../step.ts';

export interface SetSystemAssignedIdentityArguments {
  resourceId: string;
  type: string;
}

/** Adds the system-assigned identity to what is there: Az.StackHCI would overwrite a user-assigned one. */
export const setSystemAssignedIdentity: Step<SetSystemAssignedIdentityArguments> = {
  microsoft: {
    words: 'Enable the system-assigned identity of the cluster resource',
    command: 'Set-AzResource (PATCH identity)',
  },
  after: ['CreateCluster', 'AdoptCluster'],
  affects: () => ['resource'],
  evaluate({ target, observed }) {
    const on = target.resourceName;
    if (observed.resource.state !== 'present') return [unread(on, observed.resource)];
    const current = observed.resource.value.identity?.type;
    if (nonEmpty(current) && /SystemAssigned/i.test(current)) return [{ state: 'Done', on }];
    const type = nonEmpty(current) && /UserAssigned/i.test(current) ? 'SystemAssigned, UserAssigned' : 'SystemAssigned';
    return [{ state: 'Ready', on, arguments: { resourceId: target.resourceId, type } }];
  },
};

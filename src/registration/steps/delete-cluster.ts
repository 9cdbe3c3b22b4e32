import { beingDeleted } from '../removal.ts';
import { unread, type Step } from '../step.ts';

export interface DeleteClusterArguments {
  resourceId: string;
}

/** Last but the groups. The applications that the resource provider made go with it. Whose it is was judged by the guards. */
export const deleteCluster: Step<DeleteClusterArguments> = {
  microsoft: {
    words: 'Delete the cluster resource',
    command: 'Remove-AzResource (DELETE cluster)',
    events: [9007, 9010],
  },
  after: [
    'StartDisablingArc',
    'DeleteMachine',
    'DeleteArcSettings',
    'ClearArcIntegration',
    'RemoveResourceManagerRole',
    'RemoveCloudManagement',
    'RemoveRegistration',
    'RemoveRegistrationCertificate',
  ],
  submits: { waitSeconds: 600 },
  affects: () => ['resource', 'arcSettings', 'machines', 'providerRoles', 'groupResources/resourceGroup'],
  evaluate(input) {
    const { resource } = input.observed;
    const on = input.target.resourceName;
    if (resource.state === 'absent') return [{ state: 'Done', on }];
    if (resource.state === 'unknown') return [unread(on, resource)];
    const { provisioningState } = resource.value.properties;
    const message = 'Azure is deleting it';
    const pending = beingDeleted(input, { step: 'DeleteCluster', on, facts: ['resource'], provisioningState, message });
    if (pending !== undefined) return [pending];
    return [{ state: 'Ready', on, arguments: { resourceId: input.target.resourceId } }];
  },
};

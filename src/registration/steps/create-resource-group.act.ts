import { throwAzureError } from '../../azure/errors.ts';
import type { Act } from '../clients.ts';
import { createdByTag } from '../target.ts';
import type { CreateResourceGroupArguments } from './create-resource-group.ts';

export const createResourceGroup: Act<CreateResourceGroupArguments> = async ({ arm, signal }, { name, location }) => {
  await arm.resources.resourceGroups
    .createOrUpdate(name, { location, tags: { ...createdByTag } }, { abortSignal: signal })
    .catch(throwAzureError);
};

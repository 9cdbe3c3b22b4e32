import { apiVersions, readGroupResources } from '../../azure/reads.ts';
import { resourceGroupId } from '../../azure/resource-ids.ts';
import type { Act } from '../clients.ts';
import type { DeleteResourceGroupArguments } from './delete-resource-group.ts';

/** Azure deletes a group with all that is in it, so what is in it is looked at once more right before. */
export const deleteResourceGroup: Act<DeleteResourceGroupArguments> = async ({ arm, signal }, { name }) => {
  const inside = await readGroupResources(arm, name, signal);
  if (inside.found && inside.value.length > 0)
    throw new Error(`${name} is not deleted: ${inside.value[0]?.id ?? 'something'} was put into it just now`);
  return arm.send({
    method: 'DELETE',
    path: resourceGroupId(arm.subscriptionId, name),
    apiVersion: apiVersions.resourceGroups,
    signal,
  });
};

import { valueOf } from '../facts.ts';
import { sameId } from '../../azure/resource-ids.ts';
import { arcUnwanted, beingDeleted, whatIsInGroups } from '../removal.ts';
import { arcDisableBegun, unread, waiting, type Evaluation, type PlanInput, type Step } from '../step.ts';
import { createdByTag } from '../target.ts';

export interface DeleteResourceGroupArguments {
  name: string;
}

type GroupKey = 'resourceGroup' | 'arcResourceGroup';

function evaluateGroup(input: PlanInput, key: GroupKey): Evaluation<DeleteResourceGroupArguments>[] {
  const on = input.target[key];
  const fact = input.observed[key];
  if (fact.state === 'absent') return [{ state: 'Done', on }];
  if (fact.state === 'unknown') return [unread(on, fact)];
  // Somebody else's.
  if (fact.value.tags['CreatedBy'] !== createdByTag.CreatedBy) return [{ state: 'Done', on }];
  const message = 'Azure is deleting the resource group';
  const { provisioningState } = fact.value;
  const pending = beingDeleted(input, { step: 'DeleteResourceGroup', on, facts: [key], provisioningState, message });
  if (pending !== undefined) return [pending];
  const inside = input.observed.groupResources[key];
  if (inside === undefined) return [waiting(on, 'what it holds was not read yet', [], 0, 'Progressing')];
  if (inside.state === 'unknown') return [unread(on, inside)];
  // What others have put into it stays, and the group with it.
  if ((valueOf(inside) ?? []).length > 0) return [{ state: 'Done', on }];
  return [{ state: 'Ready', on, arguments: { name: on } }];
}

/** Only with the tag by which Az.StackHCI knows its own groups, and only when nothing is left in it. */
export const deleteResourceGroup: Step<DeleteResourceGroupArguments> = {
  microsoft: { words: 'Delete the resource group', command: 'Remove-AzResourceGroup' },
  after: ['StartDisablingArc', 'DeleteMachine', 'DeleteArcSettings', 'RemoveResourceManagerRole', 'DeleteCluster'],
  submits: { waitSeconds: 900 },
  leftWhenForbidden: true,
  affects: () => [
    'resourceGroup',
    'arcResourceGroup',
    ...whatIsInGroups,
    'resource',
    'machines',
    'providerRoles',
    'arcRoles',
  ],
  evaluate(input) {
    const { spec, target, leaving } = input;
    if (!arcUnwanted(input) || (leaving !== true && arcDisableBegun(input))) return [];
    const arcIsOther = !sameId(target.arcResourceGroup, target.resourceGroup);
    return [
      ...(arcIsOther && (leaving === true || spec.arc.state === 'Disabled')
        ? evaluateGroup(input, 'arcResourceGroup')
        : []),
      ...(leaving === true ? evaluateGroup(input, 'resourceGroup') : []),
    ];
  },
};

import { arcRefusal } from '../arc-guards.ts';
import { unjudged, unread, waiting, type Evaluation, type PlanInput, type Step } from '../step.ts';

export interface CreateResourceGroupArguments {
  name: string;
  location: string;
}

const evaluateGroup = (
  input: PlanInput,
  name: string,
  key: 'resourceGroup' | 'arcResourceGroup',
): Evaluation<CreateResourceGroupArguments> => {
  const fact = input.observed[key];
  if (fact.state === 'unknown') return unread(name, fact);
  if (fact.state === 'absent') {
    const { resource } = input.observed;
    // A registration that will be refused leaves no group behind.
    const early = resource.state === 'absent' ? unjudged(input, name) : undefined;
    if (resource.state === 'unknown') return unread(name, resource);
    return early ?? { state: 'Ready', on: name, arguments: { name, location: input.target.region } };
  }
  if (fact.value.provisioningState === 'Deleting')
    return waiting(name, 'the resource group is being deleted', [key], 15);
  return { state: 'Done', on: name };
};

/** Made only if missing, with the tag by which Az.StackHCI knows its own groups. */
export const createResourceGroup: Step<CreateResourceGroupArguments> = {
  microsoft: { words: 'Create the resource group', command: 'New-AzResourceGroup' },
  after: [],
  affects: () => ['resourceGroup', 'arcResourceGroup', 'resource', 'machines', 'providerRoles', 'arcRoles'],
  evaluate(input) {
    const { target, spec } = input;
    const own = evaluateGroup(input, target.resourceGroup, 'resourceGroup');
    const arcIsOther = target.arcResourceGroup.toLowerCase() !== target.resourceGroup.toLowerCase();
    return spec.arc.state === 'Enabled' && arcIsOther && arcRefusal(input) === undefined
      ? [own, evaluateGroup(input, target.arcResourceGroup, 'arcResourceGroup')]
      : [own];
  },
};

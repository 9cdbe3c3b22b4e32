import { unjudged, unread, type Evaluation, type PlanInput, type Step } from '../step.ts';

export interface CreateClusterArguments {
  resourceId: string;
  location: string;
  tags: Record<string, string>;
}

/** A PUT writes over what is there: of two objects that describe one resource, only the first may make it. */
function claimedByAnother({ target, claimedBy }: PlanInput, on: string): Evaluation<never> | undefined {
  if (claimedBy === undefined) return undefined;
  const message = `${target.resourceId} is being made for ${claimedBy}. Two clusters cannot share a resource: set spec.azure.resourceName to another name.`;
  return { state: 'Blocked', on, reason: 'OwnershipConflict', message };
}

/** Only where no node holds a registration (see the guards): else this would make a second resource for a registered cluster. */
export const createCluster: Step<CreateClusterArguments> = {
  microsoft: { words: 'Create the cluster resource', command: 'New-AzResource (PUT cluster)', events: [9130] },
  after: ['RegisterResourceProvider', 'CreateResourceGroup'],
  affects: () => ['resource', 'arcSettings'],
  evaluate(input) {
    const { target, observed } = input;
    const fact = observed.resource;
    const on = target.resourceName;
    if (fact.state === 'present') return [{ state: 'Done', on }];
    if (fact.state === 'unknown') return [unread(on, fact)];
    const { resourceId, region: location, tags } = target;
    return [
      unjudged(input, on) ??
        claimedByAnother(input, on) ?? { state: 'Ready', on, arguments: { resourceId, location, tags } },
    ];
  },
};

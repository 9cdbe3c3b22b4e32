import { nonEmpty, unread, type Step } from '../step.ts';

export interface RefreshResourceProviderObjectIdArguments {
  resourceId: string;
}

/** An empty PATCH makes the provider fill in the object id of its own principal in this tenant. */
export const refreshResourceProviderObjectId: Step<RefreshResourceProviderObjectIdArguments> = {
  microsoft: { words: "Read the resource provider's object id", command: 'Set-AzResource (PATCH {})', events: [9131] },
  after: ['CreateCluster', 'AdoptCluster'],
  affects: () => ['resource'],
  evaluate({ target, observed }) {
    const on = target.resourceName;
    if (observed.resource.state !== 'present') return [unread(on, observed.resource)];
    if (nonEmpty(observed.resource.value.properties.resourceProviderObjectId)) return [{ state: 'Done', on }];
    return [{ state: 'Ready', on, arguments: { resourceId: target.resourceId } }];
  },
};

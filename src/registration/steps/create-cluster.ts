import { members, nonEmpty, unread, type Step } from '../step.ts';

export interface CreateClusterArguments {
  resourceId: string;
  location: string;
  tags: Record<string, string>;
}

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
    // Every node must have told that it is not registered: else this would make a second resource for a registered cluster.
    for (const { name, fact: node, probe } of members(input)) {
      if (probe === undefined) return [unread(on, node)];
      if (nonEmpty(probe.registration.azureResourceUri)) {
        return [
          {
            state: 'Blocked',
            on,
            reason: 'ResourceMissing',
            message: `${name} is registered as ${probe.registration.azureResourceUri}, which Azure does not have. Unregister the cluster on its nodes first (Unregister-AzStackHCI); nothing was created.`,
          },
        ];
      }
    }
    if (observed.cluster.state !== 'present') return [unread(on, observed.cluster)];
    return [
      { state: 'Ready', on, arguments: { resourceId: target.resourceId, location: target.region, tags: target.tags } },
    ];
  },
};

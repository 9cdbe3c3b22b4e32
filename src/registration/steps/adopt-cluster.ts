import { members, nodesClaim, nonEmpty, unread, type Step } from '../step.ts';
import { markTag } from '../target.ts';

export interface AdoptClusterArguments {
  resourceId: string;
  tags: Record<string, string>;
}

/** The one write of an adoption: the mark, and the tags of the spec. Later it keeps them. Whether adoption is allowed is decided by the guards. */
export const adoptCluster: Step<AdoptClusterArguments> = {
  microsoft: { words: 'Use the existing cluster resource', command: 'Set-AzResource -Tag' },
  after: [],
  affects: () => ['resource'],
  evaluate(input) {
    const { spec, target, observed } = input;
    const fact = observed.resource;
    if (fact.state === 'absent') return [];
    // Not known whether there is anything to adopt: CreateCluster says what is waited for.
    if (fact.state === 'unknown') return [];
    // A mark alone does not make it this cluster's, where Azure knows which cluster it is.
    if (nonEmpty(fact.value.properties.reportedProperties?.clusterId) && observed.cluster.state !== 'present')
      return [unread(target.resourceName, observed.cluster)];
    const tags = fact.value.tags ?? {};
    const isCurrent = Object.entries(target.tags).every(([name, value]) => tags[name] === value);
    if (isCurrent) return [{ state: 'Done', on: target.resourceName }];
    // Whether it is this cluster's is judged by the cluster's own id.
    if (observed.cluster.state !== 'present') return [unread(target.resourceName, observed.cluster)];
    const silent = members(input).find(({ probe }) => probe === undefined);
    const onlyIfClaimed =
      tags[markTag] !== target.mark && (spec.adoptionPolicy !== 'Always' || nonEmpty(tags[markTag]));
    if (onlyIfClaimed && silent !== undefined && nodesClaim(input) === undefined)
      return [unread(target.resourceName, silent.fact)];
    // A PATCH of tags replaces them all: send back what is there.
    return [
      {
        state: 'Ready',
        on: target.resourceName,
        arguments: { resourceId: target.resourceId, tags: { ...tags, ...target.tags } },
      },
    ];
  },
};

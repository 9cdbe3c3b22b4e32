import { sameId } from '../azure/resource-ids.ts';
import type { ClusterProbe } from '../nodes/operations.ts';
import { valueOf, type Observed } from './facts.ts';

// Who is a node of the cluster. A host that is listed may have been evicted.

type Seen = { observed: Pick<Observed, 'nodes' | 'cluster' | 'resource'> };

/** The cluster as its nodes tell it, where it is the one that Azure knows as this resource: a host that has moved tells of another. */
export function knownCluster({ observed }: Seen): ClusterProbe | undefined {
  const cluster = valueOf(observed.cluster);
  const reported = valueOf(observed.resource)?.properties.reportedProperties?.clusterId ?? '';
  return cluster !== undefined && reported !== '' && sameId(reported, cluster.id) ? cluster : undefined;
}

export const isNodeOf = ({ nodes }: ClusterProbe, name: string): boolean =>
  nodes.some((node) => node.name.toUpperCase() === name.toUpperCase());

/** Listed hosts that are no node of the cluster any more. None while it is not certain which cluster told. */
export function formerMembers(input: Seen): string[] {
  const cluster = knownCluster(input);
  if (cluster === undefined) return [];
  return input.observed.nodes.map(({ name }) => name).filter((name) => !isNodeOf(cluster, name));
}

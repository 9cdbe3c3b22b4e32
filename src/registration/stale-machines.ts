import type { Machine } from '../azure/models.ts';
import { sameId } from '../azure/resource-ids.ts';
import { valueOf, type Observed } from './facts.ts';
import { isNodeOf, knownCluster } from './membership.ts';
import type { PlanInput } from './step.ts';

/**
 * Arc-enabled servers that are this cluster's by their parent, and of no node of it: what an evicted node leaves behind. None while it is
 * not certain who the nodes are.
 */
export function staleMachines({ observed, target }: Pick<PlanInput, 'observed' | 'target'>): Machine[] {
  const cluster = knownCluster({ observed });
  if (cluster === undefined) return [];
  return (valueOf(observed.machines) ?? []).filter(
    ({ name, properties }) =>
      sameId(properties?.parentClusterResourceId, target.resourceId) && !isNodeOf(cluster, name),
  );
}

/** The machine may belong to a host that is only away for a while: its agent is not there any more. */
export const isDisconnected = ({ properties }: Machine): boolean => properties?.status === 'Disconnected';

/** What says that a machine is stale was read for this pass, and not from rows that may be late. */
export const isReadLive = ({
  machines,
  cluster,
  resource,
}: Pick<Observed, 'machines' | 'cluster' | 'resource'>): boolean =>
  [machines, cluster, resource].every((fact) => fact.state === 'present' && fact.via === 'live');

/** What is said of them. Nothing is said where there is none. */
export const describeStale = (machines: readonly Machine[]): string[] =>
  machines.map((machine) =>
    isDisconnected(machine)
      ? `${machine.name} is no node of the cluster any more, and its Arc-enabled server is Disconnected: it is being removed.`
      : `${machine.name} is no node of the cluster any more, and its Arc-enabled server is ${machine.properties?.status ?? 'in an unknown state'}: run azcmagent disconnect on it. It is removed once it is Disconnected.`,
  );

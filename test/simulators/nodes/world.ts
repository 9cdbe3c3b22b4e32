import { setTimeout as sleep } from 'node:timers/promises';
import type { Cloud } from './cloud.ts';
import type { Processes } from './processes.ts';
import type { Settings } from './settings.ts';
import type { ClusterState, Counters, NodeState, State } from './state.ts';

/** What every part of the simulator works on. `state` is replaced by `PUT /state`: never keep a part of it over an await. */
export interface World {
  state: State;
  settings: Settings;
  readonly cloud: Cloud;
  readonly processes: Processes;
  /** Returns at once. A run that is under way goes on, as MultipleInstances IgnoreNew says. */
  readonly startArcRegistrationTask: (context: NodeContext) => void;
  readonly now: () => Date;
  /** Aborts when the simulator closes. */
  readonly closing: AbortSignal;
  /** Lets the cluster's own synchronization be planned anew. */
  readonly reschedule: () => void;
}

/** One node, for what runs on it. */
export interface NodeContext {
  readonly world: World;
  readonly clusterName: string;
  readonly nodeName: string;
}

export const clusterOf = ({ world, clusterName }: NodeContext): ClusterState => {
  const cluster = world.state.clusters[clusterName];
  if (cluster === undefined) throw new Error(`no cluster ${clusterName}`);
  return cluster;
};

export const nodeOf = (context: NodeContext): NodeState => {
  const node = clusterOf(context).nodes[context.nodeName];
  if (node === undefined) throw new Error(`no node ${context.nodeName} in ${context.clusterName}`);
  return node;
};

/** Those that are in the cluster. */
export const nodesOf = (context: NodeContext): readonly NodeContext[] =>
  Object.entries(clusterOf(context).nodes).flatMap(([nodeName, { evicted }]) =>
    evicted ? [] : [{ ...context, nodeName }],
  );

export const isUp = (node: NodeState): boolean => node.power === 'up' || node.power === 'garbage';

export const count = (world: World, what: keyof Counters): void => {
  world.state.counters[what] += 1;
};

/** An instant of the nodes' clock. */
export const instant = (world: World, plusSeconds = 0): string =>
  new Date(world.now().getTime() + plusSeconds * 1000).toISOString();

/** Rejects when the simulator closes. */
export const pause = async (world: World, seconds: number): Promise<void> => {
  if (seconds > 0) await sleep(seconds * 1000, undefined, { signal: world.closing, ref: false });
};

/** Names a node in maps. */
export const keyOf = ({ clusterName, nodeName }: NodeContext): string => `${clusterName}/${nodeName}`;

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { InvalidAdminInput, mergePatch, startAdminServer, type Exchange, type OnExchange } from '../shared/admin.ts';
import { startArcRegistrationTask } from './arcRegistrationTask.ts';
import type { Build } from './builds.ts';
import { createCloud, type AzureEndpoints } from './cloud.ts';
import { createExecutor } from './execution.ts';
import { createFaults, Fault } from './faults.ts';
import { createPower, NodePowerChange } from './power.ts';
import { createProcesses } from './processes.ts';
import { defaultSettings, Settings } from './settings.ts';
import { fingerprintOf, newKeyPair } from './sshKeys.ts';
import { startNodeServer, type NodeServer } from './sshServer.ts';
import { newCluster, newNode, noCounts, State, type ClusterState } from './state.ts';
import { createSyncSchedule } from './syncSchedule.ts';
import { keyOf, nodeOf, type NodeContext, type World } from './world.ts';

export interface SimulatedClusterOptions {
  readonly name: string;
  readonly dnsSuffix: string;
  readonly nodes: readonly string[];
  /** Default: 22H2. */
  readonly build?: Build;
  /** Default: Dispatcher. */
  readonly execution?: ClusterState['execution'];
}

export interface SimulatedNodesOptions {
  /** Where the private keys for the nodes are written. */
  readonly directory: string;
  readonly azure: AzureEndpoints;
  readonly clusters: readonly SimulatedClusterOptions[];
  readonly settings?: Partial<Settings>;
  readonly onExchange?: OnExchange;
}

export interface SimulatedNodes {
  /** URL of the admin API. */
  readonly admin: string;
  readonly clusters: readonly {
    readonly name: string;
    readonly dnsSuffix: string;
    readonly ssh: { readonly user: string; readonly port: number; readonly privateKeyFile: string };
    readonly nodes: readonly { readonly name: string; readonly address: string; readonly hostKey: string }[];
  }[];
  readonly log: readonly Exchange[];
  /** The state itself, not a copy. */
  readonly state: () => State;
  /** A node as cmdlets see it; throws for one that there is not. */
  readonly context: (clusterName: string, nodeName: string) => NodeContext;
  readonly close: () => Promise<void>;
}

const user = 'hcireg';
const portTries = 20;

/** One loopback address per node; other simulators on this machine may have the same ones, with other ports. */
const addressOf = (cluster: number, node: number): string =>
  `127.${1 + Math.floor(cluster / 250)}.${1 + (cluster % 250)}.${1 + node}`;

interface RunningNode {
  readonly context: NodeContext;
  readonly server: NodeServer;
}

const isAddressInUse = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';

/** Starts the nodes of one cluster on one port: the first one finds it, and where another is refused a new one is looked for. */
const startOnOnePort = async (
  starts: readonly ((port: number) => Promise<RunningNode>)[],
  tries = portTries,
): Promise<readonly RunningNode[]> => {
  const running: RunningNode[] = [];
  try {
    for (const start of starts) running.push(await start(running[0]?.server.port ?? 0));
    return running;
  } catch (error) {
    await Promise.all(running.map(({ server }) => server.close()));
    if (!isAddressInUse(error) || tries <= 1) throw error;
    return startOnOnePort(starts, tries - 1);
  }
};

const checked = <T>(value: unknown, check: (value: unknown) => value is T, what: string): T => {
  if (!check(value)) throw new InvalidAdminInput(`this is no ${what}`);
  return value;
};

export const startSimulatedNodes = async (options: SimulatedNodesOptions): Promise<SimulatedNodes> => {
  const closing = new AbortController();
  const log: Exchange[] = [];
  const defects: unknown[] = [];
  const faults = createFaults();
  const executor = createExecutor(faults, log, options.onExchange);
  const nodes = new Map<string, RunningNode>();
  const onDefect = (error: unknown): void => {
    if (!closing.signal.aborted) defects.push(error);
  };

  const world: World = {
    state: { clusters: {}, counters: noCounts() },
    settings: { ...defaultSettings, ...options.settings },
    cloud: createCloud(options.azure, closing.signal),
    processes: createProcesses(closing.signal),
    startArcRegistrationTask: (context) => startArcRegistrationTask(context, onDefect),
    now: () => new Date(Date.now() + world.settings.clockOffsetSeconds * 1000),
    closing: closing.signal,
    reschedule: () => schedule.plan(),
  };
  const schedule = createSyncSchedule(world);
  const power = createPower(world, (context) => nodes.get(keyOf(context))?.server);

  const startCluster = async (
    cluster: SimulatedClusterOptions,
    index: number,
  ): Promise<SimulatedNodes['clusters'][number]> => {
    const key = newKeyPair();
    const privateKeyFile = join(options.directory, `${cluster.name}-ssh`);
    await writeFile(privateKeyFile, key.privateKey, { mode: 0o600 });
    const execution = cluster.execution ?? 'Dispatcher';
    const state = newCluster(cluster.dnsSuffix, [key.publicKey], execution, world.now());
    world.state.clusters[cluster.name] = state;
    const starts = cluster.nodes.map((nodeName, position) => {
      const address = addressOf(index, position);
      const hostKey = newKeyPair().privateKey;
      state.nodes[nodeName] = newNode(
        position + 1,
        cluster.build ?? '22H2',
        execution,
        address,
        fingerprintOf(hostKey),
        world.now(),
      );
      const context = { world, clusterName: cluster.name, nodeName };
      return async (port: number): Promise<RunningNode> => ({
        context,
        server: await startNodeServer({
          context,
          user,
          hostKey,
          address,
          port,
          execute: (principal, authority, command, stdin) =>
            executor.execute(context, principal, authority, command, stdin),
          onDefect,
        }),
      });
    });
    const running = await startOnOnePort(starts);
    for (const node of running) nodes.set(keyOf(node.context), node);
    return {
      name: cluster.name,
      dnsSuffix: cluster.dnsSuffix,
      ssh: { user, port: running[0]?.server.port ?? 0, privateKeyFile },
      nodes: running.map(({ context }) => ({
        name: context.nodeName,
        address: nodeOf(context).address,
        hostKey: nodeOf(context).hostKey,
      })),
    };
  };

  const putState = (given: unknown): void => {
    const next = structuredClone(checked(given, (value) => Value.Check(State, value), 'state of simulated nodes'));
    for (const [clusterName, cluster] of Object.entries(world.state.clusters)) {
      for (const [nodeName, node] of Object.entries(cluster.nodes)) {
        const replaced = next.clusters[clusterName]?.nodes[nodeName];
        if (replaced === undefined)
          throw new InvalidAdminInput(`the node ${clusterName}/${nodeName} cannot be taken away`);
        replaced.address = node.address;
        replaced.hostKey = node.hostKey;
      }
    }
    for (const [clusterName, cluster] of Object.entries(next.clusters)) {
      const unknown = Object.keys(cluster.nodes).find(
        (nodeName) => !nodes.has(keyOf({ world, clusterName, nodeName })),
      );
      if (unknown !== undefined)
        throw new InvalidAdminInput(`there is no server for the node ${clusterName}/${unknown}`);
    }
    world.state = next;
    for (const { context } of nodes.values()) power.apply(context);
    schedule.plan();
  };

  const clusters: SimulatedNodes['clusters'][number][] = [];
  for (const [index, cluster] of options.clusters.entries()) clusters.push(await startCluster(cluster, index));

  const admin = await startAdminServer({
    getState: () => world.state,
    putState,
    settings: {
      get: () => world.settings,
      put: (given) => {
        const merged = mergePatch(world.settings, given);
        world.settings = checked(merged, (value) => Value.Check(Settings, value), 'settings of simulated nodes');
        schedule.plan();
      },
    },
    putFaults: (given) =>
      faults.replace(
        checked(given, (value) => Value.Check(Type.Array(Fault), value), 'list of faults of simulated nodes'),
      ),
    log,
    extraRoutes: [
      {
        method: 'PUT',
        path: /^\/nodes\/([^/]+)\/([^/]+)$/,
        handle: ([clusterName = '', nodeName = ''], body) => {
          const node = nodes.get(`${clusterName}/${nodeName}`);
          if (node === undefined) throw new InvalidAdminInput(`there is no node ${clusterName}/${nodeName}`);
          power.change(
            node.context,
            checked(body, (value) => Value.Check(NodePowerChange, value), 'state of a node').state,
          );
        },
      },
    ],
  });

  return {
    admin: admin.url,
    clusters,
    log,
    state: () => world.state,
    context: (clusterName, nodeName) => {
      const context = { world, clusterName, nodeName };
      nodeOf(context);
      return context;
    },
    close: async () => {
      closing.abort(new Error('the simulated nodes were closed'));
      schedule.stop();
      power.stop();
      await admin.close();
      await Promise.all([...nodes.values()].map(({ server }) => server.close()));
      await world.processes.settled();
      await world.cloud.close();
      if (defects.length > 0) throw new AggregateError(defects, 'the simulated nodes failed');
    },
  };
};

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fetch } from 'undici';
import type { OperationArguments, OperationName, OperationResult } from '../../../src/nodes/operations.ts';
import { createSshTransport } from '../../../src/nodes/ssh.ts';
import type { NodeEndpoint, NodeTransport, Outcome } from '../../../src/nodes/transport.ts';
import { startSimulatedAzure, type SimulatedAzure } from '../azure/azure.ts';
import type { Settings } from './settings.ts';
import { startSimulatedNodes, type SimulatedClusterOptions, type SimulatedNodes } from './simulator.ts';

// What the tests of the simulated nodes share: nodes, the shipped transport, and Azure where it is needed.

export interface NodesLab {
  readonly nodes: SimulatedNodes;
  readonly transport: NodeTransport;
  readonly endpoint: (nodeName: string, clusterName?: string) => NodeEndpoint;
  readonly run: <N extends OperationName>(
    nodeName: string,
    operation: N,
    given: OperationArguments<N>,
  ) => Promise<Outcome<OperationResult<N>>>;
  /** The result; throws with the outcome where there is none. */
  readonly result: <N extends OperationName>(
    nodeName: string,
    operation: N,
    given: OperationArguments<N>,
  ) => Promise<OperationResult<N>>;
  /** A call of the nodes' admin API; throws where it is refused. */
  readonly admin: (method: string, path: string, body?: unknown) => Promise<string>;
  readonly close: () => Promise<void>;
}

export const defaultCluster: SimulatedClusterOptions = {
  name: 'hci001',
  dnsSuffix: 'corp.example.com',
  nodes: ['NODE1', 'NODE2', 'NODE3', 'NODE4'],
};

/** For tests that need no Azure: nothing listens there. */
const nowhere = { resourceManager: 'https://127.0.0.1:1', login: 'https://127.0.0.1:1', caPem: '' };

export const startNodesLab = async (
  options: {
    readonly azure?: SimulatedAzure;
    readonly clusters?: readonly SimulatedClusterOptions[];
    readonly settings?: Partial<Settings>;
  } = {},
): Promise<NodesLab> => {
  const directory = await mkdtemp(join(tmpdir(), 'nodes-'));
  const nodes = await startSimulatedNodes({
    directory,
    azure: options.azure ?? nowhere,
    clusters: options.clusters ?? [defaultCluster],
    ...(options.settings === undefined ? {} : { settings: options.settings }),
  });
  const transport = createSshTransport({ allowLoopback: true });
  const keys = new Map(
    await Promise.all(
      nodes.clusters.map(async ({ name, ssh }) => [name, await readFile(ssh.privateKeyFile, 'utf8')] as const),
    ),
  );

  const endpoint: NodesLab['endpoint'] = (nodeName, clusterName = nodes.clusters[0]?.name ?? '') => {
    const cluster = nodes.clusters.find(({ name }) => name === clusterName);
    const node = cluster?.nodes.find(({ name }) => name === nodeName);
    const privateKey = keys.get(clusterName);
    if (cluster === undefined || node === undefined || privateKey === undefined) throw new Error(`no node ${nodeName}`);
    const { user, port } = cluster.ssh;
    return {
      name: nodeName,
      address: node.address,
      port,
      user,
      execution: nodes.state().clusters[clusterName]?.execution ?? 'Dispatcher',
      privateKeys: [privateKey],
      hostKeys: [node.hostKey],
    };
  };
  const run: NodesLab['run'] = (nodeName, operation, given) =>
    transport.run(endpoint(nodeName), operation, given, {
      signal: new AbortController().signal,
      correlationId: 'test',
    });

  return {
    nodes,
    transport,
    endpoint,
    run,
    result: async (nodeName, operation, given) => {
      const outcome = await run(nodeName, operation, given);
      if (outcome.kind !== 'ok') throw new Error(`${operation} on ${nodeName}: ${JSON.stringify(outcome)}`);
      return outcome.value;
    },
    admin: async (method, path, body) => {
      const response = await fetch(`${nodes.admin}${path}`, {
        method,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      if (!response.ok) throw new Error(`${response.status} ${text}`);
      return text;
    },
    close: async () => {
      await transport.close();
      await nodes.close();
      await rm(directory, { recursive: true });
    },
  };
};

export const startAzureLab = async (): Promise<{
  readonly azure: SimulatedAzure;
  readonly close: () => Promise<void>;
}> => {
  const directory = await mkdtemp(join(tmpdir(), 'azure-'));
  const azure = await startSimulatedAzure({ directory });
  return {
    azure,
    close: async () => {
      await azure.close();
      await rm(directory, { recursive: true });
    },
  };
};

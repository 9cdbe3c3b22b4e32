import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { stringify } from 'yaml';
import { readConfiguration } from '../../../src/configuration.ts';
import { secrets } from '../../../src/kube/core.ts';
import { get } from '../../../src/kube/resource.ts';
import { createNodePool } from '../../../src/nodes/pool.ts';
import type { SecretReader } from '../../../src/sign-in/sessions.ts';
import { createReconciler } from '../../../src/registration/reconcile.ts';
import { createSessions } from '../../../src/sign-in/sessions.ts';
import { startSimulatedAzure, type SimulatedAzure } from '../../simulators/azure/azure.ts';
import type { Exchange } from '../../simulators/shared/admin.ts';
import { seedFleet } from './azure.ts';
import { moveClock } from './clock.ts';
import { createApiServer, createNodes, namespace } from './surroundings.ts';

export interface Fleet {
  readonly azure: SimulatedAzure;
  readonly subscriptions: number;
  /** Exchanges with the simulated Azure, requests to the API server, operations on nodes; emptied by whoever has counted them. */
  readonly calls: { azure: Exchange[]; apiServer: string[]; nodes: string[] };
  /** Objects that are not Ready, with the reason. */
  readonly notReady: () => string[];
  /** How many objects say in their status that they are to be compared with Azure within that time. */
  readonly dueWithin: (ms: number) => number;
  /** Pass after pass, each when it is due, until so much time has gone by. */
  readonly run: (ms: number) => Promise<void>;
  /** A new controller that remembers nothing takes all objects at once. */
  readonly restart: () => void;
  readonly close: () => Promise<void>;
}

const instanceId = 'bench';
const secondMs = 1000;

/**
 * A fleet of registered clusters and the controller's own code on it: the reconciler, sessions and inventory as they ship, over HTTPS to the
 * simulated Azure. The clock of the whole process is moved from one due pass to the next. The API server and the nodes are plain data.
 * Objects start one after the other within `startMs`.
 */
export async function startFleet(count: number, startMs: number): Promise<Fleet> {
  const clock = moveClock();
  const directory = await mkdtemp(join(tmpdir(), 'hci-bench-'));
  const calls: Fleet['calls'] = { azure: [], apiServer: [], nodes: [] };
  const azure = await startSimulatedAzure({ directory, log: calls.azure });
  const { resourceManager, login, graph } = azure;
  const configurationFile = join(directory, 'controller.yaml');
  await writeFile(configurationFile, stringify({ clouds: { AzureCloud: { resourceManager, login, graph } } }));
  const configuration = await readConfiguration(configurationFile);
  const clusters = seedFleet(azure, count, (name) => `${instanceId}/${namespace}/${name}`);
  const { kube, objects } = createApiServer(azure, clusters, calls.apiServer);
  const keys = [...objects.keys()];
  const due = new Map(keys.map((key, index) => [key, clock.now() + (index * startMs) / count]));
  const { signal } = new AbortController();

  const readSecrets: SecretReader = { read: (name, abort) => get(kube, secrets, name, { signal: abort }) };
  const start = () =>
    createReconciler({
      kube,
      nodes: createNodePool(createNodes(clusters, azure, calls.nodes)),
      secrets: readSecrets,
      sessions: createSessions({
        kube,
        secrets: readSecrets,
        configuration,
        certificateAuthorities: [azure.caPem],
        userAgent: 'bench',
        beforeWrite: () => {
          throw new Error('not expected of a fleet at rest: a write to Azure');
        },
        onExchange: () => {},
      }),
      instanceId,
      now: () => new Date(),
      events: { record: async () => void calls.apiServer.push('create events') },
      clean: (text) => text,
      log: pino({ level: 'silent' }),
      read: (key) => objects.get(key),
      record: () => {},
      lookAt: (key) => due.set(key, clock.now()),
    });
  let controller = start();

  async function pass(key: string): Promise<void> {
    due.delete(key);
    const { requeueAfterMs } = await controller.reconcile(key, signal, (work) => work());
    if (requeueAfterMs !== undefined) due.set(key, Math.min(due.get(key) ?? Infinity, clock.now() + requeueAfterMs));
  }

  return {
    azure,
    calls,
    subscriptions: new Set(clusters.map(({ subscriptionId }) => subscriptionId)).size,
    dueWithin: (ms) =>
      [...objects.values()].filter(({ status }) => Date.parse(status?.nextSyncTime ?? '') < clock.now() + ms).length,
    notReady: () =>
      [...objects].flatMap(([key, { status }]) => {
        const ready = status?.conditions?.find(({ type }) => type === 'Ready');
        return ready?.status === 'True' ? [] : [`${key}: ${ready?.reason} ${ready?.message}`];
      }),
    async run(ms) {
      const end = clock.now() + ms;
      for (;;) {
        const earliest = Math.min(...due.values());
        if (earliest >= end) break;
        clock.advanceTo(earliest);
        const batch = [...due].filter(([, at]) => at <= clock.now() + secondMs / 10).slice(0, configuration.workers);
        await Promise.all(batch.map(([key]) => pass(key)));
      }
      clock.advanceTo(end);
    },
    restart() {
      controller = start();
      for (const key of keys) due.set(key, clock.now());
    },
    async close() {
      await azure.close();
      await rm(directory, { recursive: true });
      clock.restore();
    },
  };
}

import pino from 'pino';
import type { Fixture } from '../../../test/simulators/azure/testing.ts';
import { apiVersion } from '../../api/group.ts';
import { parseSweep, sweepKind, type SweepSpec, type SweepStatus } from '../../api/sweep.ts';
import { createInventory } from '../../azure/inventory.ts';
import { createdByTag, markTag } from '../../registration/target.ts';
import { controllerSecret, graphFor, resourceManagerFor } from '../../azure/testing/clients.ts';
import type { EventContent } from '../../kube/events.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { KubeObject } from '../../kube/schema.ts';
import { createSweepReconciler } from '../reconcile.ts';
import { instanceId } from './builders.ts';

export const longAgo = new Date(Date.now() - 100 * 24 * 3_600_000).toISOString();

/** Sweeps against the simulated Azure, with an API server that has these registrations. */
export function createPass(
  lab: Fixture,
  given: {
    spec?: Partial<SweepSpec>;
    status?: SweepStatus;
    registrations?: readonly KubeObject[];
    namespace?: string;
    signIn?: 'controller' | 'reader' | 'owner';
    clock?: { ms: number };
    /** Called when the registrations are listed. @param change changes the spec of the sweep */
    onList?(change: () => void): void;
  },
) {
  const { azure } = lab;
  const clock = given.clock ?? { ms: Date.now() };
  const now = () => new Date(clock.ms);
  const { clientId, clientSecret } = azure.principals[given.signIn ?? 'controller'];
  const signIn = { ...controllerSecret(azure), type: 'ClientSecret' as const, clientId, clientSecret };
  const arm = resourceManagerFor(azure, signIn);
  const session = {
    arm,
    graph: graphFor(azure, signIn),
    inventory: createInventory(arm, now),
    checkSignIn: async () => undefined,
  };
  const sweep = {
    apiVersion,
    kind: sweepKind,
    metadata: { name: 'sweep', namespace: 'edge', uid: 'sweep-uid', resourceVersion: '1', generation: 1 },
    spec: {
      azure: {
        cloud: 'AzureCloud',
        tenantId: azure.tenantId,
        subscriptionId: azure.subscriptionId,
        identity: { type: 'ManagedIdentity', managedIdentity: {} },
        resourceGroups: [],
      },
      interval: '24h',
      mode: 'Delete',
      minimumAge: '0s',
      approved: [],
      suspend: false,
      ...given.spec,
    },
    ...(given.status === undefined ? {} : { status: given.status }),
  };
  let stored: KubeObject = sweep;
  let lists = 0;
  const events: EventContent[] = [];
  const kube: KubeClient = {
    async request({ method, body }) {
      if (method === 'GET') {
        lists += 1;
        given.onList?.(() => {
          stored = { ...stored, metadata: { ...stored.metadata, generation: 2 } };
        });
        return { metadata: { resourceVersion: '1' }, items: given.registrations ?? [] };
      }
      if (typeof body !== 'object' || body === null || !('status' in body)) throw new Error(`unexpected ${method}`);
      return { ...stored, status: body.status };
    },
    stream: () => Promise.reject(new Error('nothing is watched here')),
    close: async () => undefined,
  };
  const { reconcile } = createSweepReconciler({
    kube,
    sessions: { open: async () => session },
    instanceId,
    namespace: given.namespace,
    events: { record: async (_, content) => void events.push(content) },
    log: pino({ enabled: false }),
    now,
    read: () => stored,
    record: (written) => {
      stored = written;
    },
    onDeletion: () => undefined,
  });
  const status = (): SweepStatus => parseSweep(stored)?.status ?? {};
  return {
    events,
    clock,
    status,
    lists: () => lists,
    /** One pass, when it is due. */
    async sweep(): Promise<SweepStatus> {
      await reconcile('edge/sweep', new AbortController().signal);
      return status();
    },
    /** Passes until there is nothing left to be deleted. */
    async settle(): Promise<SweepStatus> {
      for (let passes = 0; passes < 8; passes++) {
        await reconcile('edge/sweep', new AbortController().signal);
        if (!(status().orphans ?? []).some(({ action }) => action === 'Delete')) return status();
        clock.ms += 61_000;
        // What takes a moment in Azure is over before the next pass.
        await lab.admin('GET', '/state');
      }
      return status();
    },
    actions: (): Record<string, string> =>
      Object.fromEntries((status().orphans ?? []).map(({ id, action }) => [id.split('/').at(-1) ?? id, action])),
  };
}

/** A cluster that was registered, and fell silent long ago. */
export async function givenSilentCluster(lab: Fixture, group: string, name: string, mark: string | undefined) {
  const id = await lab.givenCluster(group, name);
  const cluster = lab.azure.state.clusters[id.toLowerCase()];
  if (cluster === undefined) throw new Error(`there is no ${id}`);
  if (mark !== undefined) cluster.tags = { [markTag]: mark };
  cluster.systemData.createdAt = longAgo;
  cluster.properties.status = 'Disconnected';
  cluster.properties.connectivityStatus = 'Disconnected';
  cluster.properties.registrationTimestamp = longAgo;
  cluster.properties.lastSyncTimestamp = longAgo;
  return { id, cluster };
}

export async function givenSilentMachine(lab: Fixture, group: string, name: string, parentClusterResourceId: string) {
  const id = `${group}/providers/Microsoft.HybridCompute/machines/${name}`;
  await lab.arm('PUT', id, {
    body: { location: 'eastus', properties: { parentClusterResourceId, agentVersion: '1.49' } },
  });
  const machine = lab.azure.state.machines[id.toLowerCase()];
  if (machine === undefined) throw new Error(`there is no ${id}`);
  machine.createdTime = longAgo;
  Object.assign(machine.properties, { status: 'Disconnected', lastStatusChange: longAgo });
  return { id, machine };
}

export async function givenTaggedGroup(lab: Fixture, name: string): Promise<string> {
  const id = await lab.givenGroup(name);
  const group = lab.azure.state.resourceGroups[id.toLowerCase()];
  if (group !== undefined) group.tags = { ...createdByTag };
  return id;
}

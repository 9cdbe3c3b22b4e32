import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { vi } from 'vitest';
import { startControlPlane, type ControlPlane } from '../../../test/controlplane/start.ts';
import { createKubeClient, type KubeClient } from '../client.ts';
import { readKubeConfig } from '../kubeconfig.ts';
import { create, list } from '../resource.ts';
import { customResourceDefinitions, gadgetDefinition, gadgets } from './gadgets.ts';

/** Long enough to build the control plane, once on a new machine. */
export const startTimeoutMs = 1_800_000;

/** A real API server for the tests of one file, with a client of its administrator. */
export interface RealServer {
  controlPlane: ControlPlane;
  client: KubeClient;
  connect(kubeconfig: string): Promise<KubeClient>;
  stop(): Promise<void>;
}

export async function startRealServer(name: string): Promise<RealServer> {
  const directory = await mkdtemp(join(tmpdir(), `${name}-`));
  const controlPlane = await startControlPlane({ directory: join(directory, 'control-plane') });
  const connect = async (kubeconfig: string) =>
    createKubeClient(await readKubeConfig(kubeconfig), { userAgent: name, requestTimeoutMs: 20_000 });
  const client = await connect(controlPlane.kubeconfig);
  return {
    controlPlane,
    client,
    connect,
    async stop() {
      await client.close();
      await controlPlane.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Resolves when gadgets are served. */
export async function installGadgets(client: KubeClient, fieldManager: string): Promise<void> {
  await create(client, customResourceDefinitions, gadgetDefinition, { fieldManager });
  await vi.waitFor(() => list(client, gadgets), { timeout: 20_000, interval: 20 });
}

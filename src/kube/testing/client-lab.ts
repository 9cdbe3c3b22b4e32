import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createKubeClient, type KubeClient, type KubeClientOptions } from '../client.ts';
import { KubeError } from '../kube-error.ts';
import { answer, startFaultServer, type FaultServer, type Handler } from './fault-server.ts';

export const ok: Handler = (_request, response) => answer(response, 200, { fine: true });

/** A server that answers as it is told, and clients of it. */
export interface ClientLab {
  server: FaultServer;
  handle: Handler;
  client: KubeClient;
  /** Goes with the lab. */
  directory: string;
  newClient(
    kubeConfig?: ReturnType<FaultServer['kubeConfig']>,
    requestTimeoutMs?: number,
    more?: Partial<KubeClientOptions>,
  ): KubeClient;
  get(from?: KubeClient, signal?: AbortSignal): Promise<unknown>;
  close(): Promise<void>;
}

export async function startClientLab(): Promise<ClientLab> {
  const directory = await mkdtemp(join(tmpdir(), 'kube-client-'));
  const server = await startFaultServer((request, response) => lab.handle(request, response));
  const clients: KubeClient[] = [];
  const newClient: ClientLab['newClient'] = (
    kubeConfig = lab.server.kubeConfig(),
    requestTimeoutMs = 10_000,
    more = {},
  ) => {
    const created = createKubeClient(kubeConfig, { userAgent: 'kube-test', requestTimeoutMs, ...more });
    clients.push(created);
    return created;
  };
  const lab: ClientLab = {
    server,
    handle: ok,
    client: newClient(server.kubeConfig()),
    directory,
    newClient,
    get: (from = lab.client, signal) => from.request({ method: 'GET', path: '/api/v1/secrets', signal }),
    async close() {
      await Promise.all(clients.map((each) => each.close()));
      await lab.server.stop();
      await rm(directory, { recursive: true });
    },
  };
  return lab;
}

/** What it fails with. */
export async function failure(call: Promise<unknown>): Promise<KubeError> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof KubeError)) throw new Error('not a KubeError', { cause: error });
  return error;
}

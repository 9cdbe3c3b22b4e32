import type { ServerResponse } from 'node:http';
import { expect, vi } from 'vitest';
import { createKubeClient, type KubeClient } from '../client.ts';
import { createReflector, type Reflector, type ReflectorOptions } from '../reflector.ts';
import { createCollection, widgets, type Collection, type Widget } from './collection.ts';
import { startFaultServer, type FaultServer, type Handler, type SeenRequest } from './fault-server.ts';

export const soon = { timeout: 10_000, interval: 5 };

const isInitial = ({ query }: SeenRequest) => query.get('sendInitialEvents') === 'true';
const isWatch = ({ query }: SeenRequest) => query.get('watch') === 'true';
const nameOf = (object: Widget | undefined) => (object === undefined ? '-' : `${object.metadata.uid}/${object.size}`);

export const sizeOf = (reflector: Reflector<Widget>, name: string) => reflector.store.get(`default/${name}`)?.size;

/** A server with a collection, and a reflector of it. */
export interface ReflectorLab {
  server: FaultServer;
  client: KubeClient;
  collection: Collection;
  /** Answer the next requests instead of the collection: watches that start with everything, lists, and other watches. */
  initialFaults: Handler[];
  listFaults: Handler[];
  watchFaults: Handler[];
  /** What was told, as `<key> <before> <after>`. */
  changes: string[];
  errors: unknown[];
  stop: AbortController;
  running: Promise<void>;
  initial(): SeenRequest[];
  lists(): SeenRequest[];
  watches(): SeenRequest[];
  start(overrides?: Partial<ReflectorOptions<Widget>>): Reflector<Widget>;
  /** Waits until the watch works: a new change arrives. */
  expectToFollow(reflector: Reflector<Widget>): Promise<void>;
  openWatch(): Promise<ServerResponse>;
  close(): Promise<void>;
}

/** @param streams whether the server can send everything as the start of a watch */
export async function startReflectorLab(streams: boolean): Promise<ReflectorLab> {
  const server = await startFaultServer((request, response) => {
    const faults = !isWatch(request) ? lab.listFaults : isInitial(request) ? lab.initialFaults : lab.watchFaults;
    (faults.shift() ?? lab.collection.handle)(request, response);
  });
  const lab: ReflectorLab = {
    server,
    client: createKubeClient(server.kubeConfig(), { userAgent: 'reflector-test', requestTimeoutMs: 10_000 }),
    collection: createCollection(streams),
    initialFaults: [],
    listFaults: [],
    watchFaults: [],
    changes: [],
    errors: [],
    stop: new AbortController(),
    running: Promise.resolve(),
    initial: () => server.requests.filter(isInitial),
    lists: () => server.requests.filter((request) => !isWatch(request)),
    watches: () => server.requests.filter((request) => isWatch(request) && !isInitial(request)),
    start(overrides = {}) {
      const reflector = createReflector({
        client: lab.client,
        type: widgets,
        onChange: (key, previous, next) => lab.changes.push(`${key} ${nameOf(previous)} ${nameOf(next)}`),
        onError: (error) => lab.errors.push(error),
        backoffMs: { min: 1, max: 5 },
        ...overrides,
      });
      lab.running = reflector.run(lab.stop.signal);
      return reflector;
    },
    async expectToFollow(reflector) {
      await reflector.synced;
      const size = Number(lab.collection.resourceVersion());
      lab.collection.put('probe', size);
      await vi.waitFor(() => expect(sizeOf(reflector, 'probe')).toBe(size), soon);
    },
    openWatch: () =>
      vi.waitFor(() => {
        const [watch] = lab.collection.watches;
        if (watch === undefined) throw new Error('no watch is open');
        return watch;
      }, soon),
    async close() {
      lab.stop.abort();
      await lab.running;
      await lab.client.close();
      await server.stop();
    },
  };
  return lab;
}

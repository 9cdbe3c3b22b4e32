import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';

/** A site that is dead in the worst way: its nodes take connections and never say a word. */
export interface SilentSite {
  readonly port: number;
  /** Loopback addresses, one for each node, cluster by cluster. */
  readonly clusters: readonly (readonly string[])[];
  /** Connections that were taken, and those that are still open. */
  readonly taken: () => number;
  readonly open: () => number;
  readonly close: () => void;
}

/** Everything on one port, which the first node finds. */
export async function startSilentSite(clusters: number, nodesPerCluster: number): Promise<SilentSite> {
  const sockets = new Set<Socket>();
  const servers: Server[] = [];
  let taken = 0;
  const close = () => {
    for (const socket of sockets) socket.destroy();
    for (const server of servers) server.close();
  };
  const listen = async (address: string, port: number): Promise<number> => {
    const server = createServer((socket) => {
      taken += 1;
      sockets.add(socket);
      socket
        .on('error', () => socket.destroy())
        .on('close', () => sockets.delete(socket))
        .resume();
    });
    servers.push(server);
    server.listen(port, address);
    await once(server, 'listening');
    const bound = server.address();
    if (bound === null || typeof bound === 'string') throw new Error(`${address} has no port`);
    return bound.port;
  };
  const addresses = Array.from({ length: clusters }, (_, cluster) =>
    Array.from({ length: nodesPerCluster }, (__, node) => `127.77.${1 + cluster}.${1 + node}`),
  );
  try {
    let port = 0;
    for (const address of addresses.flat()) port = await listen(address, port);
    return { port, clusters: addresses, taken: () => taken, open: () => sockets.size, close };
  } catch (error) {
    close();
    throw error;
  }
}

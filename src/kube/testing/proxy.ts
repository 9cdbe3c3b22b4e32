import { connect, createServer, type Socket } from 'node:net';

/** A TCP proxy: what is between a client and its server, and can be cut. */
export interface Proxy {
  port: number;
  /** Resets all connections that are open. */
  cut(): void;
  /** While it refuses, every connection is reset at once. */
  refuse(refuses: boolean): void;
  stop(): Promise<void>;
}

export async function startProxy(target: URL): Promise<Proxy> {
  const open = new Set<Socket>();
  let refuses = false;
  const server = createServer((incoming) => {
    if (refuses) return void incoming.resetAndDestroy();
    const outgoing = connect(Number(target.port), target.hostname);
    for (const [socket, other] of [
      [incoming, outgoing],
      [outgoing, incoming],
    ] as const) {
      open.add(socket);
      socket.setNoDelay(true);
      // Resets are what this is for.
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        open.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  const cut = () => {
    for (const socket of open) socket.resetAndDestroy();
  };
  return {
    port: address.port,
    cut,
    refuse: (now) => void (refuses = now),
    async stop() {
      cut();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

// A scriptable SSH server for the tests beside this file.

import { createServer, type Server, type Socket } from 'node:net';
import ssh2, { type Connection, type ServerChannel } from 'ssh2';
import { frame, operationsVersion, type OperationArguments, type OperationName } from './operations.ts';
import { fingerprint } from './ssh-connection.ts';
import { createSshTransport, type SshSettings } from './ssh.ts';
import type { NodeEndpoint, NodeTransport, RunOptions } from './transport.ts';

/** The library's generator drops a leading zero of the public key, so one ed25519 key in about 256 cannot be read back. */
export const newKey = (type: 'ed25519' | 'ecdsa' = 'ed25519'): string => {
  if (type === 'ecdsa') return ssh2.utils.generateKeyPairSync('ecdsa', { bits: 256 }).private;
  const made = ssh2.utils.generateKeyPairSync('ed25519').private;
  return ssh2.utils.parseKey(made) instanceof Error ? newKey(type) : made;
};

export const publicKey = (privateKey: string): Buffer => {
  const key = ssh2.utils.parseKey(privateKey);
  if (key instanceof Error) throw key;
  return key.getPublicSSH();
};

export const clientKey = newKey();
export const otherClientKey = newKey();

export interface Exec {
  readonly channel: ServerChannel;
  readonly command: string;
  readonly connection: Connection;
  /** Resolves at the end of stdin. */
  readonly stdin: Promise<string>;
}

export interface FakeNode {
  readonly endpoint: NodeEndpoint;
  readonly commands: string[];
  readonly counts: {
    connections: number;
    open: number;
    authenticationRequests: number;
    executing: number;
    mostExecuting: number;
  };
  /** Freezes the TCP connections that are open: nothing is read any more. */
  readonly freeze: () => void;
  readonly cut: () => void;
  readonly close: () => Promise<void>;
}

interface FakeNodeOptions {
  readonly hostKeys?: readonly string[];
  readonly authorized?: readonly string[];
  readonly maxSessions?: number;
  readonly onExec?: (exec: Exec) => void | Promise<void>;
}

export const cleanUps: (() => Promise<void>)[] = [];

/** Stops what the test started, the last first. Every test file calls it after each test. */
export const cleanUp = async (): Promise<void> => {
  for (const each of cleanUps.splice(0).toReversed()) await each();
};

const readAll = async (channel: ServerChannel): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of channel) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString('latin1');
};

const listen = async (listener: Server): Promise<number> => {
  await new Promise<void>((resolve) => {
    listener.listen(0, '127.0.0.1', resolve);
  });
  const bound = listener.address();
  if (bound === null || typeof bound === 'string') throw new Error('the listener has no port');
  return bound.port;
};

export const startNode = async (options: FakeNodeOptions = {}): Promise<FakeNode> => {
  const hostKeys = options.hostKeys ?? [newKey()];
  const authorized = (options.authorized ?? [clientKey]).map(publicKey);
  const commands: string[] = [];
  const counts = { connections: 0, open: 0, authenticationRequests: 0, executing: 0, mostExecuting: 0 };
  const sockets = new Set<Socket>();
  const ssh = new ssh2.Server({ hostKeys: [...hostKeys] }, (connection) => {
    let sessions = 0;
    connection.on('error', () => connection.end());
    connection.on('authentication', (context) => {
      counts.authenticationRequests += 1;
      const known = context.method === 'publickey' && authorized.some((key) => key.equals(context.key.data));
      if (known) context.accept();
      else context.reject(['publickey']);
    });
    connection.on('session', (accept, reject) => {
      if (sessions >= (options.maxSessions ?? 10)) {
        reject();
        return;
      }
      sessions += 1;
      const session = accept();
      session.on('exec', (acceptExec, _, info) => {
        const channel = acceptExec();
        commands.push(info.command);
        counts.executing += 1;
        counts.mostExecuting = Math.max(counts.mostExecuting, counts.executing);
        channel.on('close', () => {
          counts.executing -= 1;
          sessions -= 1;
        });
        void options.onExec?.({ channel, command: info.command, connection, stdin: readAll(channel) });
      });
    });
  });
  const listener = createServer({ noDelay: true }, (socket) => {
    counts.connections += 1;
    counts.open += 1;
    sockets.add(socket);
    socket.on('close', () => {
      counts.open -= 1;
      sockets.delete(socket);
    });
    ssh.injectSocket(socket);
  });
  const port = await listen(listener);
  const close = async (): Promise<void> => {
    const closed = new Promise<void>((resolve) => {
      listener.close(() => resolve());
    });
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  cleanUps.push(close);
  return {
    endpoint: {
      name: 'NODE1',
      address: '127.0.0.1',
      port,
      user: 'hcireg',
      privateKeys: [clientKey],
      hostKeys: hostKeys.slice(0, 1).map((key) => fingerprint(publicKey(key))),
    },
    commands,
    counts,
    freeze: () => {
      for (const socket of sockets) socket.pause();
    },
    cut: () => {
      for (const socket of sockets) socket.destroy();
    },
    close,
  };
};

const clusterNode = { name: 'NODE1', state: 'Up', statusInformation: null, drainStatus: null };
export const clusterProbe = {
  name: 'hci001',
  id: '6f1c1c5a-7a0e-4f0e-8a53-6b6d0f6f1a11',
  functionalLevel: 12,
  dnsName: 'hci001',
  dnsSuffix: 'corp.example.com',
  nodes: [clusterNode],
  cloudManagement: null,
};

export const framed = (answer: unknown): string => `${frame.open}${JSON.stringify(answer)}${frame.close}`;
export const success = (operation: string, result: unknown = {}): string =>
  framed({ v: operationsVersion, op: operation, ok: true, result });

export const answer = (channel: ServerChannel, stdout: string, exitStatus = 0): void => {
  channel.write(stdout);
  channel.exit(exitStatus);
  channel.end();
};

/** Answers as the node script would, once stdin has arrived. */
export const answering =
  (stdout: string | ((operation: string) => string), exitStatus = 0) =>
  ({ channel, command, stdin }: Exec): void => {
    const operation = command.split(' ')[1] ?? '';
    void stdin.then(() => answer(channel, typeof stdout === 'string' ? stdout : stdout(operation), exitStatus));
  };

export const transport = (settings: Partial<SshSettings> = {}): NodeTransport => {
  const made = createSshTransport({ allowLoopback: true, ...settings });
  cleanUps.push(() => made.close());
  return made;
};

export const options = (more: Partial<RunOptions> = {}): RunOptions => ({
  signal: new AbortController().signal,
  correlationId: 'c0ffee',
  ...more,
});

export const run = <N extends OperationName>(
  node: FakeNode | NodeEndpoint,
  operation: N,
  operationArguments: OperationArguments<N>,
  settings: Partial<SshSettings> = {},
  more: Partial<RunOptions> = {},
) => transport(settings).run('endpoint' in node ? node.endpoint : node, operation, operationArguments, options(more));

export const arcArguments = {
  appId: 'a',
  secret: 'T0p~secret',
  tenantId: 't',
  subscriptionId: 's',
  region: 'eastus',
  resourceGroup: 'rg',
  cloud: 'AzureCloud',
};

/** A promise and the function that resolves it, for events that a test waits for. */
export const signalOf = <T = void>() => Promise.withResolvers<T>();

/** A TCP server that is no SSH server. */
export const startTcp = async (onSocket: (socket: Socket) => void): Promise<NodeEndpoint> => {
  const sockets = new Set<Socket>();
  const listener = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    onSocket(socket);
  });
  const port = await listen(listener);
  cleanUps.push(async () => {
    listener.close();
    for (const socket of sockets) socket.destroy();
  });
  return { name: 'X', address: '127.0.0.1', port, user: 'u', privateKeys: [clientKey], hostKeys: [] };
};

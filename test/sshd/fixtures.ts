import { createServer, type Server, type Socket } from 'node:net';
import ssh2 from 'ssh2';
import { frame, operationsVersion, type OperationArguments, type OperationName } from '../../src/nodes/operations.ts';
import { fingerprint } from '../../src/nodes/ssh-connection.ts';
import { createSshTransport, type SshSettings } from '../../src/nodes/ssh.ts';
import type { NodeEndpoint, NodeTransport, RunOptions } from '../../src/nodes/transport.ts';
import type { Execution, NodeServer } from './node-server.ts';

// Keys, answers and the client, as the cases use them.

const cleanUps: (() => Promise<void>)[] = [];

export const addCleanUp = (cleanUp: () => Promise<void>): void => {
  cleanUps.push(cleanUp);
};

/** Stops what the test started, the last first, and all of it even where one cannot be stopped. */
export const cleanUp = async (): Promise<void> => {
  const failures: unknown[] = [];
  for (const each of cleanUps.splice(0).toReversed()) await each().catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw new AggregateError(failures, 'something that the test started could not be stopped');
};

/** The library's generator drops a leading zero of the public key, so one ed25519 key in about 256 cannot be read back. */
export const newKey = (type: 'ed25519' | 'ecdsa' = 'ed25519'): string => {
  if (type === 'ecdsa') return ssh2.utils.generateKeyPairSync('ecdsa', { bits: 256 }).private;
  const made = ssh2.utils.generateKeyPairSync('ed25519').private;
  return ssh2.utils.parseKey(made) instanceof Error ? newKey(type) : made;
};

export const publicKeyOf = (privateKey: string): Buffer => {
  const key = ssh2.utils.parseKey(privateKey);
  if (key instanceof Error) throw key;
  return key.getPublicSSH();
};

/** A line of authorized_keys. */
export const publicKeyLine = (privateKey: string): string => {
  const key = ssh2.utils.parseKey(privateKey);
  if (key instanceof Error) throw key;
  return `${key.type} ${key.getPublicSSH().toString('base64')}`;
};

export const fingerprintOf = (privateKey: string): string => fingerprint(publicKeyOf(privateKey));

export const clientKey = newKey();
export const otherClientKey = newKey();

export const listen = async (listener: Server, port = 0): Promise<number> => {
  await new Promise<void>((resolve, reject) => {
    listener.once('error', reject);
    listener.listen(port, '127.0.0.1', resolve);
  });
  const bound = listener.address();
  if (bound === null || typeof bound === 'string') throw new Error('the listener has no port');
  return bound.port;
};

/** A TCP server that is no SSH server. */
export const startTcp = async (onSocket: (socket: Socket) => void): Promise<NodeEndpoint> => {
  const sockets = new Set<Socket>();
  const listener = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    onSocket(socket);
  });
  const port = await listen(listener);
  addCleanUp(async () => {
    listener.close();
    for (const socket of sockets) socket.destroy();
  });
  return {
    name: 'NODE1',
    address: '127.0.0.1',
    port,
    user: 'hcireg',
    execution: 'Dispatcher',
    privateKeys: [clientKey],
    hostKeys: [],
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

export const arcArguments = {
  appId: 'a',
  secret: 'T0p~secret',
  tenantId: 't',
  keyId: 'key-1',
  subscriptionId: 's',
  region: 'eastus',
  resourceGroup: 'rg',
  cloud: 'AzureCloud',
};

export const framed = (answer: unknown): string => `${frame.open}${JSON.stringify(answer)}${frame.close}`;
export const success = (operation: string, result: unknown = {}): string =>
  framed({ v: operationsVersion, op: operation, ok: true, result });

export const operationOf = ({ command }: Execution): string => command.split(' ')[1] ?? '';

/** Answers as the node script would, once standard input has arrived. */
export const answering =
  (stdout: string | ((operation: string) => string), exitStatus = 0) =>
  async (execution: Execution): Promise<void> => {
    await execution.stdin;
    await execution.stdout(typeof stdout === 'string' ? stdout : stdout(operationOf(execution)));
    execution.exit(exitStatus);
  };

export const transport = (settings: Partial<SshSettings> = {}): NodeTransport => {
  const made = createSshTransport({ allowLoopback: true, ...settings });
  addCleanUp(() => made.close());
  return made;
};

export const options = (more: Partial<RunOptions> = {}): RunOptions => ({
  signal: new AbortController().signal,
  correlationId: 'c0ffee',
  ...more,
});

export const run = <N extends OperationName>(
  node: NodeServer | NodeEndpoint,
  operation: N,
  operationArguments: OperationArguments<N>,
  settings: Partial<SshSettings> = {},
  more: Partial<RunOptions> = {},
) => transport(settings).run('endpoint' in node ? node.endpoint : node, operation, operationArguments, options(more));

/** A promise and the function that resolves it, for events that a test waits for. */
export const signalOf = <T = void>() => Promise.withResolvers<T>();

import { createServer, type Server, type Socket } from 'node:net';
import ssh2, { type Connection, type ServerChannel } from 'ssh2';
import { addCleanUp, clientKey, fingerprintOf, listen, newKey, publicKeyOf } from './fixtures.ts';
import type { Execution, NodeServer, NodeServerOptions } from './node-server.ts';

// A scriptable SSH server in this process: quick, and able to do what no real one does.

interface FakeExecution extends Execution {
  readonly channel: ServerChannel;
}

interface FakeOptions extends Omit<NodeServerOptions, 'onExec'> {
  readonly onExec?: (execution: FakeExecution) => void | Promise<void>;
}

const readAll = async (channel: ServerChannel): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of channel) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString('latin1');
};

const executionOf = (channel: ServerChannel, command: string): FakeExecution => {
  const closed = new Promise<boolean>((resolve) => channel.once('close', () => resolve(false)));
  const write = (to: { write: (text: string, done: () => void) => unknown }, text: string): Promise<boolean> =>
    channel.writable
      ? Promise.race([closed, new Promise<boolean>((resolve) => to.write(text, () => resolve(true)))])
      : Promise.resolve(false);
  return {
    channel,
    command,
    stdin: readAll(channel),
    stdout: (text) => write(channel, text),
    stderr: (text) => write(channel.stderr, text),
    exit: (status) => {
      channel.exit(status);
      channel.end();
    },
    exitHoldingStdout: (status) => channel.exit(status),
    kill: () => {
      channel.exit('KILL');
      channel.end();
    },
  };
};

export const startFake = async (options: FakeOptions = {}): Promise<NodeServer> => {
  let hostKeys = options.hostKeys ?? [newKey()];
  let authorized = (options.authorized ?? [clientKey]).map(publicKeyOf);
  const commands: string[] = [];
  const counts = { connections: 0, open: 0, authenticationRequests: 0, executing: 0, mostExecuting: 0 };
  const sockets = new Set<Socket>();
  let frozen = false;

  const serve = (connection: Connection): void => {
    let sessions = 0;
    connection.on('error', () => connection.end());
    connection.on('authentication', (context) => {
      counts.authenticationRequests += 1;
      const known = context.method === 'publickey' && authorized.some((key) => key.equals(context.key.data));
      if (known) context.accept();
      else context.reject(['publickey']);
    });
    connection.on('session', (accept, reject) => {
      if (sessions >= (options.maxSessions ?? 4)) {
        reject();
        return;
      }
      sessions += 1;
      const session = accept();
      session.on('exec', (acceptExec, _, { command }) => {
        const channel = acceptExec();
        commands.push(command);
        counts.executing += 1;
        counts.mostExecuting = Math.max(counts.mostExecuting, counts.executing);
        channel.on('close', () => {
          counts.executing -= 1;
          sessions -= 1;
        });
        void options.onExec?.(executionOf(channel, command));
      });
    });
  };

  const launch = async (port: number): Promise<{ listener: Server; port: number }> => {
    const banner = options.banner === undefined ? {} : { banner: options.banner };
    const ssh = new ssh2.Server({ hostKeys: [...hostKeys], ...banner }, serve);
    const listener = createServer({ noDelay: true }, (socket) => {
      counts.connections += 1;
      counts.open += 1;
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => {
        counts.open -= 1;
        sockets.delete(socket);
      });
      if (!frozen) ssh.injectSocket(socket);
    });
    return { listener, port: await listen(listener, port) };
  };

  let { listener, port } = await launch(0);
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  const stop = async (): Promise<void> => {
    if (!listener.listening) return;
    const closed = new Promise<void>((resolve) => {
      listener.close(() => resolve());
    });
    cut();
    await closed;
  };
  addCleanUp(stop);

  return {
    endpoint: {
      name: 'NODE1',
      address: '127.0.0.1',
      port,
      user: 'hcireg',
      execution: 'Dispatcher',
      privateKeys: [clientKey],
      hostKeys: hostKeys.slice(0, 1).map(fingerprintOf),
    },
    commands,
    counts: () => ({ ...counts }),
    freeze: () => {
      frozen = true;
      for (const socket of sockets) socket.pause();
    },
    cut,
    authorize: async (privateKeys) => {
      authorized = privateKeys.map(publicKeyOf);
    },
    stop,
    start: async (newHostKeys) => {
      hostKeys = newHostKeys ?? hostKeys;
      frozen = false;
      ({ listener } = await launch(port));
    },
  };
};

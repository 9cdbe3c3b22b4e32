import { createServer, type Server, type Socket } from 'node:net';
import ssh2, { type AuthContext, type ServerChannel } from 'ssh2';
import type { Reaction } from './execution.ts';
import { wireForm } from './sshKeys.ts';
import { clusterOf, isUp, nodeOf, type NodeContext } from './world.ts';

// A node's sshd: public keys only, one forced command, nothing else.

/** As sshd's own default. */
const maxSessions = 10;
const maxStdinBytes = 1024 * 1024;

export interface NodeServerOptions {
  readonly context: NodeContext;
  readonly user: string;
  readonly hostKey: string;
  readonly address: string;
  /** 0: any that is free. */
  readonly port: number;
  readonly execute: (principal: string, authority: string, command: string, stdin: string) => Promise<Reaction>;
  readonly onDefect: (error: unknown) => void;
}

export interface NodeServer {
  readonly port: number;
  /** Makes the connections follow the node's power. */
  readonly applyPower: () => void;
  /** Cuts all connections and shows another key from now on. */
  readonly setHostKey: (hostKey: string) => void;
  readonly close: () => Promise<void>;
}

const readStdin = async (channel: ServerChannel): Promise<string> => {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of channel) {
    const bytes = Buffer.from(chunk);
    length += bytes.length;
    if (length > maxStdinBytes) throw new Error('standard input is too long');
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString('utf8');
};

const isAuthorized = (options: NodeServerOptions, request: AuthContext): boolean => {
  if (request.method !== 'publickey' || request.username !== options.user) return false;
  const known = clusterOf(options.context).authorizedKeys.find(
    (key) => wireForm(key)?.equals(request.key.data) === true,
  );
  if (known === undefined) return false;
  const key = ssh2.utils.parseKey(known);
  if (key instanceof Error) return false;
  // Without a signature the client only asks whether the key would do.
  if (request.signature === undefined || request.blob === undefined) return true;
  return key.verify(request.blob, request.signature, request.hashAlgo);
};

const refuse = (_: unknown, reject: (() => void) | undefined): void => reject?.();

const newSshServer = (options: NodeServerOptions, hostKey: string, authority: () => string): ssh2.Server =>
  new ssh2.Server({ hostKeys: [hostKey] }, (connection) => {
    let sessions = 0;
    let principal = '';

    const exec = async (channel: ServerChannel, command: string): Promise<void> => {
      const reaction = await options.execute(principal, authority(), command, await readStdin(channel));
      if (reaction.kind === 'silence') return;
      if (reaction.kind === 'cut') {
        connection.end();
        return;
      }
      if (reaction.stderr !== '') channel.stderr.write(reaction.stderr);
      if (reaction.stdout !== '') channel.write(reaction.stdout);
      channel.exit(reaction.exitStatus);
      channel.end();
    };

    // A client that goes away is no event for a server.
    connection.on('error', () => connection.end());
    connection.on('authentication', (request) => {
      if (isAuthorized(options, request)) {
        principal = request.username;
        request.accept();
      } else {
        request.reject(['publickey']);
      }
    });
    connection.on('tcpip', refuse);
    connection.on('openssh.streamlocal', refuse);
    connection.on('request', refuse);
    connection.on('session', (accept, reject) => {
      if (sessions >= maxSessions) {
        reject();
        return;
      }
      sessions += 1;
      const session = accept();
      session.on('pty', refuse);
      session.on('shell', refuse);
      session.on('sftp', refuse);
      session.on('subsystem', refuse);
      session.on('env', refuse);
      session.on('x11', refuse);
      session.on('auth-agent', refuse);
      session.on('exec', (acceptExec, _, { command }) => {
        const channel = acceptExec();
        channel.on('error', () => channel.close());
        channel.on('close', () => {
          sessions -= 1;
        });
        exec(channel, command).catch((error: unknown) => {
          connection.end();
          options.onDefect(error);
        });
      });
    });
  });

const listen = (server: Server, address: string, port: number): Promise<number> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, address, () => {
      const bound = server.address();
      if (bound === null || typeof bound === 'string') reject(new Error('the node has no port'));
      else resolve(bound.port);
    });
  });

/** Rejects with EADDRINUSE where the port is taken on that address. */
export const startNodeServer = async (options: NodeServerOptions): Promise<NodeServer> => {
  const { context, address } = options;
  const sockets = new Set<Socket>();
  const frozen = new Set<Socket>();
  let port = options.port;
  const authority = (): string => `${address}:${port}`;
  let ssh = newSshServer(options, options.hostKey, authority);

  const cutAll = (): void => {
    for (const socket of sockets) socket.resetAndDestroy();
  };

  const listener = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      sockets.delete(socket);
      frozen.delete(socket);
    });
    const { power } = nodeOf(context);
    if (power === 'hang') frozen.add(socket);
    else if (isUp(nodeOf(context))) ssh.injectSocket(socket);
    else socket.resetAndDestroy();
  });
  port = await listen(listener, address, options.port);

  return {
    port,
    applyPower: () => {
      if (nodeOf(context).power === 'hang') {
        for (const socket of sockets) {
          socket.pause();
          frozen.add(socket);
        }
      } else if (isUp(nodeOf(context))) {
        for (const socket of frozen) socket.resetAndDestroy();
      } else {
        cutAll();
      }
    },
    setHostKey: (hostKey) => {
      ssh = newSshServer(options, hostKey, authority);
      cutAll();
    },
    close: () =>
      new Promise((resolve) => {
        listener.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
};

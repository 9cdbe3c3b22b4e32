import { createServer, type Socket } from 'node:net';
import type { Execution } from './node-server.ts';
import { encodeMessage, message } from './shim-messages.ts';

// The test's end of the Unix socket that the shim connects to.

export interface CommandSocket {
  readonly commands: readonly string[];
  readonly mostExecuting: () => number;
  readonly close: () => Promise<void>;
}

const number = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

export const listenForCommands = async (
  path: string,
  onExec: ((execution: Execution) => void | Promise<void>) | undefined,
): Promise<CommandSocket> => {
  const commands: string[] = [];
  const sockets = new Set<Socket>();
  const executing = new Set<Socket>();
  let mostExecuting = 0;

  const begin = (socket: Socket, command: string, stdin: Promise<string>): void => {
    commands.push(command);
    executing.add(socket);
    mostExecuting = Math.max(mostExecuting, executing.size);
    const send = (kind: number, content: Buffer): Promise<boolean> =>
      new Promise((resolve) => {
        if (socket.writable) {
          socket.write(encodeMessage(kind, content), (error) => resolve(error === undefined || error === null));
        } else {
          resolve(false);
        }
      });
    const last = (kind: number, content: Buffer): void => {
      // Counted as ended before sshd can know, so that the next command is never counted beside this one.
      executing.delete(socket);
      void send(kind, content);
    };
    void onExec?.({
      command,
      stdin,
      stdout: (text) => send(message.stdout, Buffer.from(text)),
      stderr: (text) => send(message.stderr, Buffer.from(text)),
      exit: (status) => last(message.exit, number(status)),
      exitHoldingStdout: (status) => last(message.exitHoldingStdout, number(status)),
      kill: () => last(message.kill, Buffer.alloc(0)),
    });
  };

  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    let received = '';
    let started = false;
    const stdin = Promise.withResolvers<string>();
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      received += chunk;
      const end = received.indexOf('\0');
      if (started || end === -1) return;
      started = true;
      const command = Buffer.from(received.slice(0, end), 'latin1').toString();
      begin(socket, command, stdin.promise);
    });
    socket.on('end', () => stdin.resolve(received.slice(received.indexOf('\0') + 1)));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      sockets.delete(socket);
      executing.delete(socket);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  return {
    commands,
    mostExecuting: () => mostExecuting,
    close: async () => {
      const closed = new Promise((resolve) => {
        server.close(resolve);
      });
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
};

// The forced command of the real sshd: hands the client's command and standard input to the test, and does what the test says.
// Arguments: the test's socket, and `hold` for the grandchild that only keeps standard output open.

import { spawn } from 'node:child_process';
import { connect } from 'node:net';
import { message, messageReader } from './shim-messages.ts';

const [, , path = '', role] = process.argv;
const socket = connect({ path, allowHalfOpen: true });
// Without the test, or without a reader, nothing is left to do.
socket.on('error', () => process.exit(255));
socket.on('end', () => process.exit(255));
process.stdout.on('error', () => process.exit(255));
process.stderr.on('error', () => process.exit(255));

if (role !== 'hold') {
  socket.write(`${process.env['SSH_ORIGINAL_COMMAND'] ?? ''}\0`);
  process.stdin.pipe(socket);
  const read = messageReader((kind, content) => {
    switch (kind) {
      case message.stdout:
        process.stdout.write(content);
        break;
      case message.stderr:
        process.stderr.write(content);
        break;
      case message.exit:
        process.exit(content.readUInt32BE(0));
        break;
      case message.exitHoldingStdout:
        spawn(process.execPath, [import.meta.filename, path, 'hold'], {
          stdio: ['ignore', 'inherit', 'ignore'],
          detached: true,
        });
        process.exit(content.readUInt32BE(0));
        break;
      case message.kill:
        process.kill(process.pid, 'SIGKILL');
        break;
    }
  });
  socket.on('data', read);
}

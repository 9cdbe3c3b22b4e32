import { subscribe } from 'node:diagnostics_channel';
import { readFileSync, renameSync } from 'node:fs';
import { ClientRequest, IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { Type, type Static } from 'typebox';
import { Value } from 'typebox/value';

// Loaded into the controller (`node --import`): it stops its own process within the work that an answer sets off. A SIGSTOP from outside
// mostly finds a process asleep, and what is late by then runs first when it goes on: it gives up leading before it can write.

/** Where to stop: written by `npm run leader`, renamed when the process stops. */
const FreezePoint = Type.Object({
  /** Matches method and path of the answer that was read to its end: what it sets off is due. */
  answer: Type.String(),
  /** If not 0: not that, but what is set off when a node has sent so many bytes more. */
  nodeBytes: Type.Integer({ minimum: 0 }),
});

export type FreezePoint = Static<typeof FreezePoint>;

export const frozenFile = (file: string) => `${file}.frozen`;

const file = process.env['LEADER_FREEZE_FILE'];
if (file !== undefined) watchFor(file);

function watchFor(control: string): void {
  let bytesUntilFreeze: number | undefined;

  const freeze = () => {
    bytesUntilFreeze = undefined;
    renameSync(control, frozenFile(control));
    process.kill(process.pid, 'SIGSTOP');
  };
  const readPoint = () => {
    try {
      return Value.Parse(FreezePoint, JSON.parse(readFileSync(control, 'utf8')));
    } catch {
      return undefined; // not asked for yet
    }
  };

  subscribe('http.client.response.finish', (message) => {
    if (!(message instanceof Object && 'request' in message && 'response' in message)) return;
    const { request, response } = message;
    if (!(request instanceof ClientRequest && response instanceof IncomingMessage)) return;
    response.once('end', () => {
      const point = readPoint();
      if (point === undefined || bytesUntilFreeze !== undefined) return;
      if (!new RegExp(point.answer).test(`${request.method} ${request.path}`)) return;
      if (point.nodeBytes === 0) freeze();
      else bytesUntilFreeze = point.nodeBytes;
    });
  });

  // Of SSH: ssh2 connects a socket of its own, which no diagnostics channel tells.
  const connect = Reflect.get(Socket.prototype, 'connect');
  Object.assign(Socket.prototype, {
    connect(this: Socket, ...given: unknown[]): unknown {
      if (!(this instanceof TLSSocket)) this.once('connect', () => countBytes(this));
      return Reflect.apply(connect, this, given);
    },
  });

  function countBytes(socket: Socket): void {
    let bytes = 0;
    socket.prependListener('data', ({ length }: Buffer) => {
      bytes = bytesUntilFreeze === undefined ? 0 : bytes + length;
      if (bytesUntilFreeze !== undefined && bytes >= bytesUntilFreeze) freeze();
    });
  }
}

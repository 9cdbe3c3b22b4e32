import { Agent, type AgentOptions, type RequestOptions } from 'node:https';
import type { Duplex } from 'node:stream';

/** A handshake that hangs must not outlive the request that it was made for by much. */
const handshakeMs = 60_000;

/**
 * Gives a request its new connection when that is ready, not while it is being made: what is written earlier goes out by itself when the
 * handshake is over, however long ago it was decided. `beforeWrite` is asked in between, unless the request is a GET or HEAD; what it
 * throws is the request's error, and nothing is sent.
 */
export class FencedAgent extends Agent {
  readonly #beforeWrite: () => void;

  constructor(options: AgentOptions, beforeWrite: () => void) {
    super({ keepAlive: true, ...options });
    this.#beforeWrite = beforeWrite;
  }

  override createConnection(options: RequestOptions, callback?: (error: Error | null, socket: Duplex) => void) {
    const socket = super.createConnection(options);
    if (socket === null || socket === undefined || callback === undefined) return socket;
    const patience = setTimeout(
      () => socket.destroy(new Error(`no TLS connection within ${handshakeMs} ms`)),
      handshakeMs,
    );
    const fail = (error: Error) => {
      clearTimeout(patience);
      callback(error, socket);
    };
    socket.once('error', fail);
    socket.once('secureConnect', () => {
      clearTimeout(patience);
      socket.off('error', fail);
      try {
        if (options.method !== 'GET' && options.method !== 'HEAD') this.#beforeWrite();
        callback(null, socket);
      } catch (error) {
        socket.destroy();
        callback(error instanceof Error ? error : new Error(String(error)), socket);
      }
    });
    // The agent takes what is returned for a connection that can be used.
    return undefined;
  }
}

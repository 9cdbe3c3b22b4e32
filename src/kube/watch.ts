import { Type } from 'typebox';
import { invalidAnswer } from './kube-error.ts';
import { parser } from './schema.ts';

const WatchEvent = parser(
  'watch event',
  Type.Object({ type: Type.Enum(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK', 'ERROR']), object: Type.Unknown() }),
);
export type WatchEvent = ReturnType<typeof WatchEvent>;

const lineFeed = 0x0a;

/**
 * Takes a watch apart: one JSON document a line. The function that it returns is given one piece of the stream after the other, and hands
 * on the events that are complete. What comes after the last line feed was cut off, and is dropped with the function.
 */
export function createWatchDecoder(take: (event: WatchEvent) => void): (chunk: Uint8Array) => void {
  // On bytes, and at line feeds only: JSON may hold U+2028, at which readline splits, and a chunk may end within a character.
  let pending: Uint8Array[] = [];
  return (chunk) => {
    let start = 0;
    for (let end = chunk.indexOf(lineFeed); end !== -1; end = chunk.indexOf(lineFeed, start)) {
      const rest = chunk.subarray(start, end);
      const line = pending.length === 0 ? rest : Buffer.concat([...pending, rest]);
      pending = [];
      start = end + 1;
      take(parse(line));
    }
    // Copied: a piece would keep the whole chunk in memory for as long as the watch is quiet.
    if (start < chunk.length) pending.push(Buffer.from(chunk.subarray(start)));
  };
}

function parse(line: Uint8Array): WatchEvent {
  let event: unknown;
  try {
    event = JSON.parse(Buffer.from(line.buffer, line.byteOffset, line.byteLength).toString('utf8'));
  } catch {
    throw invalidAnswer('watch: a line is not JSON', true);
  }
  return WatchEvent(event);
}

import { Type } from 'typebox';
import { invalidAnswer } from './kube-error.ts';
import { parser } from './schema.ts';

const WatchEvent = parser(
  'watch event',
  Type.Object({ type: Type.Enum(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK', 'ERROR']), object: Type.Unknown() }),
);
export type WatchEvent = ReturnType<typeof WatchEvent>;

/** The events of a watch: one JSON document a line. A last line without its end was cut off, and is dropped. */
export async function* watchEvents(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<WatchEvent> {
  for await (const line of lines(chunks)) {
    let event: unknown;
    try {
      event = JSON.parse(line);
    } catch {
      throw invalidAnswer('watch: a line is not JSON', true);
    }
    yield WatchEvent(event);
  }
}

const lineFeed = 0x0a;

// On bytes, and at line feeds only: JSON may hold U+2028, at which readline splits, and a chunk may end within a character.
async function* lines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let pending: Uint8Array[] = [];
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(lineFeed); end !== -1; end = chunk.indexOf(lineFeed, start)) {
      yield Buffer.concat([...pending, chunk.subarray(start, end)]).toString('utf8');
      pending = [];
      start = end + 1;
    }
    if (start < chunk.length) pending.push(chunk.subarray(start));
  }
}

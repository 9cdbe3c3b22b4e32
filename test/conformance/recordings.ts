import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { Type, type Static } from 'typebox';
import { Value } from 'typebox/value';
import { parseAllDocuments } from 'yaml';

// Real sessions with Azure as two recorders wrote them: vcr.py (azure-cli) and go-vcr (Azure Service Operator).

/** vcr.py and go-vcr drop different response headers. */
export type Recorder = 'vcr.py' | 'go-vcr';

export interface Answer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Parsed where the content-type says JSON, else text: `''` is an empty body, `null` the JSON null. */
  readonly body: unknown;
}

export interface RecordedExchange {
  readonly method: string;
  readonly url: string;
  /** As it was sent; empty where nothing was. */
  readonly body: string;
  readonly answer: Answer;
}

export interface Recording {
  readonly name: string;
  readonly recorder: Recorder;
  readonly exchanges: readonly RecordedExchange[];
}

const Headers = Type.Record(Type.String(), Type.Array(Type.String()));
const VcrPy = Type.Object({
  request: Type.Object({ method: Type.String(), uri: Type.String(), body: Type.Unknown() }),
  response: Type.Object({
    status: Type.Object({ code: Type.Integer() }),
    headers: Headers,
    body: Type.Unknown(),
  }),
});
const GoVcr = Type.Object({
  request: Type.Object({ method: Type.String(), url: Type.String(), body: Type.Unknown() }),
  response: Type.Object({ code: Type.Integer(), headers: Headers, body: Type.Unknown() }),
});
const Interaction = Type.Union([VcrPy, GoVcr]);
const Cassette = Type.Object({ interactions: Type.Array(Interaction, { minItems: 1 }) });
const Wrapped = Type.Union([Type.Object({ string: Type.Unknown() }), Type.Object({ base64_string: Type.String() })]);

/** Every recording of a folder, by name. Throws where a file is not what either recorder writes. */
export async function readRecordings(folder: string): Promise<Recording[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.yaml')).toSorted();
  return Promise.all(
    names.map(async (name) => parseRecording(name.replace(/\.yaml$/, ''), await readFile(join(folder, name), 'utf8'))),
  );
}

export function parseRecording(name: string, text: string): Recording {
  const interactions = parseAllDocuments(text).flatMap((document) => {
    const cassette: unknown = 'toJS' in document ? document.toJS() : undefined;
    if (!Value.Check(Cassette, cassette)) {
      const error = Value.Errors(Cassette, cassette)[0];
      throw new Error(`${name} is no recording: ${error?.instancePath ?? ''} ${error?.message ?? ''}`);
    }
    return cassette.interactions;
  });
  const recorder = interactions.every((interaction) => Value.Check(VcrPy, interaction)) ? 'vcr.py' : 'go-vcr';
  return { name, recorder, exchanges: interactions.map(exchange) };
}

function exchange(interaction: Static<typeof Interaction>): RecordedExchange {
  const { request, response } = interaction;
  const headers = Object.fromEntries(
    Object.entries(response.headers).map(([name, values]) => [name.toLowerCase(), values.join(', ')]),
  );
  const text = textOf(response.body);
  return {
    method: request.method,
    url: 'uri' in request ? request.uri : request.url,
    body: textOf(request.body),
    answer: {
      status: 'code' in response ? response.code : response.status.code,
      headers,
      body: text !== '' && headers['content-type']?.includes('json') === true ? JSON.parse(text) : text,
    },
  };
}

/** Recorders keep a body as text, as binary, in base64, or under `string`, and sometimes as it was compressed. */
function textOf(body: unknown): string {
  if (body === null || body === undefined) return '';
  if (typeof body === 'string') return body;
  if (body instanceof Uint8Array) {
    const compressed = body[0] === 0x1f && body[1] === 0x8b;
    return Buffer.from(compressed ? gunzipSync(body) : body).toString('utf8');
  }
  if (Value.Check(Wrapped, body)) {
    return textOf('string' in body ? body.string : Buffer.from(body.base64_string, 'base64'));
  }
  throw new Error(`a recorded body is ${typeof body}`);
}

import { createServer, type IncomingMessage } from 'node:http';

/** One exchange as a simulator saw it. `principal` is the caller's appId (Azure) or null. Bodies are JSON values where they were JSON, else text, null where empty. */
export interface Exchange {
  readonly time: string;
  readonly principal: string | null;
  readonly request: {
    readonly method: string;
    readonly url: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: unknown;
  };
  readonly response: {
    /** HTTP status, or exit status of a node operation; null where the connection was cut before an answer. */
    readonly status: number | null;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: unknown;
  };
  /** A fault was put into this exchange. */
  readonly fault?: true;
}

/** Awaited for each exchange as it is logged: what it does is done, and no byte of its answer was sent. */
export type OnExchange = (exchange: Exchange) => void | Promise<void>;

/** Thrown by `putState`, `settings.put`, `putFaults` and routes for input that is refused: the caller gets 400 with the message. */
export class InvalidAdminInput extends Error {
  override name = 'InvalidAdminInput';
}

export interface AdminRoute {
  readonly method: string;
  /** Matched against the whole path; its groups (decoded) are the handler's parameters. */
  readonly path: RegExp;
  /** The answer (awaited) is sent as JSON with status 200; `undefined` is 204. */
  readonly handle: (parameters: readonly string[], body: unknown) => unknown;
}

export interface AdminOptions {
  readonly getState: () => unknown;
  /** Replaces the whole state; a PATCH arrives here already merged. */
  readonly putState: (state: unknown) => void;
  /** `put` merges. */
  readonly settings: { readonly get: () => unknown; readonly put: (settings: unknown) => void };
  readonly putFaults: (faults: unknown) => void;
  /** The simulator appends; `DELETE /log` empties it in place. */
  readonly log: Exchange[];
  readonly extraRoutes?: readonly AdminRoute[];
}

export interface AdminServer {
  readonly url: string;
  readonly close: () => Promise<void>;
}

/** JSON merge patch (RFC 7386) of `patch` into `target`; neither is changed. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const result: Record<string, unknown> = isObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = mergePatch(result[key], value);
  }
  return result;
}

/** The admin API of test/README.md, on a free loopback port, over plain HTTP. */
export async function startAdminServer(options: AdminOptions): Promise<AdminServer> {
  const routes: readonly AdminRoute[] = [
    { method: 'GET', path: /^\/state$/, handle: () => options.getState() },
    { method: 'PUT', path: /^\/state$/, handle: (_, body) => options.putState(body) },
    { method: 'PATCH', path: /^\/state$/, handle: (_, body) => options.putState(mergePatch(options.getState(), body)) },
    { method: 'PUT', path: /^\/faults$/, handle: (_, body) => options.putFaults(body) },
    { method: 'GET', path: /^\/settings$/, handle: () => options.settings.get() },
    { method: 'PUT', path: /^\/settings$/, handle: (_, body) => options.settings.put(body) },
    {
      method: 'DELETE',
      path: /^\/log$/,
      handle: () => {
        options.log.length = 0;
      },
    },
    ...(options.extraRoutes ?? []),
  ];

  const answer = async (request: IncomingMessage): Promise<{ status: number; type: string; text: string }> => {
    const path = new URL(request.url ?? '/', 'http://admin').pathname;
    if (request.method === 'GET' && path === '/log') {
      return {
        status: 200,
        type: 'application/x-ndjson',
        text: options.log.map((e) => `${JSON.stringify(e)}\n`).join(''),
      };
    }
    const route = routes.find((candidate) => candidate.method === request.method && candidate.path.test(path));
    if (route === undefined)
      return { status: 404, type: 'text/plain', text: `no such admin call: ${request.method} ${path}\n` };
    const parameters = (route.path.exec(path) ?? []).slice(1).map(decodeURIComponent);
    const result = await route.handle(parameters, await readJson(request));
    if (result === undefined) return { status: 204, type: 'application/json', text: '' };
    return { status: 200, type: 'application/json', text: JSON.stringify(result) };
  };

  const server = createServer((request, response) => {
    answer(request).then(
      ({ status, type, text }) => response.writeHead(status, text === '' ? {} : { 'content-type': type }).end(text),
      (error: unknown) => {
        const message = error instanceof Error ? error.message : String(error);
        response
          .writeHead(error instanceof InvalidAdminInput ? 400 : 500, { 'content-type': 'text/plain' })
          .end(`${message}\n`);
      },
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the admin server has no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error === undefined ? resolve() : reject(error)));
        server.closeAllConnections();
      }),
  };
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk));
  const text = Buffer.concat(chunks).toString('utf8');
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new InvalidAdminInput(`the body is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

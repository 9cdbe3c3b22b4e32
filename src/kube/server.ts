import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

/** @returns what is wrong, for people; undefined when nothing is */
export type Check = () => string | undefined;

export interface ServerOptions {
  /** Default: every address of this machine. */
  address?: string | undefined;
  /** 0 takes a free one. */
  port: number;
  /** Text and content type of `/metrics`. */
  metrics(): Promise<{ contentType: string; text: string }>;
  /** By name. `/healthz`: one that fails means that only a restart helps. */
  healthz: Readonly<Record<string, Check>>;
  /** By name. `/readyz`: this process can do its work, now or as soon as it leads. */
  readyz: Readonly<Record<string, Check>>;
  onError: (error: unknown) => void;
}

export interface Server {
  port: number;
  /** Ends open connections too. */
  close(): Promise<void>;
}

/**
 * `/metrics`, `/healthz` and `/readyz` over plain HTTP. Probes answer as those of Kubernetes' own servers do: `ok`, or every check with
 * `?verbose` or when one fails. That they answer at all says that the event loop is alive.
 * @throws the error of listening: the address is taken, or not ours
 */
export async function startServer(options: ServerOptions): Promise<Server> {
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://server');
    const reply = (status: number, contentType: string, text: string) =>
      response.writeHead(status, { 'content-type': contentType }).end(request.method === 'HEAD' ? '' : text);
    if (request.method !== 'GET' && request.method !== 'HEAD') return void reply(405, plain, 'only GET\n');
    if (pathname === '/metrics') {
      const { contentType, text } = await options.metrics();
      return void reply(200, contentType, text);
    }
    if (pathname !== '/healthz' && pathname !== '/readyz') return void reply(404, plain, 'not found\n');
    const { healthy, report } = examine(pathname.slice(1), pathname === '/healthz' ? options.healthz : options.readyz);
    reply(healthy ? 200 : 503, plain, healthy && !searchParams.has('verbose') ? 'ok' : report);
  };
  const server = createServer((request, response) => {
    request.resume();
    answer(request, response).catch((error: unknown) => {
      options.onError(error);
      if (!response.headersSent) response.writeHead(500);
      response.end();
    });
  });
  const { promise: listening, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject).listen({ port: options.port, host: options.address }, resolve);
  await listening;
  server.off('error', reject).on('error', options.onError);
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return {
    port: address.port,
    async close() {
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      server.closeAllConnections();
      await closed.promise;
    },
  };
}

const plain = 'text/plain; charset=utf-8';

function examine(probe: string, checks: ServerOptions['healthz']): { healthy: boolean; report: string } {
  const wrong = Object.entries(checks).map(([name, check]) => ({ name, why: check() }));
  const healthy = wrong.every(({ why }) => why === undefined);
  const lines = wrong.map(({ name, why }) => (why === undefined ? `[+]${name} ok` : `[-]${name} failed: ${why}`));
  return { healthy, report: `${[...lines, `${probe} check ${healthy ? 'passed' : 'failed'}`].join('\n')}\n` };
}

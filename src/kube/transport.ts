import { KubeConfig } from '@kubernetes/client-node';
import type { RequestOptions } from 'node:https';
import type { SecureContextOptions } from 'node:tls';
import { Agent, ProxyAgent, type Dispatcher } from 'undici';
import { KubeError } from './kube-error.ts';

/** How to reach the API server right now. */
export interface Connection {
  origin: string;
  /** Path that the server's URL has of its own (a proxy in front of many clusters), without a trailing slash. */
  basePath: string;
  /** Authentication; never to be logged. */
  headers: Record<string, string>;
  calls: Dispatcher;
  /** Apart from `calls`: a watch holds its connection for minutes and must not take one away from them. */
  watches: Dispatcher;
  /** The credentials came from here; see `renewCredentials`. */
  credentials: KubeConfig;
}

export interface Transport {
  connection(): Promise<Connection>;
  /** These credentials were refused: read files and ask plugins anew, unless another call has done so meanwhile. */
  renewCredentials(refused: KubeConfig): void;
  close(): Promise<void>;
}

// HTTP/1.1 on few connections: on HTTP/2 one broken connection would take every call and every watch with it.
const agentOptions = { allowH2: false, pipelining: 1, keepAliveTimeout: 30_000 } as const;
const callConnections = 8;

/** client-node makes a new agent, hence a new connection, for every request; here one lives as long as CA and certificates stay the same. */
export function createTransport(kubeConfig: KubeConfig): Transport {
  const cluster = kubeConfig.getCurrentCluster();
  if (cluster === null) {
    throw unavailable(`the kubeconfig's current context names no cluster`);
  }
  const { proxyUrl } = cluster;
  if (proxyUrl?.startsWith('socks') === true) {
    throw unavailable('SOCKS proxies are not supported: give an http:// or https:// proxy as proxy-url');
  }
  const server = new URL(cluster.server);
  if (server.protocol !== 'https:' && !cluster.skipTLSVerify) {
    throw unavailable(`${server.origin} is not https: a token must not travel in the clear`);
  }
  let credentials = kubeConfig;
  let current: { tls: Tls; calls: Dispatcher; watches: Dispatcher } | undefined;

  function agentsFor(tls: Tls) {
    if (current !== undefined && sameTls(current.tls, tls)) return current;
    // What is on its way still ends on the old connections.
    void current?.calls.close();
    void current?.watches.close();
    current = {
      tls,
      calls: createAgent(tls, proxyUrl, callConnections),
      watches: createAgent(tls, proxyUrl, null),
    };
    return current;
  }

  return {
    async connection() {
      const source = credentials;
      const options = await loadCredentials(source);
      const { calls, watches } = agentsFor(tlsOf(options));
      return {
        origin: server.origin,
        basePath: server.pathname.replace(/\/+$/, ''),
        headers: authenticationHeaders(options),
        calls,
        watches,
        credentials: source,
      };
    },
    renewCredentials(refused) {
      if (credentials !== refused) return;
      // A new KubeConfig has no cached tokens.
      credentials = new KubeConfig();
      credentials.loadFromOptions({
        clusters: refused.clusters,
        users: refused.users,
        contexts: refused.contexts,
        currentContext: refused.currentContext,
      });
    },
    async close() {
      await Promise.all([current?.calls.destroy(), current?.watches.destroy()]);
    },
  };
}

async function loadCredentials(source: KubeConfig): Promise<RequestOptions> {
  const options: RequestOptions = {};
  try {
    await source.applyToHTTPSOptions(options);
    return options;
  } catch (error) {
    // Only a file's error is safe to show: what a plugin printed may hold the token.
    const file = error instanceof Error && 'syscall' in error ? error : undefined;
    throw unavailable(file === undefined ? 'the authentication plugin failed' : file.message, file);
  }
}

function unavailable(message: string, cause?: Error): KubeError {
  return new KubeError({
    status: 0,
    reason: 'CredentialsUnavailable',
    message: `credentials for the API server: ${message}`,
    retryable: true,
    cause,
  });
}

function authenticationHeaders(options: RequestOptions): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    // A token file may end in a line break, which a header must not.
    if (typeof value === 'string') headers[name.toLowerCase()] = value.trim();
  }
  if (typeof options.auth === 'string') headers['authorization'] = `Basic ${btoa(options.auth)}`;
  return headers;
}

interface Tls {
  ca?: NonNullable<SecureContextOptions['ca']>;
  cert?: NonNullable<SecureContextOptions['cert']>;
  key?: NonNullable<SecureContextOptions['key']>;
  servername?: string;
  rejectUnauthorized?: boolean;
}

function tlsOf({ ca, cert, key, servername, rejectUnauthorized }: RequestOptions): Tls {
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(servername !== undefined && { servername }),
    ...(rejectUnauthorized !== undefined && { rejectUnauthorized }),
  };
}

function sameTls(left: Tls, right: Tls): boolean {
  const fields = ['ca', 'cert', 'key', 'servername', 'rejectUnauthorized'] as const;
  return fields.every((field) => {
    const [a, b] = [left[field], right[field]];
    return Buffer.isBuffer(a) && Buffer.isBuffer(b) ? a.equals(b) : a === b;
  });
}

function createAgent(tls: Tls, proxyUrl: string | undefined, connections: number | null): Dispatcher {
  const options = { ...agentOptions, connections };
  // Below the idle time after which load balancers drop a connection without a word.
  const connect = { ...tls, keepAlive: true, keepAliveInitialDelay: 30_000 };
  return proxyUrl === undefined
    ? new Agent({ ...options, connect })
    : new ProxyAgent({ ...options, uri: proxyUrl, requestTls: connect });
}

import { Agent, request as httpsRequest } from 'node:https';
import type { Agent as HttpAgent, ClientRequest, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';
import { createCredentialSource, type Credentials } from './credentials.ts';
import { orAborted } from './deadline.ts';
import type { KubeConfig } from './kubeconfig.ts';
import { KubeError } from './kube-error.ts';

export interface Exchange {
  method: string;
  /** With its query, from the API server's root. */
  path: string;
  headers: Record<string, string>;
  body: string | undefined;
  /** A watch holds its connection for minutes and must not take one away from calls. */
  kind: 'call' | 'watch';
  /** Ends it, also while the answer is read. */
  signal: AbortSignal;
  /** Called when there is a connection and nothing has been sent; what it throws is thrown by `exchange`, and nothing is sent. */
  beforeSend?: (() => void) | undefined;
}

export interface Answer {
  status: number;
  headers: IncomingMessage['headers'];
  /** Has to be read to its end, or destroyed. */
  body: IncomingMessage;
  /** What it was asked with. */
  credentials: Credentials;
}

export interface Transport {
  exchange(exchange: Exchange): Promise<Answer>;
  /** These credentials were refused: read files and ask plugins anew, unless another call has done so meanwhile. */
  renewCredentials(refused: Credentials): void;
  close(): void;
}

// HTTP/1.1 on few connections: on HTTP/2 one broken connection would take every call and every watch with it.
const callConnections = 8;
/** Below the idle time after which load balancers drop a connection without a word. */
const idleSocketMs = 30_000;

/** Not imported: an import of it loads all that it exports, also a browser's WebSocket, and takes 6 MiB. */
const plainHttp = () => process.getBuiltinModule('node:http');

/** Requests on connections that live for as long as certificate authorities and client certificate stay the same. */
export function createTransport(config: KubeConfig): Transport {
  const server = new URL(config.server);
  if (server.protocol !== 'https:' && !config.insecureSkipTlsVerify) {
    throw invalid(`${server.origin} is not https: a token must not travel in the clear`);
  }
  if (config.proxyUrl !== undefined && !/^https?:/.test(config.proxyUrl)) {
    throw invalid('only http:// and https:// proxies are supported: see proxy-url');
  }
  const request = server.protocol === 'https:' ? httpsRequest : plainHttp().request;
  const basePath = server.pathname.replace(/\/+$/, '');
  const source = createCredentialSource(config);
  let current: { credentials: Credentials; agents: Record<Exchange['kind'], HttpAgent> } | undefined;

  function agentsFor(credentials: Credentials): Record<Exchange['kind'], HttpAgent> {
    if (current?.credentials !== credentials) {
      const isSame = current !== undefined && sameTls(current.credentials, credentials);
      // What is on its way, and the watches that are open, end on the connections they have, which then idle out.
      const agents = isSame && current !== undefined ? current.agents : createAgents(config, server, credentials);
      current = { credentials, agents };
    }
    return current.agents;
  }

  return {
    async exchange({ method, path, headers, body, kind, signal, beforeSend }) {
      signal.throwIfAborted();
      const credentials = await orAborted(source.current(), signal);
      const { authorization } = credentials;
      try {
        const outgoing = request({
          agent: agentsFor(credentials)[kind],
          hostname: server.hostname.replace(/^\[|\]$/g, ''),
          port: server.port,
          method,
          path: basePath + path,
          headers: {
            ...headers,
            ...(authorization !== undefined && { authorization }),
            ...(body !== undefined && { 'content-length': Buffer.byteLength(body) }),
          },
          signal,
        });
        const answer = await responseTo(outgoing, body, beforeSend);
        return { status: answer.statusCode ?? 0, headers: answer.headers, body: answer, credentials };
      } catch (error) {
        // Perhaps a certificate was replaced. A server that is away is no reason to ask a plugin again.
        if (isTlsFailure(error)) source.renew(credentials);
        throw error;
      }
    },
    renewCredentials: (refused) => source.renew(refused),
    close() {
      for (const agent of Object.values(current?.agents ?? {})) agent.destroy();
    },
  };
}

function responseTo(
  outgoing: ClientRequest,
  body: string | undefined,
  beforeSend: (() => void) | undefined,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const send = () => {
      try {
        beforeSend?.();
        outgoing.end(body);
      } catch (error) {
        reject(error);
        outgoing.destroy();
      }
    };
    outgoing.once('response', resolve);
    // Also after the answer has begun: an error event that nobody takes would end the process.
    outgoing.on('error', reject);
    if (beforeSend === undefined) send();
    else outgoing.once('socket', (socket) => whenConnected(socket, send));
  });
}

function whenConnected(socket: Socket, then: () => void): void {
  if (socket instanceof TLSSocket && socket.getProtocol() === null) socket.once('secureConnect', then);
  else if (socket.connecting) socket.once('connect', then);
  else then();
}

function createAgents(config: KubeConfig, server: URL, credentials: Credentials): Record<Exchange['kind'], HttpAgent> {
  const { certificateAuthority, clientCertificate } = credentials;
  const options = {
    keepAlive: true,
    keepAliveMsecs: idleSocketMs,
    timeout: idleSocketMs,
    noDelay: true,
    scheduling: 'lifo' as const,
    proxyEnv:
      config.proxyUrl === undefined
        ? { ...pick('HTTPS_PROXY'), ...pick('https_proxy'), ...pick('NO_PROXY'), ...pick('no_proxy') }
        : { HTTPS_PROXY: config.proxyUrl },
  };
  if (server.protocol !== 'https:') {
    return {
      call: new (plainHttp().Agent)({ ...options, maxSockets: callConnections }),
      watch: new (plainHttp().Agent)(options),
    };
  }
  // Made once: each connection would parse certificates and trusted authorities for itself.
  const secureContext = createSecureContext({
    ...(certificateAuthority !== undefined && { ca: certificateAuthority }),
    ...(clientCertificate !== undefined && { cert: clientCertificate.certificate, key: clientCertificate.key }),
  });
  const tls = {
    ...options,
    secureContext,
    rejectUnauthorized: !config.insecureSkipTlsVerify,
    ...(config.tlsServerName !== undefined && { servername: config.tlsServerName }),
  };
  return { call: new Agent({ ...tls, maxSockets: callConnections }), watch: new Agent(tls) };
}

const pick = (name: string): Record<string, string> => {
  const value = process.env[name];
  return value === undefined ? {} : { [name]: value };
};

/** Of OpenSSL (a pair of files that is half replaced, too), of Node's own checks, of a chain that cannot be verified. */
const isTlsFailure = (error: unknown): boolean =>
  error instanceof Error &&
  'code' in error &&
  typeof error.code === 'string' &&
  /^(EPROTO$|ERR_(OSSL|SSL|TLS)_)|CERT|ISSUER|SIGNATURE|CRL|^INVALID_(CA|PURPOSE)$/.test(error.code);

const sameTls = (left: Credentials, right: Credentials): boolean =>
  left.certificateAuthority === right.certificateAuthority &&
  left.clientCertificate?.certificate === right.clientCertificate?.certificate &&
  left.clientCertificate?.key === right.clientCertificate?.key;

const invalid = (message: string) =>
  new KubeError({ status: 0, reason: 'ConfigurationInvalid', message, retryable: false });

import { readFile, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Agent, createServer, request as send, type RequestOptions } from 'node:https';
import { join } from 'node:path';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { createCertificateAuthority } from '../controlplane/certificates.ts';
import { initialEvents, listAt } from './kube-view.ts';
import { isView, kubernetesWrite } from './kube-writes.ts';

/** What is done with a write before it reaches the API server. */
export type Seen = 'pass' | 'drop' | 'hang' | { status: number; retryAfterSeconds?: number };
/** What is done with it when the API server has done it. */
export type Done = 'answer' | 'cut';

/** Asked for each write that counts, before it goes on; `done` with the API server's status, before that is answered. */
export type Gate = (words: string) => Promise<{ seen: Seen; done(status: number): Promise<Done> }>;

export interface KubeProxy {
  /** Path of a kubeconfig with the same user, that leads here. */
  kubeconfig: string;
  /**
   * From now on lists and watches of registrations and Secrets show what was before the newest write that came through here: lists are
   * answered from that revision, watches are silent. Reads of one object stay what the API server guarantees: the newest.
   * `onShown` is called when that happens for the first time.
   */
  hold(onShown: () => void): void;
  /** The view catches up. */
  release(): void;
  close(): Promise<void>;
}

const Kubeconfig = Type.Object({
  clusters: Type.Array(Type.Object({ name: Type.String(), cluster: Type.Record(Type.String(), Type.String()) })),
});
const Versioned = Type.Object({ metadata: Type.Object({ resourceVersion: Type.String({ pattern: '^[0-9]+$' }) }) });

/** Stands between the controller and the API server, over HTTPS. */
export async function startKubeProxy(options: {
  directory: string;
  /** Of the controller: JSON, with a token. */
  kubeconfig: string;
  gate: Gate;
}): Promise<KubeProxy> {
  const config: unknown = JSON.parse(await readFile(options.kubeconfig, 'utf8'));
  const { clusters } = Value.Parse(Kubeconfig, config);
  const [first] = clusters;
  const server = new URL(first?.cluster['server'] ?? '');
  const ca = Buffer.from(first?.cluster['certificate-authority-data'] ?? '', 'base64');
  const agent = new Agent({ keepAlive: true });
  let newest: bigint | undefined;
  let old: { revision: bigint | undefined; onShown: () => void; released: PromiseWithResolvers<void> } | undefined;

  const upstream = (
    incoming: IncomingMessage,
    caller: ServerResponse,
    path: string,
    body?: Buffer,
  ): Promise<IncomingMessage> => {
    const { host: _, ...headers } = incoming.headers;
    const { hostname: to, port } = server;
    const call: RequestOptions = { agent, ca, method: incoming.method, host: to, port, path, headers };
    return new Promise((resolve, reject) => {
      const outgoing = send(call, resolve).once('error', reject);
      caller.once('close', () => outgoing.destroy());
      outgoing.end(body);
    });
  };
  async function write(words: string, body: Buffer, incoming: IncomingMessage, outgoing: ServerResponse) {
    const decided = await options.gate(words);
    const { seen } = decided;
    if (seen === 'hang') return;
    if (seen === 'drop') return void incoming.socket.destroy();
    if (seen !== 'pass') return refuse(seen, outgoing);
    const answer = await upstream(incoming, outgoing, incoming.url ?? '/', body);
    const text = Buffer.concat(await answer.toArray());
    const status = answer.statusCode ?? 502;
    if (status < 300) {
      const written: unknown = JSON.parse(text.toString('utf8'));
      if (Value.Check(Versioned, written)) newest = later(newest, BigInt(written.metadata.resourceVersion));
    }
    if ((await decided.done(status)) === 'cut') return void incoming.socket.destroy();
    outgoing.writeHead(status, answer.headers).end(text);
  }

  const show = (): void => {
    old?.onShown();
    if (old !== undefined) old.onShown = () => undefined;
  };
  /** Resolves when the view is no longer held. */
  const caughtUp = async (): Promise<void> => {
    show();
    await old?.released.promise;
  };

  /** A watch: silent while the view is held, also one that is open already. What it begins with is old then. */
  async function watch(incoming: IncomingMessage, outgoing: ServerResponse, target: URL): Promise<void> {
    if (old !== undefined) outgoing.writeHead(200, { 'content-type': 'application/json' }).flushHeaders();
    if (old?.revision !== undefined && target.searchParams.get('sendInitialEvents') === 'true') {
      const answer = await upstream(incoming, outgoing, listAt(target, old.revision));
      const { events, resourceVersion } = initialEvents(
        JSON.parse(Buffer.concat(await answer.toArray()).toString('utf8')),
      );
      outgoing.write(events);
      for (const name of ['sendInitialEvents', 'resourceVersionMatch']) target.searchParams.delete(name);
      target.searchParams.set('resourceVersion', resourceVersion);
    }
    await caughtUp();
    const answer = await upstream(incoming, outgoing, target.pathname + target.search);
    if (!outgoing.headersSent) outgoing.writeHead(answer.statusCode ?? 502, answer.headers).flushHeaders();
    else if (answer.statusCode !== 200) return void incoming.socket.destroy();
    for await (const chunk of answer) {
      await caughtUp();
      outgoing.write(chunk);
    }
    outgoing.end();
  }

  async function handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { method = '', url = '/' } = incoming;
    const target = new URL(url, server);
    if (isView(method, target.pathname)) {
      if (target.searchParams.get('watch') === 'true') return watch(incoming, outgoing, target);
      const revision = target.searchParams.has('continue') ? undefined : old?.revision;
      if (revision !== undefined) show();
      return relay(
        await upstream(incoming, outgoing, revision === undefined ? url : listAt(target, revision)),
        outgoing,
      );
    }
    const body = Buffer.concat(await incoming.toArray());
    const words = kubernetesWrite(method, target.pathname, parsed(body));
    if (words !== undefined) return write(words, body, incoming, outgoing);
    return relay(await upstream(incoming, outgoing, url, body), outgoing);
  }

  const authority = await createCertificateAuthority('crash-harness');
  const { certificatePem, privateKeyPem } = await authority.issueServer([{ type: 'ip', value: '127.0.0.1' }]);
  const listener = createServer({ cert: certificatePem, key: privateKeyPem }, (incoming, outgoing) => {
    // The caller may be killed at any moment; then nobody reads what is left.
    handle(incoming, outgoing).catch(() => incoming.socket.destroy());
  });
  listener.keepAliveTimeout = 600_000; // an API server keeps idle connections for longer than Node would
  await new Promise<void>((resolve, reject) => {
    listener.once('error', reject).listen(0, '127.0.0.1', resolve);
  });
  const address = listener.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');

  const kubeconfig = join(options.directory, 'proxy.kubeconfig');
  const leadingHere = clusters.map(({ name }) => ({
    name,
    cluster: {
      server: `https://127.0.0.1:${address.port}`,
      'certificate-authority-data': Buffer.from(authority.certificatePem).toString('base64'),
    },
  }));
  await writeFile(kubeconfig, JSON.stringify({ ...Object(config), clusters: leadingHere }), { mode: 0o600 });

  const release = () => {
    old?.released.resolve();
    old = undefined;
  };
  return {
    kubeconfig,
    hold: (onShown) => {
      // Revisions are the API server's counter of all changes: one less is what was before that write.
      const revision = newest === undefined ? undefined : newest - 1n;
      old = { revision, onShown, released: Promise.withResolvers() };
    },
    release,
    close: async () => {
      release();
      await new Promise((resolve) => {
        listener.close(resolve);
        listener.closeAllConnections();
      });
      agent.destroy();
    },
  };
}

function relay(answer: IncomingMessage, to: ServerResponse): void {
  to.writeHead(answer.statusCode ?? 502, answer.headers);
  to.flushHeaders();
  answer.once('error', () => to.destroy()).pipe(to);
}

function refuse({ status, retryAfterSeconds }: Extract<Seen, object>, outgoing: ServerResponse): void {
  outgoing
    .writeHead(status, {
      'content-type': 'application/json',
      ...(retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }),
    })
    .end(
      JSON.stringify({
        kind: 'Status',
        apiVersion: 'v1',
        status: 'Failure',
        message: 'refused by the crash harness',
        code: status,
      }),
    );
}

const later = (a: bigint | undefined, b: bigint): bigint => (a !== undefined && a > b ? a : b);

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}

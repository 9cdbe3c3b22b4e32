import { access, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { Type, type Static, type TSchema } from 'typebox';
import { KubeError } from './kube-error.ts';
import { parser } from './schema.ts';

/** A file, to be read again when it changes, or the content itself. */
export type Source = { file: string } | { content: string };

/** A program that prints credentials (client.authentication.k8s.io). */
export interface ExecPlugin {
  apiVersion: string;
  command: string;
  args: string[];
  env: Record<string, string>;
  provideClusterInfo: boolean;
  /** For people, when there is no such program. */
  installHint: string | undefined;
}

export interface KubeConfig {
  /** The API server's URL. */
  server: string;
  /** Default: the certificate authorities that Node trusts. */
  certificateAuthority?: Source;
  insecureSkipTlsVerify: boolean;
  tlsServerName?: string;
  proxyUrl?: string;
  /** The namespace that is meant when none is given. */
  namespace: string;
  user: {
    token?: Source;
    clientCertificate?: { certificate: Source; key: Source };
    exec?: ExecPlugin;
  };
}

const serviceAccountFile = (name: string) => join('/var/run/secrets/kubernetes.io/serviceaccount', name);

/**
 * The configuration of this process, where client-go looks: the files that KUBECONFIG names, else the pod's ServiceAccount, else
 * `~/.kube/config`.
 * @throws KubeError with reason `ConfigurationInvalid`
 */
export async function loadKubeConfig(): Promise<KubeConfig> {
  const files = (process.env['KUBECONFIG'] ?? '').split(delimiter).filter((file) => file !== '');
  if (files.length > 0) return readKubeConfig(...files);
  const inCluster = await inClusterConfig();
  return inCluster ?? readKubeConfig(join(homedir(), '.kube', 'config'));
}

async function inClusterConfig(): Promise<KubeConfig | undefined> {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = process.env;
  if (host === undefined || port === undefined || !(await exists(serviceAccountFile('token')))) return undefined;
  return {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    certificateAuthority: { file: serviceAccountFile('ca.crt') },
    insecureSkipTlsVerify: false,
    namespace: (await readFile(serviceAccountFile('namespace'), 'utf8').catch(() => 'default')).trim(),
    user: { token: { file: serviceAccountFile('token') } },
  };
}

const exists = (file: string) =>
  access(file).then(
    () => true,
    () => false,
  );

const text = Type.Optional(Type.Union([Type.String(), Type.Null()]));
const flag = Type.Optional(Type.Union([Type.Boolean(), Type.Null()]));
const listOf = <T extends TSchema>(item: T) => Type.Optional(Type.Union([Type.Array(item), Type.Null()]));

const Cluster = Type.Object({
  server: Type.String(),
  'certificate-authority': text,
  'certificate-authority-data': text,
  'insecure-skip-tls-verify': flag,
  'tls-server-name': text,
  'proxy-url': text,
});
const Exec = Type.Object({
  apiVersion: Type.String(),
  command: Type.String(),
  args: listOf(Type.String()),
  env: listOf(Type.Object({ name: Type.String(), value: Type.String() })),
  provideClusterInfo: flag,
  installHint: text,
});
const User = Type.Object({
  token: text,
  tokenFile: text,
  'client-certificate': text,
  'client-certificate-data': text,
  'client-key': text,
  'client-key-data': text,
  exec: Type.Optional(Type.Union([Exec, Type.Null()])),
  'auth-provider': Type.Optional(Type.Unknown()),
  username: text,
});
const Context = Type.Object({ cluster: Type.String(), user: text, namespace: text });
const File = parser(
  'kubeconfig',
  Type.Object({
    'current-context': text,
    clusters: listOf(Type.Object({ name: Type.String(), cluster: Cluster })),
    users: listOf(Type.Object({ name: Type.String(), user: Type.Union([User, Type.Null()]) })),
    contexts: listOf(Type.Object({ name: Type.String(), context: Context })),
  }),
);

/**
 * What the current context of these files says; of two entries with one name, that of the first file counts.
 * @throws KubeError with reason `ConfigurationInvalid`
 */
export async function readKubeConfig(...paths: string[]): Promise<KubeConfig> {
  const files = await Promise.all(paths.map(async (path) => ({ path, ...(await parseFile(path)) })));
  const where = paths.join(delimiter);
  const current = files.map((file) => file['current-context']).find((name) => typeof name === 'string' && name !== '');
  if (typeof current !== 'string') throw invalid(`${where}: there is no current-context`);
  const context = files.flatMap(({ contexts }) => contexts ?? []).find(({ name }) => name === current)?.context;
  if (context === undefined) throw invalid(`${where}: there is no context "${current}", which is the current-context`);
  const clusters = files.flatMap(({ path, clusters: all }) => (all ?? []).map((entry) => ({ path, ...entry })));
  const found = clusters.find(({ name }) => name === context.cluster);
  if (found === undefined)
    throw invalid(`${where}: there is no cluster "${context.cluster}", which context "${current}" names`);
  const users = files.flatMap(({ path, users: all }) => (all ?? []).map((entry) => ({ path, ...entry })));
  const user = users.find(({ name }) => name === context.user);
  const { cluster } = found;
  const certificateAuthority = sourceOf(
    found.path,
    cluster['certificate-authority-data'],
    cluster['certificate-authority'],
  );
  return {
    server: cluster.server,
    ...(certificateAuthority !== undefined && { certificateAuthority }),
    insecureSkipTlsVerify: cluster['insecure-skip-tls-verify'] ?? false,
    ...(isGiven(cluster['tls-server-name']) && { tlsServerName: cluster['tls-server-name'] }),
    ...(isGiven(cluster['proxy-url']) && { proxyUrl: cluster['proxy-url'] }),
    namespace: isGiven(context.namespace) ? context.namespace : 'default',
    user: user?.user == null ? {} : userOf(user.path, user.name, user.user),
  };
}

async function parseFile(path: string) {
  let content: string;
  try {
    content = await readFile(path, 'utf8');
  } catch (error) {
    throw invalid(`the kubeconfig cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  return File(parseJson(content) ?? (await parseYaml(path, content)));
}

function parseJson(content: string): unknown {
  try {
    return JSON.parse(content);
  } catch {
    return undefined;
  }
}

async function parseYaml(path: string, content: string): Promise<unknown> {
  // Loaded only where it is needed: it takes memory, and a pod has no kubeconfig.
  const { parse } = await import('yaml');
  try {
    return parse(content);
  } catch {
    // The parser's message quotes the text, which may hold a token.
    throw invalid(`${path} is neither YAML nor JSON`);
  }
}

type Given = string | null | undefined;
const isGiven = (value: Given): value is string => typeof value === 'string' && value !== '';

/** As kubectl has it, data go before a file, whose path is relative to the kubeconfig's. */
function sourceOf(kubeconfig: string, data: Given, file: Given): Source | undefined {
  if (isGiven(data)) return { content: Buffer.from(data, 'base64').toString('utf8') };
  return isGiven(file) ? { file: resolve(dirname(kubeconfig), file) } : undefined;
}

function userOf(path: string, name: string, user: Static<typeof User>): KubeConfig['user'] {
  const refuse = (what: string) => invalid(`${path}: user "${name}" has ${what}`);
  if (user['auth-provider'] !== undefined) throw refuse('an auth-provider, which kubectl dropped too: use exec');
  if (isGiven(user.username)) throw refuse('a password, which no API server takes any more: use a token');
  const certificate = sourceOf(path, user['client-certificate-data'], user['client-certificate']);
  const key = sourceOf(path, user['client-key-data'], user['client-key']);
  if ((certificate === undefined) !== (key === undefined))
    throw refuse('a client certificate or key without the other');
  const token = isGiven(user.tokenFile)
    ? { file: resolve(dirname(path), user.tokenFile) }
    : isGiven(user.token)
      ? { content: user.token }
      : undefined;
  return {
    ...(token !== undefined && { token }),
    ...(certificate !== undefined && key !== undefined && { clientCertificate: { certificate, key } }),
    ...(user.exec != null && {
      exec: {
        apiVersion: user.exec.apiVersion,
        // A command with a slash is relative to the kubeconfig, as in client-go; others are found in PATH.
        command: user.exec.command.includes('/') ? resolve(dirname(path), user.exec.command) : user.exec.command,
        args: user.exec.args ?? [],
        env: Object.fromEntries((user.exec.env ?? []).map((entry) => [entry.name, entry.value])),
        provideClusterInfo: user.exec.provideClusterInfo ?? false,
        installHint: user.exec.installHint ?? undefined,
      },
    }),
  };
}

const invalid = (message: string) =>
  new KubeError({ status: 0, reason: 'ConfigurationInvalid', message, retryable: false });

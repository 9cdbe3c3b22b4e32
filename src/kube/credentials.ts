import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { Type } from 'typebox';
import type { ExecPlugin, KubeConfig, Source } from './kubeconfig.ts';
import { KubeError } from './kube-error.ts';
import { parser } from './schema.ts';

/** What a connection needs. Never to be logged. */
export interface Credentials {
  /** The header's value. */
  authorization: string | undefined;
  certificateAuthority: string | undefined;
  clientCertificate: { certificate: string; key: string } | undefined;
}

export interface CredentialSource {
  /** Read a short while ago, or now. @throws KubeError with reason `CredentialsUnavailable` */
  current(): Promise<Credentials>;
  /** These did not work: the next ones are read anew, unless that has been done meanwhile. */
  renew(refused: Credentials): void;
}

/** For so long what was read from files is good without another look; kubelets replace a token long before it expires. */
const freshMs = 10_000;
const pluginTimeoutMs = 60_000;

/** Content of files is read again every few seconds; a plugin is asked again when what it gave expires. */
export function createCredentialSource(config: KubeConfig): CredentialSource {
  let held: { credentials: Credentials; until: number } | undefined;
  let loading: Promise<Credentials> | undefined;
  let plugin: PluginCredentials | undefined;
  let generation = 0;

  async function load(): Promise<Credentials> {
    const started = generation;
    const { user, certificateAuthority } = config;
    if (user.exec !== undefined && (plugin === undefined || Date.now() >= plugin.expires)) {
      plugin = await askPlugin(user.exec, config, await contentOf(certificateAuthority));
    }
    const token = plugin?.token ?? (await contentOf(user.token))?.trim();
    const credentials: Credentials = {
      authorization: token === undefined || token === '' ? undefined : `Bearer ${token}`,
      certificateAuthority: await contentOf(certificateAuthority),
      clientCertificate: plugin?.clientCertificate ?? (await readPair(user.clientCertificate)),
    };
    if (started === generation) held = { credentials, until: performance.now() + freshMs };
    return credentials;
  }

  return {
    async current() {
      if (held !== undefined && performance.now() < held.until) return held.credentials;
      loading ??= load().finally(() => (loading = undefined));
      return loading;
    },
    renew(refused) {
      if (held !== undefined && held.credentials !== refused) return;
      generation++;
      held = undefined;
      loading = undefined;
      plugin = undefined;
    },
  };
}

async function contentOf(source: Source | undefined): Promise<string | undefined> {
  if (source === undefined) return undefined;
  if ('content' in source) return source.content;
  try {
    return await readFile(source.file, 'utf8');
  } catch (error) {
    throw unavailable(error instanceof Error ? error.message : String(error));
  }
}

async function readPair(pair: KubeConfig['user']['clientCertificate']): Promise<Credentials['clientCertificate']> {
  const [certificate, key] = await Promise.all([contentOf(pair?.certificate), contentOf(pair?.key)]);
  return certificate === undefined || key === undefined ? undefined : { certificate, key };
}

interface PluginCredentials {
  token: string | undefined;
  clientCertificate: Credentials['clientCertificate'];
  /** As `Date.now()` says it. */
  expires: number;
}

const ExecCredential = parser(
  'ExecCredential',
  Type.Object({
    status: Type.Object({
      token: Type.Optional(Type.String()),
      clientCertificateData: Type.Optional(Type.String()),
      clientKeyData: Type.Optional(Type.String()),
      expirationTimestamp: Type.Optional(Type.String()),
    }),
  }),
);

async function askPlugin(
  plugin: ExecPlugin,
  config: KubeConfig,
  authority: string | undefined,
): Promise<PluginCredentials> {
  const cluster = {
    server: config.server,
    'insecure-skip-tls-verify': config.insecureSkipTlsVerify,
    ...(config.tlsServerName !== undefined && { 'tls-server-name': config.tlsServerName }),
    ...(config.proxyUrl !== undefined && { 'proxy-url': config.proxyUrl }),
    ...(authority !== undefined && { 'certificate-authority-data': Buffer.from(authority).toString('base64') }),
  };
  const information = {
    apiVersion: plugin.apiVersion,
    kind: 'ExecCredential',
    spec: { interactive: false, ...(plugin.provideClusterInfo && { cluster }) },
  };
  const printed = await run(plugin, { ...plugin.env, KUBERNETES_EXEC_INFO: JSON.stringify(information) });
  let value: unknown;
  try {
    value = JSON.parse(printed);
  } catch {
    // What a plugin prints may hold the token.
    throw unavailable(`the authentication plugin ${plugin.command} printed no ExecCredential`);
  }
  const { status } = ExecCredential(value);
  const { token, clientCertificateData: certificate, clientKeyData: key, expirationTimestamp } = status;
  return {
    token,
    clientCertificate: certificate === undefined || key === undefined ? undefined : { certificate, key },
    expires: expirationTimestamp === undefined ? Infinity : Date.parse(expirationTimestamp),
  };
}

function run({ command, args, installHint }: ExecPlugin, environment: Record<string, string>): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      command,
      args,
      { env: { ...process.env, ...environment }, timeout: pluginTimeoutMs, windowsHide: true },
      (error, stdout) => {
        if (error === null) return resolve(stdout);
        const how =
          error.code === 'ENOENT' ? `is not there. ${installHint ?? ''}` : `failed (${error.code ?? 'killed'})`;
        reject(unavailable(`the authentication plugin ${command} ${how}`.trimEnd()));
      },
    );
    child.stdin?.end();
  });
}

const unavailable = (message: string) =>
  new KubeError({
    status: 0,
    reason: 'CredentialsUnavailable',
    message: `credentials for the API server: ${message}`,
    retryable: true,
  });

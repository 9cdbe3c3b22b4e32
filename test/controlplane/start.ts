import { execFile } from 'node:child_process';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { controlPlaneBinaries, type Binaries } from './binaries.ts';
import { createCertificateAuthority, createSigningKey, type KeyPair } from './certificates.ts';
import { createProcessGroup, freePorts, waitUntilReady } from './processes.ts';

const run = promisify(execFile);
const JsonWebKeySet = Type.Object({ keys: Type.Array(Type.Object({})) });
const serviceAccountIssuer = 'https://kubernetes.default.svc';

export interface ControlPlane {
  url: string;
  caPem: string;
  /** Path of the administrator's kubeconfig. */
  kubeconfig: string;
  binaries: Binaries;
  /** Path of the audit log, one JSON line a request, when it was asked for. */
  auditLog: string | undefined;
  /** Issuer and keys of ServiceAccount tokens, for whoever trusts them (workload identity federation). */
  serviceAccountIssuer: { issuer: string; jwks: { keys: object[] } };
  kubectl: (...args: string[]) => Promise<string>;
  /** Path of a kubeconfig that signs in as this ServiceAccount, with a token that the API server issued for a day. */
  kubeconfigFor(serviceAccount: { namespace: string; name: string }): Promise<string>;
  /** etcd speaks JSON here too: `/v3/kv/…`. */
  etcdUrl: string;
  apiServerPid(): number;
  /** Kills the API server, and starts it anew: the same address and state, another process with another cache. */
  restartApiServer(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts etcd, kube-apiserver and kube-controller-manager on free loopback ports. Nothing of it outlives this process. */
export async function startControlPlane(options: {
  directory: string;
  audit?: boolean;
  say?: (line: string) => void;
}): Promise<ControlPlane> {
  const say = options.say ?? ((line) => void process.stderr.write(`${line}\n`));
  const binaries = await controlPlaneBinaries(say);
  await mkdir(options.directory, { recursive: true });
  const file = (name: string) => join(options.directory, name);
  const auditLog = options.audit === true ? file('audit.log') : undefined;

  const authority = await createCertificateAuthority('hci-registration-test');
  const server = await authority.issueServer([
    { type: 'ip', value: '127.0.0.1' },
    { type: 'dns', value: 'localhost' },
    { type: 'dns', value: 'kubernetes.default.svc' },
  ]);
  const admin = await authority.issueClient({ commonName: 'admin', organization: 'system:masters' });
  const controllerManager = await authority.issueClient({ commonName: 'system:kube-controller-manager' });
  const signing = await createSigningKey();
  const [etcdPort, etcdPeerPort, apiPort, controllerManagerPort] = await freePorts(4);
  const url = `https://127.0.0.1:${apiPort}`;
  const caPem = authority.certificatePem;

  const writePrivate = async (name: string, content: string) => {
    await writeFile(file(name), content, { mode: 0o600 });
    await chmod(file(name), 0o600);
  };
  await writeFile(file('ca.crt'), caPem);
  await writeFile(file('server.crt'), server.certificatePem);
  await writePrivate('server.key', server.privateKeyPem);
  await writePrivate('service-account.key', signing.privateKeyPem);
  await writeFile(file('service-account.pub'), signing.publicKeyPem);
  await writePrivate('admin.kubeconfig', kubeconfig(url, caPem, clientCertificateUser(admin)));
  await writePrivate(
    'kube-controller-manager.kubeconfig',
    kubeconfig(url, caPem, clientCertificateUser(controllerManager)),
  );
  await writeFile(
    file('audit-policy.yaml'),
    'apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules: [{ level: Metadata }]\n',
  );

  const processes = createProcessGroup(options.directory);
  try {
    const etcd = processes.start(binaries.etcd, [
      `--data-dir=${file('etcd')}`,
      `--listen-client-urls=http://127.0.0.1:${etcdPort}`,
      `--advertise-client-urls=http://127.0.0.1:${etcdPort}`,
      `--listen-peer-urls=http://127.0.0.1:${etcdPeerPort}`,
      '--unsafe-no-fsync',
    ]);
    const apiServerArguments = [
      `--etcd-servers=http://127.0.0.1:${etcdPort}`,
      '--bind-address=127.0.0.1',
      `--secure-port=${apiPort}`,
      '--advertise-address=127.0.0.1',
      '--endpoint-reconciler-type=none', // or a loopback advertise address is refused
      `--cert-dir=${options.directory}`,
      `--tls-cert-file=${file('server.crt')}`,
      `--tls-private-key-file=${file('server.key')}`,
      `--client-ca-file=${file('ca.crt')}`,
      `--service-account-key-file=${file('service-account.pub')}`,
      `--service-account-signing-key-file=${file('service-account.key')}`,
      `--service-account-issuer=${serviceAccountIssuer}`,
      '--authorization-mode=RBAC',
      '--enable-admission-plugins=OwnerReferencesPermissionEnforcement', // as on OpenShift
      '--service-cluster-ip-range=10.0.0.0/24',
      ...(auditLog === undefined
        ? []
        : [`--audit-policy-file=${file('audit-policy.yaml')}`, `--audit-log-path=${auditLog}`]),
    ];
    const startApiServer = async () => {
      const started = processes.start(binaries['kube-apiserver'], apiServerArguments);
      await waitUntilReady(started, 60, async () => {
        if (etcd.hasExited()) throw new Error('etcd ended');
        return isOk(`${url}/readyz`, { ca: caPem, cert: admin.certificatePem, key: admin.privateKeyPem });
      });
      return started;
    };
    let apiServer = await startApiServer();
    const manager = processes.start(binaries['kube-controller-manager'], [
      ...['', 'authentication-', 'authorization-'].map(
        (prefix) => `--${prefix}kubeconfig=${file('kube-controller-manager.kubeconfig')}`,
      ),
      '--use-service-account-credentials=true',
      `--service-account-private-key-file=${file('service-account.key')}`,
      `--root-ca-file=${file('ca.crt')}`,
      '--leader-elect=false',
      '--bind-address=127.0.0.1',
      `--secure-port=${controllerManagerPort}`,
      `--cert-dir=${file('kube-controller-manager-certificates')}`,
      '--controllers=namespace-controller,garbage-collector-controller,serviceaccount-controller,root-ca-certificate-publisher-controller',
    ]);
    await waitUntilReady(manager, 60, () =>
      isOk(`https://127.0.0.1:${controllerManagerPort}/healthz`, { rejectUnauthorized: false }),
    );

    const kubectl = async (...args: string[]): Promise<string> => {
      const { stdout } = await run(binaries.kubectl, [`--kubeconfig=${file('admin.kubeconfig')}`, ...args], {
        maxBuffer: 64 * 1024 * 1024,
      });
      return stdout;
    };
    const jwks = Value.Parse(JsonWebKeySet, JSON.parse(await kubectl('get', '--raw', '/openid/v1/jwks')));

    return {
      url,
      caPem,
      kubeconfig: file('admin.kubeconfig'),
      binaries,
      auditLog,
      serviceAccountIssuer: { issuer: serviceAccountIssuer, jwks },
      kubectl,
      kubeconfigFor: async ({ namespace, name }) => {
        const token = (await kubectl('create', 'token', name, `--namespace=${namespace}`, '--duration=24h')).trim();
        const path = `${namespace}-${name}.kubeconfig`;
        await writePrivate(path, kubeconfig(url, caPem, { token }, namespace));
        return file(path);
      },
      etcdUrl: `http://127.0.0.1:${etcdPort}`,
      apiServerPid: () => apiServer.pid,
      restartApiServer: async () => {
        await apiServer.kill();
        apiServer = await startApiServer();
      },
      stop: processes.stop,
    };
  } catch (error) {
    await processes.stop();
    throw error;
  }
}

const base64 = (pem: string) => Buffer.from(pem).toString('base64');

function clientCertificateUser(pair: KeyPair): Record<string, string> {
  return { 'client-certificate-data': base64(pair.certificatePem), 'client-key-data': base64(pair.privateKeyPem) };
}

function kubeconfig(url: string, caPem: string, user: Record<string, string>, namespace = 'default'): string {
  return JSON.stringify(
    {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'lab', cluster: { server: url, 'certificate-authority-data': base64(caPem) } }],
      users: [{ name: 'user', user }],
      contexts: [{ name: 'lab', context: { cluster: 'lab', user: 'user', namespace } }],
      'current-context': 'lab',
    },
    undefined,
    2,
  );
}

function isOk(
  url: string,
  tls: { ca: string; cert: string; key: string } | { rejectUnauthorized: false },
): Promise<boolean> {
  const { promise, resolve, reject } = Promise.withResolvers<boolean>();
  const call = request(url, { ...tls, agent: false, timeout: 2000 }, (response) => {
    response.resume();
    resolve(response.statusCode === 200);
  });
  call.once('timeout', () => call.destroy(new Error('timeout')));
  call.once('error', reject);
  call.end();
  return promise;
}

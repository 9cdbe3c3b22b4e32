import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { parse, stringify } from 'yaml';
import { createOwner } from '../e2e/principals.ts';
import { runCommand, say } from '../lab/command.ts';
import { startController, type RunningController } from '../lab/controller.ts';
import { controllerAccount, sampleManifests, startLab, type Lab } from '../lab/lab.ts';
import { applyManifests, condition, readStatus } from '../lab/registration.ts';
import { scan, type Find, type Planted, type Sink } from './scan.ts';

const help = `npm run secrets-scan: looks for secrets where none may stand

Registers clusters, changes a Secret, lets Azure and nodes refuse with answers that repeat secrets, and lets the controller fail with an
error that nobody catches, with every level of its log on. Then every secret of every Secret, every client secret and every token that was
issued is looked for in its log, in status, events and all else that it wrote, in its metrics, its arguments and what it said when it failed.
`;

async function admin(url: string, path: string, body: unknown): Promise<void> {
  const response = await fetch(`${url}${path}`, { method: 'PUT', body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${path}: ${await response.text()}`);
}

const namespace = 'scanned';
const clusterNames = ['provider', 'own'] as const;
const limitMs = 90_000;

interface Scene {
  lab: Lab;
  controller: RunningController;
  /** Metrics and arguments, as they were at each time. */
  seen: Sink[];
  planted: Planted[];
}

async function until(what: string, scene: Pick<Scene, 'lab'>, holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`not seen: ${what}\n${await describe(scene)}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

async function describe({ lab }: Pick<Scene, 'lab'>): Promise<string> {
  const statuses = await Promise.all(clusterNames.map((cluster) => readStatus(lab.controlPlane, namespace, cluster)));
  return statuses
    .flatMap(({ conditions }) => conditions ?? [])
    .map(({ type, status, reason, message }) => `  ${type}=${status} ${reason}: ${message.slice(0, 200)}`)
    .join('\n');
}

const holds = async ({ lab }: Pick<Scene, 'lab'>, cluster: string, type: string, status: string) =>
  condition(await readStatus(lab.controlPlane, namespace, cluster), type)?.status === status;

const LogLine = Type.Object({ msg: Type.String(), port: Type.Optional(Type.Integer()) });

/** What can be asked of the process itself. */
async function look({ controller, seen }: Scene, when: string): Promise<void> {
  const lines = (await readFile(controller.logFile, 'utf8')).split('\n').filter((line) => line.startsWith('{'));
  const port = lines
    .map((line): unknown => JSON.parse(line))
    .findLast((line) => Value.Check(LogLine, line) && line.port !== undefined);
  if (Value.Check(LogLine, port)) {
    const metrics = await (await fetch(`http://127.0.0.1:${port.port}/metrics`)).text();
    seen.push({ name: `metrics ${when}`, text: metrics });
  }
  const of = async (file: string) => (await readFile(`/proc/${controller.pid}/${file}`, 'utf8')).replaceAll('\0', ' ');
  seen.push({ name: `process arguments ${when}`, text: await of('cmdline') });
}

const Items = Type.Object({ items: Type.Array(Type.Record(Type.String(), Type.Unknown())) });
const SecretItems = Type.Object({
  items: Type.Array(
    Type.Object({
      metadata: Type.Object({ name: Type.String() }),
      data: Type.Optional(Type.Record(Type.String(), Type.String())),
    }),
  ),
});
const open = /^(clientId|expiresOn)$/;

/** All that is secret by now: in Secrets, in Azure's directory, and in the answers of the sign-in host. */
async function plantedIn({ lab }: Pick<Scene, 'lab'>): Promise<Planted[]> {
  const secrets = Value.Parse(
    SecretItems,
    JSON.parse(await lab.controlPlane.kubectl('get', 'secrets', '-n', namespace, '-o', 'json')),
  );
  const inSecrets = secrets.items.flatMap(({ metadata, data }) =>
    Object.entries(data ?? {}).flatMap(([key, value]): Planted[] =>
      open.test(key)
        ? []
        : [{ what: `${key} of Secret ${metadata.name}`, text: Buffer.from(value, 'base64').toString('utf8') }],
    ),
  );
  // Those of others the controller never sees.
  const others = ['owner', 'reader'];
  const inDirectory = Object.values(lab.azure.state.applications)
    .filter(({ displayName }) => !others.includes(displayName))
    .flatMap(({ displayName, passwordCredentials }) =>
      passwordCredentials.map(({ secretText }): Planted => ({
        what: `client secret of ${displayName}`,
        text: secretText,
      })),
    );
  const tokens = lab.azure.log.flatMap(({ request, response }): Planted[] => {
    const { body } = response;
    const isToken = Value.Check(Type.Object({ access_token: Type.String() }), body);
    return isToken ? [{ what: `token of ${new URL(request.url).pathname}`, text: body.access_token }] : [];
  });
  return [...inSecrets, ...inDirectory, ...tokens];
}

/** What stands in Kubernetes, apart from the content of Secrets. */
async function written({ lab }: Pick<Scene, 'lab'>): Promise<Sink[]> {
  const { kubectl } = lab.controlPlane;
  const kinds = ['hciclusterregistrations', 'events.events.k8s.io', 'configmaps', 'leases'];
  const objects = await Promise.all(
    kinds.map(async (kind): Promise<Sink> => ({ name: kind, text: await kubectl('get', kind, '-A', '-o', 'json') })),
  );
  const secrets = Value.Parse(Items, JSON.parse(await kubectl('get', 'secrets', '-n', namespace, '-o', 'json')));
  const metadata = secrets.items.map((secret) => JSON.stringify({ ...secret, data: undefined }));
  // kubectl apply keeps what it applied in an annotation of its own.
  const ours = metadata.filter((text) => !text.includes('last-applied-configuration'));
  return [...objects, { name: 'metadata of Secrets', text: ours.join('\n') }];
}

const respond = (status: number, message: string) => ({
  respond: { status, body: { error: { code: 'InternalServerError', message } } },
});

async function play(scene: Scene): Promise<void> {
  const { lab, controller } = scene;
  const { kubectl } = lab.controlPlane;
  const ready = (cluster: string) => () => holds(scene, cluster, 'Ready', 'True');

  say('  registration, with the service principal of the provider and with one of its own …');
  await Promise.all(['provider', 'own'].map((cluster) => until(`${cluster} is Ready`, scene, ready(cluster))));
  await look(scene, 'after registration');

  say('  answers of Azure that repeat secrets …');
  const all = (await plantedIn(scene)).map(({ text }) => text);
  const echo = all.filter((text) => !text.includes('\n')).join(' ');
  await admin(lab.azure.admin, '/faults', [
    { host: 'arm', path: '/clusters/provider\\?', effect: respond(500, `you sent ${echo.slice(0, 560)}`), times: 2 },
    {
      host: 'arm',
      path: '/clusters/own\\?',
      effect: respond(409, `not valid: ${lab.azure.principals.controller.clientSecret}`),
      times: 2,
    },
    {
      host: 'arm',
      path: '/permissions',
      effect: respond(403, `for ${lab.azure.principals.controller.clientSecret}`),
      times: 2,
    },
  ]);
  for (const cluster of ['provider', 'own'])
    await kubectl(
      'annotate',
      'hcireg',
      cluster,
      '-n',
      namespace,
      'azurestackhci.io/reconcile-requested-at=1',
      '--overwrite',
    );
  await until('they say that it failed', scene, async () => {
    const status = await readStatus(lab.controlPlane, namespace, 'provider');
    return status.lastHandledReconcileAt === '1';
  });
  await admin(lab.azure.admin, '/faults', []);

  say('  a Secret with a wrong client secret, and a sign-in host that repeats it …');
  const wrong = 'wrong~secret-0123456789-of-the-scan';
  scene.planted.push({ what: 'the wrong client secret', text: wrong });
  await admin(lab.azure.admin, '/faults', [
    {
      host: 'login',
      path: '/token',
      body: 'wrong',
      effect: {
        respond: {
          status: 401,
          body: {
            error: 'invalid_client',
            error_description: `AADSTS7000215: Invalid client secret ${wrong} provided.`,
          },
        },
      },
    },
  ]);
  const set = (secret: string, clientSecret: string) =>
    kubectl('patch', 'secret', secret, '-n', namespace, '-p', JSON.stringify({ stringData: { clientSecret } }));
  await set('arc', wrong);
  await set('provider-azure', wrong);
  await until('the sign-in is refused', scene, () => holds(scene, 'provider', 'Authenticated', 'False'));
  await until('the nodes are not given it', scene, () => holds(scene, 'own', 'Ready', 'False'));
  await admin(lab.azure.admin, '/faults', []);
  await set('provider-azure', lab.azure.principals.controller.clientSecret);
  await until('provider is Ready again', scene, ready('provider'));

  say('  nodes that answer with what they were given …');
  const application = Object.values(lab.azure.state.applications).find(({ displayName }) => displayName === 'arc');
  const [first] = application?.passwordCredentials ?? [];
  if (first === undefined) throw new Error('the own service principal has a secret');
  const second = 'second~secret-9876543210-of-the-scan';
  application?.passwordCredentials.push({ ...first, keyId: crypto.randomUUID(), secretText: second });
  const { privateKeyFile } = lab.nodes.clusters[0]?.ssh ?? { privateKeyFile: '' };
  const privateKey = await readFile(privateKeyFile, 'utf8');
  const garbage = `garbage ${second} ${privateKey}`;
  await admin(lab.nodes.admin, '/faults', [
    {
      cluster: 'own',
      operation: 'initializeArcIntegration',
      times: 1,
      effect: { fail: { message: `cannot validate "${second}"`, id: second, reason: 'InvalidOperationException' } },
    },
    {
      cluster: 'own',
      operation: 'initializeArcIntegration',
      times: 1,
      effect: { raw: { stdout: garbage, stderr: garbage, exitStatus: 1 } },
    },
    {
      cluster: 'provider',
      operation: 'probe',
      times: 2,
      effect: { raw: { stdout: garbage, stderr: garbage, exitStatus: 3 } },
    },
  ]);
  await set('arc', second);
  await kubectl(
    'annotate',
    'hcireg',
    'provider',
    '-n',
    namespace,
    'azurestackhci.io/reconcile-requested-at=2',
    '--overwrite',
  );
  await until('own is Ready with another secret', scene, ready('own'));
  await look(scene, 'after refusals');

  say('  an error that nobody catches …');
  const file = join(lab.directory, 'secrets.json');
  await writeFile(file, JSON.stringify((await plantedIn(scene)).map(({ text }) => text)), { mode: 0o600 });
  process.kill(controller.pid, 'SIGUSR2');
  const status = await controller.exited;
  if (status === 0 || !(await readFile(controller.logFile, 'utf8')).includes('unexpected: '))
    throw new Error(`the controller was to fail with an error, and ended with ${status}`);
}

/** The scan itself must find: in each sink, a secret of each kind that is put there. */
function selfTest(planted: readonly Planted[], sinks: readonly Sink[]): Find[] {
  const kinds = planted.filter(
    ({ what }, index) => planted.findIndex((other) => other.what.split(' ')[0] === what.split(' ')[0]) === index,
  );
  return sinks.flatMap(({ name, text }) =>
    kinds.flatMap((one): Find[] => {
      const leaking = [{ name, text: `${text}\nleak: ${one.text}` }];
      return scan([one], leaking).length > 0
        ? []
        : [{ what: one.what, sink: name, line: 'a planted leak was not found' }];
    }),
  );
}

async function main(): Promise<{ passed: number; failed: number }> {
  say('Control plane …');
  const clusters = ['provider', 'own'].map((name) => ({
    name,
    dnsSuffix: 'corp.example.com',
    nodes: ['NODE1', 'NODE2'],
  }));
  const lab = await startLab({ say, clusters });
  let controller: RunningController | undefined;
  try {
    const { kubectl } = lab.controlPlane;
    const config = join(lab.directory, 'tracing.yaml');
    const shared: unknown = parse(await readFile(lab.controllerConfig, 'utf8'));
    await writeFile(config, stringify(Object.assign({}, shared, { logLevel: 'debug' })));
    controller = startController({
      kubeconfig: await lab.controlPlane.kubeconfigFor(controllerAccount),
      config,
      logFile: join(lab.directory, 'scanned.log'),
      namespace,
      environment: {
        AZURE_LOG_LEVEL: 'verbose',
        NODE_OPTIONS: `--import=${pathToFileURL(join(import.meta.dirname, 'crash.mjs')).href}`,
        SECRETS_SCAN_FILE: join(lab.directory, 'secrets.json'),
      },
    });
    const scene: Scene = { lab, controller, seen: [], planted: [] };
    const owner = createOwner(lab.azure);
    const { clientId, clientSecret } = owner.principal('arc');
    await owner.close();
    await kubectl('create', 'namespace', namespace);
    await kubectl(
      'create',
      'secret',
      'generic',
      'arc',
      '-n',
      namespace,
      `--from-literal=clientId=${clientId}`,
      `--from-literal=clientSecret=${clientSecret}`,
    );
    const onboarding = { type: 'ServicePrincipal', servicePrincipal: { secretRef: { name: 'arc' } } };
    for (const [cluster, patch] of [
      ['provider', {}],
      ['own', { spec: { arc: { onboarding } } }],
    ] as const)
      await applyManifests(lab.controlPlane, await sampleManifests(lab, { namespace, cluster, patch }), lab.directory);
    for (const secret of ['arc', 'provider-azure', 'provider-ssh', 'own-azure', 'own-ssh'])
      await kubectl('label', 'secret', secret, '-n', namespace, 'azurestackhci.io/watch=true');

    await play(scene);
    const planted = [...scene.planted, ...(await plantedIn(scene))].filter(({ text }) => text.length >= 16);
    const log = { name: 'log and crash output', text: await readFile(controller.logFile, 'utf8') };
    const sinks = [log, ...scene.seen, ...(await written(scene))];
    const finds = [...selfTest(planted, sinks), ...scan(planted, sinks)];
    for (const { what, sink, line } of finds) say(`FOUND ${what} in ${sink}: ${line}`);
    say(`${planted.length} secrets looked for in ${sinks.length} places`);
    const leaking = new Set(finds.map(({ sink }) => sink));
    return { passed: sinks.length - leaking.size, failed: leaking.size };
  } finally {
    controller?.kill();
    await controller?.exited;
    await lab.close();
  }
}

await runCommand({ name: 'secrets-scan', help }, main);

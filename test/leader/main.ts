import { existsSync, writeFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { parse, stringify } from 'yaml';
import { runCommand, say } from '../lab/command.ts';
import { lastLines, startController, type RunningController } from '../lab/controller.ts';
import { controllerAccount, sampleCluster, sampleManifests, startLab, startOutside, type Lab } from '../lab/lab.ts';
import { agreement } from '../lab/agreement.ts';
import { applyManifests } from '../lab/registration.ts';
import type { Exchange } from '../simulators/shared/admin.ts';
import { startKubeProxy } from '../crash/kube-proxy.ts';
import { scopeOf } from '../crash/run.ts';
import { externalWrite } from '../crash/writes.ts';
import { frozenFile, type FreezePoint } from './freeze.ts';

const help = `npm run leader: two controllers, and the leader is frozen in the middle of a registration

The leader is stopped (SIGSTOP) for longer than its lease: when it has sent a write, which is answered to the frozen process; and
within its own work, where a write to Kubernetes, Azure or a node is the very next thing that it does. The other one has to take over and
finish the registration. Then the frozen one goes on: it must start no write any more, stand by, and take over at once when the other
one is told to stop.
`;

interface Moment {
  name: string;
  title: string;
  /** The leader's external write, counted from 1, at which it is frozen; or, with `freezeAfter`, before whose answer it is told where to stop. */
  write: number | RegExp;
  freezeAfter?: FreezePoint;
}

const statusWritten = String.raw`^PATCH .*/status\?`;
const moments: Moment[] = [
  // Early, in the middle, late: of about thirty writes.
  ...[2, 11, 20].map((write) => ({ name: `write-${write}`, title: `Its write ${write} is on its way`, write })),
  // What is read when the resource group was made ends with the machines; then the status is written, then the next steps are done.
  {
    name: 'due-kubernetes',
    title: 'A write to Kubernetes is due',
    write: /^PUT resourcegroups/,
    freezeAfter: { answer: String.raw`^GET .*/machines\?`, nodeBytes: 0 },
  },
  {
    name: 'due-azure',
    title: 'A write to Azure is due',
    write: /setRegistration$/,
    freezeAfter: { answer: statusWritten, nodeBytes: 0 },
  },
  // Over SSH, 52 bytes open the channel and 36 say that the command has begun and waits for its input, which it does nothing without.
  {
    name: 'due-node',
    title: 'A write to a node is due',
    write: /startCloudManagement$/,
    freezeAfter: { answer: statusWritten, nodeBytes: 88 },
  },
];
const takeoverLimitSeconds = 20;
const limitSeconds = 120;

const Lease = Type.Object({ spec: Type.Object({ holderIdentity: Type.Optional(Type.String()) }) });
const LogLine = Type.Object({
  msg: Type.String(),
  identity: Type.Optional(Type.String()),
});

interface Check {
  what: string;
  holds: boolean;
}

/** A command whose channel is closed before its input came: it has done nothing. */
const isWithoutInput = ({ request }: Exchange) => request.method === 'EXEC' && request.body === '';

async function freezeAt(moment: Moment, lab: Lab, kubeconfig: string): Promise<Check[]> {
  const { controlPlane } = lab;
  const namespace = `frozen-${moment.name}`;
  const lease = `hci-registration-controller-${namespace}`;
  const directory = join(lab.directory, namespace);
  const freezeFile = join(directory, 'freeze.json');
  const checks: Check[] = [];
  const check = (what: string, holds: boolean) => void checks.push({ what, holds });
  const controllers: RunningController[] = [];
  let writes = 0;
  let commandsWithoutInput = 0;
  let frozen = false;
  let writeWords: ((exchange: Exchange) => string | undefined) | undefined;

  const { issuer, jwks } = controlPlane.serviceAccountIssuer;
  const outside = await startOutside({
    directory,
    serviceAccountIssuer: { issuer, jwks },
    onExchange: (exchange) => {
      if (isWithoutInput(exchange)) commandsWithoutInput += 1;
      const words = writeWords?.(exchange);
      if (words === undefined) return;
      writes += 1;
      if (frozen || !(typeof moment.write === 'number' ? writes === moment.write : moment.write.test(words))) return;
      frozen = true;
      if (moment.freezeAfter === undefined) process.kill(controllers[0]?.pid ?? 0, 'SIGSTOP');
      else writeFileSync(freezeFile, JSON.stringify(moment.freezeAfter));
    },
  });
  /** Of the first controller, to Kubernetes; the other one has a way of its own. */
  let kubernetesWrites = 0;
  await mkdir(directory, { recursive: true });
  const proxy = await startKubeProxy({
    directory,
    kubeconfig,
    gate: () => {
      kubernetesWrites += 1;
      return Promise.resolve({ seen: 'pass', done: () => Promise.resolve('answer') });
    },
  });
  try {
    const scope = scopeOf(outside);
    writeWords = (exchange) => (isWithoutInput(exchange) ? undefined : externalWrite(exchange, scope)?.words);
    const config = join(directory, 'elected.yaml');
    const lone: unknown = parse(await readFile(outside.controllerConfig, 'utf8'));
    await writeFile(config, stringify(Object.assign({}, lone, { leaderElection: { enabled: true } })));
    const start = (name: string, ownKubeconfig: string, environment: Record<string, string> = {}) => {
      const logFile = join(directory, `${name}.log`);
      const controller = startController({ kubeconfig: ownKubeconfig, config, logFile, namespace, environment });
      controllers.push(controller);
      return controller;
    };
    const holder = async () => {
      const text = await controlPlane.kubectl('get', 'lease', lease, '-n', controllerAccount.namespace, '-o', 'json');
      return Value.Parse(Lease, JSON.parse(text)).spec.holderIdentity;
    };

    await controlPlane.kubectl('create', 'namespace', namespace);
    const first = start('first', proxy.kubeconfig, {
      NODE_OPTIONS: `--import=${pathToFileURL(join(import.meta.dirname, 'freeze.ts')).href}`,
      LEADER_FREEZE_FILE: freezeFile,
    });
    const firstIdentity = await identityOf(first);
    await until('the first one leads', async () => (await holder()) === firstIdentity, first);
    const second = start('second', kubeconfig);
    const secondIdentity = await identityOf(second);
    await applyManifests(controlPlane, await sampleManifests(outside, { namespace }), directory);

    await until(
      'it is frozen',
      async () => frozen && (moment.freezeAfter === undefined || existsSync(frozenFile(freezeFile))),
      first,
    );
    const frozenAt = performance.now();
    await until('the second one leads', async () => (await holder()) === secondIdentity, second);
    const seconds = (performance.now() - frozenAt) / 1000;
    check(
      `the other one took over within ${takeoverLimitSeconds} s of the freeze (${seconds.toFixed(1)} s)`,
      seconds <= takeoverLimitSeconds,
    );
    const ready = ['wait', `hciregistration/${sampleCluster.name}`, '-n', namespace, '--for=condition=Ready=True'];
    await controlPlane.kubectl(...ready, `--timeout=${limitSeconds}s`);
    for (const { what, holds } of agreement(outside)) check(what, holds);

    const before = writes;
    const withoutInputBefore = commandsWithoutInput;
    const kubernetesBefore = kubernetesWrites;
    process.kill(first.pid, 'SIGCONT');
    await until('the first one stands by', () => hasLogged(first, 'no longer working on registrations'), first);
    const started = writes - before;
    check(`after it went on, the frozen one started no external write (${started})`, started === 0);
    const kubernetesStarted = kubernetesWrites - kubernetesBefore;
    check(`and no write to a registration or a Secret (${kubernetesStarted})`, kubernetesStarted === 0);
    check('it went on living', (await Promise.race([first.exited, delay(0, 'alive')])) === 'alive');
    check('and did not take the lease back', (await holder()) === secondIdentity);
    if (moment.freezeAfter !== undefined && moment.freezeAfter.nodeBytes > 0) {
      // Counting bytes may meet another moment: then nothing was due, and what is checked above would hold of itself.
      await until(
        'a command to a node, which waited for its input while it was frozen, ended without',
        () => Promise.resolve(commandsWithoutInput > withoutInputBefore),
        first,
      );
      check('its command to the node had begun when it was frozen, and was never given its input', true);
    }

    const stoppedAt = performance.now();
    check('the leader exits 0 when it is told to stop', (await second.stop()) === 0);
    await until('the first one leads again', async () => (await holder()) === firstIdentity, first);
    const again = (performance.now() - stoppedAt) / 1000;
    check(
      `the lease was given back: the other one led again before it could run out (${again.toFixed(1)} s)`,
      again < 15,
    );
    check('the last one exits 0 too', (await first.stop()) === 0);
    check('and gives the lease back', (await holder()) === '');
    check('nothing more was written', writes - before === started);
  } finally {
    for (const controller of controllers) {
      try {
        process.kill(controller.pid, 'SIGCONT');
      } catch {
        continue; // it is gone
      }
      controller.kill();
    }
    await proxy.close();
    await outside.close();
    await controlPlane.kubectl('delete', 'namespace', namespace, '--wait=false').catch(() => undefined);
  }
  return checks;
}

async function until(what: string, holds: () => Promise<boolean>, controller: RunningController): Promise<void> {
  const deadline = performance.now() + limitSeconds * 1000;
  for (;;) {
    const held = await holds().catch((error: unknown) => (error instanceof Error ? error : new Error(String(error))));
    if (held === true) return;
    if (performance.now() > deadline) {
      const why = held instanceof Error ? `: ${held.message}` : '';
      throw new Error(
        `it did not come to it that ${what}${why}. The controller's log:\n${await lastLines(controller.logFile)}`,
      );
    }
    await delay(100);
  }
}

async function logged(controller: RunningController) {
  const text = await readFile(controller.logFile, 'utf8').catch(() => '');
  const lines = text.split('\n').slice(0, -1);
  return lines.map((line): unknown => JSON.parse(line)).filter((line) => Value.Check(LogLine, line));
}

const hasLogged = async (controller: RunningController, message: string) =>
  (await logged(controller)).some(({ msg }) => msg === message);

async function identityOf(controller: RunningController): Promise<string> {
  let identity: string | undefined;
  await until(
    'it stands by',
    async () => {
      identity = (await logged(controller)).find(({ msg }) => msg === 'standing by')?.identity;
      return identity !== undefined;
    },
    controller,
  );
  return identity ?? '';
}

await runCommand({ name: 'leader', help }, async () => {
  say('Control plane …');
  const lab = await startLab({ say });
  const tally = { passed: 0, failed: 0 };
  try {
    const kubeconfig = await lab.controlPlane.kubeconfigFor(controllerAccount);
    for (const moment of moments) {
      say(`\nThe leader is frozen. ${moment.title}`);
      for (const { what, holds } of await freezeAt(moment, lab, kubeconfig)) {
        say(`  ${holds ? 'ok  ' : 'FAIL'}  ${what}`);
        tally[holds ? 'passed' : 'failed'] += 1;
      }
    }
  } finally {
    await lab.close();
  }
  say();
  return tally;
});

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { build } from 'esbuild';
import { createKubeClient, type KubeClient } from '../../../src/kube/client.ts';
import { readKubeConfig } from '../../../src/kube/kubeconfig.ts';
import { namespaces } from '../../../src/kube/core.ts';
import { create, list } from '../../../src/kube/resource.ts';
import { startControlPlane } from '../../controlplane/start.ts';
import { resourcesOf } from '../resources.ts';
import { isReconciled, measureChanges, percentile, widgets } from './changes.ts';
import { startContender, type Contender } from './process.ts';
import { customResourceDefinitions, namespace, widgetBody, widgetDefinition, widgetKind } from './widgets.ts';

/** Times in seconds, memory in MiB, latencies in milliseconds. */
export interface RuntimeFigures {
  objects: number;
  /** From the process's start to everything being as it should be, when no object was. */
  cold: {
    seconds: number;
    objectsPerSecond: number;
    cpuPerObjectMs: number;
    /** Our processor time by the API server's: hardly moved by what else the machine does. */
    cpuShare: number;
    syncedSeconds: number;
    peakMiB: number;
  };
  /** The same, when every object was already. */
  restart: { seconds: number; cpuPerObjectMs: number; syncedSeconds: number; peakMiB: number };
  /** From a change of spec to the status that answers it, at 25 changes a second. */
  changes: { p50Ms: number; p99Ms: number };
}

const fieldManager = 'bench';
const changeSeconds = 20;
/** Memory before speed: see the README. */
const nodeFlags = ['--max-semi-space-size=2', '--single-threaded-gc', '--heap-growing-percent=25'];

export interface RuntimeOptions {
  objects: number;
  say: (line: string) => void;
  /** Where the controller's CPU profiles are written. */
  profileDirectory?: string | undefined;
}

/** @param command the program to measure and its first arguments; default: the bench controller, bundled as what ships is */
export async function measureRuntime(
  { objects, say, profileDirectory }: RuntimeOptions,
  command?: string[],
): Promise<RuntimeFigures> {
  const directory = await mkdtemp(join(tmpdir(), 'bench-runtime-'));
  const controlPlane = await startControlPlane({ directory, say });
  const client = createKubeClient(await readKubeConfig(controlPlane.kubeconfig), {
    userAgent: 'bench',
    requestTimeoutMs: 60_000,
  });
  const running: Contender[] = [];
  try {
    const program = command ?? (await bundledController(directory, profileDirectory));
    const start = () => {
      const contender = startContender([...program, ...kindArguments], controlPlane.kubeconfig);
      running.push(contender);
      return contender;
    };
    say(`Making ${objects} objects …`);
    await prepare(client, objects);

    say('Cold …');
    const serverBefore = await resourcesOf(controlPlane.apiServerPid());
    const first = start();
    const cold = await untilIdle(first, objects);
    const serverAfter = await resourcesOf(controlPlane.apiServerPid());
    const serverSeconds = serverAfter.cpuSeconds - serverBefore.cpuSeconds;
    await verify(client, objects);
    await first.stop();

    say('Restart …');
    const second = start();
    const { objectsPerSecond: _meaningless, ...restart } = await untilIdle(second, objects);

    say(`25 changes a second for ${changeSeconds} s …`);
    const latencies = await measureChanges(client, objects, changeSeconds * 25);
    await second.stop();
    return {
      objects,
      cold: { ...cold, cpuShare: (cold.cpuPerObjectMs * objects) / 1000 / serverSeconds },
      restart,
      changes: { p50Ms: percentile(latencies, 0.5), p99Ms: percentile(latencies, 0.99) },
    };
  } finally {
    for (const contender of running) contender.kill();
    await client.close();
    await controlPlane.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

const kindArguments = Object.entries(widgetKind).map(([name, value]) => `--${name}=${value}`);

async function bundledController(directory: string, profileDirectory: string | undefined): Promise<string[]> {
  const outfile = join(directory, 'controller.js');
  await build({
    entryPoints: [join(import.meta.dirname, 'controller.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node22',
    logLevel: 'warning',
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
  });
  const profiling = profileDirectory === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileDirectory}`];
  return [process.execPath, ...nodeFlags, ...profiling, outfile];
}

async function prepare(client: KubeClient, objects: number): Promise<void> {
  await create(client, namespaces, { metadata: { name: namespace } }, { fieldManager });
  await create(client, customResourceDefinitions, widgetDefinition, { fieldManager });
  while (!(await isServed(client))) await sleep(100);
  let next = 0;
  const createNext = async () => {
    while (next < objects) await create(client, widgets, widgetBody(next++), { fieldManager });
  };
  await Promise.all(Array.from({ length: 16 }, createNext));
}

const isServed = (client: KubeClient): Promise<boolean> =>
  list(client, widgets).then(
    () => true,
    () => false,
  );

async function untilIdle(contender: Contender, objects: number) {
  const synced = await contender.synced;
  const idle = await contender.idle;
  const { cpuSeconds, peakMiB } = await contender.resources();
  const seconds = (idle - contender.startedAt) / 1000;
  return {
    seconds,
    objectsPerSecond: objects / seconds,
    cpuPerObjectMs: (cpuSeconds * 1000) / objects,
    syncedSeconds: (synced - contender.startedAt) / 1000,
    peakMiB,
  };
}

/** @throws an Error when the controller said that it was idle too early */
async function verify(client: KubeClient, objects: number): Promise<void> {
  const { items } = await list(client, widgets, { namespace });
  const ready = items.filter((item) => isReconciled(item) && item.metadata.finalizers?.length === 1).length;
  if (ready !== objects) throw new Error(`${ready} of ${objects} objects are as they should be`);
}

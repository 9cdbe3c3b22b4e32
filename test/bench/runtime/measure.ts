import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createKubeClient, type KubeClient } from '../../../src/kube/client.ts';
import { namespaces } from '../../../src/kube/core.ts';
import { readKubeConfig } from '../../../src/kube/kubeconfig.ts';
import { create, list, type ResourceType } from '../../../src/kube/resource.ts';
import { startControlPlane, type ControlPlane } from '../../controlplane/start.ts';
import { resourcesOf } from '../resources.ts';
import { changesPerSecond, measureChanges, percentile } from './changes.ts';
import { startProgram, type RunningProgram } from './process.ts';
import type { Program } from './programs.ts';
import { countRequests, type PhaseRequests } from './requests.ts';
import { customResourceDefinitions } from '../../../src/kube/testing/gadgets.ts';
import {
  isReconciled,
  namespace,
  widgetBody,
  widgetDefinition,
  widgetKind,
  widgetsOf,
  type Widget,
} from './widgets.ts';

/** From a process's start to everything being as it should be. Times in seconds, memory in MiB. */
export interface PhaseFigures {
  seconds: number;
  cpuPerObjectMs: number;
  syncedSeconds: number;
  peakMiB: number;
  /** Of it pages of files, above all of the program itself: the kernel has them back when it needs memory, and shares them. */
  fileMiB: number;
}

export interface RuntimeFigures {
  program: string;
  objects: number;
  /** When no object was as it should be. */
  cold: PhaseFigures & {
    objectsPerSecond: number;
    /** The program's processor time by the API server's: hardly moved by what else the machine does. */
    cpuShare: number;
  };
  /** When every object was already. */
  restart: PhaseFigures;
  /** From a change of spec to the status that answers it, at 25 changes a second, in milliseconds. */
  changes?: { count: number; p50Ms: number; p99Ms: number };
  requests: PhaseRequests;
}

const fieldManager = 'bench';
const changeSeconds = 16;
const account = { namespace, name: 'contender' };
const username = `system:serviceaccount:${namespace}:${account.name}`;

/** The programs one after the other on one API server, each with as many objects of its own. */
export async function measureRuntime(
  programs: readonly Program[],
  objects: number,
  options: { withChanges: boolean; say: (line: string) => void },
): Promise<RuntimeFigures[]> {
  const directory = await mkdtemp(join(tmpdir(), 'bench-runtime-'));
  const controlPlane = await startControlPlane({ directory, audit: true, say: options.say });
  const client = createKubeClient(await readKubeConfig(controlPlane.kubeconfig), {
    userAgent: 'bench',
    requestTimeoutMs: 60_000,
  });
  try {
    await create(client, namespaces, { metadata: { name: namespace } }, { fieldManager });
    await controlPlane.kubectl('create', 'serviceaccount', account.name, `--namespace=${namespace}`);
    await controlPlane.kubectl(
      'create',
      'clusterrolebinding',
      account.name,
      '--clusterrole=cluster-admin',
      `--serviceaccount=${namespace}:${account.name}`,
    );
    const figures: RuntimeFigures[] = [];
    for (const [index, program] of programs.entries()) {
      const widgets = widgetsOf(`contender${index}.example.com`);
      figures.push(await measureProgram(controlPlane, client, program, widgets, objects, options));
    }
    return figures;
  } finally {
    await client.close();
    await controlPlane.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

async function measureProgram(
  controlPlane: ControlPlane,
  client: KubeClient,
  program: Program,
  widgets: ResourceType<Widget>,
  objects: number,
  { withChanges, say }: { withChanges: boolean; say: (line: string) => void },
): Promise<RuntimeFigures> {
  const { auditLog } = controlPlane;
  if (auditLog === undefined) throw new Error('the API server has no audit log');
  const kubeconfig = await controlPlane.kubeconfigFor(account);
  const flags = Object.entries(widgetKind(widgets.group)).map(([name, value]) => `--${name}=${value}`);
  const running: RunningProgram[] = [];
  const start = () => {
    const started = startProgram([...program.command, ...flags], kubeconfig);
    running.push(started);
    return started;
  };
  const apiServerSeconds = async () => (await resourcesOf(controlPlane.apiServerPid())).cpuSeconds;
  try {
    say(`${program.name}, ${objects} objects: making them …`);
    await makeObjects(client, widgets, objects);
    const requests = await countRequests(auditLog, username);

    say('  cold …');
    const before = await apiServerSeconds();
    const first = start();
    const cold = await untilIdle(first, objects);
    const apiServer = (await apiServerSeconds()) - before;
    await verify(client, widgets, objects);
    await first.stop();
    const coldRequests = await requests();

    say('  restart …');
    const second = start();
    const restart = await untilIdle(second, objects);
    const restartRequests = await requests();

    const figures: RuntimeFigures = {
      program: program.name,
      objects,
      cold: {
        ...cold,
        objectsPerSecond: objects / cold.seconds,
        cpuShare: (cold.cpuPerObjectMs * objects) / 1000 / apiServer,
      },
      restart,
      requests: { cold: coldRequests, restart: restartRequests },
    };
    if (withChanges) {
      const count = changeSeconds * changesPerSecond;
      say(`  ${changesPerSecond} changes a second for ${changeSeconds} s …`);
      const latencies = await measureChanges(client, widgets, objects, count);
      figures.changes = { count, p50Ms: percentile(latencies, 0.5), p99Ms: percentile(latencies, 0.99) };
    }
    await second.stop();
    if (withChanges) figures.requests.changes = await requests();
    return figures;
  } finally {
    for (const each of running) each.kill();
  }
}

async function makeObjects(client: KubeClient, widgets: ResourceType<Widget>, objects: number): Promise<void> {
  await create(client, customResourceDefinitions, widgetDefinition(widgets), { fieldManager });
  while (!(await isServed(client, widgets))) await sleep(100);
  let next = 0;
  const createNext = async () => {
    while (next < objects) await create(client, widgets, widgetBody(next++), { fieldManager });
  };
  await Promise.all(Array.from({ length: 16 }, createNext));
}

const isServed = (client: KubeClient, widgets: ResourceType<Widget>): Promise<boolean> =>
  list(client, widgets).then(
    () => true,
    () => false,
  );

async function untilIdle(program: RunningProgram, objects: number): Promise<PhaseFigures> {
  const synced = await program.synced;
  const idle = await program.idle;
  const { cpuSeconds, peakMiB, fileMiB } = await program.resources();
  return {
    seconds: (idle - program.startedAt) / 1000,
    cpuPerObjectMs: (cpuSeconds * 1000) / objects,
    syncedSeconds: (synced - program.startedAt) / 1000,
    peakMiB,
    fileMiB,
  };
}

/** @throws an Error when the program said that it was idle too early */
async function verify(client: KubeClient, widgets: ResourceType<Widget>, objects: number): Promise<void> {
  const { items } = await list(client, widgets, { namespace });
  const ready = items.filter((item) => isReconciled(item) && item.metadata.finalizers?.length === 1).length;
  if (ready !== objects) throw new Error(`${ready} of ${objects} objects are as they should be`);
}

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Type, type Static } from 'typebox';
import { Value } from 'typebox/value';
import { vi } from 'vitest';
import { parse, stringify } from 'yaml';
import type { RegistrationStatus } from '../../src/api/status.ts';
import { expectAsPublished } from '../conformance/published.ts';
import { lastLines, startController, type RunningController } from '../lab/controller.ts';
import { controllerAccount, sampleManifests, startLab, type Lab } from '../lab/lab.ts';
import { applyManifests, condition, readStatus } from '../lab/registration.ts';
import { mergePatch, type Exchange } from '../simulators/shared/admin.ts';

/** What Kubernetes grants a pod by default before it kills it. */
const graceMs = 30_000;
const limitMs = 45_000;

const LogLine = Type.Object({
  level: Type.String(),
  msg: Type.String(),
  port: Type.Optional(Type.Integer()),
  identity: Type.Optional(Type.String()),
});

export interface Process {
  controller: RunningController;
  /** Path, or path and query, of its own server. */
  get(path: string): Promise<{ status: number; text: string }>;
  /** Value of the series that is written so, labels and all; undefined when there is none. */
  metric(series: string): Promise<number | undefined>;
  /** The lines with this message. */
  logged(message: string): Promise<Static<typeof LogLine>[]>;
  /** As a kubelet stops a pod: SIGTERM, and SIGKILL when the grace period is over. The exit status; throws if it had to be killed. */
  stop(): Promise<number>;
}

/** Repeats until it does not throw; fails with what it threw last and the controller's log. */
export async function eventually<T>(process: Process, what: () => Promise<T>, timeoutMs = limitMs): Promise<T> {
  try {
    return await vi.waitFor(what, { timeout: timeoutMs, interval: 100 });
  } catch (error) {
    throw new Error(`not seen in time. The controller's log:\n${await lastLines(process.controller.logFile)}`, {
      cause: error,
    });
  }
}

export interface ProcessLab {
  lab: Lab;
  /** The shipped bundle, for the objects of one namespace, which it has for itself, or for all. */
  start(
    namespace: string | undefined,
    options?: { configuration?: Record<string, unknown>; kubeconfig?: string },
  ): Promise<Process>;
  /** Makes the Secrets and the registration of a simulated cluster. */
  given(namespace: string, cluster: string, patch?: unknown): Promise<void>;
  status(namespace: string, cluster: string): Promise<RegistrationStatus>;
  condition(namespace: string, cluster: string, type: string): Promise<string>;
  /** The next exchange like this is done, and not answered before `release`. */
  hold(matches: (exchange: Exchange) => boolean): { done: Promise<void>; release(): void };
  stop(): Promise<void>;
}

export async function startProcessLab(clusters: readonly string[]): Promise<ProcessLab> {
  const holds: { matches(exchange: Exchange): boolean; seen(): void; released: Promise<void> }[] = [];
  const releases: (() => void)[] = [];
  const lab = await startLab({
    clusters: clusters.map((name) => ({ name, dnsSuffix: 'corp.example.com', nodes: ['NODE1', 'NODE2'] })),
    async onExchange(exchange) {
      const index = holds.findIndex((hold) => hold.matches(exchange));
      const [held] = index < 0 ? [] : holds.splice(index, 1);
      held?.seen();
      await held?.released;
    },
  });
  const kubeconfig = await lab.controlPlane.kubeconfigFor(controllerAccount);
  const started: RunningController[] = [];
  const status: ProcessLab['status'] = (namespace, cluster) => readStatus(lab.controlPlane, namespace, cluster);

  return {
    lab,
    async start(namespace, options = {}) {
      const name = `${namespace ?? 'all'}-${started.length}`;
      const config = join(lab.directory, `${name}.yaml`);
      const shared: unknown = parse(await readFile(lab.controllerConfig, 'utf8'));
      await writeFile(config, stringify(mergePatch(shared, options.configuration ?? {})));
      const logFile = join(lab.directory, `${name}.log`);
      const controller = startController({
        kubeconfig: options.kubeconfig ?? kubeconfig,
        config,
        logFile,
        ...(namespace === undefined ? {} : { namespace }),
      });
      started.push(controller);
      const logged: Process['logged'] = async (message) => {
        const lines = (await readFile(logFile, 'utf8').catch(() => '')).split('\n').slice(0, -1);
        return lines.map((line) => Value.Parse(LogLine, JSON.parse(line))).filter(({ msg }) => msg === message);
      };
      let port: number | undefined;
      const running: Process = {
        controller,
        logged,
        async get(path) {
          const response = await fetch(`http://127.0.0.1:${port}${path}`);
          return { status: response.status, text: await response.text() };
        },
        async metric(series) {
          const line = (await running.get('/metrics')).text.split('\n').find((one) => one.startsWith(`${series} `));
          return line === undefined ? undefined : Number(line.slice(series.length + 1));
        },
        async stop() {
          const patience = setTimeout(() => controller.kill(), graceMs);
          const exitStatus = await controller.stop();
          clearTimeout(patience);
          if (exitStatus === null)
            throw new Error(`did not stop. The controller's log:\n${await lastLines(controller.logFile)}`);
          return exitStatus;
        },
      };
      await eventually(running, async () => {
        port = (await logged('serving metrics and probes'))[0]?.port;
        if (port === undefined) throw new Error('it does not serve yet');
      });
      return running;
    },
    async given(namespace, cluster, patch) {
      await lab.controlPlane.kubectl('create', 'namespace', namespace).catch((error: unknown) => {
        if (!String(error).includes('AlreadyExists')) throw error;
      });
      const manifests = await sampleManifests(lab, { namespace, cluster, patch });
      await applyManifests(lab.controlPlane, manifests, lab.directory);
    },
    status,
    async condition(namespace, cluster, type) {
      const found = condition(await status(namespace, cluster), type);
      return `${found?.status}/${found?.reason}`;
    },
    hold(matches) {
      const seen = Promise.withResolvers<void>();
      const released = Promise.withResolvers<void>();
      holds.push({ matches, seen: seen.resolve, released: released.promise });
      releases.push(released.resolve);
      return { done: seen.promise, release: released.resolve };
    },
    async stop() {
      for (const release of releases) release();
      for (const controller of started) controller.kill();
      await Promise.all(started.map(({ exited }) => exited));
      const traffic = [...lab.azure.log];
      await lab.close();
      await expectAsPublished(traffic);
    },
  };
}

import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ControlPlane } from '../controlplane/start.ts';
import type { Check } from '../lab/agreement.ts';
import { lastLines, startController, type RunningController } from '../lab/controller.ts';
import { startOutside, type Outside } from '../lab/lab.ts';
import { awaitedSeconds, type Case, type NamedWrite } from './cases.ts';
import { counts, type End } from './compare.ts';
import { startKubeProxy, type KubeProxy } from './kube-proxy.ts';
import { normalize } from './normalize.ts';
import { createPerturbation } from './perturb.ts';
import type { Scenario, World } from './scenario.ts';
import { createWorld, until } from './world.ts';
import type { Scope } from './writes.ts';

export interface Run {
  /** All writes, in the order in which they were seen. */
  writes: readonly NamedWrite[];
  /** Was done to a write what the case says? */
  happened: boolean;
  end: End;
  /** What Azure, the nodes and Kubernetes say themselves. */
  checks: Check[];
  seconds: number;
}

export interface RunOptions {
  controlPlane: ControlPlane;
  /** Of the controller. */
  kubeconfig: string;
  /** Made, and deleted afterwards. */
  directory: string;
  /** Made; its own for each run. */
  namespace: string;
  scenario: Scenario;
  /** Default: nothing is done to any write. */
  perturbed?: Case;
  /** Default: the shipped bundle. */
  startController?: typeof startController;
}

const settleSeconds = 30;

/** Runs a scenario with simulators and a namespace of its own to its end. @throws an Error with the controller's words when it does not come to it */
export async function run(options: RunOptions): Promise<Run> {
  const { controlPlane, namespace, directory, scenario, perturbed } = options;
  const { limitSeconds } = scenario;
  const started = performance.now();
  const logFile = join(directory, 'controller.log');
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => undefined); // also when nobody waits for it any more
  const ended = new AbortController();
  const closing: { close(): Promise<void> }[] = [];
  let outside: Outside | undefined;
  let proxy: KubeProxy | undefined;
  let scope: Scope | undefined;
  let world: World | undefined;
  let controller: RunningController | undefined;

  const kill = async () => {
    const killed = controller;
    controller = undefined;
    killed?.kill();
    await killed?.exited;
  };
  const start = () => {
    const { kubeconfig } = made(proxy);
    const config = made(outside).controllerConfig;
    const one = (options.startController ?? startController)({ kubeconfig, config, logFile, namespace });
    controller = one;
    void noticeEnd(one);
  };
  const noticeEnd = async (one: RunningController) => {
    const status = await one.exited;
    if (controller === one) failed.reject(new Error(`the controller ended by itself, with status ${status}`));
  };
  const perturbation = createPerturbation(perturbed, {
    outside: () => made(outside),
    proxy: () => made(proxy),
    scope: () => made(scope),
    kill,
    start,
  });

  try {
    await mkdir(directory, { recursive: true });
    const { issuer, jwks } = controlPlane.serviceAccountIssuer;
    outside = await startOutside({
      ...scenario.outside,
      directory,
      serviceAccountIssuer: { issuer, jwks },
      onExchange: (exchange) => perturbation.onExchange(exchange),
    });
    closing.push(outside);
    scope = scopeOf(outside);
    proxy = await startKubeProxy({ directory, kubeconfig: options.kubeconfig, gate: perturbation.gate });
    closing.push(proxy);
    const own = await createWorld(controlPlane, outside, namespace);
    closing.push(own);
    world = own.world;
    const seen = world;

    await scenario.prepare(seen);
    const { given } = scenario;
    if (given === undefined) {
      await perturbation.begin();
      start();
    } else {
      start();
      await Promise.race([
        until('what is to be so before it begins', limitSeconds, ended.signal, () => given(seen)),
        failed.promise,
      ]);
      await perturbation.begin();
    }
    await scenario.begin?.(seen);
    const patience = limitSeconds + (perturbed === undefined ? 0 : awaitedSeconds(scenario, perturbed));
    await Promise.race([
      until('the end of the scenario', patience, ended.signal, () => scenario.done(seen)),
      failed.promise,
    ]);
    // Not asked to stop: nothing more is to be done by it, and the state is the simulators'.
    perturbation.stop();
    await kill();
    await until('Azure and nodes at rest', settleSeconds, ended.signal, () => isAtRest(seen.outside));
    const end = {
      state: normalize(outside, namespace),
      counts: counts(outside.azure.state.counters, outside.nodes.state().counters),
    };
    const checks = await scenario.checks(seen);
    return {
      writes: perturbation.writes,
      happened: perturbation.happened(),
      end,
      checks,
      seconds: (performance.now() - started) / 1000,
    };
  } catch (error) {
    throw new Error(await explain(error, world, perturbation.writes, logFile), { cause: error });
  } finally {
    ended.abort();
    perturbation.stop();
    await kill();
    for (const one of closing.toReversed()) await one.close();
    await rm(directory, { recursive: true, force: true });
  }
}

function made<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('it was used before it was made');
  return value;
}

export function scopeOf({ azure, nodes }: Outside): Scope {
  const { clientId } = azure.principals.controller;
  const byAddress = nodes.clusters.flatMap((cluster) =>
    cluster.nodes.map(({ address, name }) => [address, { cluster: cluster.name, node: name }] as const),
  );
  return { clientId, resourceManager: azure.resourceManager, graph: azure.graph, nodes: new Map(byAddress) };
}

/** Nothing is under way any more that would still change the state. */
const isAtRest = ({ azure, nodes }: Outside): boolean =>
  azure.state.pending.length === 0 &&
  Object.values(nodes.state().clusters).every((cluster) =>
    Object.values(cluster.nodes).every((node) => !node.arcRegistrationTask.running),
  );

async function explain(
  error: unknown,
  world: World | undefined,
  writes: readonly NamedWrite[],
  logFile: string,
): Promise<string> {
  const names = world?.outside.nodes.clusters.map(({ name }) => name) ?? [];
  const statuses = names.map((name) => world?.status(name)).filter((status) => status !== undefined);
  return [
    error instanceof Error ? error.message.trim() : String(error),
    ...statuses.flatMap((status) => [
      ...(status.conditions ?? []).map((one) => `  ${one.type}=${one.status} ${one.reason}: ${one.message}`),
      ...(status.plan?.steps ?? []).map(
        ({ name, target, state, message }) => `  pending: ${name} ${target} ${state}: ${message}`,
      ),
      ...(status.submissions ?? []).map(
        ({ step, target, waitUntilTime }) => `  submitted: ${step} ${target}, awaited until ${waitUntilTime}`,
      ),
    ]),
    `  writes: ${writes.map(({ name }) => name).join(', ')}`,
    `  the last lines of the controller's log:`,
    ...(await lastLines(logFile)).split('\n').map((line) => `    ${line}`),
  ].join('\n');
}

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import type { RegistrationStatus } from '../../src/api/status.ts';
import { arcSecretName } from '../../src/registration/arc-secret.ts';
import type { ControlPlane } from '../controlplane/start.ts';
import { agreement, type Check } from '../lab/agreement.ts';
import { lastLines, startController, type RunningController } from '../lab/controller.ts';
import { sampleCluster, sampleManifests, startOutside, type Outside } from '../lab/lab.ts';
import { applyManifests, readStatus } from '../lab/registration.ts';
import type { Exchange } from '../simulators/shared/admin.ts';
import { counts, type End } from './compare.ts';
import { normalize } from './normalize.ts';
import { externalWrite, type Scope } from './writes.ts';

export interface Run {
  /** All external writes, in the order in which they took effect. */
  writes: string[];
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
  /** Kill the controller when the effect of so many writes is done, before the last one is answered. Undefined: never. */
  killAfter?: number;
}

const limitSeconds = 120;
const settleSeconds = 30;

/** Registers the sample cluster with simulators of its own, until it is Ready. @throws an Error with the controller's words when it is not */
export async function run(options: RunOptions): Promise<Run> {
  const { controlPlane, namespace, directory } = options;
  const started = performance.now();
  const writes: string[] = [];
  const killed = Promise.withResolvers<'killed'>();
  const logFile = join(directory, 'controller.log');
  let scope: Scope | undefined;
  let controller: RunningController | undefined;
  let killing = false;

  const onExchange = async (exchange: Exchange) => {
    const write = scope === undefined ? undefined : externalWrite(exchange, scope);
    if (write === undefined) return;
    writes.push(write);
    if (writes.length !== options.killAfter) return;
    killing = true;
    controller?.kill();
    await controller?.exited;
    killed.resolve('killed');
  };

  const { issuer, jwks } = controlPlane.serviceAccountIssuer;
  const outside = await startOutside({ directory, serviceAccountIssuer: { issuer, jwks }, onExchange });
  try {
    scope = scopeOf(outside);
    const start = () =>
      startController({ kubeconfig: options.kubeconfig, config: outside.controllerConfig, logFile, namespace });
    const ended = async ({ exited }: RunningController): Promise<'killed'> => {
      const status = await exited;
      if (killing) return killed.promise;
      throw new Error(`the controller ended by itself, with status ${status}`);
    };
    await controlPlane.kubectl('create', 'namespace', namespace);
    await applyManifests(controlPlane, await sampleManifests(outside, { namespace }), directory);
    controller = start();
    const ready = controlPlane
      .kubectl(
        'wait',
        `hciregistration/${sampleCluster.name}`,
        '-n',
        namespace,
        '--for=condition=Ready=True',
        `--timeout=${limitSeconds}s`,
      )
      .then(() => 'ready' as const);
    const first = await Promise.race([ready, ended(controller)]);
    if (first === 'killed') {
      killing = false;
      controller = start();
      await Promise.race([ready, ended(controller)]);
    } else if (options.killAfter !== undefined) {
      throw new Error(`it was Ready after ${writes.length} writes already`);
    }
    // Not asked to stop: nothing more is to be done by it, and the state is the simulators'.
    controller.kill();
    await controller.exited;
    await settled(outside);
    const end = {
      state: normalize(outside, namespace),
      counts: counts(outside.azure.state.counters, outside.nodes.state().counters),
    };
    const checks = [...agreement(outside), await secretCheck(controlPlane, namespace, outside)];
    return { writes, end, checks, seconds: (performance.now() - started) / 1000 };
  } catch (error) {
    throw new Error(await explain(options, error, writes, logFile), { cause: error });
  } finally {
    controller?.kill();
    await outside.close();
    await rm(directory, { recursive: true, force: true });
  }
}

function scopeOf({ azure, nodes }: Outside): Scope {
  const { clientId } = azure.principals.controller;
  const names = nodes.clusters.flatMap((cluster) => cluster.nodes.map(({ address, name }) => [address, name] as const));
  return { clientId, resourceManager: azure.resourceManager, graph: azure.graph, nodes: new Map(names) };
}

/** Until nothing is under way any more that would still change the state. */
async function settled({ azure, nodes }: Outside): Promise<void> {
  const deadline = performance.now() + settleSeconds * 1000;
  const isUnderWay = () =>
    azure.state.pending.length > 0 ||
    Object.values(nodes.state().clusters).some((cluster) =>
      Object.values(cluster.nodes).some((node) => node.arcRegistrationTask.running),
    );
  while (isUnderWay()) {
    if (performance.now() > deadline) throw new Error(`Azure or a node is not at rest ${settleSeconds} s after Ready`);
    await delay(50);
  }
}

const ArcSecret = Type.Object({
  metadata: Type.Object({ annotations: Type.Record(Type.String(), Type.String()) }),
  data: Type.Optional(Type.Record(Type.String(), Type.String())),
});

/** After a crash it would be easy to keep record of another secret than the one that was handed over. */
async function secretCheck(controlPlane: ControlPlane, namespace: string, { azure, nodes }: Outside): Promise<Check> {
  const text = await controlPlane.kubectl(
    'get',
    'secret',
    arcSecretName(sampleCluster.name),
    '-n',
    namespace,
    '-o',
    'json',
  );
  const { metadata, data } = Value.Parse(ArcSecret, JSON.parse(text));
  const handedOver = nodes.state().clusters[sampleCluster.name]?.arc?.secret;
  const credential = Object.values(azure.state.applications)
    .flatMap(({ passwordCredentials }) => passwordCredentials)
    .find(({ secretText }) => secretText === handedOver);
  return {
    what: "Kubernetes: the Secret records the key id of the nodes' Arc secret, and no longer its text",
    holds:
      credential !== undefined && Object.values(metadata.annotations).includes(credential.keyId) && data === undefined,
  };
}

async function explain(
  { controlPlane, namespace }: RunOptions,
  error: unknown,
  writes: string[],
  logFile: string,
): Promise<string> {
  const status: RegistrationStatus = await readStatus(controlPlane, namespace, sampleCluster.name).catch(() => ({}));
  return [
    error instanceof Error ? error.message.trim() : String(error),
    ...(status.conditions ?? []).map((one) => `  ${one.type}=${one.status} ${one.reason}: ${one.message}`),
    ...(status.plan?.steps ?? []).map(
      ({ name, target, state, message }) => `  pending: ${name} ${target} ${state}: ${message}`,
    ),
    ...(status.submissions ?? []).map(
      ({ step, target, waitUntilTime }) => `  submitted: ${step} ${target}, awaited until ${waitUntilTime}`,
    ),
    `  writes: ${writes.join(', ')}`,
    `  the last lines of the controller's log:`,
    ...(await lastLines(logFile)).split('\n').map((line) => `    ${line}`),
  ].join('\n');
}

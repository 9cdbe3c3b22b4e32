import { setTimeout as delay } from 'node:timers/promises';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { RegistrationStatus } from '../../src/api/status.ts';
import { createKubeClient } from '../../src/kube/client.ts';
import { readKubeConfig } from '../../src/kube/kubeconfig.ts';
import { createReflector } from '../../src/kube/reflector.ts';
import { registrations } from '../../src/registration/status-writer.ts';
import type { ControlPlane } from '../controlplane/start.ts';
import type { Outside } from '../lab/lab.ts';
import { applyManifests } from '../lab/registration.ts';
import type { World } from './scenario.ts';

const WithStatus = Type.Object({ status: Type.Optional(RegistrationStatus) });

/** A namespace of its own, and a watch in it. */
export async function createWorld(
  controlPlane: ControlPlane,
  outside: Outside,
  namespace: string,
): Promise<{ world: World; close(): Promise<void> }> {
  const config = await readKubeConfig(controlPlane.kubeconfig);
  const kube = createKubeClient(config, { userAgent: 'crash-harness', requestTimeoutMs: 30_000 });
  const stop = new AbortController();
  await controlPlane.kubectl('create', 'namespace', namespace);
  const reflector = createReflector({
    client: kube,
    type: registrations,
    namespace,
    onChange: () => undefined,
    onError: () => undefined, // it tries again, and a scenario that sees nothing runs into its limit
  });
  const watching = reflector.run(stop.signal);
  const world: World = {
    namespace,
    outside,
    kube,
    kubectl: (...args) => controlPlane.kubectl('--namespace', namespace, ...args),
    apply: (manifests) => applyManifests(controlPlane, manifests, outside.directory),
    status: (name) => {
      const object = reflector.store.get(`${namespace}/${name}`);
      return object === undefined ? undefined : (Value.Parse(WithStatus, object).status ?? {});
    },
  };
  const close = async () => {
    stop.abort();
    await watching;
    await kube.close();
  };
  return { world, close };
}

const pollMs = 50;

/** Until it holds. @throws an Error with `what` after the limit, or when the signal fires */
export async function until(what: string, limitSeconds: number, signal: AbortSignal, holds: () => boolean) {
  const deadline = performance.now() + limitSeconds * 1000;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`not within ${limitSeconds} s: ${what}`);
    await delay(pollMs, undefined, { signal });
  }
}

import { join } from 'node:path';
import type { Condition, RegistrationStatus } from '../../src/api/status.ts';
import { expectAsPublished } from '../conformance/published.ts';
import { lastLines, startController, type RunningController } from '../lab/controller.ts';
import { controllerAccount, sampleManifests, startLab, type Lab } from '../lab/lab.ts';
import { applyManifests, condition, readStatus } from '../lab/registration.ts';

export interface EndToEnd {
  lab: Lab;
  controller: RunningController;
  /** Makes a namespace of its own, with the Secrets and the registration of a cluster; the object has the cluster's name. */
  given(cluster: string, options?: { namespace?: string; patch?: unknown }): Promise<Registration>;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export interface Registration {
  namespace: string;
  name: string;
  status(): Promise<RegistrationStatus>;
  /** Waits until a condition has this status (and reason), and returns it. Fails with all conditions and the controller's log. */
  until(type: string, status: Condition['status'], reason?: string): Promise<Condition>;
  /** Waits for anything. */
  eventually(what: string, holds: (status: RegistrationStatus) => boolean): Promise<RegistrationStatus>;
  patch(patch: unknown): Promise<void>;
}

const limitMs = 45_000;
const pollMs = 150;

/** A lab with these clusters of two nodes, if nothing else is said, and the shipped bundle running as the shipped ServiceAccount. */
export async function startEndToEnd(
  clusterNames: string[],
  {
    nodes = ['NODE1', 'NODE2'],
    ...settings
  }: Pick<NonNullable<Parameters<typeof startLab>[0]>, 'azureSettings' | 'nodeSettings'> & { nodes?: string[] } = {},
): Promise<EndToEnd> {
  const lab = await startLab({
    audit: true,
    ...settings,
    clusters: clusterNames.map((name) => ({ name, dnsSuffix: 'corp.example.com', nodes })),
  });
  const kubeconfig = await lab.controlPlane.kubeconfigFor(controllerAccount);
  const start = () =>
    startController({
      kubeconfig,
      config: lab.controllerConfig,
      logFile: join(lab.directory, 'controller.log'),
      instanceMetadata: lab.azure.instanceMetadata,
    });
  let controller = start();
  const { kubectl } = lab.controlPlane;

  const registration = (namespace: string, name: string): Registration => {
    const status = () => readStatus(lab.controlPlane, namespace, name);
    const eventually: Registration['eventually'] = async (what, holds) => {
      const deadline = Date.now() + limitMs;
      for (;;) {
        const current = await status();
        if (holds(current)) return current;
        if (Date.now() > deadline) {
          const seen = JSON.stringify({ conditions: current.conditions, plan: current.plan }, undefined, 1);
          throw new Error(`not seen: ${what}\n${seen}\n${await lastLines(controller.logFile)}`);
        }
        await new Promise((resolve) => setTimeout(resolve, pollMs));
      }
    };
    return {
      namespace,
      name,
      status,
      eventually,
      until: async (type, wanted, reason) => {
        const matches = (found: Condition | undefined) =>
          found?.status === wanted && (reason === undefined || found.reason === reason);
        const seen = await eventually(`${type}=${wanted}/${reason ?? 'any'}`, (current) =>
          matches(condition(current, type)),
        );
        const found = condition(seen, type);
        if (found === undefined) throw new Error('unreachable');
        return found;
      },
      patch: async (patch) => {
        await kubectl('patch', 'hciregistration', name, '-n', namespace, '--type=merge', '-p', JSON.stringify(patch));
      },
    };
  };

  return {
    lab,
    get controller() {
      return controller;
    },
    given: async (cluster, options = {}) => {
      const namespace = options.namespace ?? `ns-${cluster}`;
      await kubectl('create', 'namespace', namespace).catch((error: unknown) => {
        if (!String(error).includes('AlreadyExists')) throw error;
      });
      const manifests = await sampleManifests(lab, { namespace, cluster, patch: options.patch });
      await applyManifests(lab.controlPlane, manifests, lab.directory);
      return registration(namespace, cluster);
    },
    restart: async () => {
      await controller.stop();
      controller = start();
    },
    stop: async () => {
      await controller.stop();
      const traffic = [...lab.azure.log];
      await lab.close();
      await expectAsPublished(traffic);
    },
  };
}

import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { lastLines, startController } from '../lab/controller.ts';
import { controllerAccount, sampleCluster, sampleManifests, sampleNamespace, startLab } from '../lab/lab.ts';
import { applyManifests, condition, readStatus } from '../lab/registration.ts';
import type { Exchange } from '../simulators/shared/admin.ts';

const limitSeconds = 180;

/** Registers the sample cluster in a lab of its own with the shipped bundle; what Azure was asked on the way, nodes included. Throws where it does not become Ready. */
export async function registrationTraffic(say: (line: string) => void): Promise<readonly Exchange[]> {
  const lab = await startLab({ say });
  const logFile = join(lab.directory, 'controller.log');
  const kubeconfig = await lab.controlPlane.kubeconfigFor(controllerAccount);
  const controller = startController({ kubeconfig, config: lab.controllerConfig, logFile });
  try {
    await applyManifests(lab.controlPlane, await sampleManifests(lab, { namespace: sampleNamespace }), lab.directory);
    const started = performance.now();
    for (;;) {
      const status = await readStatus(lab.controlPlane, sampleNamespace, sampleCluster.name);
      if (condition(status, 'Ready')?.status === 'True') return [...lab.azure.log];
      if (performance.now() - started > limitSeconds * 1000) {
        throw new Error(`the cluster is not Ready after ${limitSeconds} s\n${await lastLines(logFile)}`);
      }
      await delay(200);
    }
  } finally {
    await controller.stop();
    await lab.close();
  }
}

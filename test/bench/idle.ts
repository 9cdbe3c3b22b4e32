import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fetch } from 'undici';
import { lastLines, startController, type RunningController } from '../lab/controller.ts';
import { controllerAccount, sampleCluster, sampleManifests, sampleNamespace, startLab, type Lab } from '../lab/lab.ts';
import { applyManifests, condition, readStatus } from '../lab/registration.ts';
import { apiServerCalls, azureCalls, nodeCalls, type Calls } from './calls.ts';
import { resourcesOf, type Resources } from './resources.ts';

/** What the controller used in some idle minutes, with one object that is Ready. */
export interface Figures {
  minutes: number;
  /** When the object had become Ready. */
  before: Resources;
  after: Resources;
  azure: Calls;
  apiServer: Calls;
  nodes: Calls;
}

const readySeconds = 180;
const username = `system:serviceaccount:${controllerAccount.namespace}:${controllerAccount.name}`;

/** Registers the sample cluster, waits, and counts. @throws an Error when the object is not Ready at the beginning or at the end */
export async function idle(minutes: number, say: (line: string) => void): Promise<Figures> {
  say('Control plane, simulated Azure, simulated nodes …');
  const lab = await startLab({ audit: true, say });
  let controller: RunningController | undefined;
  try {
    const { controlPlane } = lab;
    const kubeconfig = await controlPlane.kubeconfigFor(controllerAccount);
    controller = startController({
      kubeconfig,
      config: lab.controllerConfig,
      logFile: join(lab.directory, 'controller.log'),
    });
    await applyManifests(controlPlane, await sampleManifests(lab, { namespace: sampleNamespace }), lab.directory);
    say(`Registering ${sampleNamespace}/${sampleCluster.name} …`);
    const object = `hciregistration/${sampleCluster.name}`;
    await controlPlane.kubectl(
      'wait',
      object,
      '-n',
      sampleNamespace,
      '--for=condition=Ready=True',
      `--timeout=${readySeconds}s`,
    );
    const figures = await measure(lab, controller, minutes, say);
    const ready = condition(await readStatus(controlPlane, sampleNamespace, sampleCluster.name), 'Ready');
    if (ready?.status !== 'True')
      throw new Error(`${object} is not Ready at the end: ${ready?.reason} ${ready?.message}`);
    return figures;
  } catch (error) {
    const reason = error instanceof Error ? error.message.trim() : String(error);
    const log =
      controller === undefined
        ? ''
        : `\nThe last lines of the controller's log:\n${await lastLines(controller.logFile)}`;
    throw new Error(`${reason}${log}`, { cause: error });
  } finally {
    controller?.kill();
    await lab.close();
  }
}

async function measure(
  lab: Lab,
  controller: RunningController,
  minutes: number,
  say: (line: string) => void,
): Promise<Figures> {
  const { azure, nodes, controlPlane } = lab;
  if (controlPlane.auditLog === undefined) throw new Error('the API server keeps no audit log');
  const ended = controller.exited.then((status) =>
    Promise.reject(new Error(`the controller ended, with status ${status}`)),
  );
  const before = await resourcesOf(controller.pid);
  const since = new Date();
  const azureBefore = azure.log.length;
  say(`Ready, ${before.residentMiB.toFixed(0)} MiB. Idle for ${minutes} minutes from now …`);
  for (let left = minutes; left > 0; left -= 1) {
    await Promise.race([delay(Math.min(left, 1) * 60_000), ended]);
    if (left > 1) say(`  minutes left: ${left - 1}, ${(await resourcesOf(controller.pid)).residentMiB.toFixed(0)} MiB`);
  }
  const after = await resourcesOf(controller.pid);
  const nodesLog = await (await fetch(`${nodes.admin}/log`)).text();
  return {
    minutes,
    before,
    after,
    azure: azureCalls(azure.log.slice(azureBefore), azure),
    apiServer: apiServerCalls(await readFile(controlPlane.auditLog, 'utf8'), username, since),
    nodes: nodeCalls(nodesLog, since),
  };
}

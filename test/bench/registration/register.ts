import { join } from 'node:path';
import { lastLines, startController, type RunningController } from '../../lab/controller.ts';
import { controllerAccount, sampleManifests, sampleNamespace, startLab, type Lab } from '../../lab/lab.ts';
import { applyManifests } from '../../lab/registration.ts';

const readySeconds = 600;

/** The shipped controller in a lab, for as long as it is measured. A failure brings the last lines of its log. */
export async function inLab<T>(options: Parameters<typeof startLab>[0], measure: (lab: Lab) => Promise<T>): Promise<T> {
  const lab = await startLab(options);
  let controller: RunningController | undefined;
  try {
    controller = startController({
      kubeconfig: await lab.controlPlane.kubeconfigFor(controllerAccount),
      config: lab.controllerConfig,
      logFile: join(lab.directory, 'controller.log'),
    });
    const ended = controller.exited.then((status) =>
      Promise.reject(new Error(`the controller ended, with status ${status}`)),
    );
    return await Promise.race([measure(lab), ended]);
  } catch (error) {
    const reason = error instanceof Error ? error.message.trim() : String(error);
    const log =
      controller === undefined ? '' : `\nThe controller's log ends with:\n${await lastLines(controller.logFile)}`;
    throw new Error(`${reason}${log}`, { cause: error });
  } finally {
    controller?.kill();
    await lab.close();
  }
}

/** Seconds from the moment the object is there until it is Ready. */
export async function register(lab: Lab, cluster: string): Promise<number> {
  const { controlPlane, directory } = lab;
  const manifests = await sampleManifests(lab, { namespace: sampleNamespace, cluster });
  await applyManifests(controlPlane, manifests, directory);
  const start = performance.now();
  const object = `hciregistration/${cluster}`;
  const ready = '--for=condition=Ready=True';
  await controlPlane.kubectl('wait', object, '-n', sampleNamespace, ready, `--timeout=${readySeconds}s`);
  return (performance.now() - start) / 1000;
}

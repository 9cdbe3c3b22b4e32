import { setTimeout as delay } from 'node:timers/promises';
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { agreement } from './agreement.ts';
import { runCommand, say, untilInterrupted } from './command.ts';
import { lastLines, startController, type RunningController } from './controller.ts';
import {
  controllerAccount,
  sampleCluster,
  sampleManifests,
  sampleNamespace,
  startLab,
  writeLabFile,
  type Lab,
} from './lab.ts';
import { applyManifests, condition, readEvents, readStatus } from './registration.ts';

const help = `npm run demo: registers a simulated 4-node cluster, from YAML to Ready, on a real Kubernetes control plane

  npm run demo             shows it and stops
  npm run demo -- --keep   leaves everything running until Ctrl-C, for kubectl
`;

const limitSeconds = 180;

/** Prints what the controller records as done, as it is done, and what it waits for. */
async function showProgress(lab: Lab, controller: RunningController): Promise<void> {
  const started = performance.now();
  const elapsed = () => `${((performance.now() - started) / 1000).toFixed(1).padStart(6)} s`;
  const shown = new Set<string>();
  let waiting = '';
  for (;;) {
    const status = await readStatus(lab.controlPlane, sampleNamespace, sampleCluster.name);
    for (const { name, action, reason, note } of await readEvents(lab.controlPlane, sampleNamespace)) {
      if (action !== reason || shown.has(name)) continue;
      shown.add(name);
      say(`${elapsed()}  done     ${note}`);
    }
    const ready = condition(status, 'Ready');
    if (ready?.status === 'True') {
      say(`${elapsed()}  Ready    ${ready.message}`);
      return;
    }
    const stalled = condition(status, 'Stalled');
    const reconciling = condition(status, 'Reconciling');
    const retrying = reconciling?.reason === 'ProgressingWithRetry' ? `retry    ${reconciling.message}` : '';
    const text = stalled === undefined ? retrying : `Stalled  ${stalled.reason}: ${stalled.message}`;
    if (text !== '' && text !== waiting) say(`${elapsed()}  ${text}`);
    waiting = text;
    const exited = await Promise.race([controller.exited.then(() => true), delay(200, false)]);
    if (exited || stalled !== undefined || performance.now() - started > limitSeconds * 1000) {
      const why = exited ? 'the controller ended' : 'the cluster is not Ready';
      throw new Error(`${why}. The last lines of the controller's log:\n${await lastLines(controller.logFile)}`);
    }
  }
}

async function demo(keep: boolean): Promise<{ passed: number; failed: number }> {
  const labFile = join(process.cwd(), 'lab.json');
  say('1. Control plane, simulated Azure, simulated nodes');
  const lab = await startLab({ say });
  let controller: RunningController | undefined;
  try {
    if (keep) await writeLabFile(lab, labFile);
    const { controlPlane } = lab;
    say(
      `   Kubernetes at ${controlPlane.url}, Azure at ${lab.azure.resourceManager}, ${sampleCluster.nodes.length} nodes behind SSH`,
    );
    say(
      `\n2. The controller, as ServiceAccount ${controllerAccount.namespace}/${controllerAccount.name} with the rights of deploy/controller.yaml`,
    );
    const kubeconfig = await controlPlane.kubeconfigFor(controllerAccount);
    controller = startController({
      kubeconfig,
      config: lab.controllerConfig,
      logFile: join(lab.directory, 'controller.log'),
    });
    say(`\n3. kubectl apply of one HciClusterRegistration, ${sampleNamespace}/${sampleCluster.name}`);
    await applyManifests(controlPlane, await sampleManifests(lab, { namespace: sampleNamespace }), lab.directory);
    await showProgress(lab, controller);

    say('\n4. What the simulated Azure and the simulated nodes say themselves');
    const checks = agreement(lab);
    for (const { what, holds } of checks) say(`   ${holds ? 'ok  ' : 'FAIL'}  ${what}`);
    const failed = checks.filter(({ holds }) => !holds).length;

    say('\n5. kubectl get hciregistrations\n');
    say(await controlPlane.kubectl('get', 'hciregistrations', '-n', sampleNamespace));
    say('   kubectl describe hciregistration\n');
    say(await controlPlane.kubectl('describe', 'hciregistration', sampleCluster.name, '-n', sampleNamespace));
    if (keep) {
      say(
        `It is still running. Ctrl-C stops it.\n\n  export KUBECONFIG=${controlPlane.kubeconfig}\n  export PATH=${dirname(controlPlane.binaries.kubectl)}:$PATH\n  kubectl get hciregistrations -A\n\nThe controller's log: ${controller.logFile}\nAdmin APIs and all else: lab.json (test/README.md says what is in it)`,
      );
      await untilInterrupted();
      await rm(labFile, { force: true });
    }
    return { passed: checks.length - failed, failed };
  } finally {
    await controller?.stop();
    await lab.close();
  }
}

await runCommand({ name: 'demo', help, flags: ['keep'] }, (given) => demo(given.has('keep')));

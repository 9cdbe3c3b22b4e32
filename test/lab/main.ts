import { dirname, join } from 'node:path';
import { rm, writeFile } from 'node:fs/promises';
import { runCommand, say, untilInterrupted } from './command.ts';
import { sampleManifests, sampleNamespace, startLab, writeLabFile } from './lab.ts';

const help = `npm run lab: a real Kubernetes control plane with the CRDs, simulated Azure and simulated nodes

It writes lab.json (see test/README.md), prints how to reach everything, and stays up until Ctrl-C.
`;

async function lab(): Promise<undefined> {
  say('Starting the lab …');
  const started = await startLab({ say });
  const file = join(process.cwd(), 'lab.json');
  try {
    await writeLabFile(started, file);
  } catch (error) {
    await started.close();
    throw error;
  }
  const sample = join(started.directory, 'sample.yaml');
  await writeFile(sample, await sampleManifests(started, { namespace: sampleNamespace }), { mode: 0o600 });
  const { azure, nodes, controlPlane } = started;
  say(`
The lab is up. Everything is in lab.json.

  Kubernetes     export KUBECONFIG=${controlPlane.kubeconfig}
                 export PATH=${dirname(controlPlane.binaries.kubectl)}:$PATH
  Azure          Resource Manager ${azure.resourceManager}, sign-in ${azure.login}, Graph ${azure.graph}
                 certificate authority ${azure.caFile}
  Admin APIs     Azure ${azure.admin}/state, nodes ${nodes.admin}/state   (also /log, /settings, /faults)
  Controller     npm run build && npx node dist/controller.js --config ${started.controllerConfig}
  Sample         kubectl apply -f ${sample}

Ctrl-C stops it.`);
  await untilInterrupted();
  say('\nStopping …');
  await started.close();
  await rm(file, { force: true });
  say('lab: stopped');
  return undefined;
}

await runCommand({ name: 'lab', help }, lab);

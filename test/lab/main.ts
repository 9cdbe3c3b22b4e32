import { join } from 'node:path';
import { rm, writeFile } from 'node:fs/promises';
import { sampleManifests, sampleNamespace, startLab, writeLabFile } from './lab.ts';

const say = (line: string) => process.stdout.write(`${line}\n`);

const help = `npm run lab: a real Kubernetes control plane with the CRDs, simulated Azure and simulated nodes

It writes lab.json (see test/README.md), prints how to reach everything, and stays up until Ctrl-C.
`;

if (process.argv.includes('--help')) {
  process.stdout.write(help);
} else {
  await lab();
}

async function lab(): Promise<void> {
  say('Starting the lab …');
  const started = await startLab({ say });
  const file = join(process.cwd(), 'lab.json');
  await writeLabFile(started, file);
  const sample = join(started.directory, 'sample.yaml');
  await writeFile(sample, await sampleManifests(started, { namespace: sampleNamespace }), { mode: 0o600 });
  const { azure, nodes, controlPlane } = started;
  say(`
The lab is up. Everything is in lab.json.

  Kubernetes     export KUBECONFIG=${controlPlane.kubeconfig}
                 alias kubectl=${controlPlane.binaries.kubectl}
  Azure          Resource Manager ${azure.resourceManager}, sign-in ${azure.login}, Graph ${azure.graph}
                 certificate authority ${azure.caFile}
  Admin APIs     Azure ${azure.admin}/state, nodes ${nodes.admin}/state   (also /log, /settings, /faults)
  Controller     npm run build && npx node dist/controller.js --config ${started.controllerConfig}
  Sample         kubectl apply -f ${sample}

Ctrl-C stops it.`);
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
  say('\nStopping …');
  await started.close();
  await rm(file, { force: true });
  say('lab: stopped');
}

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { runCommand, say, temporaryFolder } from '../lab/command.ts';
import { startSimulatedAzure } from '../simulators/azure/azure.ts';

const help = `npm run interop: Microsoft's Python SDK, unchanged, against the simulated Azure

It signs in and creates, reads and deletes a cluster resource. Needs python3 with venv; the pinned packages of
test/interop/python/requirements.txt are installed once into a virtual environment of their own.
`;

const python = join(import.meta.dirname, 'python');

async function run(command: string, args: string[]): Promise<void> {
  const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  child.once('error', reject);
  child.once('exit', resolve);
  const status = await promise;
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with status ${status}`);
}

/** The interpreter of a virtual environment with the pinned packages, made when it is not there. */
async function interpreter(): Promise<string> {
  const requirements = join(python, 'requirements.txt');
  const fingerprint = createHash('sha256')
    .update(await readFile(requirements))
    .digest('hex')
    .slice(0, 12);
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  const environment = join(cache, 'hci-registration-controller', `python-${fingerprint}`);
  const complete = join(environment, 'complete');
  const there = await access(complete).then(
    () => true,
    () => false,
  );
  const program = join(environment, 'bin', 'python');
  if (there) return program;
  say('Installing the Python SDK (once) …');
  await rm(environment, { recursive: true, force: true });
  await run('python3', ['-m', 'venv', environment]);
  await run(program, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', requirements]);
  await writeFile(complete, '');
  return program;
}

async function interop(): Promise<{ passed: number; failed: number }> {
  const program = await interpreter();
  const { path: directory, remove } = await temporaryFolder('hci-interop-');
  const azure = await startSimulatedAzure({ directory });
  try {
    const { resourceManager, login, graph, serviceEndpoint, caFile, admin, tenantId, subscriptionId, principals } =
      azure;
    const lab = join(directory, 'lab.json');
    const content = {
      resourceManager,
      login,
      graph,
      serviceEndpoint,
      caFile,
      admin,
      tenantId,
      subscriptionId,
      principals,
    };
    await writeFile(lab, JSON.stringify({ azure: content }), { mode: 0o600 });
    await run(program, [join(python, 'cluster_lifecycle.py'), lab]);
    return { passed: 1, failed: 0 };
  } finally {
    await azure.close();
    await remove();
  }
}

await runCommand({ name: 'interop', help }, interop);

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { bundleOptions } from '../../../tools/bundle-options.ts';
import { nodeFlags } from '../../lab/node-flags.ts';

/** A controller that does the bench's work, built. */
export interface Program {
  name: string;
  /** The program and its first arguments. */
  command: readonly string[];
}

/**
 * The bench controller made of src/kube, bundled as what ships and with the flags that the image gives to Node.
 * @param profiles a folder for CPU profiles
 */
export async function buildOurs(directory: string, profiles?: string): Promise<Program> {
  const outfile = join(directory, 'controller.js');
  await build({ ...bundleOptions, entryPoints: [join(import.meta.dirname, 'controller.ts')], outfile });
  const profiling = profiles === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profiles}`];
  return { name: 'src/kube', command: [process.execPath, ...nodeFlags, ...profiling, outfile] };
}

/**
 * The same work on controller-runtime, built with Go: seconds when Go has built it before, about two minutes otherwise.
 * @throws an Error that says what is missing: Go, or the modules
 */
export async function buildReference(directory: string): Promise<Program> {
  const outfile = join(directory, 'reference');
  const source = join(import.meta.dirname, 'reference');
  const environment = { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=readonly' };
  await promisify(execFile)('go', ['build', '-trimpath', '-buildvcs=false', '-ldflags=-s -w', '-o', outfile, '.'], {
    cwd: source,
    env: environment,
    maxBuffer: 64 * 1024 * 1024,
  }).catch((cause: unknown) => {
    const output = cause instanceof Error && 'stderr' in cause ? String(cause.stderr) : '';
    const reason = output.trim() === '' && cause instanceof Error ? cause.message : output;
    throw new Error(`go build failed: ${reason.trim().split('\n').slice(-5).join('\n')}`, { cause });
  });
  return { name: 'controller-runtime', command: [outfile] };
}

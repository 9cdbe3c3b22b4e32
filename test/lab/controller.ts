import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { endWithThisProcess } from '../controlplane/processes.ts';
import { nodeFlags } from './node-flags.ts';

const bundle = join(import.meta.dirname, '../../dist/controller.js');

export interface RunningController {
  pid: number;
  logFile: string;
  /** Sends SIGTERM and waits; the exit status. */
  stop(): Promise<number | null>;
  /** SIGKILL, at once. */
  kill(): void;
  exited: Promise<number | null>;
}

/** Starts the shipped bundle as a process of its own. */
export function startController(options: {
  kubeconfig: string;
  config: string;
  logFile: string;
  namespace?: string;
  /** The Instance Metadata Service of the host that it runs on. */
  instanceMetadata?: string;
  environment?: Record<string, string>;
}): RunningController {
  const log = createWriteStream(options.logFile, { flags: 'a' });
  const child = spawn(
    process.execPath,
    [
      ...nodeFlags,
      bundle,
      '--config',
      options.config,
      ...(options.namespace === undefined ? [] : ['--namespace', options.namespace]),
    ],
    {
      env: {
        PATH: process.env['PATH'],
        KUBECONFIG: options.kubeconfig,
        ...(options.instanceMetadata === undefined
          ? {}
          : { AZURE_POD_IDENTITY_AUTHORITY_HOST: options.instanceMetadata }),
        ...options.environment,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  const exited = new Promise<number | null>((resolve) => child.once('exit', (status) => resolve(status)));
  endWithThisProcess(child);
  return {
    pid: child.pid ?? 0,
    logFile: options.logFile,
    stop: () => {
      child.kill('SIGTERM');
      return exited;
    },
    kill: () => child.kill('SIGKILL'),
    exited,
  };
}

export const lastLines = async (file: string, count = 30): Promise<string> =>
  (await readFile(file, 'utf8').catch(() => '')).trimEnd().split('\n').slice(-count).join('\n');

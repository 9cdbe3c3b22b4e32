import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { endWithThisProcess } from '../../controlplane/processes.ts';
import { resourcesOf, type Resources } from '../resources.ts';

/** A controller of the bench as a process of its own. */
export interface RunningProgram {
  /** When the process was started, as `performance.now()` says it. */
  startedAt: number;
  /** When it printed `synced`. */
  synced: Promise<number>;
  /** When it printed `idle` for the first time: everything was as it should be. */
  idle: Promise<number>;
  resources(): Promise<Resources>;
  /** SIGTERM. @throws an Error when it ends otherwise than by status 0 */
  stop(): Promise<void>;
  kill(): void;
}

export function startProgram(command: readonly string[], kubeconfig: string): RunningProgram {
  const [program = '', ...parameters] = command;
  const startedAt = performance.now();
  const child = spawn(program, parameters, {
    env: { PATH: process.env['PATH'], KUBECONFIG: kubeconfig },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  endWithThisProcess(child);
  let complaints = '';
  child.stderr.on('data', (chunk: Buffer) => (complaints = (complaints + chunk.toString()).slice(-4000)));
  const lines = new Map<string, { promise: Promise<number>; resolve(at: number): void }>(
    ['synced', 'idle'].map((word) => [word, Promise.withResolvers<number>()]),
  );
  createInterface(child.stdout).on('line', (line) => lines.get(line.split(' ')[0] ?? '')?.resolve(performance.now()));
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (status, signal) => resolve(`status ${status ?? signal}`));
  });
  const failed = ended.then((how): never => {
    throw new Error(`the controller ended with ${how}\n${complaints}`);
  });
  failed.catch(() => {});
  const when = (word: string) => Promise.race([lines.get(word)?.promise ?? failed, failed]);
  return {
    startedAt,
    synced: when('synced'),
    idle: when('idle'),
    resources: () => resourcesOf(child.pid ?? 0),
    async stop() {
      child.kill('SIGTERM');
      const how = await ended;
      if (how !== 'status 0') throw new Error(`the controller ended with ${how}\n${complaints}`);
    },
    kill: () => child.kill('SIGKILL'),
  };
}

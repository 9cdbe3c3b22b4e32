import { spawn, type ChildProcess } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer, Socket } from 'node:net';
import { basename, join } from 'node:path';

export interface RunningProcess {
  name: string;
  pid: number;
  logFile: string;
  /** Set once it has ended. */
  exited: Promise<void>;
  hasExited(): boolean;
  stop(): Promise<void>;
  /** SIGKILL: no farewell. */
  kill(): Promise<void>;
}

let tether: ChildProcess | undefined;

/**
 * Makes a process end with this one, even when this one is killed with SIGKILL: a small helper process holds the other end of a pipe,
 * and kills what is registered with it as soon as the pipe breaks.
 */
export function endWithThisProcess({ pid }: ChildProcess): void {
  if (tether === undefined) {
    tether = spawn(process.execPath, [join(import.meta.dirname, 'tether.ts')], {
      stdio: ['pipe', 'ignore', 'inherit'],
      detached: true,
    });
    tether.unref();
    if (tether.stdin instanceof Socket) tether.stdin.unref();
  }
  if (pid !== undefined) tether.stdin?.write(`${pid}\n`);
}

/** Starts programs that end with this process, and stops them in the opposite order. */
export function createProcessGroup(directory: string) {
  const running: RunningProcess[] = [];

  const start = (program: string, args: string[]): RunningProcess => {
    const name = basename(program);
    const logFile = join(directory, `${name}.log`);
    const log = createWriteStream(logFile, { flags: 'a' });
    // Its own process group: Ctrl-C must not reach etcd before the API server has stopped, which would then hang.
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    child.stdout.pipe(log);
    child.stderr.pipe(log);
    endWithThisProcess(child);
    const { promise, resolve } = Promise.withResolvers<void>();
    child.once('error', (error) => {
      log.write(`${error.message}\n`);
      resolve();
    });
    child.once('exit', () => resolve());
    let ended = false;
    void promise.then(() => (ended = true));
    const started: RunningProcess = {
      name,
      pid: child.pid ?? 0,
      logFile,
      exited: promise,
      hasExited: () => ended,
      stop: () => stopChild(child, promise),
      kill: () => {
        child.kill('SIGKILL');
        return promise;
      },
    };
    running.push(started);
    return started;
  };

  /** Stops all, the last started first. */
  const stop = async (): Promise<void> => {
    for (const child of running.toReversed()) await child.stop();
  };
  return { start, stop };
}

async function stopChild(child: ChildProcess, exited: Promise<void>): Promise<void> {
  child.kill('SIGTERM');
  const kill = setTimeout(() => child.kill('SIGKILL'), 15_000);
  await exited;
  clearTimeout(kill);
}

/** Polls until `check` holds. Fails at once when the process ends, and after the time limit; both with the log's last lines. */
export async function waitUntilReady(
  child: RunningProcess,
  seconds: number,
  check: () => Promise<boolean>,
): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  while (!(await check().catch(() => false))) {
    if (child.hasExited() || Date.now() > deadline) {
      const lines = (await readFile(child.logFile, 'utf8').catch(() => '')).trimEnd().split('\n').slice(-20);
      const what = child.hasExited() ? 'ended while starting' : `was not ready after ${seconds} s`;
      throw new Error(`${child.name} ${what}. The last lines of ${child.logFile}:\n${lines.join('\n')}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Ports that were free a moment ago. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(0, '127.0.0.1', resolve);
      });
      return server;
    }),
  );
  return Promise.all(
    servers.map(async (server) => {
      const address = server.address();
      await new Promise((resolve) => server.close(resolve));
      if (address === null || typeof address === 'string') throw new Error('no free port');
      return address.port;
    }),
  );
}

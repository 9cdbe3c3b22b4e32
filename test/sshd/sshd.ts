import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { endWithThisProcess, freePorts } from '../controlplane/processes.ts';
import { listenForCommands } from './command-socket.ts';
import { addCleanUp, clientKey, newKey, publicKeyLine, fingerprintOf } from './fixtures.ts';
import type { NodeServer, NodeServerOptions } from './node-server.ts';

// Debian's sshd with a configuration of its own, in which the account is restricted as the installer restricts it on a node. Behind it
// the test answers as a node would.

const program = '/usr/sbin/sshd';

export const sshdIsInstalled = (): boolean => existsSync(program);

interface SshdOptions extends NodeServerOptions {
  /** `shell`: no forced command; `powershell.exe` is a program that the test answers for, all else is what the shell says. */
  readonly runs?: 'forcedCommand' | 'shell';
}

interface Running {
  readonly process: ChildProcess;
  readonly exited: Promise<void>;
}

const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;

/** The direct children of a process; none once it has ended. */
const childrenOf = (pid: number): readonly number[] => {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    return text === '' ? [] : text.split(' ').map(Number);
  } catch {
    return [];
  }
};

const descendantsOf = (pid: number): readonly number[] =>
  childrenOf(pid).flatMap((child) => [child, ...descendantsOf(child)]);

const signalAll = (pids: readonly number[], signal: NodeJS.Signals): void => {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch {
      // It ended between being listed and now.
    }
  }
};

/** The listening sshd and its sessions go at once: as a power cut, not as a service that is stopped. */
const killAll = async ({ process: listener, exited }: Running): Promise<void> => {
  if (listener.pid === undefined || listener.exitCode !== null || listener.signalCode !== null) return;
  listener.kill('SIGSTOP');
  const sessions = descendantsOf(listener.pid);
  listener.kill('SIGKILL');
  signalAll(sessions, 'SIGKILL');
  await exited;
};

/** What the installer writes into a node's sshd_config for the account, without what names files of Windows. */
const installedRestrictions = async (): Promise<readonly string[]> => {
  const installer = new URL('../../deploy/nodes/Install-HciRegistrationNode.ps1', import.meta.url);
  const [, block] = /"Match User [^\n]*\n([\s\S]*?)\n\s*\$blockEnd\n/.exec(await readFile(installer, 'utf8')) ?? [];
  if (block === undefined) throw new Error('the installer writes no Match block');
  return [...block.matchAll(/^\s*'\s*(\w+ .*)'$/gm)].flatMap(([, line = '']) =>
    line.startsWith('AuthorizedKeysFile ') ? [] : [line],
  );
};

const occurrences = (text: string, of: RegExp): number => text.match(of)?.length ?? 0;

export const startSshd = async (options: SshdOptions = {}): Promise<NodeServer> => {
  const { username } = userInfo();
  const installed = await installedRestrictions();
  const directory = await mkdtemp(join(tmpdir(), 'sshd-'));
  addCleanUp(() => rm(directory, { recursive: true, force: true }));
  const inDirectory = (name: string): string => join(directory, name);
  const [log, socketPath, configPath] = [inDirectory('log'), inDirectory('node.sock'), inDirectory('sshd_config')];

  // Compiled into Debian's sshd; its service makes it, and there is no service here.
  if (process.getuid?.() === 0) await mkdir('/run/sshd', { recursive: true, mode: 0o755 });

  const shim = ['exec', process.execPath, fileURLToPath(new URL('./shim.ts', import.meta.url)), socketPath];
  const shimCommand = shim.map((word, index) => (index === 0 ? word : quoted(word))).join(' ');
  await mkdir(inDirectory('bin'));
  await writeFile(
    inDirectory('bin/powershell.exe'),
    `#!/bin/sh\nSSH_ORIGINAL_COMMAND="powershell.exe $*"\nexport SSH_ORIGINAL_COMMAND\n${shimCommand} "$@"\n`,
    { mode: 0o755 },
  );

  let hostKeys = options.hostKeys ?? [newKey()];
  const authorize: NodeServer['authorize'] = (privateKeys) =>
    writeFile(inDirectory('authorized_keys'), privateKeys.map((key) => `${publicKeyLine(key)}\n`).join(''));
  await authorize(options.authorized ?? [clientKey]);
  if (options.banner !== undefined) await writeFile(inDirectory('banner'), options.banner);

  const commands = await listenForCommands(socketPath, options.onExec);
  addCleanUp(commands.close);

  const configuration = (port: number): string =>
    [
      'ListenAddress 127.0.0.1',
      `Port ${port}`,
      ...hostKeys.map((_, index) => `HostKey ${inDirectory(`host_key_${index}`)}`),
      `AuthorizedKeysFile ${inDirectory('authorized_keys')}`,
      'PidFile none',
      'StrictModes no',
      'UsePAM no',
      'PasswordAuthentication no',
      'KbdInteractiveAuthentication no',
      'PermitUserRC no',
      'LogLevel DEBUG1',
      ...(options.banner === undefined ? [] : [`Banner ${inDirectory('banner')}`]),
      // bash would read the .bashrc of whoever runs the tests; at a deeper level it does not.
      `SetEnv SHLVL=1${options.runs === 'shell' ? ` PATH=${inDirectory('bin')}:/usr/bin:/bin` : ''}`,
      `Match User ${username}`,
      ...(options.runs === 'shell' ? [] : [`ForceCommand ${shimCommand}`]),
      // Of two lines for one thing sshd obeys the first.
      ...(options.maxSessions === undefined ? [] : [`MaxSessions ${options.maxSessions}`]),
      ...installed,
      '',
    ].join('\n');

  const logText = (): string => (existsSync(log) ? readFileSync(log, 'utf8') : '');

  /** Resolves with whether it listens; a port that somebody took meanwhile is no error. Rejects with sshd's own words otherwise. */
  const launch = async (port: number): Promise<Running | undefined> => {
    await Promise.all(hostKeys.map((key, index) => writeFile(inDirectory(`host_key_${index}`), key, { mode: 0o600 })));
    await writeFile(configPath, configuration(port));
    const before = logText().length;
    const child = spawn(program, ['-D', '-f', configPath, '-E', log], { stdio: 'ignore', detached: true });
    endWithThisProcess(child);
    const exited = new Promise<void>((resolve) => {
      child.once('error', () => resolve());
      child.once('exit', () => resolve());
    });
    const running = { process: child, exited };
    let ended = false;
    void exited.then(() => (ended = true));
    for (;;) {
      const text = logText().slice(before);
      if (text.includes('Server listening on')) return running;
      if (ended && text.includes('Address already in use')) return undefined;
      if (ended) throw new Error(`sshd ended while starting: ${text}`);
      await Promise.race([exited, delay(5)]);
    }
  };

  const launchAnywhere = async (): Promise<{ running: Running; port: number }> => {
    for (let attempt = 1; attempt <= 10; attempt += 1) {
      const [port = 0] = await freePorts(1);
      const running = await launch(port);
      if (running !== undefined) return { running, port };
    }
    throw new Error('sshd found no free port in ten attempts');
  };

  let { running, port } = await launchAnywhere();
  addCleanUp(() => killAll(running));
  const sessions = (): readonly number[] => descendantsOf(running.process.pid ?? 0);

  return {
    endpoint: {
      name: 'NODE1',
      address: '127.0.0.1',
      port,
      user: username,
      execution: 'Dispatcher',
      privateKeys: [clientKey],
      hostKeys: hostKeys.slice(0, 1).map(fingerprintOf),
    },
    commands: commands.commands,
    counts: () => {
      const text = logText();
      return {
        connections: occurrences(text, /^Connection from /gm),
        open: childrenOf(running.process.pid ?? 0).length,
        authenticationRequests: occurrences(text, /userauth-request for user/g),
        mostExecuting: commands.mostExecuting(),
      };
    },
    freeze: () =>
      signalAll([...(running.process.pid === undefined ? [] : [running.process.pid]), ...sessions()], 'SIGSTOP'),
    cut: () => signalAll(sessions(), 'SIGKILL'),
    authorize,
    stop: () => killAll(running),
    start: async (newHostKeys) => {
      hostKeys = newHostKeys ?? hostKeys;
      const again = await launch(port);
      if (again === undefined) throw new Error(`port ${port} was taken while sshd was down`);
      running = again;
    },
  };
};

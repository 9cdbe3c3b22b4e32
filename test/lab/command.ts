import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

// What the commands of the lab have in common: arguments, interruption, temporary folders, and how they end.

export const say = (line = ''): void => void process.stdout.write(`${line}\n`);

const folders = new Set<string>();
const removeAndExit = (): void => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  process.exit(130);
};
let onInterrupt = removeAndExit;

/** A folder that goes with the process, also when it is interrupted. */
export async function temporaryFolder(prefix: string): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), prefix));
  folders.add(path);
  const remove = async () => {
    await rm(path, { recursive: true, force: true });
    folders.delete(path);
  };
  return { path, remove };
}

/** Resolves at Ctrl-C; a second one ends at once. */
export function untilInterrupted(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  onInterrupt = () => {
    onInterrupt = removeAndExit;
    resolve();
  };
  return promise;
}

/**
 * Runs a command to its end: unknown arguments are an error with the help and exit status 2, a failure is one message and one failed
 * check, and the last line counts what the command says has passed and failed.
 */
export async function runCommand(
  command: { name: string; help: string; flags?: readonly string[] },
  main: (given: ReadonlySet<string>) => Promise<{ passed: number; failed: number } | undefined>,
): Promise<void> {
  const given = new Set<string>();
  try {
    const flags = ['help', ...(command.flags ?? [])].map((flag) => [flag, { type: 'boolean' as const }]);
    for (const flag of Object.keys(parseArgs({ options: Object.fromEntries(flags) }).values)) given.add(flag);
  } catch (error) {
    say(`${error instanceof Error ? error.message : String(error)}\n\n${command.help}`);
    process.exitCode = 2;
    return;
  }
  if (given.has('help')) {
    say(command.help);
    return;
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => onInterrupt());
  try {
    const counts = await main(given);
    if (counts === undefined) return;
    say(`${command.name}: ${counts.passed} passed, ${counts.failed} failed`);
    process.exitCode = counts.failed === 0 ? 0 : 1;
  } catch (error) {
    say(`\n${error instanceof Error ? error.message : String(error)}`);
    say(`${command.name}: 0 passed, 1 failed`);
    process.exitCode = 1;
  }
}

import { runAzcmagent } from './azcmagent.ts';
import { findCmdlet } from './cmdlets/index.ts';
import { agentProgram, fileAt, same } from './cmdlets/items.ts';
import type { Process } from './processes.ts';
import { runPowerShell, type Host, type Ran } from './powershell/run.ts';
import { nodeOf, type NodeContext } from './world.ts';

// A powershell.exe on a node: its command line, and what it runs on.

export interface PowerShellCommand {
  readonly text: string;
  readonly scriptPath?: string;
}

const flag = /^-(?:NoLogo|NoProfile|NonInteractive)\s+/i;
const executionPolicy = /^-ExecutionPolicy\s+(?:Bypass|RemoteSigned)\s+/i;
const program = /^(?:C:\\Windows\\System32\\WindowsPowerShell\\v1\.0\\)?powershell\.exe\s+/i;

/** What a command line of powershell.exe runs; undefined for any that scripts have no reason to write. */
export const parseCommandLine = (commandLine: string): PowerShellCommand | undefined => {
  if (!program.test(commandLine)) return undefined;
  let rest = commandLine.replace(program, '');
  while (flag.test(rest) || executionPolicy.test(rest)) rest = rest.replace(flag, '').replace(executionPolicy, '');
  const [, encoded = ''] = /^-EncodedCommand\s+([A-Za-z0-9+/]+={0,2})$/i.exec(rest) ?? [];
  return encoded === '' ? undefined : { text: Buffer.from(encoded, 'base64').toString('utf16le') };
};

const hostOf = (context: NodeContext, process: Process, environment: Readonly<Record<string, string>>): Host => {
  const { culture, languageMode } = nodeOf(context);
  return {
    command: (name) => {
      const found = findCmdlet(context, name);
      if (found === undefined) return undefined;
      return {
        invoke: async (parameters, input) => {
          process.signal.throwIfAborted();
          return found.invoke(context, process.signal, parameters, input);
        },
      };
    },
    program: (path) => {
      if (!same(path, agentProgram) || fileAt(context, path) === undefined) return undefined;
      return (args) => {
        process.signal.throwIfAborted();
        return runAzcmagent(context, args);
      };
    },
    environment: {
      COMPUTERNAME: context.nodeName,
      ProgramData: 'C:\\ProgramData',
      ProgramFiles: 'C:\\Program Files',
      SystemRoot: 'C:\\Windows',
      windir: 'C:\\Windows',
      ...environment,
    },
    culture,
    languageMode,
    processId: process.id,
    now: context.world.now,
  };
};

/** Rejects with ProcessEnded when the machine stops, and with UnsupportedPowerShell for a script outside the subset. */
export const runPowerShellProcess = (
  context: NodeContext,
  command: PowerShellCommand,
  stdin: string,
  environment: Readonly<Record<string, string>>,
): Promise<Ran> =>
  context.world.processes.run(context, 'powershell', (process) =>
    runPowerShell(command.text, {
      host: hostOf(context, process, environment),
      stdin,
      ...(command.scriptPath === undefined ? {} : { scriptPath: command.scriptPath }),
    }),
  );

import { cliXml } from './cliXml.ts';
import type { Conversion } from './convert.ts';
import { displayLines } from './display.ts';
import { PowerShellError } from './errors.ts';
import { report } from './errorStream.ts';
import { evaluate } from './evaluate.ts';
import { execute, runBlock, valueOf } from './execute.ts';
import { parseProgram } from './parser.ts';
import { createScope, ExitSignal, isSignal, setLocal, type Host, type Runtime } from './runtime.ts';
import type { At } from './syntax.ts';

// One process of powershell.exe: text in, stdout, stderr and an exit code out.

export type { Host, HostCommand, ProgramResult } from './runtime.ts';

export interface Ran {
  readonly stdout: string;
  /** CLIXML, as powershell.exe writes it to a redirected stderr; empty when there is nothing to say. */
  readonly stderr: string;
  readonly exitCode: number;
}

export interface RunOptions {
  readonly host: Host;
  readonly stdin: string;
  /** `-File`; without it the text is that of `-EncodedCommand`. */
  readonly scriptPath?: string;
  /** Set before the script starts. */
  readonly variables?: Readonly<Record<string, unknown>>;
}

const createRuntime = (host: Host, path: string | undefined): Runtime => {
  const runtime: Runtime = {
    host,
    scriptScope: createScope(undefined),
    errors: [],
    stdout: [],
    stderr: [],
    tryDepth: 0,
    statements: 0,
    errorTarget: 'stderr',
    path,
    succeeded: true,
    hasShownProgress: false,
    conversion: ({ line }: At): Conversion => ({ culture: host.culture, languageMode: host.languageMode, line }),
    evaluate: (expression, scope) => evaluate(expression, scope, runtime),
    execute: (statements, scope, output) => execute(statements, scope, output, runtime),
    valueOf: (statement, scope) => valueOf(statement, scope, runtime),
    runBlock: (block, scope, item, output) => runBlock(block.body, scope, item, output, runtime),
    runText: async (text, scope, output) => {
      const { statements } = await parseProgram(text);
      await execute(statements, scope, output, runtime);
    },
  };
  return runtime;
};

const stdinLines = (stdin: string): readonly string[] => {
  const lines = stdin.split(/\r?\n/);
  return lines.at(-1) === '' ? lines.slice(0, -1) : lines;
};

/**
 * Runs a script as powershell.exe does. Throws `UnsupportedPowerShell` for anything outside the house subset, and whatever a host command
 * throws that is no `CmdletError`.
 */
export const runPowerShell = async (text: string, options: RunOptions): Promise<Ran> => {
  const { host, stdin, scriptPath, variables = {} } = options;
  const runtime = createRuntime(host, scriptPath);
  const { scriptScope } = runtime;
  setLocal(scriptScope, 'input', stdinLines(stdin));
  setLocal(scriptScope, 'args', []);
  for (const [name, value] of Object.entries(variables)) setLocal(scriptScope, name, value);
  const exitCode = await runToExit(text, runtime);
  const conversion = runtime.conversion({ line: 0, column: 0, sourceLine: '', text: '' });
  const lines = displayLines(runtime.stdout, conversion);
  return { stdout: lines.map((line) => `${line}\r\n`).join(''), stderr: cliXml(runtime.stderr), exitCode };
};

const runToExit = async (text: string, runtime: Runtime): Promise<number> => {
  try {
    await runtime.runText(text, runtime.scriptScope, runtime.stdout);
  } catch (error) {
    if (error instanceof ExitSignal) return error.code;
    if (error instanceof PowerShellError) {
      report(error.record, runtime);
      return 1;
    }
    if (!isSignal(error)) throw error;
  }
  // A text without a file also fails when its last statement did.
  return runtime.path === undefined && !runtime.succeeded ? 1 : 0;
};

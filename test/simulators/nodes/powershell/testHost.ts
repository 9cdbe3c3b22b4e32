import { CmdletError } from '../cmdlets/cmdlet.ts';
import { runPowerShell, type Host, type HostCommand, type Ran } from './run.ts';
import { localTime } from './values.ts';

// A node of a few commands, for the tests of the evaluator itself.

const give = (value: unknown): HostCommand => ({ invoke: () => Promise.resolve(value) });
const fail = (terminating: boolean): HostCommand => ({
  invoke: () =>
    Promise.reject(
      new CmdletError('It failed.', 'Failed,Test-Failure', 'InvalidOperationException', {
        terminating,
        detail: 'What Azure said',
        output: ['before'],
      }),
    ),
});

export const instant = new Date('2026-03-01T20:04:05.678Z');

const commands: Readonly<Record<string, HostCommand>> = {
  'get-none': give(undefined),
  'get-null': give(null),
  'get-one': give(['one']),
  'get-two': give(['one', 'two']),
  'get-thing': {
    invoke: () =>
      Promise.resolve({
        Name: 'thing',
        State: { type: 'Test.State', name: 'Up', value: 0 },
        When: localTime(instant),
        Parts: [{ Id: 1 }, { Id: 2 }],
        Nothing: null,
      }),
  },
  'get-arguments': {
    invoke: (parameters, input) =>
      Promise.resolve(`${JSON.stringify(parameters)}${input.length > 0 ? ` < ${input.join(',')}` : ''}`),
  },
  'fail-softly': fail(false),
  'fail-hard': fail(true),
};

export const testHost: Host = {
  command: (name) => commands[name.toLowerCase()],
  program: (path) =>
    path.toLowerCase() === 'c:\\tools\\echo.exe'
      ? (values, input) =>
          Promise.resolve({ stdout: `${values.join('|')}\r\n${input}`, stderr: 'warned\r\n', exitCode: values.length })
      : undefined,
  environment: { COMPUTERNAME: 'NODE1' },
  culture: 'en-US',
  languageMode: 'FullLanguage',
  processId: 42,
  now: () => instant,
};

export const run = (text: string, change: Partial<Host> = {}, stdin = ''): Promise<Ran> =>
  runPowerShell(text, { host: { ...testHost, ...change }, stdin, scriptPath: 'C:\\scripts\\test.ps1' });

/** Progress is off, so that stderr holds errors only. */
export const quiet = (text: string): string => `$ProgressPreference = 'SilentlyContinue'\n${text}`;

/** The lines of stdout of a script that is expected to write no error. */
export const linesOf = async (text: string, change: Partial<Host> = {}): Promise<readonly string[]> => {
  const { stdout, stderr } = await run(quiet(text), change);
  if (stderr !== '') throw new Error(stderr);
  return stdout.split('\r\n').slice(0, -1);
};

/** A script, and the lines that it prints. */
export type Row = readonly [script: string, ...lines: string[]];

export const asCase = ([script, ...lines]: Row): {
  readonly name: string;
  readonly script: string;
  readonly lines: readonly string[];
} => ({ name: script.replace(/\n\s*/g, ' ; '), script, lines });

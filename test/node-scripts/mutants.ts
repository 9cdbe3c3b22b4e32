import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { arcRegistrationTaskScript, encodeCommand, nodeScript, scriptFiles } from '../../src/nodes/script/script.ts';

// The node script without one of its lines.

export interface Mutant {
  /** The text that was taken out. */
  readonly line: string;
  /** Of `src/nodes/script`. */
  readonly file: string;
  /** File and line; of the clustered task the line of its condensed text. */
  readonly where: string;
  readonly script: string;
}

const taskFile = 'arc-registration-task.ps1';

const isEffective = (line: string): boolean => line.trim() !== '' && !line.trim().startsWith('#');

const without = (lines: readonly string[], index: number): string =>
  [...lines.slice(0, index), ...lines.slice(index + 1)].join('\n');

const mutantsOf = (text: string, file: string, build: (mutated: string) => string): readonly Mutant[] => {
  const lines = text.split('\n');
  return lines.flatMap((line, index) =>
    isEffective(line)
      ? [{ line: line.trim(), file, where: `${file}:${index + 1}`, script: build(without(lines, index)) }]
      : [],
  );
};

/** One for each effective line of the script and of the text of the clustered task within it. */
export const allMutants = (): readonly Mutant[] => {
  const script = nodeScript();
  const task = arcRegistrationTaskScript();
  const parts = scriptFiles.flatMap((url) => {
    const text = readFileSync(url, 'utf8').trimEnd();
    const start = script.indexOf(text);
    return start < 0 ? [] : [{ file: basename(url.pathname), text, start }];
  });
  return [
    ...parts.flatMap(({ file, text, start }) =>
      mutantsOf(text, file, (mutated) => script.slice(0, start) + mutated + script.slice(start + text.length)),
    ),
    ...mutantsOf(task, taskFile, (mutated) => script.replace(encodeCommand(task), encodeCommand(mutated))),
  ];
};

/** Numbers from 0 to 1, the same ones for the same seed (mulberry32). */
const random = (seed: number): (() => number) => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
};

export const sample = <T>(all: readonly T[], size: number, seed: number): readonly T[] => {
  const next = random(seed);
  return all
    .map((each) => ({ each, key: next() }))
    .toSorted((a, b) => a.key - b.key)
    .slice(0, size)
    .map(({ each }) => each);
};

interface Unseen {
  readonly file: string;
  /** The whole line, without its indentation. */
  readonly line: string;
  readonly because: string;
}

const inEach = (because: string, lines: Readonly<Record<string, readonly string[]>>): readonly Unseen[] =>
  Object.entries(lines).flatMap(([file, texts]) => texts.map((line) => ({ file, line, because })));

/** Lines whose loss changes nothing that can be seen from outside, each with the reason. One that no script has fails `npm run node-scripts`. */
export const unseen: readonly Unseen[] = [
  ...inEach('a variable that nothing has set is null', {
    'probe.ps1': ['$lastTaskResult = $null'],
    'read.ps1': ['$serviceName = $null'],
    'main.ps1': ["$operation = ''", '$document = $null', '$failure = $null', '$result = $null'],
  }),
  ...inEach('a function that ends without it returns nothing', { 'agent.ps1': ['return $null'] }),
  ...inEach('without arguments the rest of the function has nothing to go through', { 'answer.ps1': ['return $Text'] }),
  ...inEach('what follows comes to the same', { 'lock.ps1': ["return ''"], [taskFile]: ["return ''"] }),
  ...inEach('a script that ends well exits with 0', { 'main.ps1': ['exit 0'] }),
  ...inEach('only Windows PowerShell makes errors of what a program writes to stderr', {
    'agent.ps1': ["$ErrorActionPreference = 'Continue'"],
  }),
  ...inEach('nothing that runs here warns', { 'main.ps1': ["$WarningPreference = 'SilentlyContinue'"] }),
  ...inEach('a second line behind -Confirm:$false and -Force of the commands that would ask', {
    'main.ps1': ["$ConfirmPreference = 'None'"],
    [taskFile]: ["$ConfirmPreference = 'None'"],
  }),
  ...inEach('nobody reads what the task shows', { [taskFile]: ["$ProgressPreference = 'SilentlyContinue'"] }),
  ...inEach('code pages are not simulated', {
    'main.ps1': ['[Console]::OutputEncoding = [System.Text.Encoding]::UTF8'],
  }),
  ...inEach('the lock has made the key before', { 'records.ps1': ['Confirm-RegistryKey -Path $recordsPath'] }),
  ...inEach('for a person who looks at a lock', {
    'lock.ps1': [
      `$null = New-ItemProperty -Path $path -Name 'CorrelationId' -PropertyType String -Value "$CorrelationId" -Force -ErrorAction Stop`,
    ],
  }),
];

export const isExcusedBy = (each: Unseen, { file, line }: Mutant): boolean => each.file === file && each.line === line;

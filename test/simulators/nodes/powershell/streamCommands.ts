import { toText } from './convert.ts';
import { displayLines } from './display.ts';
import { ErrorRecord, PowerShellException } from './errors.ts';
import { preference, writeError } from './errorStream.ts';
import type { Call, LanguageCommand } from './languageCommand.ts';
import { UnsupportedPowerShell } from './unsupported.ts';
import { emit, emitWhole } from './values.ts';

// Write-… and Out-…: the streams. What a console host prints of warnings and the host stream goes to stdout.

const inputOf = (call: Call, parameter: string): readonly unknown[] => {
  if (call.input !== undefined) return call.input;
  const list: unknown[] = [];
  emit(call.get(parameter), list);
  return list;
};

const writeErrorCommand = (call: Call): void => {
  const { get, at, runtime, conversion, scope, errorAction } = call;
  const id = get('ErrorId');
  const name = 'Microsoft.PowerShell.Commands.WriteErrorException';
  const record = new ErrorRecord({
    exception: new PowerShellException(name, toText(get('Message'), conversion)),
    fullyQualifiedErrorId: id === undefined ? name : toText(id, conversion),
    category: 'NotSpecified',
    activity: 'Write-Error',
    at,
    path: runtime.path,
  });
  writeError(record, errorAction, scope, runtime);
};

const prefixed = (name: string, prefix: string, preferenceName: string): LanguageCommand => ({
  name,
  values: ['Message'],
  positions: ['Message'],
  run: ({ get, conversion, scope, runtime }) => {
    const isVerbose = preferenceName === 'VerbosePreference';
    const how = preference(preferenceName, scope, runtime);
    if (how === 'silentlycontinue' || how === 'ignore') return;
    if (isVerbose && !scopeHas(scope, preferenceName)) return;
    runtime.stdout.push(`${prefix}: ${toText(get('Message'), conversion)}`);
  },
});

const scopeHas = (scope: Call['scope'], name: string): boolean =>
  scope.variables.has(name.toLowerCase()) || (scope.parent !== undefined && scopeHas(scope.parent, name));

export const streamCommands: readonly LanguageCommand[] = [
  {
    name: 'Write-Output',
    values: ['InputObject'],
    switches: ['NoEnumerate'],
    positions: ['InputObject'],
    run: (call) => {
      if (call.get('NoEnumerate') === true) {
        emitWhole(call.get('InputObject') ?? null, call.output);
        return;
      }
      call.output.push(...inputOf(call, 'InputObject'));
    },
  },
  {
    name: 'Write-Error',
    values: ['Message', 'ErrorId'],
    positions: ['Message'],
    run: writeErrorCommand,
  },
  prefixed('Write-Warning', 'WARNING', 'WarningPreference'),
  prefixed('Write-Verbose', 'VERBOSE', 'VerbosePreference'),
  {
    name: 'Write-Host',
    values: ['Object'],
    positions: ['Object'],
    run: ({ get, conversion, runtime }) => {
      runtime.stdout.push(toText(get('Object'), conversion));
    },
  },
  { name: 'Out-Null', values: ['InputObject'], positions: [], run: () => undefined },
  {
    name: 'Out-String',
    values: ['InputObject', 'Width'],
    switches: [],
    run: (call) => {
      const lines = displayLines(inputOf(call, 'InputObject'), call.conversion);
      call.output.push(lines.map((line) => `${line}\r\n`).join(''));
    },
  },
  {
    name: 'Invoke-Expression',
    values: ['Command'],
    positions: [],
    run: async ({ get, conversion, scope, output, runtime, at }) => {
      const text = get('Command');
      if (typeof text !== 'string') throw new UnsupportedPowerShell('Invoke-Expression of what is no string', at.line);
      const before = runtime.path;
      runtime.path = undefined;
      try {
        await runtime.runText(toText(text, conversion), scope, output);
      } finally {
        runtime.path = before;
      }
    },
  },
];

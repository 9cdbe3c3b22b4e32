import { cast, textIn, toNumber, toText } from './convert.ts';
import { ErrorRecord, PowerShellException, raiseBinding } from './errors.ts';
import { writeError } from './errorStream.ts';
import { formatDate } from './format.ts';
import type { Call, LanguageCommand } from './languageCommand.ts';
import { timeSpan } from './operators.ts';
import { findVariable } from './runtime.ts';
import { UnsupportedPowerShell } from './unsupported.ts';
import { asDateTime, HintedDateTime, NetObject } from './values.ts';

// Dates, variables, paths.

const getDate = ({ get, has, conversion, output, runtime }: Call): void => {
  const date = has('Date')
    ? asDateTime(cast(get('Date'), 'datetime', conversion))
    : new HintedDateTime(runtime.host.now().getTime(), 'Local');
  if (date === undefined) return;
  if (!has('Format')) output.push(date);
  else
    output.push(
      formatDate(date, toText(get('Format'), conversion), conversion.culture, conversion.culture, conversion.line),
    );
};

const getVariable = (call: Call): void => {
  const { get, conversion, scope, output, at, runtime, errorAction } = call;
  const name = toText(get('Name'), conversion);
  const variable = findVariable(scope, name);
  if (variable !== undefined) {
    const value = variable.value ?? null;
    output.push(
      get('ValueOnly') === true
        ? value
        : new NetObject('System.Management.Automation.PSVariable', '', { Name: name, Value: value }),
    );
    return;
  }
  const record = new ErrorRecord({
    exception: new PowerShellException(
      'System.Management.Automation.ItemNotFoundException',
      `Cannot find a variable with the name '${name}'.`,
    ),
    fullyQualifiedErrorId: 'VariableNotFound,Microsoft.PowerShell.Commands.GetVariableCommand',
    category: 'ObjectNotFound',
    activity: 'Get-Variable',
    target: name,
    at,
    path: runtime.path,
  });
  writeError(record, errorAction, scope, runtime);
};

const milliseconds: Readonly<Record<string, number>> = {
  Days: 86_400_000,
  Hours: 3_600_000,
  Minutes: 60_000,
  Seconds: 1000,
};

const splitPath = ({ get, conversion, output, at }: Call): void => {
  const path = toText(get('Path'), conversion).replace(/[\\/]+$/, '');
  if (!path.includes('\\'))
    throw new UnsupportedPowerShell(`Split-Path of ${textIn(path, 'invariant', conversion)}`, at.line);
  const end = path.lastIndexOf('\\');
  output.push(get('Leaf') === true ? path.slice(end + 1) : path.slice(0, end));
};

export const dataCommands: readonly LanguageCommand[] = [
  { name: 'Get-Date', values: ['Date', 'Format'], positions: ['Date'], run: getDate },
  {
    name: 'New-TimeSpan',
    values: Object.keys(milliseconds),
    run: ({ get, conversion, output }) => {
      const total = Object.entries(milliseconds).map(([name, unit]) => toNumber(get(name), conversion) * unit);
      output.push(timeSpan(total.reduce((sum, each) => sum + each, 0)));
    },
  },
  {
    name: 'Get-Variable',
    values: ['Name'],
    switches: ['ValueOnly'],
    positions: ['Name'],
    run: getVariable,
  },
  {
    name: 'Join-Path',
    values: ['Path', 'ChildPath'],
    positions: ['Path', 'ChildPath'],
    run: ({ get, conversion, output }) => {
      const [parent, child] = [toText(get('Path'), conversion), toText(get('ChildPath'), conversion)];
      if (parent === '') {
        throw raiseBinding(
          "Cannot bind argument to parameter 'Path' because it is an empty string.",
          'ParameterArgumentValidationErrorEmptyStringNotAllowed,Microsoft.PowerShell.Commands.JoinPathCommand',
        );
      }
      output.push(`${parent.replace(/[\\/]+$/, '')}\\${child.replace(/^[\\/]+/, '')}`);
    },
  },
  { name: 'Split-Path', values: ['Path'], switches: ['Leaf', 'Parent'], positions: ['Path'], run: splitPath },
];

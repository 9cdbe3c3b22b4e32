import { toBoolean, toNumber, toText } from './convert.ts';
import { ErrorRecord, PowerShellException, raiseBinding } from './errors.ts';
import { writeError } from './errorStream.ts';
import type { Call, LanguageCommand } from './languageCommand.ts';
import { getProperty } from './members.ts';
import { compare, equals } from './operators.ts';
import { typeOf } from './types.ts';
import { UnsupportedPowerShell } from './unsupported.ts';
import {
  collect,
  emit,
  enumerate,
  Hashtable,
  isPlainObject,
  makeObject,
  NetObject,
  propertyName,
  ScriptBlock,
} from './values.ts';

// Cmdlets on the objects of a pipeline.

const pipedInto = (call: Call): readonly unknown[] => {
  if (call.input !== undefined) return call.input;
  const list: unknown[] = [];
  emit(call.get('InputObject'), list);
  return list;
};

const blockOf = (call: Call, parameter: string, command: string): ScriptBlock => {
  const block = call.get(parameter);
  if (block instanceof ScriptBlock) return block;
  throw new UnsupportedPowerShell(`${command} without a script block`, call.at.line);
};

const runOn = async (call: Call, block: ScriptBlock, item: unknown, output: unknown[]): Promise<void> =>
  call.runtime.runBlock(block.syntax, call.scope, item, output);

const valueOn = async (call: Call, block: ScriptBlock, item: unknown): Promise<unknown> => {
  const output: unknown[] = [];
  await runOn(call, block, item, output);
  return collect(output);
};

/** A property by name, or what a script block makes of the item. */
const propertyOf = async (call: Call, property: unknown, item: unknown): Promise<unknown> =>
  property instanceof ScriptBlock
    ? valueOn(call, property, item)
    : getProperty(item, toText(property, call.conversion), call.conversion);

/** A name, or `@{ Name = …; Expression = { … } }`. */
const calculated = (property: unknown, call: Call): { readonly name: string; readonly value: unknown } => {
  if (!(property instanceof Hashtable)) {
    const name = toText(property, call.conversion);
    if (/[*?]/.test(name)) throw new UnsupportedPowerShell(`-Property ${name}`, call.at.line);
    return { name, value: name };
  }
  if (property.size !== 2 || !property.has('Name') || !property.has('Expression'))
    throw new UnsupportedPowerShell('a calculated property without Name and Expression', call.at.line);
  return { name: toText(property.get('Name'), call.conversion), value: property.get('Expression') };
};

const ownNames = (item: unknown): readonly string[] | undefined =>
  isPlainObject(item) ? Object.keys(item) : undefined;

const expand = async (call: Call, item: unknown, name: string, output: unknown[]): Promise<void> => {
  const isThere = isPlainObject(item)
    ? propertyName(item, name) !== undefined
    : getProperty(item, name, call.conversion) !== null;
  if (isThere) {
    emit(getProperty(item, name, call.conversion), output);
    return;
  }
  const message = `Property "${name}" cannot be found.`;
  const record = new ErrorRecord({
    exception: new PowerShellException('System.Management.Automation.PSArgumentException', message),
    fullyQualifiedErrorId: 'ExpandPropertyNotFound,Microsoft.PowerShell.Commands.SelectObjectCommand',
    category: 'InvalidArgument',
    activity: 'Select-Object',
    at: call.at,
    path: call.runtime.path,
  });
  writeError(record, call.errorAction, call.scope, call.runtime);
};

const select = async (call: Call): Promise<void> => {
  const { get, has, conversion } = call;
  const all = pipedInto(call);
  const first = has('First') ? all.slice(0, toNumber(get('First'), conversion)) : all;
  const picked = has('Last') ? first.slice(-toNumber(get('Last'), conversion) || first.length) : first;
  const projected: unknown[] = [];
  for (const item of picked) {
    if (has('ExpandProperty')) {
      await expand(call, item, toText(get('ExpandProperty'), conversion), projected);
    } else if (has('Property')) {
      const entries: (readonly [string, unknown])[] = [];
      for (const property of enumerate(get('Property'))) {
        const { name, value } = calculated(property, call);
        const own = ownNames(item)?.find((each) => each.toLowerCase() === name.toLowerCase());
        entries.push([own ?? name, (await propertyOf(call, value, item)) ?? null]);
      }
      projected.push(makeObject(entries));
    } else projected.push(item);
  }
  // Select-Object -Unique is case-sensitive.
  const isSame = (left: unknown, right: unknown): boolean =>
    typeof left === 'string' && typeof right === 'string' ? left === right : equals(left, right, conversion);
  const unique = projected.filter((item, index) => projected.findIndex((each) => isSame(each, item)) === index);
  call.output.push(...(get('Unique') === true ? unique : projected));
};

const sort = async (call: Call): Promise<void> => {
  const { get, conversion } = call;
  const properties = call.has('Property') ? enumerate(get('Property')) : [undefined];
  const keyed: { readonly item: unknown; readonly keys: readonly unknown[] }[] = [];
  for (const item of pipedInto(call)) {
    const keys: unknown[] = [];
    for (const property of properties)
      keys.push(property === undefined ? item : await propertyOf(call, property, item));
    keyed.push({ item, keys });
  }
  const direction = get('Descending') === true ? -1 : 1;
  const byKeys = (left: readonly unknown[], right: readonly unknown[]): number =>
    left.map((key, index) => compareKeys(key, right[index], call)).find((each) => each !== 0) ?? 0;
  const sorted = keyed.toSorted((left, right) => direction * byKeys(left.keys, right.keys));
  const unique = sorted.filter(({ keys }, index) => index === 0 || byKeys(keys, sorted[index - 1]?.keys ?? []) !== 0);
  call.output.push(...(get('Unique') === true ? unique : sorted).map(({ item }) => item));
  if (keyed.some(({ keys }) => keys.some((key) => isPlainObject(key))))
    throw new UnsupportedPowerShell(`sorting by a ${typeOf(keyed[0]?.keys[0])} (of ${conversion.line})`, call.at.line);
};

const compareKeys = (left: unknown, right: unknown, call: Call): number => {
  if (typeof left === typeof right || left === null || right === null) return compare(left, right, call.conversion);
  return compare(toText(left, call.conversion), toText(right, call.conversion), call.conversion);
};

const measure = async (call: Call): Promise<void> => {
  const { get, has, conversion } = call;
  const items: unknown[] = [];
  for (const item of pipedInto(call)) {
    const value = has('Property') ? await propertyOf(call, get('Property'), item) : item;
    if (value !== null && value !== undefined) items.push(value);
  }
  const numbers = (switchName: string): readonly number[] | undefined =>
    get(switchName) === true && items.length > 0 ? items.map((item) => toNumber(item, conversion)) : undefined;
  const [sum, minimum, maximum] = [numbers('Sum'), numbers('Minimum'), numbers('Maximum')];
  call.output.push(
    new NetObject(
      'Microsoft.PowerShell.Commands.GenericMeasureInfo',
      'Microsoft.PowerShell.Commands.GenericMeasureInfo',
      {
        Count: items.length,
        Sum: sum?.reduce((total, each) => total + each, 0) ?? null,
        Minimum: minimum === undefined ? null : Math.min(...minimum),
        Maximum: maximum === undefined ? null : Math.max(...maximum),
        Average: null,
      },
    ),
  );
};

export const objectCommands: readonly LanguageCommand[] = [
  {
    name: 'ForEach-Object',
    values: ['Process', 'InputObject'],
    positions: ['Process'],
    run: async (call) => {
      const block = blockOf(call, 'Process', 'ForEach-Object');
      for (const item of pipedInto(call)) await runOn(call, block, item, call.output);
    },
  },
  {
    name: 'Where-Object',
    values: ['FilterScript', 'InputObject'],
    positions: ['FilterScript'],
    run: async (call) => {
      const block = blockOf(call, 'FilterScript', 'Where-Object');
      for (const item of pipedInto(call)) if (toBoolean(await valueOn(call, block, item))) call.output.push(item);
    },
  },
  {
    name: 'Select-Object',
    values: ['Property', 'First', 'Last', 'ExpandProperty', 'InputObject'],
    switches: ['Unique'],
    positions: ['Property'],
    run: select,
  },
  {
    name: 'Sort-Object',
    values: ['Property', 'InputObject'],
    switches: ['Descending', 'Unique'],
    positions: ['Property'],
    run: sort,
  },
  {
    name: 'Measure-Object',
    values: ['Property', 'InputObject'],
    switches: ['Sum', 'Minimum', 'Maximum'],
    positions: ['Property'],
    run: measure,
  },
  {
    name: 'New-Object',
    values: ['TypeName', 'Property', 'ArgumentList'],
    positions: ['TypeName'],
    run: ({ get, conversion, output, at }) => {
      const type = toText(get('TypeName'), conversion).toLowerCase();
      const isObject = /^(?:psobject|pscustomobject|system\.management\.automation\.psobject)$/.test(type);
      if (!isObject && conversion.languageMode === 'ConstrainedLanguage') {
        throw raiseBinding(
          'Cannot create type. Only core types are supported in this language mode.',
          'CannotCreateTypeConstrainedLanguage,Microsoft.PowerShell.Commands.NewObjectCommand',
        );
      }
      const table = get('Property');
      if (!isObject || !(table instanceof Hashtable)) throw new UnsupportedPowerShell(`New-Object ${type}`, at.line);
      output.push(makeObject(table.keys.map((key) => [toText(key, conversion), table.get(key)])));
    },
  },
  {
    name: 'Add-Type',
    values: ['TypeDefinition', 'AssemblyName', 'MemberDefinition', 'Name', 'Namespace', 'Path'],
    positions: ['TypeDefinition'],
    run: ({ conversion, at }) => {
      if (conversion.languageMode === 'FullLanguage') throw new UnsupportedPowerShell('Add-Type', at.line);
      throw raiseBinding(
        'Cannot add type. Definition of new types is not supported in this language mode.',
        'CannotDefineNewType,Microsoft.PowerShell.Commands.AddTypeCommand',
      );
    },
  },
];

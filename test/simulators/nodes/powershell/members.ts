import { textIn, toText, type Conversion } from './convert.ts';
import { ErrorRecord, PowerShellException, raise, reasonOf } from './errors.ts';
import { wallClock } from './format.ts';
import { typeOf } from './types.ts';
import { UnsupportedPowerShell } from './unsupported.ts';
import {
  asDateTime,
  Char,
  emit,
  Hashtable,
  isArray,
  isEnumValue,
  isPlainObject,
  NetObject,
  PropertyCollection,
  propertyName,
  Regex,
  ScriptBlock,
  TypeValue,
  type DateTime,
} from './values.ts';
import { unknownProperty } from './operators.ts';

// Properties: `$x.Name`, and writing them.

/** A property that is not there, as opposed to one that is $null. */
const missing = Symbol('missing');

const lookup = (table: Readonly<Record<string, unknown>>, name: string): unknown => {
  const key = propertyName(table, name);
  return key === undefined ? missing : (table[key] ?? null);
};

const kinds: Readonly<Record<string, number>> = { Unspecified: 0, Utc: 1, Local: 2 };
const days = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];

const dateProperties = (date: DateTime, conversion: Conversion): Readonly<Record<string, unknown>> => {
  const clock = wallClock(date, conversion.culture);
  const day = clock.getUTCDay();
  return {
    Year: clock.getUTCFullYear(),
    Month: clock.getUTCMonth() + 1,
    Day: clock.getUTCDate(),
    Hour: clock.getUTCHours(),
    Minute: clock.getUTCMinutes(),
    Second: clock.getUTCSeconds(),
    Millisecond: clock.getUTCMilliseconds(),
    DayOfWeek: { type: 'System.DayOfWeek', name: days[day] ?? '', value: day },
    Kind: { type: 'System.DateTimeKind', name: date.kind, value: kinds[date.kind] ?? 0 },
  };
};

const exceptionProperties = (exception: PowerShellException): Readonly<Record<string, unknown>> => ({
  Message: exception.message,
  InnerException: exception.inner ?? null,
  ...exception.properties,
});

const recordProperties = (record: ErrorRecord): Readonly<Record<string, unknown>> => ({
  Exception: record.exception,
  FullyQualifiedErrorId: record.fullyQualifiedErrorId,
  CategoryInfo: new NetObject('System.Management.Automation.ErrorCategoryInfo', record.category, {
    Category: record.category,
    Activity: record.activity,
    Reason: reasonOf(record.exception),
    TargetName: typeof record.target === 'string' ? record.target : '',
  }),
  InvocationInfo: new NetObject('System.Management.Automation.InvocationInfo', '', {
    PositionMessage: record.positionMessage,
    ScriptLineNumber: record.at.line,
    OffsetInLine: record.at.column,
    Line: record.at.sourceLine,
    ScriptName: record.path ?? '',
  }),
  TargetObject: record.target,
  ErrorDetails: null,
});

const hashtableProperty = (table: Hashtable, name: string): unknown => {
  if (table.has(name)) return table.get(name);
  switch (name.toLowerCase()) {
    case 'keys':
      return table.keys;
    case 'values':
      return table.values;
    case 'count':
      return table.size;
    default:
      return missing;
  }
};

/** `$x.PSObject`. The adapted properties of .NET objects are outside the subset. */
const psObject = (value: unknown, conversion: Conversion): NetObject => {
  if (!isPlainObject(value) || isEnumValue(value))
    throw new UnsupportedPowerShell(`PSObject of a ${typeOf(value)}`, conversion.line);
  const properties = Object.entries(value).map(
    ([name, each]) =>
      new NetObject('System.Management.Automation.PSNoteProperty', `${typeOf(each)} ${name}`, {
        Name: name,
        Value: each ?? null,
      }),
  );
  return new NetObject('System.Management.Automation.PSObject', '', { Properties: new PropertyCollection(properties) });
};

/** Values that have only the properties listed for them: asking for another may mean that the list is too short. */
const knownOnly = (
  table: Readonly<Record<string, unknown>>,
  value: unknown,
  name: string,
  conversion: Conversion,
): unknown => {
  const found = lookup(table, name);
  if (found !== missing) return found;
  if (/^(?:count|length)$/i.test(name)) return 1;
  throw new UnsupportedPowerShell(`the property ${name} of a ${typeOf(value)}`, conversion.line);
};

const find = (value: unknown, name: string, conversion: Conversion): unknown => {
  if (value === null || value === undefined) return /^(?:count|length)$/i.test(name) ? 0 : missing;
  if (/^psobject$/i.test(name)) return psObject(value, conversion);
  const isSize = /^(?:count|length)$/i.test(name);
  if (typeof value === 'string') return /^length$/i.test(name) ? value.length : isSize ? 1 : missing;
  if (isArray(value)) return isSize ? value.length : missing;
  if (value instanceof Hashtable) return hashtableProperty(value, name);
  if (value instanceof PropertyCollection) return missing;
  if (isEnumValue(value)) return /^value__$/i.test(name) ? value.value : isSize ? 1 : missing;
  if (isPlainObject(value)) return lookup(value, name);
  const date = asDateTime(value);
  if (date !== undefined) return knownOnly(dateProperties(date, conversion), value, name, conversion);
  if (value instanceof ErrorRecord) return knownOnly(recordProperties(value), value, name, conversion);
  if (value instanceof PowerShellException) {
    const found = lookup(exceptionProperties(value), name);
    const isOfEvery = /^(?:data|helplink|hresult|source|stacktrace|targetsite|errorrecord|count|length)$/i.test(name);
    return isOfEvery ? knownOnly({}, value, name, conversion) : found;
  }
  if (value instanceof NetObject) return knownOnly(value.properties, value, name, conversion);
  if (value instanceof TypeValue) {
    const short = value.fullName.split('.').at(-1);
    return knownOnly({ FullName: value.fullName, Name: short }, value, name, conversion);
  }
  if (value instanceof Regex || value instanceof ScriptBlock) return knownOnly({}, value, name, conversion);
  return isSize ? 1 : missing;
};

/** A property that is missing is $null; of a list it is asked of every element, as far as they have it. */
export const getProperty = (value: unknown, name: string, conversion: Conversion): unknown => {
  const found = find(value, name, conversion);
  if (found !== missing) return found;
  const isList = isArray(value) || value instanceof PropertyCollection;
  if (!isList) return null;
  const output: unknown[] = [];
  for (const each of isArray(value) ? value : value.properties) {
    const property = isArray(each) ? getProperty(each, name, conversion) : find(each, name, conversion);
    if (property !== missing && each !== null) emit(property, output);
  }
  return output.length <= 1 ? (output[0] ?? null) : output;
};

/** Hashtables take any key; objects only what they have. */
export const setProperty = (target: unknown, name: string, value: unknown, conversion: Conversion): void => {
  if (target === null || target === undefined) throw unknownProperty(name);
  if (target instanceof Hashtable) {
    target.set(name, value);
    return;
  }
  if (isPlainObject(target) && !isEnumValue(target)) {
    const key = propertyName(target, name);
    if (key === undefined) throw unknownProperty(name);
    if (Object.isFrozen(target))
      throw new UnsupportedPowerShell(`setting ${name} of what a command answered`, conversion.line);
    target[key] = value ?? null;
    return;
  }
  throw new UnsupportedPowerShell(`setting ${name} of a ${typeOf(target)}`, conversion.line);
};

const indexOne = (target: readonly unknown[], index: number): unknown =>
  target[index < 0 ? target.length + index : index];

/** `$x[…]`; outside an array is $null. */
export const getIndex = (target: unknown, index: unknown, conversion: Conversion): unknown => {
  if (target instanceof PropertyCollection) {
    const name = toText(index, conversion).toLowerCase();
    if (typeof index !== 'string') throw new UnsupportedPowerShell('a property by its number', conversion.line);
    return (
      target.properties.find(
        (each) => textIn(each.properties['Name'], 'invariant', conversion).toLowerCase() === name,
      ) ?? null
    );
  }
  if (isArray(index)) {
    return index.map((each) => getIndex(target, each, conversion)).filter((each) => each !== null);
  }
  if (target instanceof Hashtable) {
    if (index === null || index === undefined)
      throw new UnsupportedPowerShell('a hashtable indexed by $null', conversion.line);
    if (target.ordered && typeof index === 'number') return indexOne(target.values, index) ?? null;
    return target.has(index) ? target.get(index) : null;
  }
  if (isArray(target) && (index === null || index === undefined))
    throw raise('Index operation failed; the array index evaluated to null.', 'NullArrayIndex');
  const isIndexed = typeof target === 'string' || isArray(target);
  const position = typeof index === 'number' ? index : Number(toText(index, conversion));
  if (isIndexed && Number.isInteger(position)) {
    if (isArray(target)) return indexOne(target, position) ?? null;
    const character = target.at(position);
    return character === undefined ? null : new Char(character.charCodeAt(0));
  }
  if (target instanceof NetObject && isArray(target.properties['items']) && Number.isInteger(position))
    return indexOne(target.properties['items'], position) ?? null;
  throw new UnsupportedPowerShell(`an index into a ${typeOf(target)}`, conversion.line);
};

export const setIndex = (target: unknown, index: unknown, value: unknown, conversion: Conversion): void => {
  if (target instanceof Hashtable) {
    target.set(index, value);
    return;
  }
  throw new UnsupportedPowerShell(`setting an element of a ${typeOf(target)}`, conversion.line);
};

/** Setting a static property: only the console's encodings, and never under constrained language. */
export const setStaticProperty = (type: string, name: string, conversion: Conversion): void => {
  if (conversion.languageMode === 'ConstrainedLanguage') {
    throw raise(
      'Cannot set property. Property setting is supported only on core types in this language mode.',
      'PropertySetterNotSupportedInConstrainedLanguage',
    );
  }
  if (type !== 'System.Console' || !/^(?:input|output)encoding$/i.test(name))
    throw new UnsupportedPowerShell(`setting [${type}]::${name}`, conversion.line);
};

import {
  asDateTime,
  Char,
  Hashtable,
  isArray,
  isEnumValue,
  NetObject,
  PropertyCollection,
  Regex,
  ScriptBlock,
  TypeValue,
} from './values.ts';
import { ErrorRecord, PowerShellException } from './errors.ts';

// Type names: which literals a script may write, and which of them are core types under constrained language.

const names: Readonly<Record<string, string>> = {
  array: 'System.Array',
  bool: 'System.Boolean',
  char: 'System.Char',
  datetime: 'System.DateTime',
  double: 'System.Double',
  guid: 'System.Guid',
  hashtable: 'System.Collections.Hashtable',
  int: 'System.Int32',
  int32: 'System.Int32',
  int64: 'System.Int64',
  long: 'System.Int64',
  object: 'System.Object',
  pscustomobject: 'System.Management.Automation.PSCustomObject',
  psobject: 'System.Management.Automation.PSObject',
  regex: 'System.Text.RegularExpressions.Regex',
  scriptblock: 'System.Management.Automation.ScriptBlock',
  string: 'System.String',
  switch: 'System.Management.Automation.SwitchParameter',
  timespan: 'System.TimeSpan',
  version: 'System.Version',
  void: 'System.Void',
  ordered: 'System.Collections.Specialized.OrderedDictionary',
  console: 'System.Console',
  convert: 'System.Convert',
  math: 'System.Math',
  'text.encoding': 'System.Text.Encoding',
  'text.utf8encoding': 'System.Text.UTF8Encoding',
  'text.asciiencoding': 'System.Text.ASCIIEncoding',
  'globalization.cultureinfo': 'System.Globalization.CultureInfo',
  cultureinfo: 'System.Globalization.CultureInfo',
};
const byFullName = new Map(Object.values(names).map((name) => [name.toLowerCase(), name]));

/** Core types: what constrained language lets a script convert to and call methods of. */
const coreTypes = new Set(
  `array bool char cultureinfo datetime double guid hashtable int long object ordered pscustomobject psobject regex string
  switch timespan version void`
    .split(/\s+/)
    .map((alias) => names[alias]),
);

/** The full name of a type literal; undefined for one outside the subset. Arrays of a type end in `[]`. */
export const fullTypeName = (literal: string): string | undefined => {
  if (literal.endsWith('[]')) {
    const element = fullTypeName(literal.slice(0, -2));
    return element === undefined ? undefined : `${element}[]`;
  }
  const lower = literal.toLowerCase();
  const short = lower.replace(/^system\./, '');
  return names[short] ?? byFullName.get(lower) ?? byFullName.get(`system.${lower}`);
};

export const isCoreType = (fullName: string): boolean => coreTypes.has(fullName.replace(/\[\]$/, ''));

const isInteger = (value: number): boolean => Number.isSafeInteger(value) && !Object.is(value, -0);

/** GetType().FullName */
export const typeOf = (value: unknown): string => {
  if (typeof value === 'string') return 'System.String';
  if (typeof value === 'boolean') return 'System.Boolean';
  if (typeof value === 'bigint') return 'System.Int64';
  if (typeof value === 'number') {
    if (!isInteger(value)) return 'System.Double';
    return Math.abs(value) < 2 ** 31 ? 'System.Int32' : 'System.Int64';
  }
  if (value instanceof Char) return 'System.Char';
  if (asDateTime(value) !== undefined) return 'System.DateTime';
  if (isArray(value)) return 'System.Object[]';
  if (value instanceof Hashtable)
    return value.ordered ? 'System.Collections.Specialized.OrderedDictionary' : 'System.Collections.Hashtable';
  if (value instanceof NetObject) return value.type;
  if (value instanceof PowerShellException) return value.type;
  if (value instanceof Regex) return 'System.Text.RegularExpressions.Regex';
  if (value instanceof ScriptBlock) return 'System.Management.Automation.ScriptBlock';
  if (value instanceof TypeValue) return 'System.RuntimeType';
  if (value instanceof ErrorRecord) return 'System.Management.Automation.ErrorRecord';
  if (value instanceof PropertyCollection) return 'System.Management.Automation.PSMemberInfoIntegratingCollection`1';
  if (isEnumValue(value)) return value.type;
  return 'System.Management.Automation.PSCustomObject';
};

/** `-is` */
export const isOfType = (value: unknown, fullName: string): boolean => {
  if (value === null || value === undefined) return false;
  const type = typeOf(value);
  if (type === fullName || fullName === 'System.Object') return true;
  if (fullName === 'System.Array') return isArray(value);
  return fullName === 'System.Management.Automation.PSObject' && type === 'System.Management.Automation.PSCustomObject';
};

import { raise, raiseInvalidCast, ErrorRecord, PowerShellException } from './errors.ts';
import { formatDate, formatNumber, localOffsetMinutes, type Culture } from './format.ts';
import { parseDate } from './parseDate.ts';
import { fullTypeName, isCoreType, typeOf } from './types.ts';
import { UnsupportedPowerShell } from './unsupported.ts';
import {
  asDateTime,
  Char,
  type DateTime,
  emit,
  Hashtable,
  isArray,
  isEnumValue,
  isPlainObject,
  makeObject,
  NetObject,
  Regex,
  ScriptBlock,
  TypeValue,
} from './values.ts';

/** Where and on which node something is converted. */
export interface Conversion {
  readonly culture: Culture;
  readonly languageMode: 'FullLanguage' | 'ConstrainedLanguage';
  readonly line: number;
}

/** As PowerShell itself turns a value into a string (interpolation, [string], -join): invariant culture. */
export const toText = (value: unknown, conversion: Conversion): string => textIn(value, 'invariant', conversion);

/** As ToString(), -f and the console do: the node's culture. */
export const textIn = (value: unknown, culture: Culture, conversion: Conversion): string => {
  if (value === null || value === undefined) return '';
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'number' || typeof value === 'bigint') return formatNumber(value, culture);
  if (value instanceof Char) return value.text;
  const date = asDateTime(value);
  if (date !== undefined) return formatDate(date, '', conversion.culture, culture, conversion.line);
  if (isArray(value)) return value.map((each) => textIn(each, culture, conversion)).join(' ');
  if (isEnumValue(value)) return value.name;
  if (value instanceof NetObject) return value.text;
  if (value instanceof TypeValue) return value.fullName;
  if (value instanceof Regex) return value.source;
  if (value instanceof ErrorRecord) return value.exception.message;
  if (value instanceof PowerShellException) return `${value.type}: ${value.message}`;
  if (value instanceof ScriptBlock) throw new UnsupportedPowerShell('the text of a script block', conversion.line);
  if (isPlainObject(value)) {
    const properties = Object.entries(value).map(([name, each]) => `${name}=${nestedText(each, culture, conversion)}`);
    return `@{${properties.join('; ')}}`;
  }
  return typeOf(value);
};

/** Objects inside of objects print their type's own ToString(), which is empty for [pscustomobject]. */
const nestedText = (value: unknown, culture: Culture, conversion: Conversion): string => {
  if (isArray(value)) return 'System.Object[]';
  return isPlainObject(value) && !isEnumValue(value) ? '' : textIn(value, culture, conversion);
};

export const toBoolean = (value: unknown): boolean => {
  if (value === null || value === undefined) return false;
  if (typeof value === 'boolean') return value;
  if (typeof value === 'string') return value !== '';
  if (typeof value === 'number') return value !== 0;
  if (typeof value === 'bigint') return value !== 0n;
  if (value instanceof Char) return value.code !== 0;
  if (isArray(value))
    return value.length > 1 || (value.length === 1 && (isArray(value[0]) ? value[0].length > 0 : toBoolean(value[0])));
  return isEnumValue(value) ? value.value !== 0 : true;
};

const roundHalfEven = (value: number): number => {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
};

const parseNumber = (text: string): number | undefined => {
  const trimmed = text.trim();
  if (trimmed === '') return 0;
  if (/^[+-]?0x[0-9a-f]+$/i.test(trimmed)) return Number.parseInt(trimmed.replace(/^\+/, ''), 16);
  return /^[+-]?(?:\d+(?:,\d{3})*(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?$/i.test(trimmed)
    ? Number(trimmed.replaceAll(',', ''))
    : undefined;
};

const invalidNumber = (text: string, type: string): Error =>
  raise(
    `Cannot convert value "${text}" to type "${type}". Error: "Input string was not in a correct format."`,
    'InvalidCastFromStringToInteger',
    'InvalidArgument',
  );

const invalidCast = (value: unknown, type: string, conversion: Conversion): Error =>
  raiseInvalidCast(
    `Cannot convert the "${toText(value, conversion)}" value of type "${typeOf(value)}" to type "${type}".`,
    'ConvertToFinalInvalidCastException',
  );

/** For arithmetic and comparing: any number; throws what does not convert. */
export const toNumber = (value: unknown, conversion: Conversion, type = 'System.Int32'): number => {
  if (value === null || value === undefined) return 0;
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint') return Number(value);
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (value instanceof Char) return value.code;
  if (isEnumValue(value)) return value.value;
  if (typeof value === 'string') {
    const number = parseNumber(value);
    if (number === undefined) throw invalidNumber(value, type);
    return number;
  }
  if (isArray(value) && value.length === 1) return toNumber(value[0], conversion, type);
  throw invalidCast(value, type, conversion);
};

const ranges: Readonly<Record<string, number>> = { 'System.Int32': 2 ** 31, 'System.Int64': 2 ** 63 };

const toInteger = (value: unknown, type: string, conversion: Conversion): number => {
  const number = roundHalfEven(toNumber(value, conversion, type));
  const limit = ranges[type] ?? 0;
  if (number >= limit || number < -limit) {
    const how = typeof value === 'string' ? 'Int32' : type.replace('System.', '');
    throw raise(
      `Cannot convert value "${toText(value, conversion)}" to type "${type}". Error: "Value was either too large or too small for an ${how}."`,
      'InvalidCastIConvertible',
      'InvalidArgument',
    );
  }
  return number;
};

const toChar = (value: unknown, conversion: Conversion): Char => {
  if (value instanceof Char) return value;
  if (typeof value === 'string' && value.length === 1) return new Char(value.charCodeAt(0));
  if (typeof value === 'number' && value >= 0 && value <= 0xffff) return new Char(value);
  throw invalidCast(value, 'System.Char', conversion);
};

const toDate = (value: unknown, conversion: Conversion): DateTime => {
  const date = asDateTime(value);
  if (date !== undefined) return date;
  const text = toText(value, conversion);
  const parsed = parseDate(text, localOffsetMinutes(conversion.culture), conversion.line);
  if (parsed === undefined) {
    throw raise(
      `Cannot convert value "${text}" to type "System.DateTime". Error: "String was not recognized as a valid DateTime."`,
      'InvalidCastParseTargetInvocation',
      'InvalidArgument',
    );
  }
  return parsed;
};

/** .NET's expression as JavaScript's: `$` also matches before a last line break, `\A` and `\z` do not exist. */
const translate = (source: string): string =>
  source.replace(/\\([\s\S])|\[(?:\\[\s\S]|[^\]])*\]|\$/g, (token, escaped?: string) => {
    if (escaped === 'A') return '^';
    if (escaped === 'z') return '$';
    if (escaped === 'Z' || token === '$') return '(?=\\n?$)';
    return token;
  });

/** Throws `UnsupportedPowerShell` for what JavaScript's expressions do not have. `flags` are JavaScript's. */
export const makeRegex = (source: string, flags: string, line: number): Regex => {
  const [, options = '', rest = ''] = /^(?:\(\?([is]+)\))?([\s\S]*)$/.exec(source) ?? [];
  if (/\(\?[#>(]|\(\?[imnsx-]+[:)]|\\[GpP]|\(\?'|\[[^\]]*-\[/.test(rest))
    throw new UnsupportedPowerShell(`the regular expression ${source}`, line);
  try {
    return new Regex(source, new RegExp(translate(rest), [...new Set(flags + options)].join('')));
  } catch {
    throw raise(`parsing "${source}" - the regular expression is not valid.`, 'InvalidRegularExpression');
  }
};

const toGuid = (value: unknown, conversion: Conversion): NetObject => {
  const text = toText(value, conversion).toLowerCase();
  const [, digits] = /^\{?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\}?$/.exec(text) ?? [];
  if (digits === undefined) {
    throw raise(
      `Cannot convert value "${text}" to type "System.Guid". Error: "Guid should contain 32 digits with 4 dashes (xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx)."`,
      'InvalidCastParseTargetInvocation',
      'InvalidArgument',
    );
  }
  return new NetObject('System.Guid', digits, { Guid: digits });
};

export const toVersion = (value: unknown, conversion: Conversion): NetObject => {
  if (value instanceof NetObject && value.type === 'System.Version') return value;
  const text = toText(value, conversion);
  const parts = text.split('.');
  if (parts.length < 2 || parts.length > 4 || !parts.every((part) => /^\s*\d{1,9}\s*$/.test(part))) {
    throw raise(
      `Cannot convert value "${text}" to type "System.Version". Error: "Version string portion was too short or too long."`,
      'InvalidCastParseTargetInvocation',
      'InvalidArgument',
    );
  }
  const [Major = 0, Minor = 0, Build = -1, Revision = -1] = parts.map(Number);
  return new NetObject('System.Version', text, { Major, Minor, Build, Revision });
};

const toList = (value: unknown): readonly unknown[] => {
  if (value === null || value === undefined) return [];
  const list: unknown[] = [];
  emit(value, list);
  return list;
};

/** `[type]value`. Throws `UnsupportedPowerShell` for a type outside the subset. */
export const cast = (value: unknown, literal: string, conversion: Conversion): unknown => {
  const type = fullTypeName(literal);
  if (type === undefined) throw new UnsupportedPowerShell(`the type [${literal}]`, conversion.line);
  if (conversion.languageMode === 'ConstrainedLanguage' && !isCoreType(type)) {
    throw raiseInvalidCast(
      `Cannot convert value to type "${type}". Only core types are supported in this language mode.`,
      'ConversionSupportedOnlyToCoreTypes',
    );
  }
  if (type.endsWith('[]')) {
    const list = toList(value);
    return type === 'System.Object[]' ? list : list.map((each) => cast(each, literal.slice(0, -2), conversion));
  }
  switch (type) {
    case 'System.Void':
      return undefined;
    case 'System.Object':
    case 'System.Management.Automation.PSObject':
      return value;
    case 'System.String':
      return toText(value, conversion);
    case 'System.Boolean':
      return toBoolean(value);
    case 'System.Management.Automation.SwitchParameter':
      return toBoolean(value);
    case 'System.Int32':
    case 'System.Int64':
      return toInteger(value, type, conversion);
    case 'System.Double':
      return toNumber(value, conversion, type);
    case 'System.Char':
      return toChar(value, conversion);
    case 'System.DateTime':
      return toDate(value, conversion);
    case 'System.Text.RegularExpressions.Regex':
      return makeRegex(toText(value, conversion), 'g', conversion.line);
    case 'System.Guid':
      return toGuid(value, conversion);
    case 'System.Version':
      return toVersion(value, conversion);
    case 'System.Array':
      return toList(value);
    case 'System.Collections.Hashtable':
      if (value instanceof Hashtable) return value;
      throw invalidCast(value, type, conversion);
    case 'System.Management.Automation.PSCustomObject':
      if (!(value instanceof Hashtable)) return value;
      return makeObject(value.keys.map((key) => [toText(key, conversion), value.get(key)]));
    default:
      throw new UnsupportedPowerShell(`a conversion to [${literal}]`, conversion.line);
  }
};

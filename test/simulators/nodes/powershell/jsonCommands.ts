import { toNumber, toText, type Conversion } from './convert.ts';
import { raise, raiseBinding } from './errors.ts';
import type { Call, LanguageCommand } from './languageCommand.ts';
import { UnsupportedPowerShell } from './unsupported.ts';
import {
  asDateTime,
  Char,
  DateTime,
  emitWhole,
  Hashtable,
  HintedDateTime,
  isArray,
  isEnumValue,
  isPlainObject,
  isWhole,
  makeObject,
  NetObject,
  PropertyCollection,
} from './values.ts';

// JSON as Windows PowerShell 5.1 writes and reads it.

const named: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};

const quote = (text: string): string =>
  `"${text.replace(
    /[^\u0020-\uffff]|["\\<>&'\u0085\u2028\u2029]/g,
    (character) => named[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )}"`;

/** What has no parts: written as it is at any depth. */
const scalar = (value: unknown, conversion: Conversion): string | undefined => {
  if (value === null) return 'null';
  if (value instanceof HintedDateTime)
    throw new UnsupportedPowerShell('JSON of a date straight from Get-Date (it becomes an object)', conversion.line);
  if (typeof value === 'string') return quote(value);
  if (typeof value === 'boolean') return String(value);
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  if (value instanceof Char) return quote(value.text);
  if (isEnumValue(value)) return String(value.value);
  const date = asDateTime(value);
  if (date !== undefined) return `"\\/Date(${date.milliseconds})\\/"`;
  return value instanceof NetObject && value.type === 'System.Guid' ? quote(toText(value, conversion)) : undefined;
};

const entriesOf = (value: unknown, conversion: Conversion): readonly (readonly [string, unknown])[] => {
  if (value instanceof Hashtable) {
    return value.keys.map((key) => {
      if (typeof key === 'string') return [key, value.get(key)];
      throw raiseBinding(
        "The type 'System.Collections.Hashtable' is not supported for serialization or deserialization of a dictionary. Keys must be strings.",
        'NonStringKeyInDictionary,Microsoft.PowerShell.Commands.ConvertToJsonCommand',
      );
    });
  }
  if (isPlainObject(value)) return Object.entries(value);
  if (value instanceof NetObject && value.type === 'System.Version') return Object.entries(value.properties);
  throw new UnsupportedPowerShell(
    'JSON of what is neither a value, a list, a hashtable nor a custom object',
    conversion.line,
  );
};

interface Writing {
  readonly depth: number;
  readonly isCompressed: boolean;
  readonly conversion: Conversion;
}

/** `column` is where the value begins: what is inside is set in from there, unless compressed. */
const write = (value: unknown, level: number, column: number, writing: Writing): string => {
  const { depth, isCompressed, conversion } = writing;
  const simple = scalar(value, conversion);
  if (simple !== undefined) return simple;
  if (level > depth) return quote(toText(value, conversion));
  const [inner, outer] = isCompressed ? ['', ''] : [`\r\n${' '.repeat(column + 4)}`, `\r\n${' '.repeat(column)}`];
  // Seen in no other place: "no output" is an object without properties.
  if (value === undefined) return isCompressed ? '{}' : `{${outer}${outer}}`;
  const list = value instanceof PropertyCollection ? value.properties : value;
  if (isArray(list) && isWhole(list)) {
    const what = 'JSON of a list that went through a pipeline as one object (it becomes an object; write @($x))';
    throw new UnsupportedPowerShell(what, conversion.line);
  }
  if (isArray(list)) {
    const items = list.map((each) => write(each, level + 1, column + 4, writing));
    return items.length === 0 && !isCompressed ? `[${outer}${outer}]` : `[${inner}${items.join(`,${inner}`)}${outer}]`;
  }
  const entries = entriesOf(value, conversion).map(([name, each]) => {
    const key = `${quote(name)}:${isCompressed ? '' : '  '}`;
    return `${key}${write(each, level + 1, column + 4 + key.length, writing)}`;
  });
  return entries.length === 0 && !isCompressed
    ? `{${outer}${outer}}`
    : `{${inner}${entries.join(`,${inner}`)}${outer}}`;
};

const toJson = ({ get, has, input, output, conversion }: Call): void => {
  const depth = has('Depth') ? toNumber(get('Depth'), conversion) : 2;
  if (depth < 1 || depth > 100) {
    throw raiseBinding(
      `Cannot validate argument on parameter 'Depth'. The ${depth} argument is out of the allowed range of 1 to 100.`,
      'ParameterArgumentValidationError,Microsoft.PowerShell.Commands.ConvertToJsonCommand',
    );
  }
  const writing = { depth, isCompressed: get('Compress') === true, conversion };
  if (input === undefined) {
    const value = get('InputObject');
    if (value !== null && value !== undefined) output.push(write(value, 0, 0, writing));
    return;
  }
  if (input.some((each) => asDateTime(each) !== undefined))
    throw new UnsupportedPowerShell('a date piped into ConvertTo-Json (it becomes an object)', conversion.line);
  // Nothing at all comes of an empty pipeline, and a list of one is no list any more.
  const items = input.filter((each) => each !== null && each !== undefined);
  if (items.length > 0) output.push(write(items.length === 1 ? items[0] : items, 0, 0, writing));
};

/** A word alone is named; anything longer is quoted whole, secrets and all. Where exactly it broke is not told as Windows would. */
const invalidJson = (text: string): Error =>
  raise(
    /^[\w.+-]+$/.test(text.trim())
      ? `Invalid JSON primitive: ${text.trim()}.`
      : `Invalid object passed in, ':' or '}' expected. (${text.length}): ${text}`,
    'System.ArgumentException,Microsoft.PowerShell.Commands.ConvertFromJsonCommand',
    'NotSpecified',
  );

const fromValue = (value: unknown): unknown => {
  if (typeof value === 'string') {
    const [, milliseconds] = /^\/Date\((-?\d+)\)\/$/.exec(value) ?? [];
    return milliseconds === undefined ? value : new DateTime(Number(milliseconds), 'Utc');
  }
  if (isArray(value)) return value.map(fromValue);
  if (!isPlainObject(value)) return value;
  const seen = new Map<string, string>();
  for (const key of Object.keys(value)) {
    const before = seen.get(key.toLowerCase());
    if (before !== undefined) {
      throw raise(
        `Cannot convert the JSON string because a dictionary that was converted from the string contains the duplicated keys '${before}' and '${key}'.`,
        'DuplicateKeysInJsonString,Microsoft.PowerShell.Commands.ConvertFromJsonCommand',
      );
    }
    if (key === '')
      throw raise(
        'Cannot process argument because the value of argument "name" is not valid.',
        'Argument',
        'InvalidArgument',
      );
    seen.set(key.toLowerCase(), key);
  }
  return makeObject(Object.entries(value).map(([key, each]) => [key, fromValue(each)]));
};

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    throw invalidJson(text);
  }
};

export const jsonCommands: readonly LanguageCommand[] = [
  {
    name: 'ConvertTo-Json',
    values: ['InputObject', 'Depth'],
    switches: ['Compress'],
    positions: ['InputObject'],
    run: toJson,
  },
  {
    name: 'ConvertFrom-Json',
    values: ['InputObject'],
    positions: ['InputObject'],
    // A list comes out as one object, not element by element.
    run: ({ get, input, output, conversion }) => {
      const text = (input ?? [get('InputObject')]).map((each) => toText(each, conversion)).join('\r\n');
      if (get('InputObject') === null || (input === undefined && get('InputObject') === undefined)) {
        throw raiseBinding(
          "Cannot bind argument to parameter 'InputObject' because it is null.",
          'ParameterArgumentValidationErrorNullNotAllowed,Microsoft.PowerShell.Commands.ConvertFromJsonCommand',
        );
      }
      if (text.trim() !== '') emitWhole(fromValue(parse(text)), output);
    },
  },
];

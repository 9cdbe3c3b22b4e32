import { makeRegex, textIn, toNumber, toText, type Conversion } from './convert.ts';
import { raise, raiseFromMethod } from './errors.ts';
import { formatDate, formatNumberAs } from './format.ts';
import { nullMethod, timeSpan } from './operators.ts';
import { format, groupsOf, replaceMatches } from './textOperators.ts';
import { fullTypeName, isCoreType, typeOf } from './types.ts';
import { UnsupportedPowerShell } from './unsupported.ts';
import {
  asDateTime,
  Char,
  collect,
  DateTime,
  emit,
  Hashtable,
  isArray,
  isEnumValue,
  NetObject,
  PropertyCollection,
  Regex,
  TypeValue,
} from './values.ts';

// Methods of core types, and static members. What constrained language refuses is refused with its own words.

type Method = (values: readonly unknown[], conversion: Conversion) => unknown;
type Methods = Readonly<Record<string, Method>>;

export const refuseMethod = (): Error =>
  raise(
    'Cannot invoke method. Method invocation is supported only on core types in this language mode.',
    'MethodInvocationNotSupportedInConstrainedLanguage',
  );

const outOfRange = (method: string, count: number): Error =>
  raiseFromMethod(
    method,
    count,
    'System.ArgumentOutOfRangeException',
    'Index and length must refer to a location within the string.',
  );

const trimSet = (values: readonly unknown[], conversion: Conversion): string =>
  values.length === 0
    ? '\\s'
    : `[${values
        .map((each) => toText(each, conversion))
        .join('')
        .replace(/[\]\\^-]/g, '\\$&')}]`;

const trimmed = (
  text: string,
  values: readonly unknown[],
  conversion: Conversion,
  start: boolean,
  end: boolean,
): string => {
  const set = trimSet(values, conversion);
  const front = start ? text.replace(new RegExp(`^${set}+`), '') : text;
  return end ? front.replace(new RegExp(`${set}+$`), '') : front;
};

const comparesAs = (
  test: (text: string, part: string) => boolean,
  text: string,
  [part, comparison]: readonly unknown[],
  conversion: Conversion,
): boolean => {
  const how = comparison === undefined ? '' : toText(comparison, conversion);
  if (/^(?:OrdinalIgnoreCase|InvariantCultureIgnoreCase|CurrentCultureIgnoreCase)$/i.test(how))
    return test(text.toLowerCase(), toText(part, conversion).toLowerCase());
  if (how !== '' && !/^ordinal$/i.test(how)) throw new UnsupportedPowerShell(`the comparison ${how}`, conversion.line);
  return test(text, toText(part, conversion));
};

const stringMethods = (text: string): Methods => ({
  trim: (values, conversion) => trimmed(text, values, conversion, true, true),
  trimstart: (values, conversion) => trimmed(text, values, conversion, true, false),
  trimend: (values, conversion) => trimmed(text, values, conversion, false, true),
  toupper: () => text.toUpperCase(),
  toupperinvariant: () => text.toUpperCase(),
  tolower: () => text.toLowerCase(),
  tolowerinvariant: () => text.toLowerCase(),
  tochararray: () => Array.from({ length: text.length }, (_, index) => new Char(text.charCodeAt(index))),
  substring: (values, conversion) => {
    const [start = 0, length] = values.map((each) => toNumber(each, conversion));
    const end = length === undefined ? text.length : start + length;
    if (start < 0 || end > text.length || end < start) throw outOfRange('Substring', values.length);
    return text.slice(start, end);
  },
  // .NET Framework has no Split(string): every character separates.
  split: (values, conversion) => {
    if (values.length !== 1) throw new UnsupportedPowerShell('Split() with more than the separators', conversion.line);
    const separators = (isArray(values[0]) ? values[0] : [values[0]]).map((each) => toText(each, conversion)).join('');
    const parts = [''];
    for (const character of text) {
      if (separators.includes(character)) parts.push('');
      else parts[parts.length - 1] += character;
    }
    return parts;
  },
  replace: (values, conversion) => {
    const [from = '', to = ''] = values.map((each) => toText(each, conversion));
    if (from === '')
      throw raiseFromMethod('Replace', 2, 'System.ArgumentException', 'String cannot be of zero length.');
    return text.replaceAll(from, () => to);
  },
  startswith: (values, conversion) => comparesAs((all, part) => all.startsWith(part), text, values, conversion),
  endswith: (values, conversion) => comparesAs((all, part) => all.endsWith(part), text, values, conversion),
  contains: ([part], conversion) => text.includes(toText(part, conversion)),
  equals: (values, conversion) => comparesAs((all, part) => all === part, text, values, conversion),
  indexof: ([part], conversion) => text.indexOf(toText(part, conversion)),
  lastindexof: ([part], conversion) => text.lastIndexOf(toText(part, conversion)),
  padleft: ([width, fill = ' '], conversion) => text.padStart(toNumber(width, conversion), toText(fill, conversion)),
  padright: ([width, fill = ' '], conversion) => text.padEnd(toNumber(width, conversion), toText(fill, conversion)),
});

const dictionaryEntry = (table: Hashtable, key: unknown): NetObject =>
  new NetObject('System.Collections.DictionaryEntry', 'System.Collections.DictionaryEntry', {
    Key: key,
    Name: key,
    Value: table.get(key) ?? null,
  });

const hashtableMethods = (table: Hashtable): Methods => {
  const has: Method = ([key]) => table.has(key);
  return {
    contains: has,
    ...(table.ordered ? {} : { containskey: has }),
    add: ([key, value], conversion) => {
      if (table.has(key)) {
        const message = `Item has already been added. Key in dictionary: '${toText(key, conversion)}'  Key being added: '${toText(key, conversion)}'`;
        throw raiseFromMethod('Add', 2, 'System.ArgumentException', message);
      }
      table.set(key, value);
    },
    remove: ([key]) => table.delete(key),
    getenumerator: () => table.keys.map((key) => dictionaryEntry(table, key)),
  };
};

const dateMethods = (date: DateTime): Methods => {
  const later =
    (unit: number): Method =>
    ([count], conversion) =>
      new DateTime(date.milliseconds + toNumber(count, conversion) * unit, date.kind);
  return {
    touniversaltime: () => new DateTime(date.milliseconds, 'Utc'),
    tolocaltime: () => new DateTime(date.milliseconds, 'Local'),
    addmilliseconds: later(1),
    addseconds: later(1000),
    addminutes: later(60_000),
    addhours: later(3_600_000),
    adddays: later(86_400_000),
    tostring: ([how = '', provider], conversion) => {
      const isInvariant = provider instanceof NetObject && provider.text === '';
      const culture = isInvariant ? 'invariant' : conversion.culture;
      return formatDate(date, toText(how, conversion), conversion.culture, culture, conversion.line);
    },
  };
};

const group = (text: string | undefined): NetObject =>
  new NetObject('System.Text.RegularExpressions.Group', text ?? '', {
    Value: text ?? '',
    Success: text !== undefined,
  });

const matchObject = (found: RegExpExecArray, source: string): NetObject =>
  new NetObject('System.Text.RegularExpressions.Match', found[0], {
    Value: found[0],
    Index: found.index,
    Length: found[0].length,
    Success: true,
    Groups: new Hashtable(groupsOf(found, source).map(([name, text]) => [name, group(text)])),
  });

const noMatch = new NetObject('System.Text.RegularExpressions.Match', '', {
  Value: '',
  Index: 0,
  Length: 0,
  Success: false,
  Groups: new Hashtable(),
});

const matchesOf = ({ expression, source }: Regex, text: string): readonly NetObject[] =>
  [...text.matchAll(new RegExp(expression, `${expression.flags.replace('g', '')}g`))].map((found) =>
    matchObject(found, source),
  );

const regexMethods = (regex: Regex): Methods => ({
  matches: ([text], conversion) => matchesOf(regex, toText(text, conversion)),
  match: ([text], conversion) => matchesOf(regex, toText(text, conversion))[0] ?? noMatch,
  ismatch: ([text], conversion) => matchesOf(regex, toText(text, conversion)).length > 0,
  replace: ([text, by], conversion) => {
    if (typeof by !== 'string')
      throw new UnsupportedPowerShell('Replace() with anything but a string', conversion.line);
    return replaceMatches(toText(text, conversion), regex, by, conversion);
  },
});

const commonMethods = (value: unknown): Methods => ({
  gettype: () => new TypeValue(typeOf(value)),
  tostring: (values, conversion) => {
    if (values.length > 0 && typeof value === 'number')
      return formatNumberAs(value, toText(values[0], conversion), conversion.culture, conversion.line);
    if (values.length > 0) throw new UnsupportedPowerShell('ToString() with arguments', conversion.line);
    if (value instanceof Hashtable || isArray(value)) return typeOf(value);
    return textIn(value, conversion.culture, conversion);
  },
});

const methodsOf = (value: unknown): Methods => {
  const date = asDateTime(value);
  return {
    ...commonMethods(value),
    ...(typeof value === 'string' ? stringMethods(value) : {}),
    ...(value instanceof Hashtable ? hashtableMethods(value) : {}),
    ...(date === undefined ? {} : dateMethods(date)),
    ...(value instanceof Regex ? regexMethods(value) : {}),
  };
};

const isCore = (value: unknown): boolean => isEnumValue(value) || isCoreType(typeOf(value));

/** `$x.Name(…)`; of a list it is called on every element. */
export const callMethod = (
  value: unknown,
  name: string,
  values: readonly unknown[],
  conversion: Conversion,
): unknown => {
  if (value === null || value === undefined) throw nullMethod();
  const isList = isArray(value) || value instanceof PropertyCollection;
  if (isArray(value) && !/^(?:gettype|tostring|contains|indexof|clone|add)$/i.test(name)) {
    const output: unknown[] = [];
    for (const each of value) emit(callMethod(each, name, values, conversion), output);
    return collect(output);
  }
  if (conversion.languageMode === 'ConstrainedLanguage' && !isList && !isCore(value)) throw refuseMethod();
  const method = methodsOf(value)[name.toLowerCase()];
  if (method === undefined && value instanceof Hashtable && /^containskey$/i.test(name)) {
    throw raise(
      `Method invocation failed because [${typeOf(value)}] does not contain a method named '${name}'.`,
      'MethodNotFound',
    );
  }
  if (method === undefined)
    throw new UnsupportedPowerShell(`the method ${name} of a ${typeOf(value)}`, conversion.line);
  return method(values, conversion);
};

const encoding = (name: string): NetObject => new NetObject(`System.Text.${name}`, `System.Text.${name}`, {});

export const invariantCulture = new NetObject('System.Globalization.CultureInfo', '', { Name: '' });

const escapeRegex = (text: string): string =>
  text.replace(/[\\*+?|{[()^$.#\s]/g, (character) => {
    const named: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\f': '\\f' };
    return named[character] ?? `\\${character}`;
  });

const inRegex =
  (method: string): Method =>
  ([text, pattern, ...rest], conversion) => {
    const regex = makeRegex(toText(pattern, conversion), 'g', conversion.line);
    return regexMethods(regex)[method]?.([text, ...rest], conversion);
  };

const statics: Readonly<Record<string, Methods>> = {
  'System.String': {
    isnullorempty: ([text], conversion) => toText(text, conversion) === '',
    isnullorwhitespace: ([text], conversion) => toText(text, conversion).trim() === '',
    join: ([separator, ...values], conversion) =>
      values
        .flatMap((each) => (isArray(each) ? each : [each]))
        .map((each) => textIn(each, conversion.culture, conversion))
        .join(toText(separator, conversion)),
    format: ([template, ...values], conversion) => format(toText(template, conversion), values, conversion),
  },
  'System.Text.RegularExpressions.Regex': {
    matches: inRegex('matches'),
    match: inRegex('match'),
    ismatch: inRegex('ismatch'),
    replace: inRegex('replace'),
    escape: ([text], conversion) => escapeRegex(toText(text, conversion)),
  },
  'System.Text.UTF8Encoding': { new: () => encoding('UTF8Encoding') },
  'System.TimeSpan': {
    frommilliseconds: ([count], conversion) => timeSpan(toNumber(count, conversion)),
    fromseconds: ([count], conversion) => timeSpan(toNumber(count, conversion) * 1000),
    fromminutes: ([count], conversion) => timeSpan(toNumber(count, conversion) * 60_000),
  },
};

const staticProperties: Readonly<Record<string, (now: Date) => unknown>> = {
  'System.DateTime utcnow': (now) => new DateTime(now.getTime(), 'Utc'),
  'System.DateTime now': (now) => new DateTime(now.getTime(), 'Local'),
  'System.Text.Encoding utf8': () => encoding('UTF8Encoding'),
  'System.Text.Encoding ascii': () => encoding('ASCIIEncoding'),
  'System.Console outputencoding': () => encoding('SBCSCodePageEncoding'),
  'System.Console inputencoding': () => encoding('SBCSCodePageEncoding'),
  'System.Globalization.CultureInfo invariantculture': () => invariantCulture,
};

const typeNamed = (literal: string, line: number): string => {
  const type = fullTypeName(literal);
  if (type === undefined) throw new UnsupportedPowerShell(`the type [${literal}]`, line);
  return type;
};

/** `[type]::Name(…)` */
export const callStatic = (
  literal: string,
  name: string,
  values: readonly unknown[],
  conversion: Conversion,
): unknown => {
  const type = typeNamed(literal, conversion.line);
  if (conversion.languageMode === 'ConstrainedLanguage' && !isCoreType(type)) throw refuseMethod();
  const method = statics[type]?.[name.toLowerCase()];
  if (method === undefined) throw new UnsupportedPowerShell(`[${literal}]::${name}()`, conversion.line);
  return method(values, conversion);
};

/** `[type]::Name` */
export const getStatic = (literal: string, name: string, now: () => Date, conversion: Conversion): unknown => {
  const type = typeNamed(literal, conversion.line);
  const property = staticProperties[`${type} ${name.toLowerCase()}`];
  if (property === undefined) throw new UnsupportedPowerShell(`[${literal}]::${name}`, conversion.line);
  return property(now());
};

const anything: readonly unknown[] = ['', new Hashtable(), new DateTime(0, 'Utc'), new Regex('', /(?:)/g)];

/** Names of all methods that the subset has on any core type, in lower case. */
export const methodNames: readonly string[] = [...new Set(anything.flatMap((value) => Object.keys(methodsOf(value))))];

/** Names of the static methods of a type literal, in lower case. */
export const staticNames = (literal: string): readonly string[] =>
  Object.keys(statics[fullTypeName(literal) ?? ''] ?? {});

import { textIn, type Conversion } from './convert.ts';
import { ErrorRecord, errorLines } from './errors.ts';
import { Hashtable, isEnumValue, isPlainObject, NetObject, PropertyCollection } from './values.ts';

// What powershell.exe prints of an object that reaches stdout: texts as they are, objects as a list that no reader mistakes for an answer.

const properties = (value: unknown, conversion: Conversion): readonly (readonly [string, unknown])[] | undefined => {
  if (value instanceof Hashtable)
    return value.keys.map((key) => [textIn(key, conversion.culture, conversion), value.get(key)]);
  if (value instanceof NetObject && Object.keys(value.properties).length > 0) return Object.entries(value.properties);
  return isPlainObject(value) && !isEnumValue(value) ? Object.entries(value) : undefined;
};

const shown = (value: unknown, conversion: Conversion): string =>
  Array.isArray(value)
    ? `{${value.map((each) => shown(each, conversion)).join(', ')}}`
    : textIn(value, conversion.culture, conversion);

const objectLines = (entries: readonly (readonly [string, unknown])[], conversion: Conversion): readonly string[] => {
  const width = Math.max(0, ...entries.map(([name]) => name.length));
  return ['', ...entries.map(([name, value]) => `${name.padEnd(width)} : ${shown(value, conversion)}`), ''];
};

/** One line per string; $null prints nothing. */
export const displayLines = (values: readonly unknown[], conversion: Conversion): readonly string[] =>
  values.flatMap((value) => {
    if (value === null || value === undefined) return [];
    if (value instanceof ErrorRecord) return errorLines(value);
    if (value instanceof PropertyCollection) return displayLines(value.properties, conversion);
    const entries = properties(value, conversion);
    if (entries !== undefined) return objectLines(entries, conversion);
    return textIn(value, conversion.culture, conversion).split(/\r?\n/);
  });

import { makeRegex, textIn, toNumber, toText, type Conversion } from './convert.ts';
import { raise } from './errors.ts';
import { formatDate, formatNumberAs } from './format.ts';
import { typeOf } from './types.ts';
import { UnsupportedPowerShell } from './unsupported.ts';
import { asDateTime, Char, Hashtable, isArray, Regex, ScriptBlock } from './values.ts';

// Operators on texts: -like, -match, -replace, -split, -f.

const wildcard = (pattern: string, line: number): RegExp => {
  if (/[[\]`]/.test(pattern)) throw new UnsupportedPowerShell(`the wildcard ${pattern}`, line);
  const source = pattern
    .replace(/[.+^${}()|\\]/g, '\\$&')
    .replaceAll('*', '[^]*')
    .replaceAll('?', '[^]');
  return new RegExp(`^${source}$`, 'i');
};

export const like = (value: unknown, pattern: unknown, conversion: Conversion): boolean =>
  wildcard(toText(pattern, conversion), conversion.line).test(toText(value, conversion));

/** A match of -match becomes `$Matches`. */
export const match = (
  value: unknown,
  pattern: unknown,
  isCaseSensitive: boolean,
  conversion: Conversion,
): Hashtable | undefined => {
  const source = pattern instanceof Regex ? pattern.source : toText(pattern, conversion);
  const flags = isCaseSensitive || pattern instanceof Regex ? '' : 'i';
  const found = makeRegex(source, flags, conversion.line).expression.exec(toText(value, conversion));
  if (found === null) return undefined;
  return new Hashtable(groupsOf(found, source).filter(([, text]) => text !== undefined));
};

/** .NET numbers the groups without a name first; those with one are found by it only. */
export const groupsOf = (
  found: RegExpExecArray,
  source: string,
): readonly (readonly [number | string, string | undefined])[] => {
  const opened = [...source.matchAll(/\\[^]|\[(?:\\[^]|[^\]])*\]|\((?:\?<([A-Za-z_]\w*)>)?(?!\?)/g)].filter(([token]) =>
    token.startsWith('('),
  );
  const named = opened.map(([, name]) => name);
  const numbered = found.slice(1).filter((_, index) => named[index] === undefined);
  return [
    [0, found[0]],
    ...numbered.map((text, index): readonly [number, string] => [index + 1, text]),
    ...Object.entries(found.groups ?? {}),
  ];
};

/** Replaces every match. .NET's `$1`, `${name}` and `$&` are JavaScript's but for the braces and the numbers beside names. */
export const replaceMatches = (text: string, regex: Regex, by: string, conversion: Conversion): string => {
  if (/\(\?<[A-Za-z]/.test(regex.source) && /\$\{?\d/.test(by))
    throw new UnsupportedPowerShell('a replacement by number beside named groups', conversion.line);
  if (/\$[_+`']/.test(by)) throw new UnsupportedPowerShell(`the replacement ${by}`, conversion.line);
  const replacement = by.replace(/\$\{(\d+)\}/g, '$$$1').replace(/\$\{([A-Za-z]\w*)\}/g, '$$<$1>');
  return text.replace(regex.expression, replacement);
};

export const replace = (value: unknown, operand: unknown, isCaseSensitive: boolean, conversion: Conversion): string => {
  const [pattern, by = ''] = isArray(operand) ? operand : [operand];
  if (by instanceof ScriptBlock)
    throw new UnsupportedPowerShell('-replace with a script block (PowerShell 7)', conversion.line);
  const source = pattern instanceof Regex ? pattern.source : toText(pattern, conversion);
  const regex = makeRegex(source, isCaseSensitive ? 'g' : 'gi', conversion.line);
  return replaceMatches(toText(value, conversion), regex, toText(by, conversion), conversion);
};

export const split = (value: unknown, operand: unknown, conversion: Conversion): readonly string[] => {
  const [pattern, limit = 0] = isArray(operand) ? operand : [operand];
  if (pattern instanceof ScriptBlock) throw new UnsupportedPowerShell('-split with a script block', conversion.line);
  const { expression } = makeRegex(toText(pattern, conversion), 'gi', conversion.line);
  const texts = isArray(value) ? value : [value];
  return texts.flatMap((each) => {
    const parts: string[] = [];
    const text = toText(each, conversion);
    const maximum = toNumber(limit, conversion);
    let from = 0;
    for (const found of text.matchAll(expression)) {
      if (maximum > 0 && parts.length >= maximum - 1) break;
      parts.push(text.slice(from, found.index), ...found.slice(1).filter((group) => group !== undefined));
      from = found.index + found[0].length;
    }
    return [...parts, text.slice(from)];
  });
};

/** `'{0:d2} {1}' -f …`, in the node's culture. */
export const format = (template: string, values: readonly unknown[], conversion: Conversion): string =>
  template.replace(
    /\{\{|\}\}|\{(\d+)(?:,(-?\d+))?(?::([^}]*))?\}|[{}]/g,
    (token, index?: string, width = '0', how = '') => {
      if (token === '{{' || token === '}}') return token.charAt(0);
      if (index === undefined || Number(index) >= values.length) {
        throw raise(
          'Error formatting a string: Index (zero based) must be greater than or equal to zero and less than the size of the argument list..',
          'FormatError',
        );
      }
      const value = values[Number(index)];
      const text = formatOne(value, String(how), conversion);
      const size = Number(width);
      return size < 0 ? text.padEnd(-size) : text.padStart(size);
    },
  );

const formatOne = (value: unknown, how: string, conversion: Conversion): string => {
  const date = asDateTime(value);
  if (how === '') return textIn(value, conversion.culture, conversion);
  if (date !== undefined) return formatDate(date, how, conversion.culture, conversion.culture, conversion.line);
  if (typeof value === 'number' || typeof value === 'bigint')
    return formatNumberAs(Number(value), how, conversion.culture, conversion.line);
  if (typeof value === 'string' || value === null || value instanceof Char) return toText(value, conversion);
  throw new UnsupportedPowerShell(`the format "${how}" of a ${typeOf(value)}`, conversion.line);
};

import { raiseFromMethod } from './errors.ts';
import type { DateTime } from './values.ts';
import { UnsupportedPowerShell } from './unsupported.ts';

// How dates and numbers become text. PowerShell itself is invariant; ToString(), -f and the console follow the node's culture.

export type Culture = 'en-US' | 'de-DE' | 'invariant';

/** The nodes' time zones, so that a script that forgets ToUniversalTime() is seen: fixed, without daylight saving. */
const offsetMinutes: Readonly<Record<Culture, number>> = { 'en-US': -480, 'de-DE': 60, invariant: 0 };
export const localOffsetMinutes = (culture: Culture): number => offsetMinutes[culture];

const generalDate: Readonly<Record<Culture, string>> = {
  invariant: 'MM/dd/yyyy HH:mm:ss',
  'en-US': 'M/d/yyyy h:mm:ss tt',
  'de-DE': 'dd.MM.yyyy HH:mm:ss',
};
const dateSeparator: Readonly<Record<Culture, string>> = { invariant: '/', 'en-US': '/', 'de-DE': '.' };
const decimalSeparator: Readonly<Record<Culture, string>> = { invariant: '.', 'en-US': '.', 'de-DE': ',' };

/** The clock on the wall: a Date whose UTC fields are those of the DateTime in its own kind. */
export const wallClock = (value: DateTime, zone: Culture): Date =>
  new Date(value.milliseconds + (value.kind === 'Utc' ? 0 : offsetMinutes[zone]) * 60_000);

const two = (value: number): string => String(value).padStart(2, '0');

const offsetText = (minutes: number): string =>
  `${minutes < 0 ? '-' : '+'}${two(Math.floor(Math.abs(minutes) / 60))}:${two(Math.abs(minutes) % 60)}`;

const standardFormats: Readonly<Record<string, string>> = {
  o: "yyyy-MM-dd'T'HH:mm:ss.fffffffK",
  O: "yyyy-MM-dd'T'HH:mm:ss.fffffffK",
  s: "yyyy-MM-dd'T'HH:mm:ss",
  u: "yyyy-MM-dd HH:mm:ss'Z'",
};

const datePart = (token: string, value: DateTime, zone: Culture, culture: Culture): string | undefined => {
  const clock = wallClock(value, zone);
  const hours = clock.getUTCHours();
  if (/^f{1,7}$/.test(token)) {
    return `${String(clock.getUTCMilliseconds()).padStart(3, '0')}0000`.slice(0, token.length);
  }
  const parts: Readonly<Record<string, string>> = {
    yyyy: String(clock.getUTCFullYear()).padStart(4, '0'),
    yy: two(clock.getUTCFullYear() % 100),
    MM: two(clock.getUTCMonth() + 1),
    M: String(clock.getUTCMonth() + 1),
    dd: two(clock.getUTCDate()),
    d: String(clock.getUTCDate()),
    HH: two(hours),
    H: String(hours),
    hh: two(hours % 12 === 0 ? 12 : hours % 12),
    h: String(hours % 12 === 0 ? 12 : hours % 12),
    mm: two(clock.getUTCMinutes()),
    m: String(clock.getUTCMinutes()),
    ss: two(clock.getUTCSeconds()),
    s: String(clock.getUTCSeconds()),
    tt: hours < 12 ? 'AM' : 'PM',
    zzz: offsetText(value.kind === 'Utc' ? 0 : offsetMinutes[zone]),
    K: { Utc: 'Z', Unspecified: '', Local: offsetText(offsetMinutes[zone]) }[value.kind],
    '/': dateSeparator[culture],
  };
  return parts[token];
};

/** DateTime.ToString(format); `zone` is the node's time zone, `culture` the one to write in. */
export const formatDate = (value: DateTime, format: string, zone: Culture, culture: Culture, line: number): string => {
  if (format === '' || format === 'G') return formatDate(value, generalDate[culture], zone, culture, line);
  const standard = standardFormats[format];
  if (standard !== undefined) return formatDate(value, standard, zone, culture, line);
  if (format.length === 1) throw new UnsupportedPowerShell(`the date format "${format}"`, line);
  return format.replace(/'([^']*)'|\\(.)|([a-zA-Z])\3*|\//g, (token: string, quoted?: string, escaped?: string) => {
    if (quoted !== undefined) return quoted;
    if (escaped !== undefined) return escaped;
    const part = datePart(token, value, zone, culture);
    if (part !== undefined) return part;
    if (/^[dfFgHhKmMstyz]/.test(token)) throw new UnsupportedPowerShell(`"${token}" in a date format`, line);
    return token;
  });
};

export const formatNumber = (value: number | bigint, culture: Culture): string => {
  const text = typeof value === 'number' && Object.is(value, -0) ? '0' : String(value);
  return text.replace('e', 'E').replace('.', decimalSeparator[culture]);
};

/** Standard numeric formats D, X, F, N without digits groups of other cultures' own. */
export const formatNumberAs = (value: number, format: string, culture: Culture, line: number): string => {
  const [, letter, digits = ''] = /^([a-zA-Z])(\d*)$/.exec(format) ?? [];
  switch (letter ?? '') {
    case 'd':
    case 'D': {
      if (!Number.isInteger(value))
        throw raiseFromMethod('ToString', 1, 'System.FormatException', 'Format specifier was invalid.');
      return `${value < 0 ? '-' : ''}${String(Math.abs(value)).padStart(Number(digits), '0')}`;
    }
    case 'x':
    case 'X': {
      const hex = (value < 0 ? value + 2 ** 32 : value).toString(16).padStart(Number(digits), '0');
      return letter === 'X' ? hex.toUpperCase() : hex;
    }
    case 'f':
    case 'F':
      return value.toFixed(digits === '' ? 2 : Number(digits)).replace('.', decimalSeparator[culture]);
    default:
      throw new UnsupportedPowerShell(`the number format "${format}"`, line);
  }
};

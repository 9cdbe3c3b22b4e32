import { DateTime } from './values.ts';
import { UnsupportedPowerShell } from './unsupported.ts';

// [datetime]'…' and [datetime]::Parse under the invariant culture, for the forms that scripts meet.

const utc = (parts: readonly (string | undefined)[]): number | undefined => {
  const [year = 1, month = 1, day = 1, hour = 0, minute = 0, second = 0] = parts.map((part) => Number(part ?? 0));
  const milliseconds = Date.UTC(year, month - 1, day, hour, minute, second);
  const date = new Date(milliseconds);
  const isReal =
    date.getUTCMonth() === month - 1 && date.getUTCDate() === day && hour < 24 && minute < 60 && second < 60;
  return isReal ? milliseconds : undefined;
};

const iso = /^(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ](\d{1,2}):(\d{2})(?::(\d{2})(\.\d{1,7})?)?)?\s?(Z|[+-]\d{2}:\d{2})?$/;
const invariant = /^(\d{1,2})\/(\d{1,2})\/(\d{4})(?: (\d{1,2}):(\d{2})(?::(\d{2}))?(?: (AM|PM))?)?$/i;

const offsetOf = (zone: string): number => {
  if (zone === 'Z') return 0;
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4));
  return zone.startsWith('-') ? -minutes : minutes;
};

/** A text with a zone becomes local time, one without has no kind. Undefined: no date. */
export const parseDate = (text: string, localOffsetMinutes: number, line: number): DateTime | undefined => {
  const trimmed = text.trim();
  const match = iso.exec(trimmed);
  if (match !== null) {
    const [, year, month, day, hour, minute, second, fraction = '0', zone] = match;
    const milliseconds = utc([year, month, day, hour, minute, second]);
    if (milliseconds === undefined) return undefined;
    const exact = milliseconds + Math.floor(Number(fraction) * 1000);
    return zone === undefined
      ? new DateTime(exact - localOffsetMinutes * 60_000, 'Unspecified')
      : new DateTime(exact - offsetOf(zone) * 60_000, 'Local');
  }
  const american = invariant.exec(trimmed);
  if (american !== null) {
    const [, month, day, year, hour, minute, second, half] = american;
    const hours = half === undefined ? Number(hour ?? 0) : (Number(hour) % 12) + (half.toUpperCase() === 'PM' ? 12 : 0);
    const milliseconds = utc([year, month, day, String(hours), minute, second]);
    return milliseconds === undefined
      ? undefined
      : new DateTime(milliseconds - localOffsetMinutes * 60_000, 'Unspecified');
  }
  if (/\d/.test(trimmed) && /^[\d\s./:,-]+$|\d{1,2}:\d{2}|GMT|\b[A-Z][a-z]{2}\b/.test(trimmed))
    throw new UnsupportedPowerShell(`the date "${trimmed}"`, line);
  return undefined;
};

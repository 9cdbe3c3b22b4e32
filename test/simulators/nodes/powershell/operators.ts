import { cast, toBoolean, toNumber, toText, toVersion, type Conversion } from './convert.ts';
import { raise, Raised } from './errors.ts';
import { formatDate } from './format.ts';
import { fullTypeName, isOfType, typeOf } from './types.ts';
import { format, like, match, replace, split } from './textOperators.ts';
import { UnsupportedPowerShell } from './unsupported.ts';
import { asDateTime, Char, DateTime, Hashtable, isArray, isEnumValue, NetObject, TypeValue } from './values.ts';

// Binary operators. The left operand decides, as in PowerShell.

const collator = new Intl.Collator('en-US', { sensitivity: 'accent' });

const isNumeric = (value: unknown): value is number | bigint => typeof value === 'number' || typeof value === 'bigint';

const versionParts = (version: NetObject): readonly number[] =>
  ['Major', 'Minor', 'Build', 'Revision'].map((name) => Number(version.properties[name]));

/** Converts the right operand to the left one's type and compares; undefined: they cannot be compared (never equal). */
const order = (left: unknown, right: unknown, conversion: Conversion): number | undefined => {
  if (left === null || left === undefined) {
    if (right === null || right === undefined) return 0;
    return isNumeric(right) ? Math.sign(-Number(right)) || (Number(right) === 0 ? 0 : -1) : -1;
  }
  if (right === null || right === undefined) {
    return isNumeric(left) && Number(left) < 0 ? -1 : 1;
  }
  if (typeof left === 'string') return collator.compare(left, toText(right, conversion));
  if (isNumeric(left)) return Number(left) - toNumber(right, conversion);
  if (typeof left === 'boolean') return Number(left) - Number(toBoolean(right));
  if (left instanceof Char) return left.text.toLowerCase() === toText(right, conversion).toLowerCase() ? 0 : 1;
  const date = asDateTime(left);
  if (date !== undefined) {
    const other = asDateTime(cast(right, 'datetime', conversion));
    return other === undefined ? undefined : wallDifference(date, other, conversion);
  }
  if (isEnumValue(left)) {
    if (isNumeric(right)) return left.value - Number(right);
    if (isEnumValue(right)) return left.type === right.type ? left.value - right.value : undefined;
    if (typeof right === 'string') return left.name.toLowerCase() === right.trim().toLowerCase() ? 0 : undefined;
    return undefined;
  }
  if (left instanceof NetObject && left.type === 'System.Version') {
    const parts = versionParts(toVersion(right, conversion));
    return (
      versionParts(left)
        .map((part, index) => part - (parts[index] ?? 0))
        .find((each) => each !== 0) ?? 0
    );
  }
  if (left instanceof NetObject && left.type === 'System.Guid')
    return left.text === toText(right, conversion).toLowerCase() ? 0 : undefined;
  if (left instanceof NetObject && left.type === 'System.TimeSpan' && right instanceof NetObject)
    return Number(left.properties['TotalMilliseconds']) - Number(right.properties['TotalMilliseconds']);
  if (left instanceof TypeValue && right instanceof TypeValue) return left.fullName === right.fullName ? 0 : undefined;
  return left === right ? 0 : undefined;
};

/** -eq of two single values: what does not convert is not equal. */
export const equals = (left: unknown, right: unknown, conversion: Conversion): boolean => {
  if (right === null || right === undefined) return left === null || left === undefined;
  if (left === null || left === undefined) return false;
  if (typeof left === 'string') return left.toLowerCase() === toText(right, conversion).toLowerCase();
  try {
    return order(left, right, conversion) === 0;
  } catch (error) {
    if (error instanceof Raised) return false;
    throw error;
  }
};

/** For -lt and the like, and for sorting. */
export const compare = (left: unknown, right: unknown, conversion: Conversion): number => {
  const result = order(left, right, conversion);
  if (result === undefined) {
    throw raise(
      `Cannot compare "${toText(left, conversion)}" because it is not IComparable.`,
      'NotIcomparable',
      'InvalidOperation',
    );
  }
  return result;
};

const two = (part: number): string => String(part).padStart(2, '0');

export const timeSpan = (milliseconds: number): NetObject => {
  const total = Math.abs(milliseconds);
  const [days, hours, minutes, seconds] = [
    Math.floor(total / 86_400_000),
    Math.floor(total / 3_600_000) % 24,
    Math.floor(total / 60_000) % 60,
    Math.floor(total / 1000) % 60,
  ];
  const fraction = total % 1000 === 0 ? '' : `.${String(total % 1000).padStart(3, '0')}0000`;
  const sign = milliseconds < 0 ? '-' : '';
  const text = `${sign}${days === 0 ? '' : `${days}.`}${two(hours)}:${two(minutes)}:${two(seconds)}${fraction}`;
  return new NetObject('System.TimeSpan', text, {
    Days: days,
    Hours: hours,
    Minutes: minutes,
    Seconds: seconds,
    Milliseconds: total % 1000,
    TotalDays: milliseconds / 86_400_000,
    TotalHours: milliseconds / 3_600_000,
    TotalMinutes: milliseconds / 60_000,
    TotalSeconds: milliseconds / 1000,
    TotalMilliseconds: milliseconds,
  });
};

const notAnOperator = (name: string, left: unknown): Error =>
  raise(
    `Method invocation failed because [${typeOf(left)}] does not contain a method named '${name}'.`,
    'MethodNotFound',
  );

const add = (left: unknown, right: unknown, conversion: Conversion): unknown => {
  if (left === null || left === undefined) return right ?? null;
  if (isArray(left)) return [...left, ...(isArray(right) ? right : [right ?? null])];
  if (typeof left === 'string') return left + toText(right, conversion);
  if (left instanceof Char) return left.text + toText(right, conversion);
  if (isNumeric(left) || typeof left === 'boolean') return Number(left) + toNumber(right, conversion);
  if (left instanceof Hashtable) {
    if (!(right instanceof Hashtable))
      throw raise('A hash table can only be added to another hash table.', 'AddHashTableToNonHashTable');
    const both = [...left.keys, ...right.keys];
    const duplicate = right.keys.find((key) => left.has(key));
    if (duplicate !== undefined) {
      throw raise(
        `Item has already been added. Key in dictionary: '${toText(duplicate, conversion)}'`,
        'System.ArgumentException',
      );
    }
    return new Hashtable(both.map((key) => [key, left.has(key) ? left.get(key) : right.get(key)]));
  }
  const date = asDateTime(left);
  if (date !== undefined && right instanceof NetObject && right.type === 'System.TimeSpan')
    return new DateTime(date.milliseconds + Number(right.properties['TotalMilliseconds']), date.kind);
  throw notAnOperator('op_Addition', left);
};

const subtract = (left: unknown, right: unknown, conversion: Conversion): unknown => {
  const [from, to] = [asDateTime(left), asDateTime(right)];
  if (from !== undefined && to !== undefined) return timeSpan(wallDifference(from, to, conversion));
  if (from !== undefined && right instanceof NetObject && right.type === 'System.TimeSpan')
    return new DateTime(from.milliseconds - Number(right.properties['TotalMilliseconds']), from.kind);
  if (isArray(left)) throw notAnOperator('op_Subtraction', left);
  return toNumber(left, conversion) - toNumber(right, conversion);
};

/** .NET subtracts the clock readings and ignores the kinds: local minus UTC is off by the zone. */
const wallDifference = (left: DateTime, right: DateTime, conversion: Conversion): number => {
  const clock = (date: DateTime): number =>
    Date.parse(`${formatDate(date, "yyyy-MM-dd'T'HH:mm:ss.fff", conversion.culture, 'invariant', conversion.line)}Z`);
  return clock(left) - clock(right);
};

const multiply = (left: unknown, right: unknown, conversion: Conversion): unknown => {
  const count = toNumber(right, conversion);
  if (typeof left === 'string') return left.repeat(Math.max(0, count));
  if (isArray(left)) return Array.from({ length: count }, () => left).flat();
  return toNumber(left, conversion) * count;
};

const divide = (operator: string, left: unknown, right: unknown, conversion: Conversion): number => {
  const [dividend, divisor] = [toNumber(left, conversion), toNumber(right, conversion)];
  if (divisor === 0 && Number.isInteger(dividend))
    throw raise('Attempted to divide by zero.', 'RuntimeException', 'NotSpecified');
  return operator === '/' ? dividend / divisor : dividend % divisor;
};

const contains = (list: unknown, value: unknown, equal: Comparison, conversion: Conversion): boolean =>
  (isArray(list) ? list : [list]).some((each) => equal(each, value, conversion));

const typeOperand = (right: unknown, conversion: Conversion): string => {
  if (right instanceof TypeValue) return right.fullName;
  const name = fullTypeName(toText(right, conversion));
  if (name === undefined) throw new UnsupportedPowerShell(`the type [${toText(right, conversion)}]`, conversion.line);
  return name;
};

const as = (left: unknown, type: string, conversion: Conversion): unknown => {
  try {
    return cast(left, type, conversion);
  } catch (error) {
    if (error instanceof Raised) return null;
    throw error;
  }
};

/** The comparisons that filter when the left side is an array. */
type Comparison = (left: unknown, right: unknown, conversion: Conversion) => boolean;

const equalsExactly: Comparison = (left, right, conversion) =>
  typeof left === 'string' ? left === toText(right, conversion) : equals(left, right, conversion);

export const comparisons: Readonly<Record<string, Comparison>> = {
  '-eq': equals,
  '-ne': (left, right, conversion) => !equals(left, right, conversion),
  '-ceq': equalsExactly,
  '-cne': (left, right, conversion) => !equalsExactly(left, right, conversion),
  '-lt': (left, right, conversion) => compare(left, right, conversion) < 0,
  '-le': (left, right, conversion) => compare(left, right, conversion) <= 0,
  '-gt': (left, right, conversion) => compare(left, right, conversion) > 0,
  '-ge': (left, right, conversion) => compare(left, right, conversion) >= 0,
  '-like': like,
  '-notlike': (left, right, conversion) => !like(left, right, conversion),
  '-match': (left, right, conversion) => match(left, right, false, conversion) !== undefined,
  '-cmatch': (left, right, conversion) => match(left, right, true, conversion) !== undefined,
  '-cnotmatch': (left, right, conversion) => match(left, right, true, conversion) === undefined,
  '-notmatch': (left, right, conversion) => match(left, right, false, conversion) === undefined,
};

/** All operators of two evaluated operands but -and, -or and the matches' side effect. */
export const applyBinary = (operator: string, left: unknown, right: unknown, conversion: Conversion): unknown => {
  const comparison = comparisons[operator];
  if (comparison !== undefined) {
    return isArray(left)
      ? left.filter((each) => comparison(each, right, conversion))
      : comparison(left, right, conversion);
  }
  switch (operator) {
    case '+':
      return add(left, right, conversion);
    case '-':
      return subtract(left, right, conversion);
    case '*':
      return multiply(left, right, conversion);
    case '/':
    case '%':
      return divide(operator, left, right, conversion);
    case '..': {
      const [from, to] = [toNumber(left, conversion), toNumber(right, conversion)];
      const step = from <= to ? 1 : -1;
      return Array.from({ length: Math.abs(to - from) + 1 }, (_, index) => from + index * step);
    }
    case '-contains':
    case '-ccontains':
      return contains(left, right, operator === '-contains' ? equals : equalsExactly, conversion);
    case '-notcontains':
    case '-cnotcontains':
      return !contains(left, right, operator === '-notcontains' ? equals : equalsExactly, conversion);
    case '-in':
    case '-cin':
      return contains(right, left, operator === '-in' ? equals : equalsExactly, conversion);
    case '-notin':
    case '-cnotin':
      return !contains(right, left, operator === '-notin' ? equals : equalsExactly, conversion);
    case '-replace':
    case '-creplace': {
      const isCaseSensitive = operator === '-creplace';
      return isArray(left)
        ? left.map((each) => replace(each, right, isCaseSensitive, conversion))
        : replace(left, right, isCaseSensitive, conversion);
    }
    case '-split':
      return split(left, right, conversion);
    case '-join':
      return (isArray(left) ? left : [left]).map((each) => toText(each, conversion)).join(toText(right, conversion));
    case '-f':
      return format(toText(left, conversion), isArray(right) ? right : [right], conversion);
    case '-is':
      return isOfType(left, typeOperand(right, conversion));
    case '-isnot':
      return !isOfType(left, typeOperand(right, conversion));
    case '-as':
      return as(left, typeOperand(right, conversion), conversion);
    case '-band':
      return toNumber(left, conversion) & toNumber(right, conversion);
    default:
      throw new UnsupportedPowerShell(`the operator ${operator}`, conversion.line);
  }
};

export const negate = (value: unknown, conversion: Conversion): number => {
  const number = toNumber(value, conversion);
  return number === 0 ? 0 : -number;
};

export const invalidIndex = (): Raised => raise('Cannot index into a null array.', 'NullArray');
export const nullMethod = (): Raised =>
  raise('You cannot call a method on a null-valued expression.', 'InvokeMethodOnNull');
export const unknownProperty = (name: string): Raised =>
  raise(
    `The property '${name}' cannot be found on this object. Verify that the property exists and can be set.`,
    'PropertyNotFound',
  );

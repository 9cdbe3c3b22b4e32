import type { EnumValue } from '../cmdlets/cmdlet.ts';
import type { BlockSyntax } from './syntax.ts';

// PowerShell values as JavaScript values: null ($null), undefined (no output at all, AutomationNull), boolean, number, string, array, Date
// (a [datetime] of kind Utc), plain objects ([pscustomobject], and what host commands answer), and the classes below.

/**
 * [hashtable], or with `ordered` an OrderedDictionary. Keys keep the case they came in and are found in any.
 * A value of undefined is "no output at all", which is $null for everybody but ConvertTo-Json.
 */
export class Hashtable {
  readonly ordered: boolean;
  readonly #entries = new Map<string, { readonly key: unknown; value: unknown }>();

  constructor(entries: Iterable<readonly [unknown, unknown]> = [], ordered = false) {
    this.ordered = ordered;
    for (const [key, value] of entries) this.set(key, value);
  }
  static #slot(key: unknown): string {
    return typeof key === 'string' ? `s${key.toLowerCase()}` : `${typeof key}${String(key)}`;
  }
  has(key: unknown): boolean {
    return this.#entries.has(Hashtable.#slot(key));
  }
  get(key: unknown): unknown {
    return this.#entries.get(Hashtable.#slot(key))?.value;
  }
  set(key: unknown, value: unknown): void {
    const known = this.#entries.get(Hashtable.#slot(key));
    if (known === undefined) this.#entries.set(Hashtable.#slot(key), { key, value });
    else known.value = value;
  }
  delete(key: unknown): void {
    this.#entries.delete(Hashtable.#slot(key));
  }
  get size(): number {
    return this.#entries.size;
  }
  get keys(): readonly unknown[] {
    return [...this.#entries.values()].map(({ key }) => key);
  }
  get values(): readonly unknown[] {
    return [...this.#entries.values()].map(({ value }) => value);
  }
}

/** [char] */
export class Char {
  readonly code: number;
  constructor(code: number) {
    this.code = code;
  }
  get text(): string {
    return String.fromCharCode(this.code);
  }
}

/** A [datetime] with its kind. `milliseconds` is the instant, whatever the kind. */
export class DateTime {
  readonly milliseconds: number;
  readonly kind: 'Utc' | 'Local' | 'Unspecified';
  constructor(milliseconds: number, kind: 'Utc' | 'Local' | 'Unspecified') {
    this.milliseconds = milliseconds;
    this.kind = kind;
  }
}

/** What Get-Date itself gives: it carries a property more, which ConvertTo-Json shows. */
export class HintedDateTime extends DateTime {}

/** For what Windows hands out as local time: `Get-Date`, dates of CIM instances and scheduled tasks. */
export const localTime = (date: Date): DateTime => new DateTime(date.getTime(), 'Local');

export class ScriptBlock {
  readonly syntax: BlockSyntax;
  constructor(syntax: BlockSyntax) {
    this.syntax = syntax;
  }
}

/** A type literal as a value: `[datetime]`. */
export class TypeValue {
  readonly fullName: string;
  constructor(fullName: string) {
    this.fullName = fullName;
  }
}

/** Any other .NET object that PowerShell itself makes. `text` is its ToString(). */
export class NetObject {
  readonly type: string;
  readonly text: string;
  readonly properties: Readonly<Record<string, unknown>>;
  constructor(type: string, text: string, properties: Readonly<Record<string, unknown>>) {
    this.type = type;
    this.text = text;
    this.properties = properties;
  }
}

/** [regex] */
export class Regex {
  readonly expression: RegExp;
  readonly source: string;
  constructor(source: string, expression: RegExp) {
    this.source = source;
    this.expression = expression;
  }
}

/** `$x.PSObject.Properties`: enumerates, and is indexed by name. */
export class PropertyCollection {
  readonly properties: readonly NetObject[];
  constructor(properties: readonly NetObject[]) {
    this.properties = properties;
  }
}

export type PlainObject = Record<string, unknown>;

/** [pscustomobject] */
export const makeObject = (entries: Iterable<readonly [string, unknown]>): PlainObject => Object.fromEntries(entries);

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

export const isArray = (value: unknown): value is readonly unknown[] => Array.isArray(value);

export const isPlainObject = (value: unknown): value is PlainObject => {
  if (!isObject(value) || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
};

export const isEnumValue = (value: unknown): value is EnumValue =>
  isPlainObject(value) &&
  Object.keys(value).length === 3 &&
  typeof value['type'] === 'string' &&
  typeof value['name'] === 'string' &&
  typeof value['value'] === 'number';

export const asDateTime = (value: unknown): DateTime | undefined => {
  if (value instanceof DateTime) return value;
  return value instanceof Date ? new DateTime(value.getTime(), 'Utc') : undefined;
};

/** The own property of an object by its name in any case. */
export const propertyName = (object: PlainObject, name: string): string | undefined => {
  if (Object.hasOwn(object, name)) return name;
  const lower = name.toLowerCase();
  return Object.keys(object).find((key) => key.toLowerCase() === lower);
};

/** Puts a value into a pipeline: arrays are enumerated, once; no output is nothing. */
export const emit = (value: unknown, output: unknown[]): void => {
  if (value === undefined) return;
  if (isArray(value)) for (const each of value) emitWhole(each ?? null, output);
  else if (value instanceof PropertyCollection) output.push(...value.properties);
  else output.push(value);
};

/** What a variable gets of a pipeline's output. */
export const collect = (output: readonly unknown[]): unknown => (output.length <= 1 ? output[0] : output);

const whole = new WeakSet<object>();

/** A list that goes into a pipeline as one object; Windows PowerShell wraps it, and ConvertTo-Json shows that. */
export const emitWhole = (value: unknown, output: unknown[]): void => {
  if (isArray(value)) whole.add(value);
  output.push(value);
};
export const isWhole = (list: readonly unknown[]): boolean => whole.has(list);

/** As `foreach` and `@()` see a value: a list. */
export const enumerate = (value: unknown): readonly unknown[] => {
  if (value === undefined) return [];
  if (isArray(value)) return value;
  return value instanceof PropertyCollection ? value.properties : [value];
};

import { GraphError } from './errors.ts';

/** Applies `$filter` in the forms that clients of applications use: `a eq 'x'`, `startswith(a,'x')`, `as/any(c:c eq 'x')`, joined by `and`. */
export function filtered<T>(
  items: readonly T[],
  filter: string | null,
  read: (item: T, property: string) => unknown,
): T[] {
  if (filter === null) return [...items];
  const conditions = filter.split(/\s+and\s+/i).map((condition) => condition.trim());
  return conditions.reduce<T[]>((left, condition) => left.filter(predicate(condition, read)), [...items]);
}

const unquoted = (value: string): string => value.replaceAll("''", "'").toLowerCase();
/** Comparisons of Graph ignore case. */
const comparable = (value: unknown): string =>
  typeof value === 'string' || typeof value === 'boolean' ? String(value).toLowerCase() : '';

function predicate<T>(condition: string, read: (item: T, property: string) => unknown): (item: T) => boolean {
  const equal = /^(\w+)\s+eq\s+(?:'((?:[^']|'')*)'|(true|false))$/i.exec(condition);
  if (equal !== null) {
    const [, property = '', text, flag] = equal;
    return (item) => comparable(read(item, property)) === (flag ?? unquoted(text ?? '')).toLowerCase();
  }
  const starts = /^startswith\((\w+),\s*'((?:[^']|'')*)'\)$/i.exec(condition);
  if (starts !== null) {
    const [, property = '', text = ''] = starts;
    return (item) => comparable(read(item, property)).startsWith(unquoted(text));
  }
  const any = /^(\w+)\/any\((\w+):\s*\2\s+eq\s+'((?:[^']|'')*)'\)$/i.exec(condition);
  if (any !== null) {
    const [, property = '', , text = ''] = any;
    return (item) => {
      const values = read(item, property);
      return Array.isArray(values) && values.some((value) => comparable(value) === unquoted(text));
    };
  }
  throw new GraphError(
    400,
    'Request_UnsupportedQuery',
    `Unsupported or invalid query filter clause specified: '${condition}'.`,
  );
}

/** `$top` and `$skiptoken`; 100 objects a page, as Graph. */
export function page(items: readonly unknown[], url: URL, context: string): Record<string, unknown> {
  const size = Number(url.searchParams.get('$top') ?? 100);
  if (!Number.isInteger(size) || size < 1 || size > 999) {
    throw new GraphError(
      400,
      'Request_UnsupportedQuery',
      `Invalid page size specified: '${url.searchParams.get('$top')}'. Must be between 1 and 999 inclusive.`,
    );
  }
  const from = Number(url.searchParams.get('$skiptoken') ?? 0);
  const next = new URL(url);
  next.searchParams.set('$skiptoken', String(from + size));
  return {
    '@odata.context': context,
    ...(items.length > from + size ? { '@odata.nextLink': next.href } : {}),
    value: items.slice(from, from + size),
  };
}

/** `$select` on one object. */
export function selected(item: Record<string, unknown>, select: string | null): Record<string, unknown> {
  if (select === null) return item;
  const names = select.split(',').map((name) => name.trim().toLowerCase());
  return Object.fromEntries(Object.entries(item).filter(([name]) => names.includes(name.toLowerCase())));
}

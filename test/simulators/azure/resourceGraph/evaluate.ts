import type { Column, Expression, Operator } from './query.ts';
import { QueryError } from './query.ts';

export type Row = Readonly<Record<string, unknown>>;

/** Applies a query's operators, one after the other. */
export function evaluate(rows: readonly Row[], operators: readonly Operator[], columns: readonly string[]): Row[] {
  let known = [...columns];
  let current = [...rows];
  for (const operator of operators) {
    current = apply(current, operator, known);
    if (operator.kind === 'project') known = operator.columns.map(({ name }) => name);
    if (operator.kind === 'extend') known = [...known, ...operator.columns.map(({ name }) => name)];
    if (operator.kind === 'count') known = ['Count'];
    if (operator.kind === 'summarize') known = [...operator.by.map(({ name }) => name), operator.name];
  }
  return current;
}

function apply(rows: Row[], operator: Operator, known: readonly string[]): Row[] {
  const read = (expression: Expression) => {
    checkColumns(expression, known);
    return (row: Row): unknown => valueOf(expression, row);
  };
  const values = (columns: readonly Column[]) => {
    const readers = columns.map(({ name, value }) => ({ name, value: read(value) }));
    return (row: Row): Row => Object.fromEntries(readers.map(({ name, value }) => [name, value(row) ?? null]));
  };
  switch (operator.kind) {
    case 'where': {
      const condition = read(operator.condition);
      return rows.filter((row) => condition(row) === true);
    }
    case 'project':
      return rows.map(values(operator.columns));
    case 'extend': {
      const added = values(operator.columns);
      return rows.map((row) => ({ ...row, ...added(row) }));
    }
    case 'order': {
      const keys = operator.by.map(({ value, descending }) => ({ value: read(value), sign: descending ? -1 : 1 }));
      return rows.toSorted((a, b) => {
        for (const { value, sign } of keys) {
          const order = compare(value(a), value(b));
          if (order !== 0) return order * sign;
        }
        return 0;
      });
    }
    case 'limit':
      return rows.slice(0, operator.rows);
    case 'count':
      return [{ Count: rows.length }];
    case 'summarize': {
      const by = values(operator.by);
      const groups = Map.groupBy(rows.map(by), (row) => JSON.stringify(row));
      return [...groups.values()].map((group) => ({ ...group[0], [operator.name]: group.length }));
    }
  }
}

function checkColumns(expression: Expression, known: readonly string[]): void {
  switch (expression.kind) {
    case 'path': {
      const [column = ''] = expression.path;
      if (known.includes(column)) return;
      throw new QueryError({
        code: 'UnresolvedColumn',
        message: `Failed to resolve column or scalar expression named '${column}'`,
      });
    }
    case 'call':
      for (const inner of expression.of) checkColumns(inner, known);
      return;
    case 'in':
      for (const inner of [expression.left, ...expression.values]) checkColumns(inner, known);
      return;
    case 'literal':
      return;
    case 'and':
    case 'or':
    case 'compare':
      checkColumns(expression.left, known);
      checkColumns(expression.right, known);
  }
}

function valueOf(expression: Expression, row: Row): unknown {
  switch (expression.kind) {
    case 'literal':
      return expression.value;
    case 'path':
      return expression.path.reduce<unknown>(member, row);
    case 'and':
      return valueOf(expression.left, row) === true && valueOf(expression.right, row) === true;
    case 'or':
      return valueOf(expression.left, row) === true || valueOf(expression.right, row) === true;
    case 'call':
      return call(
        expression.name,
        expression.of.map((inner) => valueOf(inner, row)),
      );
    case 'in': {
      const same = expression.operator.endsWith('~') ? equalIgnoringCase : equal;
      const left = valueOf(expression.left, row);
      const found = expression.values.some((value) => same(left, valueOf(value, row)));
      return expression.operator.startsWith('!') ? !found : found;
    }
    case 'compare':
      return compared(expression.operator, valueOf(expression.left, row), valueOf(expression.right, row));
  }
}

function member(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return Object.entries(value).find(([name]) => name === key)?.[1];
}

function text(value: unknown): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

const equal = (left: unknown, right: unknown): boolean => text(left) === text(right);
const equalIgnoringCase = (left: unknown, right: unknown): boolean =>
  text(left).toLowerCase() === text(right).toLowerCase();

function compare(left: unknown, right: unknown): number {
  if (typeof left === 'number' && typeof right === 'number') return left - right;
  const [a, b] = [text(left), text(right)];
  return a === b ? 0 : a < b ? -1 : 1;
}

function compared(operator: string, left: unknown, right: unknown): boolean {
  const [a, b] = [text(left).toLowerCase(), text(right).toLowerCase()];
  if (operator.startsWith('!') && /\w$/.test(operator)) return !compared(operator.slice(1), left, right);
  switch (operator) {
    case '==':
      return equal(left, right);
    case '!=':
      return !equal(left, right);
    case '=~':
      return a === b;
    case '!~':
      return a !== b;
    case 'contains':
      return a.includes(b);
    case 'startswith':
      return a.startsWith(b);
    case 'endswith':
      return a.endsWith(b);
    case 'has':
      return a.split(/[^a-z0-9]+/).includes(b);
    case '<':
      return compare(left, right) < 0;
    case '<=':
      return compare(left, right) <= 0;
    case '>':
      return compare(left, right) > 0;
    default:
      return compare(left, right) >= 0;
  }
}

function call(name: string, of: readonly unknown[]): unknown {
  const [first] = of;
  switch (name) {
    case 'tolower':
      return text(first).toLowerCase();
    case 'toupper':
      return text(first).toUpperCase();
    case 'isempty':
      return text(first) === '';
    case 'isnotempty':
      return text(first) !== '';
    case 'isnull':
      return first === undefined || first === null;
    case 'isnotnull':
      return first !== undefined && first !== null;
    case 'not':
      return first !== true;
    default:
      return text(first);
  }
}

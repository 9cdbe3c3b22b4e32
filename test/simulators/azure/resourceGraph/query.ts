/** What Resource Graph says about a query that it does not take. */
export class QueryError extends Error {
  override name = 'QueryError';
  readonly detail: Readonly<Record<string, unknown>>;
  constructor(detail: Readonly<Record<string, unknown>> & { readonly message: string }) {
    super(detail.message);
    this.detail = detail;
  }
}

export type Expression =
  | { readonly kind: 'literal'; readonly value: unknown }
  | { readonly kind: 'path'; readonly path: readonly string[] }
  | { readonly kind: 'call'; readonly name: string; readonly of: readonly Expression[] }
  | { readonly kind: 'compare'; readonly operator: string; readonly left: Expression; readonly right: Expression }
  | {
      readonly kind: 'in';
      readonly operator: string;
      readonly left: Expression;
      readonly values: readonly Expression[];
    }
  | { readonly kind: 'and' | 'or'; readonly left: Expression; readonly right: Expression };

export interface Column {
  readonly name: string;
  readonly value: Expression;
}

export type Operator =
  | { readonly kind: 'where'; readonly condition: Expression }
  | { readonly kind: 'project' | 'extend'; readonly columns: readonly Column[] }
  | { readonly kind: 'order'; readonly by: readonly { readonly value: Expression; readonly descending: boolean }[] }
  | { readonly kind: 'limit'; readonly rows: number }
  | { readonly kind: 'count' }
  | { readonly kind: 'summarize'; readonly name: string; readonly by: readonly Column[] };

export interface Query {
  /** Lower case. */
  readonly table: string;
  readonly operators: readonly Operator[];
}

interface Token {
  readonly kind: 'name' | 'text' | 'number' | 'symbol' | 'end';
  readonly text: string;
  readonly at: number;
}

const pattern =
  /\s+|\/\/[^\n]*|'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|\d+(?:\.\d+)?|!in~|in~|!in\b|!\w+|[A-Za-z_]\w*|==|=~|!=|!~|>=|<=|[|,().[\]=<>]/y;

function tokenize(query: string): Token[] {
  const tokens: Token[] = [];
  pattern.lastIndex = 0;
  while (pattern.lastIndex < query.length) {
    const at = pattern.lastIndex;
    const text = pattern.exec(query)?.[0];
    if (text === undefined) throw parserFailure(query, { kind: 'symbol', text: query.charAt(at), at }, 'Ǐ');
    if (/^\s|^\/\//.test(text)) continue;
    if (/^['"]/.test(text)) {
      const value = text.slice(1, -1).replaceAll(/\\(.)/g, '$1');
      tokens.push({ kind: 'text', text: value, at });
    } else if (/^\d/.test(text)) tokens.push({ kind: 'number', text, at });
    else if (/^[A-Za-z_]/.test(text) && text !== 'in~') tokens.push({ kind: 'name', text, at });
    else tokens.push({ kind: 'symbol', text, at });
  }
  return [...tokens, { kind: 'end', text: '<EOF>', at: query.length }];
}

function parserFailure(query: string, token: Token, expectedToken: string): QueryError {
  const before = query.slice(0, token.at).split('\n');
  return new QueryError({
    code: 'ParserFailure',
    message: 'ParserFailure',
    line: before.length,
    characterPositionInLine: before.at(-1)?.length ?? 0,
    token: token.text,
    expectedToken,
  });
}

const functions = ['tostring', 'tolower', 'toupper', 'isempty', 'isnotempty', 'isnull', 'isnotnull', 'not'];
const tables = ['resources', 'resourcecontainers', 'authorizationresources'];
const keywords = ['where', 'project', 'extend', 'order', 'sort', 'limit', 'take', 'count', 'summarize'];
const comparisons = ['==', '=~', '!=', '!~', '<', '>', '<=', '>='];
const words = ['contains', 'startswith', 'endswith', 'has', '!contains', '!startswith', '!endswith', '!has'];

/** The part of Resource Graph's query language that clients of this product use; anything else is InvalidQuery. */
export function parseQuery(query: string): Query {
  const tokens = tokenize(query);
  let position = 0;
  const peek = (): Token => tokens[position] ?? { kind: 'end', text: '<EOF>', at: query.length };
  const next = (): Token => {
    const token = peek();
    position += 1;
    return token;
  };
  const is = (text: string): boolean => {
    const token = peek();
    return token.kind !== 'text' && token.text.toLowerCase() === text;
  };
  const accept = (text: string): boolean => {
    if (!is(text)) return false;
    position += 1;
    return true;
  };
  const fail = (expected: string): QueryError => parserFailure(query, peek(), expected);
  const expect = (text: string): void => {
    if (!accept(text)) throw fail(text);
  };
  const name = (): string => {
    if (peek().kind !== 'name') throw fail('identifier');
    return next().text;
  };
  const listOf = <T>(item: () => T): T[] => {
    const items = [item()];
    while (accept(',')) items.push(item());
    return items;
  };

  const primary = (): Expression => {
    const token = peek();
    if (token.kind === 'text') return { kind: 'literal', value: next().text };
    if (token.kind === 'number') return { kind: 'literal', value: Number(next().text) };
    if (accept('(')) {
      const inner = either();
      expect(')');
      return inner;
    }
    const first = name();
    if (/^(true|false)$/i.test(first)) return { kind: 'literal', value: first.toLowerCase() === 'true' };
    if (accept('(')) {
      if (!functions.includes(first.toLowerCase())) {
        throw new QueryError({ code: 'UnknownFunction', message: `Unknown function: '${first}'.` });
      }
      const of = is(')') ? [] : listOf(either);
      expect(')');
      return { kind: 'call', name: first.toLowerCase(), of };
    }
    const path = [first];
    for (;;) {
      if (accept('.')) path.push(name());
      else if (accept('[')) {
        const key = next();
        if (key.kind !== 'text' && key.kind !== 'number') throw parserFailure(query, key, 'string literal');
        path.push(key.text);
        expect(']');
      } else return { kind: 'path', path };
    }
  };
  const comparison = (): Expression => {
    const left = primary();
    const operator = peek().text.toLowerCase();
    if (peek().kind === 'text' || peek().kind === 'number') return left;
    if (comparisons.includes(operator) || words.includes(operator)) {
      next();
      return { kind: 'compare', operator, left, right: primary() };
    }
    if (['in', 'in~', '!in', '!in~'].includes(operator)) {
      next();
      expect('(');
      const values = listOf(primary);
      expect(')');
      return { kind: 'in', operator, left, values };
    }
    return left;
  };
  const both = (): Expression => {
    let left = comparison();
    while (accept('and')) left = { kind: 'and', left, right: comparison() };
    return left;
  };
  const either = (): Expression => {
    let left = both();
    while (accept('or')) left = { kind: 'or', left, right: both() };
    return left;
  };
  const column = (): Column => {
    const start = position;
    if (peek().kind === 'name') {
      const alias = next().text;
      if (accept('=')) return { name: alias, value: either() };
      position = start;
    }
    const value = either();
    return { name: nameOf(value), value };
  };
  const whole = (): number => {
    if (peek().kind !== 'number') throw fail('long literal');
    return Number(next().text);
  };
  const operator = (): Operator => {
    if (accept('where')) return { kind: 'where', condition: either() };
    if (accept('project')) return { kind: 'project', columns: listOf(column) };
    if (accept('extend')) return { kind: 'extend', columns: listOf(column) };
    if (accept('limit') || accept('take')) return { kind: 'limit', rows: whole() };
    if (accept('count')) return { kind: 'count' };
    if (accept('order') || accept('sort')) {
      expect('by');
      return {
        kind: 'order',
        by: listOf(() => {
          const value = either();
          // Descending is what it is without a word.
          const descending = !accept('asc');
          if (descending) accept('desc');
          return { value, descending };
        }),
      };
    }
    if (accept('summarize')) {
      const alias = is('count') ? 'count_' : name();
      if (alias !== 'count_') expect('=');
      expect('count');
      expect('(');
      expect(')');
      return { kind: 'summarize', name: alias, by: accept('by') ? listOf(column) : [] };
    }
    throw fail(keywords.join(', '));
  };

  let table = 'resources';
  const operators: Operator[] = [];
  if (keywords.some((keyword) => is(keyword))) operators.push(operator());
  else {
    const given = name();
    table = given.toLowerCase();
    if (!tables.includes(table)) {
      throw new QueryError({
        code: 'DisallowedLogicalTableName',
        message: `Table ${given} is invalid, unsupported or disallowed.`,
      });
    }
  }
  while (accept('|')) operators.push(operator());
  if (peek().kind !== 'end') throw fail('<EOF>');
  return { table, operators };
}

/** The name that a column gets without an alias: `properties.status` is `properties_status`. */
function nameOf(value: Expression): string {
  if (value.kind === 'path') return value.path.join('_');
  const [first] = value.kind === 'call' ? value.of : [];
  return first === undefined ? 'Column1' : nameOf(first);
}

import type { Node } from 'web-tree-sitter';
import { atOf, childrenOf, find, namedOf, only, refuse, sameLine, type Lowering } from './lowering.ts';
import type { Expression, HashEntry } from './syntax.ts';

const operators = new Set(
  `-eq -ne -lt -le -gt -ge -and -or -match -notmatch -like -notlike -replace -split -join -contains -notcontains -in -notin
  -is -isnot -as -f .. -ceq -cne -cmatch -cnotmatch -creplace -ccontains -cnotcontains -cin -cnotin -band + - * / %`.split(
    /\s+/,
  ),
);
const unaryOperators = new Set(['-not', '!', '-', '+', ',', '-join', '-split']);

const lowerBinary = (lowering: Lowering, node: Node): Expression => {
  const parts = childrenOf(node);
  const [left, operator, right] = parts;
  if (left === undefined || operator === undefined || right === undefined || parts.length !== 3)
    return refuse(`"${node.text}"`, node);
  sameLine(left, operator);
  const name = operator.text.toLowerCase();
  if (!operators.has(name)) return refuse(`the operator ${operator.text}`, operator);
  return {
    kind: 'binary',
    operator: name,
    left: lowering.expression(left),
    right: lowering.expression(right),
    at: atOf(lowering, node),
  };
};

const lowerList = (lowering: Lowering, node: Node): Expression => {
  const parts = childrenOf(node);
  for (const [index, part] of parts.entries()) {
    const before = parts[index - 1];
    if (part.type === ',' && before !== undefined) sameLine(before, part);
  }
  return { kind: 'list', items: namedOf(node).map(lowering.expression), at: atOf(lowering, node) };
};

const lowerUnary = (lowering: Lowering, node: Node): Expression => {
  const [operator, operand] = childrenOf(node);
  if (operator === undefined) return refuse(`"${node.text}"`, node);
  if (operand === undefined) return lowering.expression(operator);
  const name = operator.text.toLowerCase();
  if (!unaryOperators.has(name)) return refuse(`the operator ${operator.text}`, operator);
  return { kind: 'unary', operator: name, operand: lowering.expression(operand), at: atOf(lowering, node) };
};

const escapes: Readonly<Record<string, string>> = {
  '0': '\0',
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\u000b',
};

const unescape = (raw: string, doubled: boolean): string =>
  raw.replace(doubled ? /`([\s\S])|""/g : /`([\s\S])/g, (_, character: string | undefined) =>
    character === undefined ? '"' : (escapes[character] ?? character),
  );

const lowerExpandable = (lowering: Lowering, node: Node, open: number, close: number): Expression => {
  const parts: (string | Expression)[] = [];
  const isQuoted = open === 1 && close === 1;
  let from = node.startIndex + open;
  const addRaw = (to: number, isAfterVariable: boolean): void => {
    const raw = lowering.text.slice(from, to);
    if (isAfterVariable && raw.startsWith(':')) refuse('a variable before a colon in a string (write $($x))', node);
    if (raw !== '') parts.push(unescape(raw, isQuoted));
  };
  let isAfterVariable = false;
  for (const child of node.children) {
    if (child.type !== 'variable' && child.type !== 'sub_expression') continue;
    addRaw(child.startIndex, isAfterVariable);
    parts.push(lowering.expression(child));
    from = child.endIndex;
    isAfterVariable = child.type === 'variable' && !child.text.startsWith('${');
  }
  addRaw(node.endIndex - close, isAfterVariable);
  return { kind: 'text', parts, at: atOf(lowering, node) };
};

const lowerString = (lowering: Lowering, node: Node): Expression => {
  const inner = only(node);
  const at = atOf(lowering, node);
  const raw = inner.text;
  switch (inner.type) {
    case 'verbatim_string_characters':
      return { kind: 'literal', value: raw.slice(1, -1).replaceAll("''", "'"), at };
    case 'verbatim_here_string_characters':
      return { kind: 'literal', value: raw.replace(/^@'[^\n]*\n/, '').replace(/\r?\n'@$/, ''), at };
    case 'expandable_here_string_literal': {
      const open = /^@"[^\n]*\n/.exec(raw)?.[0].length ?? 0;
      const close = /\r?\n"@$/.exec(raw)?.[0].length ?? 0;
      return lowerExpandable(lowering, inner, open, close);
    }
    default:
      return lowerExpandable(lowering, inner, 1, 1);
  }
};

const units: Readonly<Record<string, number>> = { kb: 2 ** 10, mb: 2 ** 20, gb: 2 ** 30, tb: 2 ** 40, pb: 2 ** 50 };

export const numberOf = (text: string): number | undefined => {
  const [, digits, unit = ''] =
    /^(0x[0-9a-f]+|(?:\d+(?:\.\d+)?|\.\d+)(?:e[+-]?\d+)?)l?(kb|mb|gb|tb|pb)?$/i.exec(text) ?? [];
  return digits === undefined ? undefined : Number(digits) * (units[unit.toLowerCase()] ?? 1);
};

const lowerNumber = (lowering: Lowering, node: Node): Expression => {
  const value = numberOf(node.text);
  return value === undefined
    ? refuse(`the number ${node.text}`, node)
    : { kind: 'literal', value, at: atOf(lowering, node) };
};

const lowerVariable = (lowering: Lowering, node: Node): Expression => {
  const braced = /^\$\{(.*)\}$/.exec(node.text)?.[1] ?? node.text.slice(1);
  if (node.text.startsWith('@')) return refuse('splatting outside a command', node);
  const [, scope, name = ''] = /^(?:([A-Za-z]+):)?([A-Za-z0-9_?]+)$/.exec(braced) ?? [];
  if (name === '') return refuse(`the variable ${node.text}`, node);
  return { kind: 'variable', scope: scope?.toLowerCase(), name, at: atOf(lowering, node) };
};

export const typeNameOf = (node: Node): string => node.text.replace(/^\[|\]$/g, '').replace(/\s/g, '');

const lowerMemberName = (lowering: Lowering, node: Node): string | Expression => {
  const name = only(node);
  if (name.type === 'simple_name') return name.text;
  return lowering.expression(name);
};

const lowerMember = (lowering: Lowering, node: Node): Expression => {
  const [target, dot, member, list] = childrenOf(node);
  if (target === undefined || dot === undefined || member === undefined) return refuse(`"${node.text}"`, node);
  const at = atOf(lowering, node);
  const isStatic = dot.type === '::';
  const name = lowerMemberName(lowering, member);
  if (node.type === 'member_access') return { kind: 'member', target: lowering.expression(target), name, isStatic, at };
  if (typeof name !== 'string' || list === undefined) return refuse('a method of a computed name', node);
  const parameters = find(list, 'argument_expression_list');
  return {
    kind: 'call',
    target: lowering.expression(target),
    name,
    arguments: parameters === null ? [] : namedOf(parameters).map(lowering.expression),
    isStatic,
    at,
  };
};

const lowerHash = (lowering: Lowering, node: Node): Expression => {
  const body = find(node, 'hash_literal_body');
  const entries = body === null ? [] : namedOf(body);
  const at = atOf(lowering, node);
  return {
    kind: 'hash',
    entries: entries.map((entry): HashEntry => {
      const [key, , value] = childrenOf(entry);
      if (key === undefined || value === undefined) return refuse(`"${entry.text}"`, entry);
      const name = only(key);
      const isName = name.type === 'simple_name';
      return {
        key: isName ? { kind: 'literal', value: name.text, at } : lowering.expression(name),
        value: lowering.statement(value),
      };
    }),
    at,
  };
};

/** Throws `UnsupportedPowerShell` for an expression outside the subset. */
export const lowerExpression = (lowering: Lowering, node: Node): Expression => {
  const at = atOf(lowering, node);
  switch (node.type) {
    case 'logical_expression':
    case 'bitwise_expression':
    case 'comparison_expression':
    case 'additive_expression':
    case 'multiplicative_expression':
    case 'format_expression':
    case 'range_expression':
    case 'logical_argument_expression':
    case 'bitwise_argument_expression':
    case 'comparison_argument_expression':
    case 'additive_argument_expression':
    case 'multiplicative_argument_expression':
    case 'format_argument_expression':
    case 'range_argument_expression':
      return childrenOf(node).length === 1 ? lowering.expression(only(node)) : lowerBinary(lowering, node);
    case 'array_literal_expression':
      return childrenOf(node).length === 1 ? lowering.expression(only(node)) : lowerList(lowering, node);
    case 'unary_expression':
    case 'argument_expression':
    case 'left_assignment_expression':
      return lowering.expression(only(node));
    case 'expression_with_unary_operator':
      return lowerUnary(lowering, node);
    case 'cast_expression': {
      const [type, operand] = childrenOf(node);
      if (type === undefined || operand === undefined) return refuse(`"${node.text}"`, node);
      return { kind: 'cast', type: typeNameOf(type), operand: lowering.expression(operand), at };
    }
    case 'string_literal':
      return lowerString(lowering, node);
    case 'integer_literal':
    case 'real_literal':
      return lowerNumber(lowering, node);
    case 'variable':
      return lowerVariable(lowering, node);
    case 'type_literal':
      return { kind: 'type', type: typeNameOf(node), at };
    case 'member_access':
    case 'invokation_expression':
      return lowerMember(lowering, node);
    case 'element_access': {
      const [target, , index] = childrenOf(node);
      if (target === undefined || index === undefined) return refuse(`"${node.text}"`, node);
      return { kind: 'index', target: lowering.expression(target), index: lowering.expression(index), at };
    }
    case 'hash_literal_expression':
      return lowerHash(lowering, node);
    case 'parenthesized_expression':
      return { kind: 'paren', statement: lowering.statement(only(node)), at };
    case 'sub_expression':
      return { kind: 'sub', statements: lowering.statements(find(node, 'statement_list')), at };
    case 'array_expression':
      return { kind: 'array', statements: lowering.statements(find(node, 'statement_list')), at };
    case 'script_block_expression':
      return { kind: 'block', block: lowering.block(node, at), at };
    case 'post_increment_expression':
    case 'post_decrement_expression':
      return {
        kind: 'increment',
        target: lowering.expression(only(node)),
        by: node.type === 'post_increment_expression' ? 1 : -1,
        at,
      };
    default:
      return refuse(`${node.type.replaceAll('_', ' ')} "${at.text.slice(0, 60)}"`, node);
  }
};

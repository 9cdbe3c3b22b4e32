import type { Node } from 'web-tree-sitter';
import { lowerCommand, lowerRedirection } from './lowerCommands.ts';
import { lowerExpression, typeNameOf } from './lowerExpressions.ts';
import { atOf, childrenOf, find, namedOf, only, refuse, sameLine, type Lowering } from './lowering.ts';
import type { At, BlockSyntax, Branch, Expression, ParameterSyntax, Program, Statement } from './syntax.ts';

/** The grammar takes `1..3` for the name of a command. */
const rangeOf = (lowering: Lowering, node: Node): Expression | undefined => {
  const [, from, to] = /^(\d+)\.\.(\d+)$/.exec(node.text.trim()) ?? [];
  if (from === undefined || to === undefined) return undefined;
  const at = atOf(lowering, node);
  const bound = (text: string): Expression => ({ kind: 'literal', value: Number(text), at });
  return { kind: 'binary', operator: '..', left: bound(from), right: bound(to), at };
};

const lowerPipeline = (lowering: Lowering, node: Node): Statement => {
  const assignment = find(node, 'assignment_expression');
  const at = atOf(lowering, node);
  if (assignment !== null) {
    const [target, operator, value] = childrenOf(assignment);
    if (target === undefined || operator === undefined || value === undefined) return refuse(`"${node.text}"`, node);
    if (!['=', '+=', '-='].includes(operator.text)) return refuse(`the operator ${operator.text}`, operator);
    return {
      kind: 'assignment',
      target: lowering.expression(target),
      operator: operator.text,
      value: lowering.statement(value),
      at,
    };
  }
  const chains = childrenOf(node);
  const tail = chains.find(({ type }) => type === 'pipeline_chain_tail');
  if (tail !== undefined) return refuse(`the operator ${tail.text} of PowerShell 7`, tail);
  const [chain] = chains;
  if (chain === undefined) return refuse(`"${node.text}"`, node);
  const parts = childrenOf(chain);
  for (const [index, part] of parts.entries()) {
    const before = parts[index - 1];
    if (part.type === '|' && before !== undefined) sameLine(before, part);
  }
  const stages = parts.filter(({ type }) => type !== '|' && type !== 'redirections');
  const [first] = stages;
  if (first === undefined) return refuse(`"${node.text}"`, node);
  const range = rangeOf(lowering, first);
  const expression = first.type === 'command' ? range : lowering.expression(first);
  const commands = (expression === undefined ? stages : stages.slice(1)).map(lowering.command);
  const list = find(chain, 'redirections');
  return {
    kind: 'pipeline',
    first: expression,
    redirections: list === null ? [] : namedOf(list).map(lowerRedirection),
    commands,
    at,
  };
};

const lowerBranch = (lowering: Lowering, node: Node): Branch => {
  const condition = node.childForFieldName('condition');
  if (condition === null) return refuse(`"${node.text}"`, node);
  const statement = condition.type === 'while_condition' ? only(condition) : condition;
  return { condition: lowering.statement(statement), body: bodyOf(lowering, node) };
};

const bodyOf = (lowering: Lowering, node: Node): readonly Statement[] => {
  const block = find(node, 'statement_block');
  return block === null ? refuse(`"${node.text}"`, node) : lowering.statements(find(block, 'statement_list'));
};

const lowerIf = (lowering: Lowering, node: Node, at: At): Statement => {
  const elseifs = find(node, 'elseif_clauses');
  const otherwise = find(node, 'else_clause');
  return {
    kind: 'if',
    branches: [
      lowerBranch(lowering, node),
      ...(elseifs === null ? [] : namedOf(elseifs).map((clause) => lowerBranch(lowering, clause))),
    ],
    otherwise: otherwise === null ? [] : bodyOf(lowering, otherwise),
    at,
  };
};

const lowerForeach = (lowering: Lowering, node: Node, at: At): Statement => {
  const variable = find(node, 'variable');
  const items = find(node, 'pipeline');
  if (variable === null || items === null || !/^\$[A-Za-z_]\w*$/.test(variable.text))
    return refuse('this foreach', node);
  return {
    kind: 'foreach',
    variable: variable.text.slice(1),
    items: lowering.statement(items),
    body: bodyOf(lowering, node),
    at,
  };
};

const lowerClause = (lowering: Lowering, node: Node): Expression | undefined => {
  const { children, text } = node;
  const at = atOf(lowering, node);
  const [inner] = children.filter(({ isNamed }) => isNamed);
  if (inner !== undefined) return lowering.expression(inner);
  if (text.toLowerCase() === 'default') return undefined;
  const [, quoted] = /^'([^']*)'$/.exec(text) ?? /^"([^"$`]*)"$/.exec(text) ?? [];
  if (quoted !== undefined) return { kind: 'literal', value: quoted, at };
  if (/^\d+$/.test(text)) return { kind: 'literal', value: Number(text), at };
  return refuse(`the switch condition ${text} without quotes`, node);
};

const lowerSwitch = (lowering: Lowering, node: Node, at: At): Statement => {
  const condition = find(node, 'switch_condition');
  const body = find(node, 'switch_body');
  if (find(node, 'switch_parameters') !== null || condition === null || body === null)
    return refuse('switch with parameters', node);
  const clauses = find(body, 'switch_clauses');
  return {
    kind: 'switch',
    value: lowering.statement(only(condition)),
    clauses: (clauses === null ? [] : namedOf(clauses)).map((clause) => {
      const test = find(clause, 'switch_clause_condition');
      if (test === null) return refuse(`"${clause.text}"`, clause);
      return { condition: lowerClause(lowering, test), body: bodyOf(lowering, clause) };
    }),
    at,
  };
};

const lowerTry = (lowering: Lowering, node: Node, at: At): Statement => {
  const clauses = find(node, 'catch_clauses');
  const last = find(node, 'finally_clause');
  return {
    kind: 'try',
    body: bodyOf(lowering, node),
    catches: (clauses === null ? [] : namedOf(clauses)).map((clause) => {
      const types = find(clause, 'catch_type_list');
      return { types: types === null ? [] : namedOf(types).map(typeNameOf), body: bodyOf(lowering, clause) };
    }),
    finally: last === null ? [] : bodyOf(lowering, last),
    at,
  };
};

const lowerFlow = (lowering: Lowering, node: Node, at: At): Statement => {
  const word = childrenOf(node)[0]?.text.toLowerCase() ?? '';
  const value = find(node, 'pipeline');
  if (find(node, 'label_expression') !== null) return refuse('a label', node);
  switch (word) {
    case 'break':
    case 'continue':
    case 'throw':
    case 'return':
    case 'exit':
      return { kind: 'flow', word, value: value === null ? undefined : lowering.statement(value), at };
    default:
      return refuse(`"${node.text}"`, node);
  }
};

const lowerParameter = (lowering: Lowering, node: Node): ParameterSyntax => {
  const variable = find(node, 'variable');
  const initial = find(node, 'script_parameter_default');
  const list = find(node, 'attribute_list');
  if (variable === null || !/^\$[A-Za-z_]\w*$/.test(variable.text)) return refuse(`"${node.text}"`, node);
  let type: string | undefined;
  let mandatory = false;
  for (const attribute of list === null ? [] : namedOf(list)) {
    const literal = find(attribute, 'type_literal');
    if (literal !== null) type = typeNameOf(literal);
    else if (/^\[Parameter\(\s*Mandatory\s*=\s*\$true\s*\)\]$/i.test(attribute.text)) mandatory = true;
    else refuse(`the attribute ${attribute.text}`, attribute);
  }
  return {
    name: variable.text.slice(1),
    type,
    mandatory,
    initial: initial === null ? undefined : lowering.expression(only(initial)),
  };
};

const lowerBlock = (lowering: Lowering, node: Node | null, at: At): BlockSyntax => {
  const script = node === null ? null : find(node, 'script_block');
  if (node === null || script === null) return { parameters: [], body: [], at };
  const block = find(script, 'param_block') ?? find(node, 'param_block');
  const list = block === null ? null : find(block, 'parameter_list');
  if (block !== null && find(block, 'attribute_list') !== null) refuse('an attribute of param()', block);
  const body = find(script, 'script_block_body');
  if (body !== null && find(body, 'named_block_list') !== null) refuse('begin, process and end', body);
  return {
    parameters: list === null ? [] : namedOf(list).map((each) => lowerParameter(lowering, each)),
    body: lowering.statements(body === null ? null : find(body, 'statement_list')),
    at,
  };
};

const lowerFunction = (lowering: Lowering, node: Node, at: At): Statement => {
  const name = find(node, 'function_name')?.text ?? '';
  const [word] = childrenOf(node);
  if (word?.text.toLowerCase() !== 'function') return refuse(word?.text ?? 'this', node);
  if (find(node, 'function_parameter_declaration') !== null) return refuse('parameters outside param()', node);
  if (!/^[A-Za-z][A-Za-z0-9-]*$/.test(name)) return refuse(`the function name ${name}`, node);
  return { kind: 'function', name, block: lowerBlock(lowering, node, at), at };
};

const lowerStatement = (lowering: Lowering, node: Node): Statement => {
  const at = atOf(lowering, node);
  switch (node.type) {
    case 'pipeline':
      return lowerPipeline(lowering, node);
    case 'if_statement':
      return lowerIf(lowering, node, at);
    case 'foreach_statement':
      return lowerForeach(lowering, node, at);
    case 'while_statement':
      return { kind: 'while', ...lowerBranch(lowering, node), at };
    case 'switch_statement':
      return lowerSwitch(lowering, node, at);
    case 'try_statement':
      return lowerTry(lowering, node, at);
    case 'function_statement':
      return lowerFunction(lowering, node, at);
    case 'flow_control_statement':
      return lowerFlow(lowering, node, at);
    default:
      return refuse(node.type.replaceAll('_', ' '), node);
  }
};

export const lowerProgram = (root: Node, text: string): Program => {
  const lowering: Lowering = {
    text,
    lines: text.split(/\r?\n/),
    expression: (node) => lowerExpression(lowering, node),
    statement: (node) => lowerStatement(lowering, node),
    statements: (list) => (list === null ? [] : namedOf(list).map((node) => lowerStatement(lowering, node))),
    block: (node, at) => lowerBlock(lowering, node, at),
    command: (node) => lowerCommand(lowering, node),
    redirection: lowerRedirection,
  };
  const [parameters] = root.children.filter(({ type }) => type === 'param_block');
  if (parameters !== undefined) refuse('param() of the whole script', parameters);
  return { statements: lowering.statements(find(root, 'statement_list')) };
};

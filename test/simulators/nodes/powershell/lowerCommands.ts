import type { Node } from 'web-tree-sitter';
import { atOf, childrenOf, find, namedOf, only, refuse, sameLine, type Lowering } from './lowering.ts';
import { numberOf } from './lowerExpressions.ts';
import type { Command, CommandElement, Expression, Redirection } from './syntax.ts';

const redirections: Readonly<Record<string, Redirection>> = {
  '>$null': { stream: '1', to: 'nothing' },
  '1>$null': { stream: '1', to: 'nothing' },
  '2>$null': { stream: '2', to: 'nothing' },
  '3>$null': { stream: '3', to: 'nothing' },
  '*>$null': { stream: '*', to: 'nothing' },
  '2>&1': { stream: '2', to: 'output' },
  '*>&1': { stream: '*', to: 'output' },
};

export const lowerRedirection = (node: Node): Redirection =>
  redirections[node.text.replace(/\s/g, '').toLowerCase()] ?? refuse(`the redirection ${node.text}`, node);

const lowerToken = (lowering: Lowering, node: Node): Expression => {
  const { text } = node;
  if (!/^[A-Za-z0-9_.\\/:*=+-]+$/.test(text)) return refuse(`the argument ${text} without quotes`, node);
  return { kind: 'literal', value: numberOf(text) ?? text, at: atOf(lowering, node) };
};

const isSeparated = (lowering: Lowering, node: Node): boolean =>
  /[\s:]/.test(lowering.text[node.startIndex - 1] ?? ' ');

const lowerElements = (
  lowering: Lowering,
  command: Node,
  list: readonly Node[],
): { readonly elements: readonly CommandElement[]; readonly redirections: readonly Redirection[] } => {
  const elements: CommandElement[] = [];
  const found: Redirection[] = [];
  let before = command;
  for (const node of list) {
    sameLine(before, node);
    before = node;
    const at = atOf(lowering, node);
    const hasColon = lowering.text[node.startIndex - 1] === ':';
    const last = elements.at(-1);
    if (node.type === 'redirection') {
      found.push(lowerRedirection(node));
    } else if (node.type === 'generic_token' && /^[0-9*]?>/.test(node.text)) {
      found.push(lowerRedirection(node));
    } else if (!isSeparated(lowering, node)) {
      refuse(`"${node.text}" next to another argument without a space`, node);
    } else if (node.type === 'command_parameter') {
      elements.push({ kind: 'parameter', name: node.text.replace(/^-/, ''), value: undefined, at });
    } else if (node.type === 'stop_parsing' || node.type === 'argument_list') {
      refuse(`"${node.text}"`, node);
    } else if (/^@[A-Za-z_]\w*$/.test(node.text)) {
      elements.push({ kind: 'splat', name: node.text.slice(1), at });
    } else {
      const value = node.type === 'generic_token' ? lowerToken(lowering, node) : lowering.expression(node);
      if (hasColon && last?.kind === 'parameter' && last.value === undefined) {
        elements[elements.length - 1] = { ...last, value };
      } else {
        elements.push({ kind: 'value', value, at });
      }
    }
  }
  return { elements, redirections: found };
};

/** A list of bare words (`a, b`) and calls of what stands in a variable are left to PowerShell's own parser: write them with quotes and `&`. */
export const lowerCommand = (lowering: Lowering, node: Node): Command => {
  const [first, second, third] = childrenOf(node);
  if (first === undefined) return refuse(`"${node.text}"`, node);
  const at = atOf(lowering, node);
  if (first.type === 'command_name') {
    if (!/^[A-Za-z][A-Za-z0-9-]*$/.test(first.text)) refuse(`the command ${first.text}`, first);
    const list = second === undefined ? [] : namedOf(second);
    return { name: first.text, ...lowerElements(lowering, first, list), at };
  }
  if (first.text !== '&') return refuse('dot-sourcing', first);
  if (second === undefined) return refuse(`"${node.text}"`, node);
  const callee = only(second);
  const path = find(second, 'path_command_name');
  const variable = path === null ? null : find(path, 'variable');
  if (path !== null && (variable === null || namedOf(path).length !== 1))
    return refuse(`calling ${callee.text} (put it into a variable first)`, second);
  if (callee.type === 'command_name') return refuse(`calling ${callee.text} with &`, second);
  return {
    name: lowering.expression(variable ?? callee),
    ...lowerElements(lowering, second, third === undefined ? [] : namedOf(third)),
    at,
  };
};

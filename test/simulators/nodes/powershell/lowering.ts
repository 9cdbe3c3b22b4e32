import type { Node } from 'web-tree-sitter';
import type { At, BlockSyntax, Command, Expression, Redirection, Statement } from './syntax.ts';
import { UnsupportedPowerShell } from './unsupported.ts';

/** What lowering the parts of a script needs of each other: expressions hold statements and the other way round. */
export interface Lowering {
  readonly text: string;
  readonly lines: readonly string[];
  readonly expression: (node: Node) => Expression;
  readonly statement: (node: Node) => Statement;
  readonly statements: (list: Node | null) => readonly Statement[];
  readonly block: (body: Node | null, at: At) => BlockSyntax;
  readonly command: (node: Node) => Command;
  readonly redirection: (node: Node) => Redirection;
}

export const atOf = (lowering: Pick<Lowering, 'lines'>, node: Node): At => {
  const { row, column } = node.startPosition;
  const [text = ''] = node.text.split(/\r?\n/);
  return { line: row + 1, column: column + 1, sourceLine: lowering.lines[row] ?? '', text };
};

export const refuse = (what: string, node: Node): never => {
  throw new UnsupportedPowerShell(what, node.startPosition.row + 1);
};

/** Children without comments and punctuation of no meaning. */
export const childrenOf = (node: Node): readonly Node[] =>
  node.children.filter(
    (child) => child.type !== 'comment' && child.type !== 'empty_statement' && child.type !== 'command_argument_sep',
  );

export const namedOf = (node: Node): readonly Node[] => childrenOf(node).filter((child) => child.isNamed);

export const only = (node: Node): Node => {
  const [child, ...rest] = namedOf(node);
  return child === undefined || rest.length > 0 ? refuse(`"${node.text}"`, node) : child;
};

export const find = (node: Node, type: string): Node | null =>
  childrenOf(node).find((child) => child.type === type) ?? null;

/** The grammar lets an operator begin a line; PowerShell ends the statement there. */
export const sameLine = (before: Node, after: Node): void => {
  if (before.endPosition.row !== after.startPosition.row) {
    refuse(`"${after.text.split(/\r?\n/)[0] ?? ''}" at the start of a line`, after);
  }
};

import { createRequire } from 'node:module';
import { Language, Parser, type Node } from 'web-tree-sitter';
import { lowerProgram } from './lowerStatements.ts';
import type { Program } from './syntax.ts';
import { UnsupportedPowerShell } from './unsupported.ts';

// Text to syntax tree, by tree-sitter's grammar of PowerShell.

const loadParser = async (): Promise<Parser> => {
  await Parser.init();
  const parser = new Parser();
  const { resolve } = createRequire(import.meta.url);
  parser.setLanguage(await Language.load(resolve('tree-sitter-powershell/tree-sitter-powershell.wasm')));
  return parser;
};

const loading: { parser?: Promise<Parser> } = {};

export interface SyntaxError {
  /** 1-based */
  readonly line: number;
  readonly message: string;
}

const errorsOf = (node: Node): readonly SyntaxError[] => {
  if (!node.hasError) return [];
  const line = node.startPosition.row + 1;
  if (node.isMissing) return [{ line, message: `cannot be parsed: ${node.type} is missing` }];
  if (node.isError) {
    const [text = ''] = node.text.trim().split(/\r?\n/);
    return [{ line, message: `cannot be parsed at "${text.slice(0, 60)}"` }];
  }
  return node.children.flatMap(errorsOf);
};

/** `use` has the tree only while it runs. */
export const withTree = async <R>(text: string, use: (root: Node) => R): Promise<R> => {
  loading.parser ??= loadParser();
  const tree = (await loading.parser).parse(text);
  if (tree === null) throw new Error('the parser gave no tree');
  try {
    return use(tree.rootNode);
  } finally {
    tree.delete();
  }
};

/** What the grammar cannot read; empty for a script that parses. */
export const syntaxErrors = (text: string): Promise<readonly SyntaxError[]> => withTree(text, errorsOf);

const programs = new Map<string, Program>();
const maximumPrograms = 512;

/** Parses once per text. Throws `UnsupportedPowerShell` for what does not parse or is outside the subset. */
export const parseProgram = async (text: string): Promise<Program> => {
  const known = programs.get(text);
  if (known !== undefined) return known;
  const program = await withTree(text, (root) => {
    const [error] = errorsOf(root);
    if (error !== undefined) throw new UnsupportedPowerShell(`text that ${error.message}`, error.line);
    return lowerProgram(root, text);
  });
  if (programs.size >= maximumPrograms) programs.clear();
  programs.set(text, program);
  return program;
};

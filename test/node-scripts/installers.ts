import type { Node } from 'web-tree-sitter';
import { syntaxErrors, withTree } from '../simulators/nodes/powershell/parser.ts';
import { parametersOf } from './installerRules.ts';
import type { Finding } from './lint.ts';

// The scripts that a person runs on a node. They use more of the language than the evaluator has, so nobody runs them here: what they
// call, with which parameters, is all that is judged.

export interface InstallerRules {
  /** Cmdlets. Whatever else is called by a name has to be a function of the script. */
  readonly commands: readonly string[];
  /** Texts of calls whose name is computed. */
  readonly computedCommands: readonly string[];
  /** `.Method` of whatever value, `[Type]::Method` of a type. */
  readonly methods: readonly string[];
  /** Texts of the properties that may be written. */
  readonly assignedMembers: readonly string[];
}

/** What Windows PowerShell 5.1 cannot read or does not have, outside of comments and texts. */
const newerThanFive = /&&|\|\||\?\?|\?\.|-AsHashtable\b|-EnumsAsStrings\b|-Parallel\b|\?\s*\S+\s*:\s/;
const withoutTexts = (text: string): string =>
  text
    .replace(/<#[\s\S]*?#>/g, (comment) => comment.replace(/[^\n]/g, ''))
    .replace(/@(['"])\r?\n[\s\S]*?\n\1@/g, (here) => here.replace(/[^\n]/g, ''))
    .replace(/'[^'\n]*'|"(?:[^"\n`]|`.)*"|#.*$/gm, '');

const newerFindings = (text: string): readonly Finding[] =>
  withoutTexts(text)
    .split('\n')
    .flatMap((line, index) =>
      newerThanFive.test(line) ? [{ line: index + 1, rule: 'version', message: `${line.trim()} is not of 5.1` }] : [],
    );

const within = (node: Node, type: string): readonly Node[] =>
  node.descendantsOfType(type).filter((each) => each !== null);

const child = (node: Node, type: string): Node | undefined =>
  node.namedChildren.find((each) => each !== null && each.type === type) ?? undefined;

const finding = (node: Node, rule: string, message: string): Finding => ({
  line: node.startPosition.row + 1,
  rule,
  message,
});

interface Script {
  /** Parameters of the script's own functions, by lower-case name. */
  readonly functions: ReadonlyMap<string, readonly string[]>;
  /** Keys of the hashtables that are splatted, by the variable's text. */
  readonly tables: ReadonlyMap<string, readonly string[]>;
}

const read = (root: Node): Script => ({
  functions: new Map(
    within(root, 'function_statement').map((each) => [
      (child(each, 'function_name')?.text ?? '').toLowerCase(),
      within(each, 'script_parameter').map((parameter) => (child(parameter, 'variable')?.text ?? '').slice(1)),
    ]),
  ),
  tables: new Map(
    within(root, 'assignment_expression').flatMap((each): readonly [string, readonly string[]][] => {
      const [table] = within(each, 'hash_literal_expression');
      const [target = ''] = each.text.split(/\s/);
      return table === undefined ? [] : [[target, within(table, 'key_expression').map(({ text }) => text)]];
    }),
  ),
});

/** What a call gives by name, written out or splatted; undefined where a splatted table is not in sight. */
const givenTo = (command: Node, { tables }: Script): readonly string[] | undefined => {
  const elements = child(command, 'command_elements');
  if (elements === undefined) return [];
  const names: string[] = [];
  for (const each of elements.namedChildren) {
    if (each === null) continue;
    if (each.type === 'command_parameter') names.push(each.text.replace(/^-|:$/g, ''));
    if (!/^@[A-Za-z]\w*$/.test(each.text)) continue;
    const table = tables.get(`$${each.text.slice(1)}`);
    if (table === undefined) return undefined;
    names.push(...table);
  }
  return names;
};

const commandFindings = (command: Node, script: Script, rules: InstallerRules): readonly Finding[] => {
  const computed = child(command, 'command_name_expr');
  if (computed !== undefined) {
    const text = `${child(command, 'command_invokation_operator')?.text ?? ''} ${computed.text}`;
    return rules.computedCommands.includes(text) ? [] : [finding(command, 'computed command', text)];
  }
  const name = child(command, 'command_name')?.text ?? command.text;
  const own = script.functions.get(name.toLowerCase());
  if (own === undefined && !rules.commands.includes(name))
    return [finding(command, 'command list', `${name} is not on the list of this script`)];
  const parameters = own ?? [...(parametersOf[name] ?? []), 'ErrorAction'];
  const given = givenTo(command, script);
  if (given === undefined) return [finding(command, 'parameter', `${name}: nobody can say what is splatted`)];
  return given
    .filter((each) => !parameters.includes(each))
    .map((each) => finding(command, 'parameter', `${name} has no parameter ${each}`));
};

const methodFindings = (call: Node, { methods }: InstallerRules): readonly Finding[] => {
  const name = child(call, 'member_name')?.text ?? '';
  const type = child(call, 'type_literal')?.text;
  const text = type === undefined ? `.${name}` : `${type}::${name}`;
  return methods.includes(text) ? [] : [finding(call, 'method', `${text} is not on the list of this script`)];
};

/** Variables of the script may be set, and what is on the list; nothing of the environment, of drives or of live objects. */
const assignmentFindings = (assignment: Node, { assignedMembers }: InstallerRules): readonly Finding[] => {
  const target = child(assignment, 'left_assignment_expression')?.text ?? assignment.text;
  return /^\$\w+$/.test(target) || assignedMembers.includes(target)
    ? []
    : [finding(assignment, 'assignment', `${target} is set`)];
};

/** Empty for a script that keeps its rules. A text that does not parse is judged no further. */
export const installerFindings = async (text: string, rules: InstallerRules): Promise<readonly Finding[]> => {
  const errors = await syntaxErrors(text);
  if (errors.length > 0) return errors.map(({ line, message }) => ({ line, rule: 'syntax', message }));
  const found = await withTree(text, (root) => {
    const script = read(root);
    return [
      ...within(root, 'command').flatMap((each) => commandFindings(each, script, rules)),
      ...within(root, 'invokation_expression').flatMap((each) => methodFindings(each, rules)),
      ...within(root, 'assignment_expression').flatMap((each) => assignmentFindings(each, rules)),
      ...within(root, 'file_redirection_operator').map((each) => finding(each, 'redirection', 'it writes a file')),
    ];
  });
  return [...newerFindings(text), ...found].toSorted((left, right) => left.line - right.line);
};

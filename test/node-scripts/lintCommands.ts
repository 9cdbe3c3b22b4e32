import { languageCommandNames } from '../simulators/nodes/powershell/languageCommands.ts';
import type { Command, ParameterSyntax, Program } from '../simulators/nodes/powershell/syntax.ts';
import { walk } from '../simulators/nodes/powershell/walk.ts';
import type { Finding, LintRules } from './lint.ts';

// Which commands a script calls, and how.

const lower = (names: readonly string[]): ReadonlySet<string> => new Set(names.map((name) => name.toLowerCase()));

/** They start code, other processes or sessions that nobody reviews, or talk to a console that is not there. */
const banned = lower([
  'Add-Type',
  'Enter-PSSession',
  'Import-PSSession',
  'Invoke-Command',
  'Invoke-History',
  'Invoke-Item',
  'Invoke-WmiMethod',
  'New-Alias',
  'New-PSSession',
  'Out-GridView',
  'Read-Host',
  'Register-ScheduledJob',
  'Set-Alias',
  'Set-ExecutionPolicy',
  'Set-StrictMode',
  'Set-Variable',
  'Start-Job',
  'Start-Process',
  'Start-Transcript',
  'Write-Host',
]);

/** These belong to pipelines and may be called with what stands first. */
const positionalCommands = lower(['ForEach-Object', 'Where-Object']);
const language = lower(languageCommandNames);

interface Call {
  readonly command: Command;
  readonly caller: string | undefined;
}

interface Script {
  readonly functions: ReadonlyMap<
    string,
    { readonly name: string; readonly line: number; readonly parameters: readonly ParameterSyntax[] }
  >;
  readonly calls: readonly Call[];
}

const read = (program: Program): Script => {
  const functions = new Map<string, { name: string; line: number; parameters: readonly ParameterSyntax[] }>();
  const calls: Call[] = [];
  walk(program.statements, {
    statement: (statement) => {
      if (statement.kind !== 'function') return;
      const { name, block, at } = statement;
      functions.set(name.toLowerCase(), { name, line: at.line, parameters: block.parameters });
    },
    command: (command, place) => {
      calls.push({ command, caller: place.function });
    },
  });
  return { functions, calls };
};

const oneCall = ({ command }: Call, { functions }: Script, rules: LintRules): readonly Finding[] => {
  const { line, text } = command.at;
  const finding = (rule: string, message: string): Finding => ({ line, rule, message });
  if (typeof command.name !== 'string') {
    const isAllowed = rules.computedCommands.includes(command.name.at.text);
    return isAllowed
      ? []
      : [finding('computed command', `${command.name.at.text}: what is called must stand in the script`)];
  }
  const name = command.name.toLowerCase();
  const known = functions.get(name);
  const given = command.elements.flatMap((element) =>
    element.kind === 'parameter' ? [element.name.toLowerCase()] : [],
  );
  const positional = positionalValues(command);
  if (known !== undefined) {
    const names = lower(known.parameters.map((parameter) => parameter.name));
    return [
      ...given
        .filter((each) => !names.has(each))
        .map((each) => finding('parameter', `${known.name} has no parameter ${each}`)),
      ...(positional > 0 ? [finding('positional', `an argument of ${known.name} without its parameter's name`)] : []),
    ];
  }
  const findings: Finding[] = [];
  if (name === 'invoke-expression' && !rules.allowsInvokeExpression)
    findings.push(finding('banned command', 'Invoke-Expression runs text that nobody reviewed'));
  if (banned.has(name)) findings.push(finding('banned command', `${command.name} may not be used in a node script`));
  if (!name.includes('-')) findings.push(finding('alias', `${command.name} is an alias or a program without its path`));
  if (positional > 0 && !positionalCommands.has(name))
    findings.push(
      finding('positional', `an argument of ${command.name} without its parameter's name: ${text.slice(0, 80)}`),
    );
  if (name === 'convertto-json' && !given.includes('depth'))
    findings.push(finding('json depth', 'ConvertTo-Json without -Depth: what is deeper than 2 becomes text'));
  return findings;
};

/** How many values no parameter takes. A value right after a parameter is taken to be its own. */
const positionalValues = ({ elements }: Command): number =>
  elements.filter((element, index) => {
    const before = elements[index - 1];
    const isTaken = before?.kind === 'parameter' && before.value === undefined;
    return element.kind === 'value' && !isTaken;
  }).length;

const calledFrom = (root: string | undefined, script: Script): readonly Call[] => {
  const seen = new Set<string | undefined>([root]);
  const reached: Call[] = [];
  for (const caller of seen) {
    for (const call of script.calls) {
      if (call.caller !== caller) continue;
      reached.push(call);
      const callee = typeof call.command.name === 'string' ? call.command.name.toLowerCase() : undefined;
      if (callee !== undefined && script.functions.has(callee)) seen.add(callee);
    }
  }
  return reached;
};

const notAllowed = (
  calls: readonly Call[],
  allowed: ReadonlySet<string>,
  who: string,
  { functions }: Script,
): readonly Finding[] =>
  calls.flatMap(({ command }) => {
    const name = typeof command.name === 'string' ? command.name.toLowerCase() : '';
    if (name === '' || functions.has(name) || allowed.has(name)) return [];
    const message = `${who} calls ${command.at.text.split(/\s/)[0] ?? name}, which is not on its list`;
    return [{ line: command.at.line, rule: 'command list', message }];
  });

/** Findings about calls: banned, computed, positional, aliases, and commands that an operation has no business with. */
export const commandFindings = (program: Program, rules: LintRules): readonly Finding[] => {
  const script = read(program);
  const everywhere = new Set([...language, ...lower(rules.everywhere)]);
  const operations = Object.entries(rules.operations);
  const perOperation = operations.flatMap(([name, commands]) => {
    if (!script.functions.has(name.toLowerCase()))
      return [{ line: 1, rule: 'operation', message: `there is no function ${name}` }];
    const allowed = new Set([...everywhere, ...lower(commands)]);
    return notAllowed(calledFrom(name.toLowerCase(), script), allowed, name, script);
  });
  const reached = [undefined, ...operations.map(([name]) => name.toLowerCase())].flatMap((root) =>
    calledFrom(root, script),
  );
  const called = new Set(
    reached.map(({ command }) => (typeof command.name === 'string' ? command.name.toLowerCase() : '')),
  );
  const unused = [...script.functions]
    .filter(([name]) => !called.has(name) && !operations.some(([operation]) => operation.toLowerCase() === name))
    .map(([, { name, line }]) => ({ line, rule: 'unused', message: `nothing calls ${name}` }));
  return [
    ...script.calls.flatMap((call) => oneCall(call, script, rules)),
    ...notAllowed(calledFrom(undefined, script), everywhere, 'the script itself', script),
    ...perOperation,
    ...unused,
  ];
};

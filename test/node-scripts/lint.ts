import { parseProgram, syntaxErrors } from '../simulators/nodes/powershell/parser.ts';
import type { Program } from '../simulators/nodes/powershell/syntax.ts';
import { UnsupportedPowerShell } from '../simulators/nodes/powershell/unsupported.ts';
import { commandFindings } from './lintCommands.ts';
import { languageFindings } from './lintLanguage.ts';

// What can be said of a node script without running it.

export interface Finding {
  /** 1-based */
  readonly line: number;
  readonly rule: string;
  readonly message: string;
}

export interface LintRules {
  /** The commands that each operation may reach, through whatever functions, by the name of its function. Beside them: `everywhere`. */
  readonly operations: Readonly<Record<string, readonly string[]>>;
  /** Commands that any part may use. */
  readonly everywhere: readonly string[];
  /** The texts of calls whose name is computed (`"Invoke-$operation"`), and of variables that hold a program's path (`$agentPath`). */
  readonly computedCommands: readonly string[];
  /** Variables that are set before the script starts. */
  readonly variables: readonly string[];
  /** The bootstrap has nothing else to do. */
  readonly allowsInvokeExpression: boolean;
}

const asciiFindings = (text: string): readonly Finding[] =>
  text.split(/\r?\n/).flatMap((line, index) => {
    const [character] = /[^\t\u0020-\u007e]/.exec(line) ?? [];
    return character === undefined
      ? []
      : [
          {
            line: index + 1,
            rule: 'ascii',
            message: `the character ${JSON.stringify(character)}: a code page may change it`,
          },
        ];
  });

const parse = async (text: string): Promise<Program | Finding> => {
  try {
    return await parseProgram(text);
  } catch (error) {
    if (!(error instanceof UnsupportedPowerShell)) throw error;
    return { line: error.line, rule: 'subset', message: error.message };
  }
};

/** Empty for a script that keeps all rules. A text that does not parse is judged no further. */
export const lintScript = async (text: string, rules: LintRules): Promise<readonly Finding[]> => {
  const errors = await syntaxErrors(text);
  if (errors.length > 0) return errors.map(({ line, message }) => ({ line, rule: 'syntax', message }));
  const program = await parse(text);
  if ('rule' in program) return [program];
  const findings = [...asciiFindings(text), ...commandFindings(program, rules), ...languageFindings(program, rules)];
  return findings.toSorted((left, right) => left.line - right.line);
};

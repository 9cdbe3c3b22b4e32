import { UnsupportedPowerShell } from '../simulators/nodes/powershell/unsupported.ts';
import { allCases } from './cases.ts';
import { lintScript, type Finding } from './lint.ts';
import { runOthers } from './others.ts';
import type { Prepared } from './prepare.ts';
import { scriptRules } from './rules.ts';
import { runCase, variants } from './run.ts';

// Says of a script what is first found wrong with it, the quickest ways first.

export interface Judge {
  /** Undefined for a script that passes everything. */
  readonly firstProblem: (script: string) => Promise<string | undefined>;
}

const described = ({ line, rule, message }: Finding): string => `lint, line ${line}: ${rule}: ${message}`;

/** Two of the variants cover both ways of each. */
const judged = variants.filter(
  ({ execution, languageMode }) => (execution === 'Dispatcher') === (languageMode === 'FullLanguage'),
);

/** `known` is what the lint finds in the script that others are variations of. */
export const createJudge = (prepared: Prepared, known: readonly Finding[]): Judge => {
  const knownMessages = new Set(known.map(({ message }) => message));
  const runs = judged.flatMap((variant) => allCases(prepared).map((each) => ({ each, variant })));

  const lastProblem = async (script: string): Promise<string | undefined> => {
    try {
      const failed = (await runOthers(prepared, script)).find(({ problems }) => problems.length > 0);
      return failed === undefined ? undefined : `${failed.name}: ${failed.problems.join(', ')}`;
    } catch (error) {
      if (error instanceof UnsupportedPowerShell) return error.message;
      throw error;
    }
  };

  return {
    firstProblem: async (script) => {
      const finding = (await lintScript(script, scriptRules)).find(({ message }) => !knownMessages.has(message));
      if (finding !== undefined) return described(finding);
      for (const [index, { each, variant }] of runs.entries()) {
        const [problem] = await runCase(prepared, script, each, variant);
        if (problem === undefined) continue;
        // What has told once will tell again, so it goes first.
        runs.unshift(...runs.splice(index, 1));
        return `${each.state}, ${each.operation}, ${variant.execution}, ${variant.languageMode}: ${problem}`;
      }
      return lastProblem(script);
    },
  };
};

import { awaitedSeconds, repeat, type Case } from './cases.ts';
import { allowed, differences } from './compare.ts';
import type { Run } from './run.ts';
import type { Scenario } from './scenario.ts';
import { compareWrites } from './writes.ts';

/** `missed`: the write did not come in that run, and the scenario says why that may be. */
export type Verdict = 'passed' | 'failed' | 'missed';

export interface Suite {
  scenario: Scenario;
  seed: string;
  clean: Run;
  /** Runs the scenario anew. */
  start(perturbed: Case): Promise<Run>;
  say(line: string): void;
}

/** More at once than processors makes each of them slower; those that mostly wait cost nothing meanwhile. */
const [atOnce, waitingAtOnce] = [3, 8];
const tries = 3;
const shownDifferences = 12;

/** Runs the cases side by side, the long ones first, and says how each went as it ends. */
export async function runCases(suite: Suite, cases: readonly Case[]): Promise<Record<Verdict, number>> {
  const tally: Record<Verdict, number> = { passed: 0, failed: 0, missed: 0 };
  let ended = 0;
  const waits = (one: Case) => awaitedSeconds(suite.scenario, one) > 0;
  const longest = cases.toSorted((a, b) => awaitedSeconds(suite.scenario, b) - awaitedSeconds(suite.scenario, a));
  const work = async (left: Case[]) => {
    for (let one = left.shift(); one !== undefined; one = left.shift()) {
      const { verdict, lines } = await judge(suite, one);
      tally[verdict] += 1;
      ended += 1;
      const [first, ...more] = lines;
      suite.say(`${String(ended).padStart(3)}/${cases.length}  ${first}`);
      for (const line of more) suite.say(`          ${line}`);
    }
  };
  const pool = (size: number, left: Case[]) => Array.from({ length: size }, () => work(left));
  await Promise.all([
    ...pool(waitingAtOnce, longest.filter(waits)),
    ...pool(
      atOnce,
      longest.filter((one) => !waits(one)),
    ),
  ]);
  return tally;
}

/** Runs one case and compares it with the clean run. */
export async function judge(suite: Suite, perturbed: Case): Promise<{ verdict: Verdict; lines: string[] }> {
  const { scenario, clean, seed } = suite;
  const head = (verdict: string, seconds?: number) =>
    `${verdict}  ${seconds === undefined ? '     ' : `${seconds.toFixed(0).padStart(3)} s`}  ${perturbed.effect}: ${perturbed.write}`;
  const failure = (seconds: number | undefined, problems: string[]) => ({
    verdict: 'failed' as const,
    lines: [
      head('FAIL', seconds),
      ...problems.map((line) => `! ${line}`),
      `repeat: ${repeat(scenario.name, perturbed, seed)}`,
    ],
  });
  try {
    for (let left = tries; left > 0; left -= 1) {
      const ended = await suite.start(perturbed);
      if (!ended.happened) continue;
      const problems = [
        ...ended.checks.filter(({ holds }) => !holds).map(({ what }) => `not so: ${what}`),
        ...differences(clean.end, ended.end, scenario, perturbed),
      ];
      if (problems.length > 0) return failure(ended.seconds, shortened(problems));
      return {
        verdict: 'passed',
        lines: [
          head('ok  ', ended.seconds),
          ...allowed(scenario, perturbed).map(({ oneMore, reason }) => `allowed, one more "${oneMore}": ${reason}`),
          ...compareWrites(names(clean), names(ended)).map((line) => `writes, ${line}`),
        ],
      };
    }
  } catch (error) {
    return failure(undefined, (error instanceof Error ? error.message : String(error)).split('\n'));
  }
  const varying = scenario.varying.find(({ write }) => write.test(perturbed.write));
  if (varying === undefined) return failure(undefined, [`the write did not come in ${tries} runs`]);
  return { verdict: 'missed', lines: [head('none'), `the write did not come in ${tries} runs: ${varying.reason}`] };
}

const names = ({ writes }: Run): string[] =>
  writes.filter(({ series }) => series !== 'kubernetes').map(({ name }) => name);

const shortened = (problems: string[]): string[] =>
  problems.length <= shownDifferences
    ? problems
    : [...problems.slice(0, shownDifferences), `and ${problems.length - shownDifferences} more differences`];

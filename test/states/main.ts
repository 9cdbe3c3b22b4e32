import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import * as fc from 'fast-check';
import { say } from '../lab/command.ts';
import { anyCase, describeCase, type StateCase } from './cases.ts';
import { runPure } from './pure.ts';
import { runReal } from './real.ts';

const help = `npm run states: does every start come to an end that is right and documented?

Usage: npm run states -- [--seed N] [--cases N] [--real N]

  --seed N   makes the same cases again; default: another each time
  --cases N  cases on the plan with the simulated world (default 5000)
  --real N   cases through the shipped controller, with simulated Azure and nodes over HTTPS and SSH (default 60)

Each case is a state of the nodes, of Azure and of every piece of a registration. It must end Ready, Stalled or waiting with the reason
that Microsoft's rules ask for, in a bounded number of passes, and then write nothing more; where nothing may be written, nothing is.
`;

const shownFailures = 20;

interface Judged {
  given: StateCase;
  end: string;
  problem: string | undefined;
}

function wholeNumber(name: string, text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new Error(`--${name} takes a whole number, not "${text}"`);
  return Number(text);
}

function readArguments(): { seed: number; cases: number; real: number } | undefined {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string' },
      cases: { type: 'string', default: '5000' },
      real: { type: 'string', default: '60' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help === true) return undefined;
  return {
    seed: values.seed === undefined ? randomInt(1, 2 ** 31 - 1) : wholeNumber('seed', values.seed),
    cases: wholeNumber('cases', values.cases),
    real: wholeNumber('real', values.real),
  };
}

const sample = (seed: number, count: number, nodes: { minLength: number; maxLength: number }): StateCase[] =>
  count === 0 ? [] : fc.sample(anyCase(nodes), { seed, numRuns: count });

/** @returns how many failed */
function tell(title: string, judged: Judged[]): number {
  const ends = new Map<string, number>();
  for (const { end } of judged) ends.set(end, (ends.get(end) ?? 0) + 1);
  say(
    `${title}: ${[...ends]
      .toSorted(([, a], [, b]) => b - a)
      .map(([end, count]) => `${end} ${count}`)
      .join(', ')}`,
  );
  const failed = judged.filter(({ problem }) => problem !== undefined);
  for (const { given, problem } of failed.slice(0, shownFailures))
    say(`  FAILED ${describeCase(given)}\n    ${problem}`);
  if (failed.length > shownFailures) say(`  … and ${failed.length - shownFailures} more`);
  return failed.length;
}

async function main(): Promise<void> {
  const given = readArguments();
  if (given === undefined) return say(help);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
  const { seed, cases, real } = given;
  say(`seed ${seed}: ${cases} cases on the plan, ${real} through the real stack`);

  const pure = sample(seed, cases, { minLength: 1, maxLength: 4 }).map((one) => ({ given: one, ...runPure(one) }));
  let failed = tell('plan', pure);
  const [rounds, writes] = [
    Math.max(0, ...pure.map((one) => one.rounds)),
    Math.max(0, ...pure.map((one) => one.writes)),
  ];
  say(`plan: at most ${rounds} rounds (with those in which it rests) and ${writes} writes`);

  const stack = real === 0 ? [] : await runReal(sample(seed + 1, real, { minLength: 2, maxLength: 2 }), say);
  if (stack.length > 0) failed += tell('real stack', stack);

  const total = pure.length + stack.length;
  say(`states: ${total - failed} passed, ${failed} failed`);
  process.exitCode = failed === 0 && total > 0 ? 0 : 1;
}

try {
  await main();
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  say('states: 0 passed, 1 failed');
  process.exitCode = 1;
}

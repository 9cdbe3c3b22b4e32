import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { controllerAccount, startLab } from '../lab/lab.ts';
import { choose, type Case, type Choice } from './cases.ts';
import { modes } from './modes.ts';
import { run } from './run.ts';
import type { Scenario } from './scenario.ts';
import { adopt } from './scenarios/adopt.ts';
import { register } from './scenarios/register.ts';
import { rotate } from './scenarios/rotate.ts';
import { unregister } from './scenarios/unregister.ts';
import { runCases } from './suite.ts';

const scenarios: readonly Scenario[] = [register, rotate, unregister, adopt];

const help = `npm run crash -- SCENARIO: disturbs one write of the controller in each run, and compares the end with that of a clean run

${scenarios.map(({ name, says }) => `  ${name.padEnd(12)} ${says}`).join('\n')}

Without options: each write to Azure and nodes once with kill-after, and once with another mode that the seed chooses.

  --mode MODE       only this mode: ${modes.join(', ')}
  --all             every mode for every write
  --kubernetes      the writes to the Kubernetes API instead
  --sample N        only N of the cases, which the seed chooses
  --only WRITE      only this write, as the output names it: 'NODE1 setRegistration', 'POST … #2'
  --seed SEED       what the seed chose in an earlier run, again; without it a new one is made up and printed
`;

const say = (line = '') => process.stdout.write(`${line}\n`);

/** @throws an Error that says which argument is wrong */
function readArguments(): { scenario: Scenario; choice: Choice } | undefined {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      mode: { type: 'string' },
      all: { type: 'boolean' },
      kubernetes: { type: 'boolean' },
      sample: { type: 'string' },
      only: { type: 'string' },
      seed: { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  if (values.help === true) return undefined;
  const scenario = scenarios.find(({ name }) => name === positionals.join(' '));
  if (scenario === undefined) throw new Error(`There is no scenario "${positionals.join(' ')}".\n\n${help}`);
  const { mode, sample, only, seed = String(randomInt(1_000_000)), kubernetes = false } = values;
  const chosen = modes.find((one) => one === mode);
  if (mode !== undefined && chosen === undefined) throw new Error(`--mode takes one of ${modes.join(', ')}`);
  if (sample !== undefined && !/^[1-9]\d{0,3}$/.test(sample)) throw new Error('--sample takes a number from 1 on');
  if (!/^[\w-]{1,40}$/.test(seed)) throw new Error('--seed takes letters and digits');
  return {
    scenario,
    choice: {
      seed,
      kubernetes,
      only,
      modes: values.all === true ? modes : chosen && [chosen],
      sample: sample === undefined ? undefined : Number(sample),
    },
  };
}

async function crash(scenario: Scenario, choice: Choice): Promise<{ passed: number; failed: number }> {
  say(`crash ${scenario.name}, seed ${choice.seed}. Control plane …`);
  const lab = await startLab({ say });
  try {
    const kubeconfig = await lab.controlPlane.kubeconfigFor(controllerAccount);
    let runs = 0;
    const start = (perturbed?: Case) => {
      const namespace = `crash-${(runs += 1)}`;
      const directory = join(lab.directory, namespace);
      const { controlPlane } = lab;
      const common = { controlPlane, kubeconfig, directory, namespace, scenario };
      return run(perturbed === undefined ? common : { ...common, perturbed });
    };
    const clean = await start();
    const failing = clean.checks.filter(({ holds }) => !holds);
    if (failing.length > 0)
      throw new Error(`the clean run is not as it should be: ${failing.map(({ what }) => what).join('; ')}`);
    const cases = choose(clean.writes, choice);
    const external = clean.writes.filter(({ series }) => series !== 'kubernetes').length;
    say(
      `Clean run: ${external} writes to Azure and nodes, ${clean.writes.length - external} to Kubernetes, in ${clean.seconds.toFixed(0)} s. ${cases.length} cases.`,
    );
    const { passed, failed, missed } = await runCases({ scenario, seed: choice.seed, clean, start, say }, cases);
    if (missed > 0) say(`${missed} writes did not come again: nothing was tried on them.`);
    return { passed, failed };
  } finally {
    await lab.close();
  }
}

async function main(): Promise<void> {
  const given = readArguments();
  if (given === undefined) return void say(help);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
  const { passed, failed } = await crash(given.scenario, given.choice);
  say(`crash: ${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
}

try {
  await main();
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  say('crash: 0 passed, 1 failed');
  process.exitCode = 1;
}

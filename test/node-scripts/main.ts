import { globSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { commandLine } from '../../src/nodes/frame.ts';
import { arcRegistrationTaskScript, bootstrap, nodeScript } from '../../src/nodes/script/script.ts';
import { allCases } from './cases.ts';
import { installerRules } from './installerRules.ts';
import { installerFindings } from './installers.ts';
import { lintScript, type LintRules } from './lint.ts';
import { allMutants, isExcusedBy, sample, unseen } from './mutants.ts';
import { judgeMutants } from './mutation.ts';
import { prepare, type Prepared } from './prepare.ts';
import { bootstrapRules, scriptRules, taskRules } from './rules.ts';
import { runOthers } from './others.ts';
import { runCase, variants } from './run.ts';

const help = `node test/node-scripts/main.ts [--mutants <number>] [--seed <number>]

Parses and lints the node script and the scripts of deploy/nodes, checks what cmd.exe allows, runs every operation in every state of
a node (installed and inline, full and constrained language), and takes single lines out of the script to see whether that is noticed.

--mutants   how many lines to take out, one at a time; default 20, "all" for every line
--seed      which lines; default 1, so that a run says the same as the one before; printed
`;

const defaultSeed = 1;

const counts = { passed: 0, failed: 0 };
const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};
const check = (name: string, problems: readonly string[]): void => {
  counts[problems.length === 0 ? 'passed' : 'failed'] += 1;
  if (problems.length > 0) say([`FAIL  ${name}`, ...problems.slice(0, 5).map((each) => `      ${each}`)].join('\n'));
};

const lint = async (name: string, text: string, rules: LintRules): Promise<void> => {
  const findings = await lintScript(text, rules);
  check(
    `lint of ${name}`,
    findings.map(({ line, rule, message }) => `line ${line}: ${rule}: ${message}`),
  );
};

const checkInstallers = async (): Promise<void> => {
  const folder = fileURLToPath(new URL('../../deploy/nodes/', import.meta.url));
  // The node script itself has rules of its own.
  const files = globSync(`${folder}*.ps1`).filter((file) => basename(file) !== 'hcireg.ps1');
  const names = files.map((file) => basename(file)).toSorted();
  const known = Object.keys(installerRules).toSorted();
  check(
    'the scripts of deploy/nodes',
    names.join() === known.join() ? [] : [`${names.join()} are not ${known.join()}`],
  );
  for (const file of files) {
    const rules = installerRules[basename(file)];
    if (rules === undefined) continue;
    const findings = await installerFindings(readFileSync(file, 'utf8'), rules);
    check(
      `deploy/nodes/${basename(file)}`,
      findings.map(({ line, rule, message }) => `line ${line}: ${rule}: ${message}`),
    );
  }
};

/** research/nodes.md 2: cmd.exe takes 8191 characters, which is 3033 of a script in base64 of UTF-16. */
const checkLengths = (): void => {
  const line = commandLine('Inline', 'probe').length;
  check('the command line of a script that is sent along', line <= 8191 ? [] : [`it has ${line} characters`]);
  const { length } = bootstrap();
  check('the bootstrap', length <= 3033 ? [] : [`it has ${length} characters`]);
};

const checkStates = async (prepared: Prepared, script: string): Promise<void> => {
  const cases = allCases(prepared);
  for (const variant of variants) {
    const before = { ...counts };
    for (const each of cases) {
      const problems = await runCase(prepared, script, each, variant);
      check(`${each.state}: ${each.operation} (${variant.execution}, ${variant.languageMode})`, problems);
    }
    say(`${variant.execution}, ${variant.languageMode}: ${counts.passed - before.passed} of ${cases.length} passed`);
  }
  for (const { name, problems } of await runOthers(prepared, script)) check(name, problems);
};

const checkMutants = async (number: number, seed: number): Promise<void> => {
  const all = allMutants();
  check(
    'the lines that may go unnoticed',
    unseen
      .filter((each) => !all.some((mutant) => isExcusedBy(each, mutant)))
      .map(({ file, line }) => `${file} has no line ${line}`),
  );
  const mutants = sample(all, number, seed);
  const unnoticed: string[] = [];
  for await (const { mutant, noticed } of judgeMutants(mutants)) {
    const allowed = unseen.some((each) => isExcusedBy(each, mutant));
    if (noticed === undefined) unnoticed.push(`${mutant.where}: ${mutant.line}`);
    check(
      `without ${mutant.where}`,
      noticed === undefined && !allowed ? [`nobody notices that this is gone: ${mutant.line}`] : [],
    );
  }
  say(`mutation: seed ${seed}, ${mutants.length - unnoticed.length} of ${mutants.length} lines noticed`);
  for (const each of unnoticed) say(`      not noticed: ${each}`);
};

const { values } = parseArgs({
  options: { help: { type: 'boolean' }, mutants: { type: 'string' }, seed: { type: 'string' } },
});
if (values.help === true) {
  process.stdout.write(help);
} else {
  const seed = Number(values.seed ?? defaultSeed);
  const mutants = values.mutants === 'all' ? Number.POSITIVE_INFINITY : Number(values.mutants ?? 20);
  const script = nodeScript();
  await lint('the node script', script, scriptRules);
  await lint('ArcRegistrationTask', arcRegistrationTaskScript(), taskRules);
  await lint('the bootstrap', bootstrap(), bootstrapRules);
  await checkInstallers();
  checkLengths();
  const prepared = await prepare();
  try {
    await checkStates(prepared, script);
  } finally {
    await prepared.close();
  }
  await checkMutants(mutants, seed);
  say(`node-scripts: ${counts.passed} passed, ${counts.failed} failed`);
  process.exitCode = counts.failed === 0 ? 0 : 1;
}

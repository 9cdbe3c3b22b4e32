import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { controllerAccount, startLab } from '../lab/lab.ts';
import { allowances, differences } from './compare.ts';
import { run, type Run } from './run.ts';
import { compareWrites } from './writes.ts';

const help = `npm run crash -- register: kills the controller after every external write of a registration

A clean run counts the external writes K. Then, for each k from 1 to K: simulators and namespace anew, SIGKILL to the controller
when the effect of write k is done and before it is answered, restart, Ready. The end state of Azure and nodes and the counts of creates
and deletes must be those of the clean run. Several steps run at once: write k is the k-th of that run, and is named.

  npm run crash -- register            all of them
  npm run crash -- register --only K   one
`;

/** More at once than processors makes each of them slower. */
const atOnce = 2;
const shownDifferences = 12;
const say = (line = '') => process.stdout.write(`${line}\n`);

interface Tally {
  passed: number;
  failed: number;
}

async function register(only: number | undefined): Promise<Tally> {
  say('Control plane …');
  const lab = await startLab({ say });
  try {
    const kubeconfig = await lab.controlPlane.kubeconfigFor(controllerAccount);
    const start = (name: string, killAfter?: number) =>
      run({
        controlPlane: lab.controlPlane,
        kubeconfig,
        directory: join(lab.directory, name),
        namespace: name,
        ...(killAfter === undefined ? {} : { killAfter }),
      });
    const clean = await start('crash-clean');
    const failing = clean.checks.filter(({ holds }) => !holds);
    if (failing.length > 0)
      throw new Error(`the clean run is not as it should be: ${failing.map(({ what }) => what).join('; ')}`);
    const total = clean.writes.length;
    say(`Clean run: ${total} external writes, Ready after ${clean.seconds.toFixed(0)} s`);
    if (only !== undefined && only > total) throw new Error(`--only ${only}: there are ${total} external writes`);
    const left = only === undefined ? clean.writes.map((_, index) => index + 1) : [only];
    const tally: Tally = { passed: 0, failed: 0 };
    const work = async () => {
      for (let k = left.shift(); k !== undefined; k = left.shift()) {
        const passed = await crash(k, total, clean, start);
        tally[passed ? 'passed' : 'failed'] += 1;
      }
    };
    await Promise.all(Array.from({ length: atOnce }, work));
    return tally;
  } finally {
    await lab.close();
  }
}

async function crash(
  k: number,
  total: number,
  clean: Run,
  start: (name: string, killAfter: number) => Promise<Run>,
): Promise<boolean> {
  const head = `${String(k).padStart(3)}/${total}`;
  try {
    const crashed = await start(`crash-after-${k}`, k);
    const lost = crashed.writes[k - 1] ?? '';
    const problems = [
      ...crashed.checks.filter(({ holds }) => !holds).map(({ what }) => `not so: ${what}`),
      ...differences(clean.end, crashed.end, lost),
    ];
    say(
      `${head}  ${problems.length === 0 ? 'ok  ' : 'FAIL'}  ${crashed.seconds.toFixed(0).padStart(3)} s  after ${lost}`,
    );
    for (const allowance of allowances)
      if (allowance.lost.test(lost)) say(`          allowed, one more "${allowance.oneMore}": ${allowance.reason}`);
    for (const line of compareWrites(clean.writes, crashed.writes)) say(`          writes, ${line}`);
    for (const problem of problems.slice(0, shownDifferences)) say(`        ! ${problem}`);
    if (problems.length > shownDifferences) say(`        ! and ${problems.length - shownDifferences} more differences`);
    return problems.length === 0;
  } catch (error) {
    say(`${head}  FAIL  ${error instanceof Error ? error.message : String(error)}`);
    return false;
  }
}

function readOnly(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new Error(`--only takes a number from 1 on, not ${text}`);
  return Number(text);
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { only: { type: 'string' }, help: { type: 'boolean' } },
  });
  if (values.help === true) {
    say(help);
    return;
  }
  if (positionals.join(' ') !== 'register') throw new Error(`There is one scenario: register.\n\n${help}`);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
  const { passed, failed } = await register(readOnly(values.only));
  say(`crash register: ${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
}

try {
  await main();
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  say('crash register: 0 passed, 1 failed');
  process.exitCode = 1;
}

import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { endWithThisProcess } from '../controlplane/processes.ts';
import type { startController } from '../lab/controller.ts';
import { controllerAccount, sampleManifests, startLab, type Lab } from '../lab/lab.ts';
import { condition } from '../lab/registration.ts';
import { choose, type Case } from './cases.ts';
import { modes, type Mode } from './modes.ts';
import { run, type Run } from './run.ts';
import type { Scenario, World } from './scenario.ts';
import { judge } from './suite.ts';

// The harness itself, with a controller of one write that is right or wrong: what is wrong must be found.

let lab: Lab;
let kubeconfig: string;
let runs = 0;
beforeAll(async () => {
  lab = await startLab({ clusters: [{ name: 'lab', dnsSuffix: 'corp.example.com', nodes: ['NODE1'] }] });
  kubeconfig = await lab.controlPlane.kubeconfigFor(controllerAccount);
});
afterAll(() => lab.close());

const isReady = (world: World) => {
  const status = world.status('toy');
  return status !== undefined && condition(status, 'Ready')?.status === 'True';
};
const scenario: Scenario = {
  name: 'toy',
  says: 'makes a resource group',
  outside: { clusters: [{ name: 'toy', dnsSuffix: 'corp.example.com', nodes: ['NODE1'] }] },
  prepare: async (world) =>
    world.apply(await sampleManifests(world.outside, { namespace: world.namespace, cluster: 'toy' })),
  limitSeconds: 15,
  done: isReady,
  checks: async ({ outside }) => [
    { what: 'there is a group', holds: Object.keys(outside.azure.state.resourceGroups).length > 0 },
  ],
  allowances: [],
  ignored: [],
  varying: [],
  awaited: [],
};

const startToy =
  (memory: 'steady' | 'forgetful'): typeof startController =>
  ({ config, namespace = '', logFile, kubeconfig: path }) => {
    const script = join(import.meta.dirname, 'testing/toy.ts');
    const log = createWriteStream(logFile, { flags: 'a' });
    const child = spawn(process.execPath, [script, '--config', config, '--namespace', namespace, '--memory', memory], {
      env: { PATH: process.env['PATH'], KUBECONFIG: path },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    child.stderr.pipe(log);
    endWithThisProcess(child);
    const exited = new Promise<number | null>((resolve) => child.once('exit', (status) => resolve(status)));
    const kill = () => void child.kill('SIGKILL');
    return { pid: child.pid ?? 0, logFile, exited, kill, stop: () => (kill(), exited) };
  };

function start(memory: 'steady' | 'forgetful', perturbed?: Case, given: Scenario = scenario): Promise<Run> {
  const namespace = `toy-${(runs += 1)}`;
  return run({
    controlPlane: lab.controlPlane,
    kubeconfig,
    directory: join(lab.directory, namespace),
    namespace,
    scenario: given,
    startController: startToy(memory),
    ...(perturbed === undefined ? {} : { perturbed }),
  });
}

const choice = { seed: '1', only: undefined, sample: undefined };
async function verdicts(memory: 'steady' | 'forgetful', wanted: readonly Mode[], kubernetes = false) {
  const clean = await start(memory);
  const suite = { scenario, seed: '1', clean, say: () => undefined, start: (one: Case) => start(memory, one) };
  const cases = choose(clean.writes, { ...choice, modes: wanted, kubernetes });
  const judged = [];
  for (const one of cases) judged.push([one, await judge(suite, one)] as const);
  return judged;
}

test('a right controller passes every mode, at its write to Azure', async () => {
  for (const [{ mode }, { verdict, lines }] of await verdicts('steady', modes))
    expect([mode, verdict], lines.join('\n')).toEqual([mode, 'passed']);
});

test('a right controller passes every mode, at its write to Kubernetes', async () => {
  const judged = await verdicts('steady', modes, true);
  expect(judged.map(([{ write }]) => write)).toEqual(modes.map(() => 'PATCH registration status toy'));
  for (const [{ mode }, { verdict, lines }] of judged)
    expect([mode, verdict], lines.join('\n')).toEqual([mode, 'passed']);
});

test('a controller that forgets what it made is found, and the output says how to see it again', async () => {
  const [found] = await verdicts('forgetful', ['kill-after']);
  expect(found?.[1].verdict).toBe('failed');
  expect(found?.[1].lines).toContain('! Azure: resourceGroups created: 2, expected 1');
  expect(found?.[1].lines.at(-1)).toMatch(
    /^repeat: npm run crash -- toy --seed 1 --mode kill-after --only 'PUT resourceGroups\/<id>'$/,
  );
});

test('a controller that forgets is right as long as nothing was done before it is killed', async () => {
  const [found] = await verdicts('forgetful', ['kill-before']);
  expect(found?.[1].verdict, found?.[1].lines.join('\n')).toBe('passed');
});

test('a write that does not come, and one that comes twice, are not passed over', async () => {
  const clean = await start('steady');
  const [one] = choose(clean.writes, { ...choice, modes: ['kill-after'], kubernetes: false });
  if (one === undefined) throw new Error('there is a write');
  const suite = { scenario, seed: '1', clean, say: () => undefined };
  const missing = { ...one, write: 'PUT resourceGroups/other' };
  const never = await judge({ ...suite, start: (which) => start('steady', which) }, missing);
  expect(never.verdict).toBe('failed');
  expect(never.lines).toContain('! the write did not come in 3 runs');
  // The same end with a count that is one higher: as if something had been made and taken away.
  const doubled = async (which: Case): Promise<Run> => {
    const ended = await start('steady', which);
    const counts = { ...ended.end.counts, 'Azure: resourceGroups created': 2, 'Azure: resourceGroups deleted': 1 };
    return { ...ended, end: { ...ended.end, counts } };
  };
  expect((await judge({ ...suite, start: doubled }, one)).verdict).toBe('failed');
});

test('a check that does not hold, and a controller that never comes to the end, are failures with their words', async () => {
  const clean = await start('steady');
  const [one] = choose(clean.writes, { ...choice, modes: ['cut'], kubernetes: false });
  if (one === undefined) throw new Error('there is a write');
  const wrong: Scenario = { ...scenario, checks: async () => [{ what: 'the moon is full', holds: false }] };
  const suite = { scenario: wrong, seed: '1', clean, say: () => undefined };
  const judged = await judge({ ...suite, start: (which) => start('steady', which, wrong) }, one);
  expect(judged.lines).toContain('! not so: the moon is full');
  const ended = await judge({ ...suite, start: () => run({ ...broken(), perturbed: one }) }, one);
  expect(ended.verdict).toBe('failed');
  expect(ended.lines.join('\n')).toContain('! the controller ended by itself, with status');
});

const broken = () => ({
  controlPlane: lab.controlPlane,
  kubeconfig,
  directory: join(lab.directory, 'broken'),
  namespace: 'broken',
  scenario,
  startController: ((given) => startToy('steady')({ ...given, config: 'none' })) satisfies typeof startController,
});

import { setTimeout as sleep } from 'node:timers/promises';
import type { NodeState, State } from '../simulators/nodes/state.ts';
import { clusterOf, nodeOf } from '../simulators/nodes/world.ts';
import { ask } from './ask.ts';
import { clusterName, type Prepared } from './prepare.ts';
import type { Result } from './result.ts';

// The text that the clustered task runs, as the script registers it, in the states that it may find a node in.

interface TaskCase {
  readonly name: string;
  /** Default: the first node. */
  readonly nodeName?: string;
  readonly prepare: (state: State, enabled: State) => void;
  readonly result: number;
  readonly arcStatus: number;
  /** Lines in the log of this task. */
  readonly tries: number;
  /** In the first of them. Default: what the agent says. */
  readonly log?: RegExp;
}

const nodes = (state: State): readonly NodeState[] => Object.values(state.clusters[clusterName]?.nodes ?? {});
const setArc = (state: State, change: { readonly status?: number; readonly secret?: string }): void => {
  Object.assign(state.clusters[clusterName]?.arc ?? {}, change);
};
const folder = 'C:\\Windows\\Tasks\\ArcForServers';

const cases: readonly TaskCase[] = [
  { name: 'a node that is to be onboarded', prepare: () => {}, result: 0, arcStatus: 1, tries: 1 },
  {
    name: 'a node that has the folder',
    prepare: (state) => {
      for (const node of nodes(state)) node.files[folder] = {};
    },
    result: 0,
    arcStatus: 1,
    tries: 1,
  },
  {
    name: 'a node that is onboarded',
    prepare: (state, enabled) => {
      for (const [name, node] of Object.entries(state.clusters[clusterName]?.nodes ?? {}))
        Object.assign(node, { arcStatus: 1, agent: enabled.clusters[clusterName]?.nodes[name]?.agent });
    },
    result: 0,
    arcStatus: 1,
    tries: 0,
  },
  {
    name: 'a node that is onboarded and has lost its agent',
    prepare: (state) => {
      for (const node of nodes(state)) node.arcStatus = 1;
    },
    result: 0,
    arcStatus: 1,
    tries: 1,
  },
  {
    name: 'a node whose neighbour is onboarded',
    prepare: (state) => {
      const [, second] = nodes(state);
      if (second !== undefined) second.arcStatus = 1;
    },
    result: 0,
    arcStatus: 1,
    tries: 1,
  },
  {
    name: 'a node that is not the first, whose neighbour is onboarded',
    nodeName: 'NODE2',
    prepare: (state) => {
      const [first] = nodes(state);
      if (first !== undefined) first.arcStatus = 1;
    },
    result: 0,
    arcStatus: 1,
    tries: 1,
  },
  {
    name: 'a cluster whose Arc integration is being disabled',
    prepare: (state) => setArc(state, { status: 3 }),
    result: 0,
    arcStatus: 2,
    tries: 0,
  },
  {
    name: 'a secret that is wrong',
    prepare: (state) => setArc(state, { secret: 'wrong' }),
    result: 1,
    arcStatus: 2,
    tries: 30,
  },
  {
    name: 'a cmdlet that fails',
    prepare: (state) => {
      for (const node of nodes(state)) node.failingCommands['Enable-AzureStackHCIArcIntegration'] = 'Access is denied.';
    },
    result: 1,
    arcStatus: 2,
    tries: 30,
    log: /Access is denied/,
  },
  {
    name: 'a secret that is wrong, and no rest between tries',
    prepare: (state) => {
      setArc(state, { secret: 'wrong' });
      for (const node of nodes(state)) node.failingCommands['Start-Sleep'] = 'Access is denied.';
    },
    result: 1,
    arcStatus: 2,
    tries: 1,
  },
  {
    name: 'a node that has just booted',
    prepare: (state) => {
      for (const node of nodes(state)) node.bootTime = new Date(Date.now() - 60_000).toISOString();
    },
    result: 0,
    arcStatus: 1,
    tries: 1,
  },
  {
    name: 'a release without Arc integration',
    prepare: (state) => {
      for (const node of nodes(state)) node.build = '20H2';
    },
    result: 1,
    arcStatus: 2,
    tries: 0,
  },
  {
    name: 'culture de-DE',
    prepare: (state) => {
      for (const node of nodes(state)) node.culture = 'de-DE';
    },
    result: 0,
    arcStatus: 1,
    tries: 1,
  },
];

const patienceMilliseconds = 30_000;

const runTask = async (
  { context, stages, given }: Prepared,
  script: string,
  languageMode: NodeState['languageMode'],
  each: TaskCase,
): Promise<readonly string[]> => {
  context.world.state = structuredClone(stages.initialized);
  const on = { ...context, nodeName: each.nodeName ?? context.nodeName };
  nodeOf(on).languageMode = languageMode;
  const { outcome } = await ask(
    on,
    script,
    'Dispatcher',
    'registerArcRegistrationTask',
    given.registerArcRegistrationTask,
  );
  if (outcome.kind !== 'ok') return [`the task was not registered: ${JSON.stringify(outcome)}`];
  each.prepare(context.world.state, structuredClone(stages.enabled));
  context.world.startArcRegistrationTask(on);
  const before = context.world.state.counters.syncs;
  for (const start = performance.now(); nodeOf(on).arcRegistrationTask.running; await sleep(1))
    if (performance.now() - start > patienceMilliseconds) return ['the task does not end'];
  const { arcRegistrationTask, arcStatus, files } = nodeOf(on);
  const log = Object.entries(files).find(([path]) => path.includes('\\RegisterArc_'))?.[1].content ?? '';
  const seen = {
    result: arcRegistrationTask.lastTaskResult,
    arcStatus,
    tries: log.split('\r\n').length - 1,
  };
  const secret = clusterOf(context).arc?.secret ?? '';
  return [
    ...(['result', 'arcStatus', 'tries'] as const).flatMap((name) =>
      seen[name] === each[name] ? [] : [`${name} is ${seen[name]}, not ${each[name]}`],
    ),
    // It would cost a node that has just booted its Arc resource.
    ...(context.world.state.counters.syncs === before ? [] : ['the task synchronised']),
    ...(log.includes(secret) && secret !== 'wrong' ? ['the secret stands in the log'] : []),
    ...(log === '' || (each.log ?? /try \d+: status \w+ (INFO|ERROR) /).test(log.split('\r\n')[0] ?? '')
      ? []
      : [`the log is ${log.slice(0, 200)}`]),
  ];
};

/** What comes of the task that a script registers. */
export const runTasks = async (prepared: Prepared, script: string): Promise<readonly Result[]> => {
  const results: Result[] = [];
  for (const languageMode of ['FullLanguage', 'ConstrainedLanguage'] as const) {
    for (const each of cases) {
      const problems = await runTask(prepared, script, languageMode, each);
      results.push({ name: `ArcRegistrationTask, ${each.name} (${languageMode})`, problems });
    }
  }
  return results;
};

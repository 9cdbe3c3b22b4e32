import { operations } from '../../src/nodes/operations.ts';
import type { NodeExecution } from '../../src/nodes/transport.ts';
import { ProcessEnded } from '../simulators/nodes/processes.ts';
import { UnsupportedPowerShell } from '../simulators/nodes/powershell/unsupported.ts';
import { scriptEventSource, type NodeState, type State } from '../simulators/nodes/state.ts';
import { clusterOf, nodeOf, type NodeContext } from '../simulators/nodes/world.ts';
import { ask, correlationId, type Asked } from './ask.ts';
import type { Case } from './cases.ts';
import { effectProblems } from './effects.ts';
import { expectedAnswer, expectAny } from './expectedReads.ts';
import type { Prepared } from './prepare.ts';

// Runs one case and says all that is wrong with it.

export interface Variant {
  readonly execution: NodeExecution;
  readonly languageMode: NodeState['languageMode'];
}

export const variants: readonly Variant[] = (['Dispatcher', 'Inline'] as const).flatMap((execution) =>
  (['FullLanguage', 'ConstrainedLanguage'] as const).map((languageMode) => ({ execution, languageMode })),
);

const isInstant = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?Z$/;

/** Where an answer is not what was expected. */
const mismatches = (actual: unknown, expected: unknown, path: string): readonly string[] => {
  const here = [`${path} is ${JSON.stringify(actual)?.slice(0, 120)}, not ${JSON.stringify(expected)?.slice(0, 120)}`];
  if (expected === expectAny) return typeof actual === 'string' && actual !== '' ? [] : here;
  if (typeof expected === 'string' && typeof actual === 'string') {
    if (isInstant.test(expected) && isInstant.test(actual) && Date.parse(expected) === Date.parse(actual)) return [];
    return actual === expected ? [] : here;
  }
  if (typeof expected !== 'object' || expected === null) return actual === expected ? [] : here;
  if (typeof actual !== 'object' || actual === null || Array.isArray(actual) !== Array.isArray(expected)) return here;
  const left = new Map<string, unknown>(Object.entries(actual));
  const right = new Map<string, unknown>(Object.entries(expected));
  return [...new Set([...left.keys(), ...right.keys()])].flatMap((key) =>
    left.has(key) === right.has(key)
      ? mismatches(left.get(key), right.get(key), `${path}.${key}`)
      : [`${path}.${key} is there or missing`],
  );
};

const member = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? new Map<string, unknown>(Object.entries(value)).get(name) : undefined;

const clockProblems = (answer: unknown, from: Date, to: Date): readonly string[] => {
  const currentTime = member(member(answer, 'os'), 'currentTime');
  if (currentTime === undefined) return [];
  const time = typeof currentTime === 'string' ? Date.parse(currentTime) : Number.NaN;
  return time >= from.getTime() && time <= to.getTime() ? [] : ['os.currentTime is not now'];
};

/** Everything that can be read on the node afterwards by those who may not have the secret. */
const readable = ({ eventLog, files, registry }: NodeState): string => JSON.stringify([eventLog, files, registry]);

const secretProblems = (given: object, { ran }: Asked, node: NodeState): readonly string[] => {
  const secret = member(given, 'secret');
  if (typeof secret !== 'string') return [];
  const quoted = JSON.stringify(secret).slice(1, -1);
  return [ran.stdout, ran.stderr, readable(node)].some((text) => text.includes(quoted)) ? ['the secret is shown'] : [];
};

const lockKeys = ({ registry }: NodeState): readonly string[] =>
  Object.keys(registry).filter((key) => /\\Locks\\/.test(key));

/** Named after a process; keys of other names are nobody's to remove. */
const isMark = (key: string): boolean => /\\\d{1,9}-\d+$/.test(key);

/** Those of processes that are gone go too, with the next operation that changes something. */
const leftovers = (each: Case, before: NodeState, after: NodeState): readonly string[] => {
  const cleans = operations[each.operation].mutates && typeof each.expected === 'string';
  const kept = lockKeys(before).every((key) => (cleans && isMark(key)) || lockKeys(after).includes(key));
  const left = lockKeys(after).some((key) => (cleans && isMark(key)) || !lockKeys(before).includes(key));
  return [...(left ? ['a lock was left behind'] : []), ...(kept ? [] : ['the lock of another was taken away'])];
};

const auditProblems = (each: Case, before: NodeState, after: NodeState, failed: boolean): readonly string[] => {
  const added = after.eventLog.slice(before.eventLog.length);
  if (!before.eventSources.includes(scriptEventSource))
    return added.length === 0 ? [] : ['an event without its source'];
  const [event] = added;
  const fits =
    added.length === 1 &&
    event !== undefined &&
    event.logName === 'Application' &&
    event.id === (failed ? 2 : 1) &&
    event.level === (failed ? 3 : 4) &&
    event.message.includes(`Operation ${each.operation} ${failed ? 'failed with ' : 'succeeded'}`) &&
    event.message.includes(correlationId);
  return fits ? [] : [`the audit event is ${JSON.stringify(added)}`];
};

const frameOnly = /^<<<HCIREG[\x20-\x7e]*HCIREG>>>\r\n$/;

/** What powershell.exe printed, beside the answer. */
const outputProblems = ({ ran }: Asked): readonly string[] => [
  ...(frameOnly.test(ran.stdout) ? [] : [`stdout is not the frame alone: ${ran.stdout.slice(0, 200)}`]),
  ...(/S="progress"/i.test(ran.stderr) ? [`stderr has progress: ${ran.stderr.slice(0, 300)}`] : []),
  ...(/S="Error"/.test(ran.stderr) ? [`stderr has an error: ${ran.stderr.slice(0, 300)}`] : []),
];

const outcomeProblems = (each: Case, { outcome }: Asked): readonly string[] => {
  if (each.expected === 'done' || each.expected === 'idle')
    return outcome.kind === 'ok' ? [] : [`it answered ${JSON.stringify(outcome).slice(0, 400)}`];
  if (outcome.kind !== 'operationError') return [`it answered ${outcome.kind}, not an error`];
  const { id, message, reason, position } = outcome.error;
  const own = /^[A-Za-z]+$/.test(id);
  return [
    ...(each.expected.error.test(id) || each.expected.error.test(message) ? [] : [`it failed with ${id}: ${message}`]),
    ...(reason === '' ? ['the error has no reason'] : []),
    ...(own || /^At .+:\d+ char:\d+/.test(position) ? [] : ['the error has no position']),
  ];
};

const settle = async (context: NodeContext): Promise<void> => {
  while (nodeOf(context).arcRegistrationTask.running && context.world.processes.count(context) > 0)
    await new Promise((resolve) => setImmediate(resolve));
};

const snapshot = (context: NodeContext): State => structuredClone(context.world.state);

const nodeIn = (state: State, { clusterName, nodeName }: NodeContext): NodeState => {
  const node = state.clusters[clusterName]?.nodes[nodeName];
  if (node === undefined) throw new Error(`no node ${nodeName}`);
  return node;
};

const enter = ({ context, stages }: Prepared, each: Case, { execution, languageMode }: Variant): void => {
  context.world.state = structuredClone(stages[each.stage]);
  const cluster = clusterOf(context);
  cluster.execution = execution;
  for (const node of Object.values(cluster.nodes))
    Object.assign(node, { languageMode, eventSources: execution === 'Dispatcher' ? [scriptEventSource] : [] });
  each.prepare(context.world.state);
};

/** Empty when all is as it should be. Never rejects for anything that the script does. */
export const runCase = async (
  prepared: Prepared,
  script: string,
  each: Case,
  variant: Variant,
): Promise<readonly string[]> => {
  const { context } = prepared;
  enter(prepared, each, variant);
  const before = snapshot(context);
  const expected = await expectedAnswer(context, variant.execution, each.operation, each.given).catch(() => undefined);
  const from = context.world.now();
  try {
    const asked = await ask(context, script, variant.execution, each.operation, each.given);
    await settle(context);
    const after = snapshot(context);
    const { outcome } = asked;
    const answer = outcome.kind === 'ok' ? outcome.value : undefined;
    const common = [
      ...secretProblems(each.given, asked, nodeIn(after, context)),
      ...outcomeProblems(each, asked),
      ...outputProblems(asked),
      ...leftovers(each, nodeIn(before, context), nodeIn(after, context)),
      ...auditProblems(each, nodeIn(before, context), nodeIn(after, context), outcome.kind !== 'ok'),
    ];
    const { clusterName, nodeName } = context;
    const change = { before, after, clusterName, nodeName, given: each.given, answer };
    const idle = each.expected !== 'done';
    const anyEffect = typeof each.expected === 'object' && each.expected.afterEffect === true;
    return [
      ...common,
      ...(outcome.kind === 'ok' && expected !== undefined ? mismatches(answer, expected, 'the answer') : []),
      ...clockProblems(answer, from, context.world.now()),
      ...(anyEffect ? [] : effectProblems(each.operation, idle, change)),
    ];
  } catch (error) {
    if (error instanceof UnsupportedPowerShell) return [error.message];
    if (error instanceof ProcessEnded) throw error;
    return [`the node failed: ${error instanceof Error ? error.message : String(error)}`];
  }
};

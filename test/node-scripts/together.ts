import { nodeOf } from '../simulators/nodes/world.ts';
import { ask } from './ask.ts';
import type { Prepared } from './prepare.ts';
import type { Result } from './result.ts';

// Operations that are asked for at the same moment.

const operation = 'newRegistrationCertificate';
const callers = 4;
/** Who is in the way, and since when. */
const who = /^newRegistrationCertificate is running on this node since \d{4}-\d{2}-\d{2}T[\d:.]+Z \(process \d+-\d+\)/;

/** Of those that change something at most one is done, the others say why not, and the next one finds nothing in its way. */
export const runTogether = async ({ context, stages }: Prepared, script: string): Promise<Result> => {
  context.world.state = structuredClone(stages.fresh);
  const once = () => ask(context, script, 'Dispatcher', operation, {});
  const outcomes = (await Promise.all(Array.from({ length: callers }, once))).map(({ outcome }) => outcome);
  const done = outcomes.filter(({ kind }) => kind === 'ok').length;
  const refused = outcomes.filter(
    (outcome) =>
      outcome.kind === 'operationError' &&
      outcome.error.id === 'OperationInProgress' &&
      who.test(outcome.error.message),
  ).length;
  const made = context.world.state.counters.certificatesCreated;
  const locks = Object.keys(nodeOf(context).registry).filter((key) => key.includes('\\Locks\\'));
  const { outcome: next } = await once();
  return {
    name: `${callers} operations at the same moment`,
    problems: [
      ...(done <= 1 && made === done ? [] : [`${done} were done, ${made} certificates were made`]),
      ...(done + refused === callers ? [] : [`they answered ${JSON.stringify(outcomes).slice(0, 400)}`]),
      ...(locks.length === 0 ? [] : ['a lock was left behind']),
      ...(next.kind === 'ok' ? [] : [`the next one answered ${JSON.stringify(next).slice(0, 200)}`]),
    ],
  };
};

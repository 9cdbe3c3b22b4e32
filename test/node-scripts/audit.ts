import { nodeOf } from '../simulators/nodes/world.ts';
import { ask } from './ask.ts';
import type { Prepared } from './prepare.ts';
import type { Result } from './result.ts';

// What the Application log says of callers who choose their correlation id badly.

const callers: readonly (readonly [string, string, string])[] = [
  ['an id as it should be', 'b3c1-7.x_Y', 'b3c1-7.x_Y'],
  ['a very long id', 'x'.repeat(300), 'x'.repeat(64)],
  ['an id that tries to be more', 'a b"\n$(whoami)\u00e4', 'abwhoami'],
  ['no id', '', ''],
];

export const runAudit = async ({ context, stages }: Prepared, script: string): Promise<readonly Result[]> => {
  const results: Result[] = [];
  for (const [name, correlationId, shown] of callers) {
    context.world.state = structuredClone(stages.fresh);
    const document = JSON.stringify({ correlationId, arguments: {} });
    const { ran } = await ask(context, script, 'Dispatcher', 'clusterProbe', {}, undefined, document);
    const message = nodeOf(context).eventLog.at(-1)?.message ?? '';
    results.push({
      name: `the log of ${name}`,
      problems: [
        ...(ran.exitCode === 0 ? [] : [`the exit code is ${ran.exitCode}`]),
        ...(message.includes(`Correlation id: ${shown}. `) ? [] : [`the log says ${message.slice(0, 500)}`]),
      ],
    });
  }
  return results;
};

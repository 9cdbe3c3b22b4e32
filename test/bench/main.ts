import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { idle } from './idle.ts';
import { summary, table } from './table.ts';

const help = `npm run bench -- idle: what the controller uses when there is nothing to do

Registers the sample cluster of 4 nodes, and then, for ten minutes with this one object, counts memory, processor time, and calls to
Azure (without what nodes send themselves), to the API server (from its audit log) and to nodes. It fails when the object is not Ready
in the end; it holds no figure against a limit.

  npm run bench -- idle                 ten minutes
  npm run bench -- idle --minutes N     for trying it out
  npm run bench -- idle --json FILE     writes the figures there too
`;

const say = (line = '') => process.stdout.write(`${line}\n`);

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      minutes: { type: 'string', default: '10' },
      json: { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  if (values.help === true) {
    say(help);
    return;
  }
  if (positionals.join(' ') !== 'idle') throw new Error(`There is one benchmark: idle.\n\n${help}`);
  const minutes = Number(values.minutes);
  if (!(minutes > 0)) throw new Error(`--minutes takes a number above 0, not ${values.minutes}`);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
  const figures = await idle(minutes, say);
  if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(figures, undefined, 2)}\n`);
  say();
  say(table(figures));
  say();
  say(`bench idle: ${summary(figures)}`);
}

try {
  await main();
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  say('bench idle: failed');
  process.exitCode = 1;
}

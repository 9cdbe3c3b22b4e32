import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { idle } from './idle.ts';
import { measureRuntime, type RuntimeFigures } from './runtime/measure.ts';
import { runtimeSummary, runtimeTable } from './runtime/table.ts';
import { summary, table } from './table.ts';

const help = `npm run bench -- idle: what the controller uses when there is nothing to do

Registers the sample cluster of 4 nodes, and then, for ten minutes with this one object, counts memory, processor time, and calls to
Azure (without what nodes send themselves), to the API server (from its audit log) and to nodes. It fails when the object is not Ready
in the end; it holds no figure against a limit.

  npm run bench -- idle                    ten minutes
  npm run bench -- idle --minutes N        for trying it out

npm run bench -- runtime: what src/kube costs, beside controller-runtime's figures

On a real API server a controller made of src/kube alone gives each object a finalizer and three conditions, is restarted with nothing
to do, and answers 25 changes a second. It fails when an object is not as it should be.

  npm run bench -- runtime                 at 100, 1,000 and 10,000 objects
  npm run bench -- runtime --objects N     at N (repeatable)
  npm run bench -- runtime --profile DIR   writes CPU profiles of the controller there

Both:
  --json FILE                              writes the figures there too
`;

const say = (line = '') => process.stdout.write(`${line}\n`);

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      minutes: { type: 'string', default: '10' },
      objects: { type: 'string', multiple: true, default: ['100', '1000', '10000'] },
      profile: { type: 'string' },
      json: { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  if (values.help === true) {
    say(help);
    return;
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
  const [name = '', ...more] = positionals;
  const run = more.length === 0 ? benches[name] : undefined;
  if (run === undefined) throw new Error(`There are two benchmarks: idle and runtime.\n\n${help}`);
  const { figures, report, summary: summed } = await run(values);
  if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(figures, undefined, 2)}\n`);
  say();
  say(report);
  say();
  say(`bench ${name}: ${summed}`);
}

interface Outcome {
  figures: unknown;
  report: string;
  summary: string;
}

const benches: Record<
  string,
  (values: { minutes: string; objects: string[]; profile?: string | undefined }) => Promise<Outcome>
> = {
  async idle({ minutes }) {
    const figures = await idle(positive('--minutes', minutes), say);
    return { figures, report: table(figures), summary: summary(figures) };
  },
  async runtime({ objects, profile }) {
    const figures: RuntimeFigures[] = [];
    for (const count of objects.map((each) => positive('--objects', each)))
      figures.push(await measureRuntime({ objects: count, say, profileDirectory: profile }));
    return { figures, report: runtimeTable(figures), summary: runtimeSummary(figures) };
  },
};

function positive(option: string, text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new Error(`${option} takes a number above 0, not ${text}`);
  return value;
}

try {
  await main();
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  say('bench: failed');
  process.exitCode = 1;
}

import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { idle } from './idle.ts';
import { measureCalls, measureRestart, type CallsFigures } from './fleet/measure.ts';
import { callsSummary, callsTable, restartSummary, restartTable } from './fleet/table.ts';
import { deadSite, deadSiteReport, deadSiteSummary } from './registration/dead-site.ts';
import { fanout, fanoutReport, fanoutSummary } from './registration/fanout.ts';
import { runtime } from './runtime/main.ts';
import { summary, table } from './table.ts';

const help = `npm run bench -- idle: what the controller uses when there is nothing to do

Registers the sample cluster of 4 nodes, and then, for ten minutes with this one object, counts memory, processor time, and calls to
Azure (without what nodes send themselves), to the API server (from its audit log) and to nodes. It fails when the object is not Ready
in the end; it holds no figure against a limit.

  npm run bench -- idle                    ten minutes
  npm run bench -- idle --minutes N        for trying it out

npm run bench -- runtime: what src/kube costs, beside controller-runtime

On a real API server a controller made of src/kube alone gives each object a finalizer and three conditions, is restarted with nothing
to do, and answers 25 changes a second. It fails when an object is not as it should be, when there are not exactly two writes for each
object at first, none after the restart and at most one for each change (by the API server's audit log).

  npm run bench -- runtime                 at 100, 1,000, 5,000 and 10,000 objects: about 5 minutes
  npm run bench -- runtime --reference     and the same on controller-runtime 0.25.2, built with Go: about 8 minutes
  npm run bench -- runtime --objects N     at N (repeatable)
  npm run bench -- runtime --profile DIR   writes CPU profiles of the controller there

npm run bench -- calls: what a fleet costs in steady state

Calls to Azure, to the API server and to nodes per cluster and hour, counted over six hours of a moved clock: reconciler, sessions and
inventory as they ship, over HTTPS to the simulated Azure; API server and nodes are plain data. It fails when a cluster is not Ready.

  npm run bench -- calls                   for 1, 100 and 1,000 clusters
  npm run bench -- calls --clusters N      for N (repeatable)

npm run bench -- restart: what Azure is asked when a controller of many clusters at rest is restarted

The same fleet. Calls to Azure in the minutes of the hour before and after, from the simulator's log. It fails when there are as many
calls in one minute as there are clusters.

  npm run bench -- restart                 with 1,000 clusters
  npm run bench -- restart --clusters N    with N

npm run bench -- fanout: 16 nodes at once

In the lab, with a second for each operation on a node: registering a cluster of 16 nodes, beside one of a single node, which is the
longest dependent chain. It fails when a cluster does not become Ready.

npm run bench -- dead-site: a registration beside 50 clusters whose nodes take connections and never answer

In the lab, over real sockets: how long until Ready, by itself and beside them. It fails when it does not become Ready.

All:
  --json FILE                              writes the figures there too
`;

const say = (line = '') => process.stdout.write(`${line}\n`);

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      minutes: { type: 'string', default: '10' },
      objects: { type: 'string', multiple: true, default: ['100', '1000', '5000', '10000'] },
      clusters: { type: 'string', multiple: true },
      reference: { type: 'boolean', default: false },
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
  if (run === undefined) throw new Error(`The benchmarks are ${Object.keys(benches).join(', ')}.\n\n${help}`);
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
  (values: {
    minutes: string;
    objects: string[];
    reference: boolean;
    clusters?: string[] | undefined;
    profile?: string | undefined;
  }) => Promise<Outcome>
> = {
  async idle({ minutes }) {
    const figures = await idle(positive('--minutes', minutes), say);
    return { figures, report: table(figures), summary: summary(figures) };
  },
  async calls({ clusters = ['1', '100', '1000'] }) {
    const figures: CallsFigures[] = [];
    for (const each of clusters) figures.push(await measureCalls(positive('--clusters', each), say));
    return { figures, report: callsTable(figures), summary: callsSummary(figures) };
  },
  async restart({ clusters = ['1000'] }) {
    const count = positive('--clusters', clusters[0] ?? '');
    const figures = await measureRestart(count, say);
    if (Math.max(...figures.after) >= count)
      throw new Error(`${restartTable(figures)}

A storm.`);
    return { figures, report: restartTable(figures), summary: restartSummary(figures) };
  },
  async fanout() {
    const figures = await fanout(say);
    return { figures, report: fanoutReport(figures), summary: fanoutSummary(figures) };
  },
  async 'dead-site'() {
    const figures = await deadSite(say);
    return { figures, report: deadSiteReport(figures), summary: deadSiteSummary(figures) };
  },
  runtime: ({ objects, reference, profile }) =>
    runtime({
      sizes: objects.map((each) => positive('--objects', each)),
      withReference: reference,
      profiles: profile,
      say,
    }),
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

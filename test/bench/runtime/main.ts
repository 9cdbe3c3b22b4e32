import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { measureRuntime, type RuntimeFigures } from './measure.ts';
import { buildOurs, buildReference, type Program } from './programs.ts';
import { tooManyRequests } from './requests.ts';
import { aimSummary, requestsTable, runtimeSummary, runtimeTable } from './table.ts';

/** Latency is of interest where the queue is short and where the store is large. */
const withoutChanges = new Set([1000]);

export interface RuntimeOutcome {
  figures: RuntimeFigures[];
  report: string;
  summary: string;
}

/**
 * @param options.profiles a folder for CPU profiles of ours
 * @throws an Error with the report in its message when ours makes more requests than it has to, and when work was not done
 */
export async function runtime(options: {
  sizes: readonly number[];
  withReference: boolean;
  profiles: string | undefined;
  say: (line: string) => void;
}): Promise<RuntimeOutcome> {
  const { sizes, withReference, profiles, say } = options;
  const directory = await mkdtemp(join(tmpdir(), 'bench-programs-'));
  try {
    const ours = await buildOurs(directory, profiles);
    say(`Node runs as in the image: ${ours.command.slice(1, -1).join(' ')}`);
    const reference = withReference ? await referenceOrNot(directory, say) : undefined;
    const programs = reference === undefined ? [ours] : [ours, reference];
    const figures: RuntimeFigures[] = [];
    for (const objects of sizes) {
      const withChanges = !withoutChanges.has(objects);
      figures.push(...(await measureRuntime(programs, objects, { withChanges, say })));
    }
    const report = [runtimeTable(figures), requestsTable(figures), aimSummary(figures)]
      .filter((part) => part !== '')
      .join('\n\n');
    const problems = figures
      .filter(({ program }) => program === ours.name)
      .flatMap(({ objects, changes, requests }) => tooManyRequests(objects, changes?.count ?? 0, requests));
    if (problems.length > 0) throw new Error([report, ...problems].join('\n\n'));
    return { figures, report, summary: runtimeSummary(figures) };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Without Go or its modules there is something to compare with all the same: what was measured once. */
async function referenceOrNot(directory: string, say: (line: string) => void): Promise<Program | undefined> {
  say('Building the reference with Go: two minutes when it is new …');
  try {
    return await buildReference(directory);
  } catch (error) {
    say(`No reference: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}

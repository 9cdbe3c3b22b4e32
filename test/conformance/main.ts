import { join } from 'node:path';
import { runCommand, say } from '../lab/command.ts';
import type { Exchange } from '../simulators/shared/admin.ts';
import { headersOfNoMeaning } from './compare.ts';
import { explained } from './explained.ts';
import { createExplainer, type Explainer } from './explanations.ts';
import { describeFinding, validateTraffic } from './oav.ts';
import { hasRecordedTruth, recordedTruth } from './recordedTruth.ts';
import { readRecordings } from './recordings.ts';
import { replayRefusals } from './refused.ts';
import { registrationTraffic } from './registration.ts';
import { replay, type Replayed } from './replay.ts';
import { allowances } from './swagger.ts';

const help = `npm run conformance: holds the simulated Azure against what is recorded of the real one and published about it

  - replays every session of ../shared/azure-recordings/sessions and every refusal of errors/, and compares the answers
  - registers a simulated cluster in a lab, and holds what went between the controller, the nodes and Azure against Azure's OpenAPI files

Differences that stay are listed with their reasons in test/conformance/explained.ts and swagger.ts; what explains nothing any more is a failure.
Without ../shared/azure-recordings there is nothing to compare: with CI=true that is a failure, else it is said.
`;

/** Fewer would mean that the lab's traffic was not seen. */
const leastValidated = 40;
const shownFindings = 20;

interface Counts {
  passed: number;
  failed: number;
}

async function replayAll(explainer: Explainer, counts: Counts): Promise<Exchange[]> {
  const traffic: Exchange[] = [];
  const kinds: [string, typeof replay][] = [
    ['sessions', replay],
    ['errors', replayRefusals],
  ];
  say(`${'recording'.padEnd(64)} exchanges  same  explained  not sent  failed`);
  const recordedHeaders = new Set<string>();
  for (const [folder, run] of kinds) {
    for (const recording of await readRecordings(join(recordedTruth, folder))) {
      for (const { answer } of recording.exchanges) {
        for (const header of Object.keys(answer.headers)) recordedHeaders.add(header);
      }
      const replayed = await run(recording, explainer);
      traffic.push(...replayed.traffic);
      show(recording.name, replayed, counts);
    }
  }
  for (const header of Object.keys(headersOfNoMeaning).filter((name) => !recordedHeaders.has(name))) {
    say(`left out in compare.ts, and not recorded: header ${header}`);
    counts.failed += 1;
  }
  return traffic;
}

function show(name: string, { cases }: Replayed, counts: Counts): void {
  const failed = cases.filter((one) => one.failed.length > 0);
  const notSent = cases.filter((one) => one.skipped !== undefined).length;
  const same = cases.filter((one) => one.differences.length === 0 && one.skipped === undefined).length;
  const columns = [cases.length, same, cases.length - same - notSent - failed.length, notSent, failed.length];
  const widths = [9, 6, 11, 10, 8];
  say(`${name.padEnd(64)} ${columns.map((value, index) => String(value).padStart(widths[index] ?? 0)).join('')}`);
  for (const { title, failed: differences } of failed) {
    say(`  ${title}`);
    for (const { at, recorded, simulated } of differences)
      say(`    ${at}: recorded ${recorded}, simulated ${simulated}`);
  }
  counts.failed += failed.length;
  counts.passed += cases.length - failed.length;
}

async function validate(replayed: readonly Exchange[], counts: Counts): Promise<void> {
  const registration = await registrationTraffic((line) => say(`  ${line}`)).catch((error: unknown) => {
    say(`no registration in the lab: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    return [];
  });
  const verdicts = [
    { what: 'the replayed sessions', least: leastValidated, verdict: await validateTraffic(replayed) },
    { what: 'one registration in the lab', least: leastValidated, verdict: await validateTraffic(registration) },
  ];
  for (const { what, least, verdict } of verdicts) {
    say(`${what}: ${verdict.validated} exchanges held against OpenAPI, ${verdict.findings.length} findings`);
    for (const { entry, exchanges } of verdict.notPublished) {
      say(`  ${exchanges} not: ${entry.method.source} ${entry.path.source}: ${entry.reason}`);
    }
    for (const finding of verdict.findings.slice(0, shownFindings)) say(`  ${describeFinding(finding)}`);
    if (verdict.validated < least) say(`  fewer than ${least}: the traffic was not seen`);
    const failed = verdict.findings.length + (verdict.validated < least ? 1 : 0);
    counts.failed += failed;
    counts.passed += failed === 0 ? 1 : 0;
  }
  const used = new Set(verdicts.flatMap(({ verdict }) => [...verdict.usedAllowances]));
  for (const allowance of allowances.filter((one) => !used.has(one))) {
    say(
      `allowed in swagger.ts, and not seen: ${allowance.operation.source} ${allowance.code} ${allowance.path.source}`,
    );
    counts.failed += 1;
  }
}

await runCommand({ name: 'conformance', help }, async () => {
  const counts = { passed: 0, failed: 0 };
  if (!hasRecordedTruth()) {
    say('../shared/azure-recordings is not there: nothing was compared.');
    return counts;
  }
  const explainer = createExplainer(explained);
  const traffic = await replayAll(explainer, counts);
  for (const { recording, exchange, at } of explainer.unused()) {
    say(`explained, and not seen: ${recording.source} | ${exchange.source} | ${at === 'everything' ? at : at.source}`);
    counts.failed += 1;
  }
  say();
  await validate(traffic, counts);
  return counts;
});

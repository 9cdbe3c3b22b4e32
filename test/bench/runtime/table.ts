import type { PhaseFigures, RuntimeFigures } from './measure.ts';
import type { Requests } from './requests.ts';

/** A figure that is held against the aim, and what of ours by the reference's is within it. */
interface Metric {
  title: string;
  of: (figures: RuntimeFigures) => number | undefined;
  digits: number;
  holds: (ratio: number) => boolean;
}

const aim = 1.5;
/** Runs on one machine differ by so much: the API server sets the pace. */
const samePace = 0.9;

const atMost = (ratio: number) => ratio <= aim;
const cost = (title: string, digits: number, of: Metric['of']): Metric => ({ title, of, digits, holds: atMost });

const metrics: Metric[] = [
  {
    title: 'cold: objects/s',
    of: ({ cold }) => cold.objectsPerSecond,
    digits: 0,
    holds: (ratio) => ratio >= samePace,
  },
  cost('CPU ms each', 2, ({ cold }) => cold.cpuPerObjectMs),
  cost('synced s', 2, ({ cold }) => cold.syncedSeconds),
  cost('peak MiB', 0, ({ cold }) => cold.peakMiB),
  cost('restart: s', 2, ({ restart }) => restart.seconds),
  cost('CPU ms each, restart', 2, ({ restart }) => restart.cpuPerObjectMs),
  cost('peak MiB, restart', 0, ({ restart }) => restart.peakMiB),
  cost('change to status: p50 ms', 0, ({ changes }) => changes?.p50Ms),
  cost('p99 ms', 0, ({ changes }) => changes?.p99Ms),
];

const none = '–';

/** controller-runtime 0.25.2 on a quiet machine of 2 cores, where no reference was measured in the same run. */
const recorded: Record<number, string[]> = {
  1000: ['105–134', '1.75–2.2', '0.34', '44', '0.55', '0.33–0.43', '40', none, none],
  5000: ['127–138', '1.5–1.7', '1.2–1.6', '71', '2.2', '0.33–0.37', none, '9', '63'],
  10000: ['114–125', '1.7–1.9', '2.0–2.9', '104', '3.8', '0.33–0.37', '101', '8', '26'],
};

const number = (value: number | undefined, digits: number) => (value === undefined ? none : value.toFixed(digits));

/** For a person, and for a README: a Markdown table, below each reference what of it ours is; bold: outside the aim. */
export function runtimeTable(figures: readonly RuntimeFigures[]): string {
  const header = ['objects', '', ...metrics.map(({ title }) => title)];
  const rows = pairs(figures).flatMap(({ ours, reference }) => [
    [String(ours.objects), ours.program, ...cells(ours)],
    ...(reference === undefined
      ? recordedRows(ours.objects)
      : [
          ['', reference.program, ...cells(reference)],
          ['', 'ratio', ...metrics.map((metric) => ratioCell(metric, ours, reference))],
        ]),
  ]);
  return markdown(header, rows);
}

function recordedRows(objects: number): string[][] {
  const row = recorded[objects];
  return row === undefined ? [] : [['', 'controller-runtime, recorded', ...row]];
}

const cells = (figures: RuntimeFigures) => metrics.map(({ of, digits }) => number(of(figures), digits));

function ratioCell(metric: Metric, ours: RuntimeFigures, reference: RuntimeFigures): string {
  const ratio = ratioOf(metric, ours, reference);
  if (ratio === undefined) return none;
  return metric.holds(ratio) ? ratio.toFixed(2) : `**${ratio.toFixed(2)}**`;
}

function ratioOf({ of }: Metric, ours: RuntimeFigures, reference: RuntimeFigures): number | undefined {
  const [left, right] = [of(ours), of(reference)];
  return left === undefined || right === undefined ? undefined : left / right;
}

const both = ({ writes, reads }: Requests) => `${writes} / ${reads}`;
const ownMiB = ({ peakMiB, fileMiB }: PhaseFigures) => (peakMiB - fileMiB).toFixed(0);

/** What each program asked of the API server, and where its memory and processor time stand. */
export function requestsTable(figures: readonly RuntimeFigures[]): string {
  const header = [
    'objects',
    '',
    'cold: writes / reads',
    'restart: writes / reads',
    'writes for changes',
    'CPU by API server’s',
    'peak without files MiB',
    'restart',
  ];
  const rows = figures.map(({ program, objects, cold, restart, changes, requests }) => [
    String(objects),
    program,
    both(requests.cold),
    both(requests.restart),
    changes === undefined ? none : `${requests.changes?.writes} for ${changes.count}`,
    `${(cold.cpuShare * 100).toFixed(0)} %`,
    ownMiB(cold),
    ownMiB(restart),
  ]);
  return markdown(header, rows);
}

/** One line: in how many figures the aim holds, and where it does not. Empty without a reference. */
export function aimSummary(figures: readonly RuntimeFigures[]): string {
  const held: string[] = [];
  const missed: string[] = [];
  for (const { ours, reference } of pairs(figures)) {
    if (reference === undefined) continue;
    for (const metric of metrics) {
      const ratio = ratioOf(metric, ours, reference);
      if (ratio === undefined) continue;
      const told = `${metric.title} at ${ours.objects} (${ratio.toFixed(2)})`;
      if (metric.holds(ratio)) held.push(told);
      else missed.push(told);
    }
  }
  if (held.length + missed.length === 0) return '';
  const what = `the aim (objects/s at least ${samePace}, everything else at most ${aim} times the reference)`;
  const where = missed.length === 0 ? '' : `; not: ${missed.join(', ')}`;
  return `${what} holds in ${held.length} of ${held.length + missed.length} figures${where}`;
}

export const runtimeSummary = (figures: readonly RuntimeFigures[]): string =>
  pairs(figures)
    .map(
      ({ ours: { objects, cold, restart } }) =>
        `${objects} objects: ${cold.objectsPerSecond.toFixed(0)}/s, ${cold.cpuPerObjectMs.toFixed(2)} ms CPU each, ${cold.peakMiB.toFixed(0)} MiB, restart ${restart.seconds.toFixed(2)} s`,
    )
    .join('; ');

/** Ours is the first of a number of objects; the reference is what follows it. */
function pairs(figures: readonly RuntimeFigures[]): { ours: RuntimeFigures; reference: RuntimeFigures | undefined }[] {
  const sizes = new Set(figures.map(({ objects }) => objects));
  return [...sizes].flatMap((size) => {
    const [ours, reference] = figures.filter(({ objects }) => objects === size);
    return ours === undefined ? [] : [{ ours, reference }];
  });
}

function markdown(header: readonly string[], rows: readonly string[][]): string {
  const all = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0), 3));
  const line = (row: readonly string[]) => `| ${row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(' | ')} |`;
  return [line(header), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

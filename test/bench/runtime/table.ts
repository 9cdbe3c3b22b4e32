import type { RuntimeFigures } from './measure.ts';

/** controller-runtime 0.25.2 (Go, 16 workers, client limits off) doing the same work on this kind of machine. */
const go: Record<number, string[]> = {
  1000: ['105–134', '1.75–2.2', '16–18 %', '0.34', '44', '0.55', '0.33–0.43', '–'],
  5000: ['127–138', '1.5–1.7', '–', '1.2–1.6', '71', '2.2', '0.33–0.37', '9 / 63'],
  10000: ['114–125', '1.7–1.9', '15 %', '2.0–2.9', '104', '3.8', '0.33–0.37', '8 / 26'],
};

const columns = [
  'objects',
  '',
  'cold: objects/s',
  'CPU ms each',
  'of API server’s',
  'synced s',
  'peak MiB',
  'restart s',
  'CPU ms each',
  'change to status p50 / p99 ms',
];

const ours = ({ cold, restart, changes }: RuntimeFigures): string[] => [
  cold.objectsPerSecond.toFixed(0),
  cold.cpuPerObjectMs.toFixed(2),
  `${(cold.cpuShare * 100).toFixed(0)} %`,
  cold.syncedSeconds.toFixed(2),
  cold.peakMiB.toFixed(0),
  restart.seconds.toFixed(2),
  restart.cpuPerObjectMs.toFixed(2),
  `${changes.p50Ms.toFixed(0)} / ${changes.p99Ms.toFixed(0)}`,
];

/** For a person, and for a README: a Markdown table, with Go's figures beside where there are any. */
export function runtimeTable(figures: readonly RuntimeFigures[]): string {
  const rows = figures.flatMap((each) => {
    const yardstick = go[each.objects];
    return [
      [String(each.objects), 'src/kube', ...ours(each)],
      ...(yardstick === undefined ? [] : [['', 'Go', ...yardstick]]),
    ];
  });
  const all = [columns, ...rows];
  const widths = columns.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) => `| ${row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(' | ')} |`;
  return [line(columns), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

export const runtimeSummary = (figures: readonly RuntimeFigures[]): string =>
  figures
    .map(
      ({ objects, cold, restart }) =>
        `${objects} objects: ${cold.objectsPerSecond.toFixed(0)}/s, ${cold.cpuPerObjectMs.toFixed(2)} ms CPU each, ${cold.peakMiB.toFixed(0)} MiB, restart ${restart.seconds.toFixed(2)} s`,
    )
    .join('; ');

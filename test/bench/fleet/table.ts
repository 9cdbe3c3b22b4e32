import type { Calls } from '../calls.ts';
import type { CallsFigures, RestartFigures } from './measure.ts';

const grid = (rows: readonly (readonly string[])[]): string => {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) => `| ${row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(' | ')} |`;
  const [head = [], ...body] = rows;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...body.map(line)].join('\n');
};

const total = (calls: Calls): number => Object.values(calls).reduce((sum, count) => sum + count, 0);

const rate = (count: number, { clusters, hours }: CallsFigures): string => (count / clusters / hours).toFixed(2);

/** For a person, and for a README: calls per cluster and hour, a column for each size of the fleet. */
export function callsTable(figures: readonly CallsFigures[]): string {
  const kinds = { azure: 'Azure', apiServer: 'API server', nodes: 'nodes' } as const;
  const rows = (['azure', 'apiServer', 'nodes'] as const).flatMap((kind) => {
    const words = [...new Set(figures.flatMap((each) => Object.keys(each[kind])))].toSorted();
    return [
      [`**${kinds[kind]}**`, ...figures.map((each) => `**${rate(total(each[kind]), each)}**`)],
      ...words.map((word) => [word, ...figures.map((each) => rate(each[kind][word] ?? 0, each))]),
    ];
  });
  const head = ['calls per cluster and hour', ...figures.map(({ clusters }) => clusters.toLocaleString('en'))];
  const subscriptions = ['subscriptions', ...figures.map((each) => String(each.subscriptions))];
  return grid([head, subscriptions, ...rows]);
}

export const callsSummary = (figures: readonly CallsFigures[]): string =>
  figures
    .map((each) => {
      const [azure, apiServer, nodes] = [each.azure, each.apiServer, each.nodes].map((calls) =>
        rate(total(calls), each),
      );
      const { clusters } = each;
      return `${clusters.toLocaleString('en')} clusters: ${azure} to Azure, ${apiServer} to the API server, ${nodes} to nodes per cluster and hour`;
    })
    .join('; ');

const mean = (counts: readonly number[]): number => counts.reduce((sum, count) => sum + count, 0) / counts.length;

export function restartTable({ clusters, subscriptions, before, after, due, asked }: RestartFigures): string {
  return grid([
    [`${clusters.toLocaleString('en')} clusters, ${subscriptions} subscriptions`, 'before', 'after the restart'],
    ['calls to Azure, first minute', String(before[0] ?? 0), String(after[0] ?? 0)],
    ['busiest minute of the hour', String(Math.max(...before)), String(Math.max(...after))],
    ['mean of a minute', mean(before).toFixed(1), mean(after).toFixed(1)],
    ['clusters due in the first minute', '', String(due)],
    ['clusters read one by one in it', '', String(asked)],
  ]);
}

export const restartSummary = ({ clusters, before, after, due }: RestartFigures): string =>
  `${clusters.toLocaleString('en')} clusters: ${after[0] ?? 0} calls in the first minute, ${due} clusters being due; ${Math.max(...after)} in the busiest minute (${Math.max(...before)} before)`;

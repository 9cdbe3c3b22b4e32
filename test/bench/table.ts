import type { Calls } from './calls.ts';
import type { Figures } from './idle.ts';

const total = (calls: Calls): number => Object.values(calls).reduce((sum, count) => sum + count, 0);

const row = (what: string, value: string, hourly = '') =>
  `${`  ${what}`.padEnd(48)}${value.padStart(12)}${hourly.padStart(12)}`.trimEnd();

/** For a person: what was used, what was called, and what that is in an hour. */
export function table({ minutes, before, after, azure, apiServer, nodes }: Figures): string {
  const perHour = (value: number) => (value * 60) / minutes;
  const cpuSeconds = after.cpuSeconds - before.cpuSeconds;
  const called = (heading: string, calls: Calls) => [
    '',
    row(heading, String(total(calls)), perHour(total(calls)).toFixed(0)),
    ...Object.entries(calls).map(([what, count]) => row(`  ${what}`, String(count), perHour(count).toFixed(0))),
  ];
  return [
    row('', `${minutes} min`, 'per hour'),
    row('Memory, resident', `${after.residentMiB.toFixed(1)} MiB`),
    row('  when the object had become Ready', `${before.residentMiB.toFixed(1)} MiB`),
    row('  at the most', `${after.peakMiB.toFixed(1)} MiB`),
    row('Processor time', `${cpuSeconds.toFixed(2)} s`, `${perHour(cpuSeconds).toFixed(2)} s`),
    ...called('Calls to Azure', azure),
    ...called('Calls to the API server', apiServer),
    ...called('Operations on nodes', nodes),
  ].join('\n');
}

export const summary = ({ minutes, after, azure, apiServer, nodes }: Figures): string =>
  `${after.residentMiB.toFixed(0)} MiB, ${total(azure)} calls to Azure, ${total(apiServer)} to the API server, ${total(nodes)} to nodes in ${minutes} minutes`;

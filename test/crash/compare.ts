import type { Counters as AzureCounters } from '../simulators/azure/state.ts';
import type { Counters as NodeCounters } from '../simulators/nodes/state.ts';
import type { Lines } from './normalize.ts';

/** How a run ended: the state of Azure and nodes, and how much was made and taken away on the way. */
export interface End {
  state: Lines;
  counts: Readonly<Record<string, number>>;
}

/**
 * Which of the nodes' counters count something that is made. Not `syncs`: a synchronisation only tells Azure what is there, and how many
 * are needed depends on when the machines were linked. Not `arcRegistrationTaskStarts`: a start of the task on a node that is onboarded does
 * nothing, and what a start makes is counted in `machinesCreated`.
 */
const nodeCounts = [
  'certificatesCreated',
  'certificatesSet',
  'registrationsSet',
  'cloudManagementStarts',
  'arcInitializations',
  'arcRegistrationTasksRegistered',
  'machinesCreated',
] as const satisfies (keyof NodeCounters)[];

/** Effective creates and deletes, by words. */
export function counts(azure: AzureCounters, nodes: NodeCounters): Record<string, number> {
  return Object.fromEntries([
    ...Object.entries(azure).flatMap(([what, { created, deleted }]): [string, number][] => [
      [`Azure: ${what} created`, created],
      [`Azure: ${what} deleted`, deleted],
    ]),
    ...nodeCounts.map((what): [string, number] => [`nodes: ${what}`, nodes[what]]),
  ]);
}

interface Allowance {
  /** The one write whose lost answer makes it so. */
  lost: RegExp;
  /** The count that is then exactly one higher, and what the state has more because of it. */
  oneMore: string;
  state: RegExp;
  reason: string;
}

/** All that a crash may leave different. */
export const allowances: readonly Allowance[] = [
  {
    lost: /^POST clusters\/[^/]+\/arcSettings\/default\/generatePassword$/,
    oneMore: 'Azure: passwords created',
    state: /^azure\.applications\.<application [^>]+\.arc>\.passwordCredentials\.1\./,
    reason: 'the secret stood in the lost answer only, and Azure does not tell it again',
  },
];

/** What is different after a crash right after `lost`; empty when nothing is but what is allowed. */
export function differences(clean: End, crashed: End, lost: string): string[] {
  const allowed = allowances.filter((allowance) => allowance.lost.test(lost));
  const counted = Object.entries(clean.counts).flatMap(([what, count]) => {
    const expected = count + allowed.filter(({ oneMore }) => oneMore === what).length;
    const actual = crashed.counts[what];
    return actual === expected ? [] : [`${what}: ${actual}, expected ${expected}`];
  });
  const paths = [...new Set([...clean.state.keys(), ...crashed.state.keys()])].toSorted();
  const stated = paths.flatMap((path) => {
    const [before, after] = [clean.state.get(path), crashed.state.get(path)];
    if (before === after || (before === undefined && allowed.some(({ state }) => state.test(path)))) return [];
    return [`${path}: ${after ?? 'absent'}, expected ${before ?? 'absent'}`];
  });
  return [...counted, ...stated];
}

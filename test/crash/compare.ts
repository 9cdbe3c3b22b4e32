import type { Counters as AzureCounters } from '../simulators/azure/state.ts';
import type { Counters as NodeCounters } from '../simulators/nodes/state.ts';
import type { Case } from './cases.ts';
import type { Lines } from './normalize.ts';
import type { Allowance, Scenario } from './scenario.ts';

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

type Perturbed = Pick<Case, 'write' | 'effect'>;

export const allowed = ({ allowances }: Pick<Scenario, 'allowances'>, { write, effect }: Perturbed): Allowance[] =>
  allowances.filter((allowance) => allowance.write.test(write) && allowance.effects.includes(effect));

/** What is different from the clean run; empty when nothing is but what the scenario allows. */
export function differences(
  clean: End,
  perturbed: End,
  scenario: Pick<Scenario, 'allowances' | 'ignored'>,
  perturbation: Perturbed,
): string[] {
  const allowances = allowed(scenario, perturbation);
  const counted = Object.entries(clean.counts).flatMap(([what, count]) => {
    const expected = count + allowances.filter(({ oneMore }) => oneMore === what).length;
    const actual = perturbed.counts[what];
    return actual === expected ? [] : [`${what}: ${actual}, expected ${expected}`];
  });
  const paths = [...new Set([...clean.state.keys(), ...perturbed.state.keys()])].toSorted();
  const stated = paths.flatMap((path) => {
    const [before, after] = [clean.state.get(path), perturbed.state.get(path)];
    if (before === after || scenario.ignored.some(({ state }) => state.test(path))) return [];
    if (before === undefined && allowances.some(({ state }) => state.test(path))) return [];
    return [`${path}: ${after ?? 'absent'}, expected ${before ?? 'absent'}`];
  });
  return [...counted, ...stated];
}

import { describe, expect, test } from 'vitest';
import type { Fact, Observed } from './facts.ts';
import { plan } from './plan.ts';
import type { PlanInput } from './step.ts';
import { stepNames, type StepName } from './steps/index.ts';
import { endpoints, unknown } from './testing/builders.ts';
import { simulate } from './testing/simulate.ts';
import { emptyStart, worldOf } from './testing/starts.ts';
import type { Start } from './testing/world.ts';

// What could not be read never looks like what is not there: for each step, the facts without which it does not run.

const starts: Start[] = [
  { ...emptyStart, separateArcGroup: true, consent: true, customImds: [true] },
  { ...emptyStart, group: 'Succeeded', resource: true, identity: 'UserAssigned' },
];

/** For each step, what was observed when it ran first. */
function firstRuns(): Map<StepName, PlanInput> {
  const found = new Map<StepName, PlanInput>();
  for (const start of starts) {
    for (const { input, plan: planned } of simulate(worldOf(start))) {
      for (const { step } of planned.runnable) {
        const { memory } = input;
        if (!found.has(step))
          found.set(step, {
            ...input,
            memory: { ...memory, submissions: [...memory.submissions], operations: new Map(memory.operations) },
          });
      }
    }
  }
  return found;
}
const inputs = firstRuns();

const single = [
  'cluster',
  'signIn',
  'permissions',
  'resourceGroup',
  'arcResourceGroup',
  'resource',
  'arcSettings',
  'machines',
  'providerRoles',
  'arcRoles',
  'arcSecret',
  'arcSignIn',
] as const satisfies (keyof Observed)[];

const without = (facts: Record<string, Fact<unknown>>, key: string) => ({ ...facts, [key]: unknown() });

function unreadVariants({ observed }: PlanInput): [string, Observed][] {
  return [
    ...single.map((key): [string, Observed] => [key, { ...observed, [key]: unknown() }]),
    ...endpoints.resourceProviders.map((namespace): [string, Observed] => [
      namespace,
      { ...observed, providers: { ...observed.providers, [namespace]: unknown() } },
    ]),
    ...observed.nodes.map(({ name }): [string, Observed] => [
      name,
      { ...observed, probes: { ...observed.probes, [name]: unknown() } },
    ]),
  ];
}
test('print', () => {
  for (const name of stepNames) {
    const input = inputs.get(name);
    if (input === undefined) {
      console.log(name, 'NEVER');
      continue;
    }
    const runs = (observed: Observed) =>
      plan({ ...input, observed })
        .runnable.filter(({ step }) => step === name)
        .map(({ on }) => on);
    const base = runs(input.observed);
    console.log(
      name,
      JSON.stringify(base),
      JSON.stringify(
        unreadVariants(input).flatMap(([k, o]) => {
          const r = runs(o);
          return r.length === base.length ? [] : [r.length === 0 ? k : `${k}:${r}`];
        }),
      ),
    );
  }
});

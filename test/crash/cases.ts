import { createHash } from 'node:crypto';
import { effectsOf, modes, type Effect, type Mode } from './modes.ts';
import type { Scenario } from './scenario.ts';
import type { FaultMatch, Series } from './writes.ts';

/** A write as the clean run made it: its name with its count, and how it is found again. */
export type NamedWrite = { name: string } & (FaultMatch | { series: 'kubernetes' });

/** One perturbation of one write. */
export interface Case {
  mode: Mode;
  effect: Effect;
  /** Name of the write, with its count: `X`, `X #2`. */
  write: string;
  target: NamedWrite;
}

export interface Choice {
  seed: string;
  /** Kubernetes writes instead of those to Azure and nodes. */
  kubernetes: boolean;
  /** Default: `kill-after`, and one more that the seed chooses. */
  modes: readonly Mode[] | undefined;
  /** Name of one write. */
  only: string | undefined;
  /** So many of the cases, which the seed chooses. */
  sample: number | undefined;
}

/** From the words alone, so that a case that is repeated by itself is the same case. */
const draw = (...words: string[]): number => createHash('sha256').update(words.join('\n')).digest().readUInt32BE(0);
const pick = <T>(from: readonly T[], ...words: string[]): T | undefined => from[draw(...words) % from.length];

/** What is to be run. @throws an Error when there is no such write */
export function choose(writes: readonly NamedWrite[], choice: Choice): Case[] {
  const series: readonly Series[] = choice.kubernetes ? ['kubernetes'] : ['azure', 'nodes'];
  const ours = writes.filter((write) => series.includes(write.series));
  const { only, seed, sample } = choice;
  const left = only === undefined ? ours : ours.filter(({ name }) => name === only);
  if (left.length === 0)
    throw new Error(`there is no write "${only}" in the clean run:\n${ours.map(({ name }) => `  ${name}`).join('\n')}`);
  const further = modes.filter((mode) => mode !== 'kill-after');
  const cases = left.flatMap((target) => {
    const { name: write } = target;
    const second = pick(further, seed, write);
    const chosen = choice.modes ?? (['kill-after', ...(second === undefined ? [] : [second])] as const);
    return chosen.flatMap((mode): Case[] => {
      const effect = pick(effectsOf[mode][target.series], seed, mode, write);
      return effect === undefined ? [] : [{ mode, effect, write, target }];
    });
  });
  if (sample === undefined) return cases;
  return cases.toSorted((a, b) => draw(seed, a.mode, a.write) - draw(seed, b.mode, b.write)).slice(0, sample);
}

/** How long the controller is right to wait after it, beyond what the scenario takes. */
export const awaitedSeconds = ({ awaited }: Pick<Scenario, 'awaited'>, { write, effect }: Case): number =>
  Math.max(
    0,
    ...awaited.filter((one) => one.write.test(write) && one.effects.includes(effect)).map((one) => one.seconds),
  );

/** What to type to repeat it. */
export const repeat = (scenario: string, { mode, write, target }: Case, seed: string): string =>
  `npm run crash -- ${scenario} --seed ${seed}${target.series === 'kubernetes' ? ' --kubernetes' : ''} --mode ${mode} --only '${write}'`;

import type { Probe } from '../../nodes/operations.ts';
import type { StepArguments, StepName } from '../steps/index.ts';
import type { World } from './world.ts';

/** What Azure or a node would refuse, because the step came too early, too late or twice. Never part of a right plan. */
export class OutOfOrder extends Error {
  override readonly name = 'OutOfOrder';
}

export function must<T>(value: T | undefined | null | false, what: string): asserts value is T {
  if (value === undefined || value === null || value === false) throw new OutOfOrder(what);
}

export const afterSeconds = (world: World, seconds: number, happen: () => void): void => {
  world.later.push({ at: new Date(world.now.getTime() + seconds * 1000), happen });
};

/** Starts something that takes a while; answers the URL at which its state is read. */
export function operation(world: World, seconds: number, happen: () => void): string {
  const url = `operation-${(world.made += 1)}`;
  world.operations.set(url, 'InProgress');
  afterSeconds(world, seconds, () => {
    happen();
    world.operations.set(url, 'Succeeded');
  });
  return url;
}

export const node = (world: World, name: string): Probe => {
  const probe = world.nodes.get(name);
  must(probe, `there is no node ${name}`);
  return probe;
};

export interface Done {
  operationUrl?: string;
  detail?: string;
}
export type Effects = { [N in StepName]: (world: World, given: StepArguments<N>, on: string) => Done | void };

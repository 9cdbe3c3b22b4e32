import type { Reason } from '../api/reasons.ts';
import { notMember } from './conditions/nodes.ts';
import { formerMembers } from './membership.ts';
import { describeStale, staleMachines } from './stale-machines.ts';
import { members, type PlanInput } from './step.ts';

/** Something that came up by itself and that no step and no change of Ready tells as an event. */
export interface Notice {
  reason: Reason;
  note: string;
}

/** Nodes that came, and what those that went have left. */
export function notices(input: PlanInput): Notice[] {
  const listed = new Set(input.spec.nodes.hosts.map(({ name }) => name.toUpperCase()));
  const found = members(input).flatMap(({ name, fact }): Notice[] => {
    const isNew = !listed.has(name.toUpperCase()) && fact.state === 'unknown' && fact.why.reason === 'HostKeyNotPinned';
    return isNew
      ? [{ reason: 'HostKeyNotPinned', note: `${name} was found from the cluster. ${fact.why.message}` }]
      : [];
  });
  return [
    ...found,
    ...formerMembers(input).map((name): Notice => ({ reason: 'NodeNotMember', note: notMember(name) })),
    ...describeStale(staleMachines(input)).map((note): Notice => ({ reason: 'NodeNotMember', note })),
  ];
}

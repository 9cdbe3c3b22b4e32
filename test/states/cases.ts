import * as fc from 'fast-check';
import type { Reason } from '../../src/api/reasons.ts';

// Where a cluster may stand before its object is created, and where it must end.

export type NodeKind = 'up' | 'down' | '20H2' | 'firmware';

export interface StateCase {
  /** What the nodes are registered as. */
  uri: 'empty' | 'same' | 'other';
  /** The cluster resource. `otherCluster` and `otherRegion`: it exists, and is another cluster's, or stands elsewhere. */
  cloud: 'absent' | 'present' | 'otherCluster' | 'otherRegion';
  marked: boolean;
  adoptionPolicy: 'IfOwned' | 'Always';
  /** Which pieces of a registration are there, as far as one can be without another. */
  identity: boolean;
  providerRole: boolean;
  certificates: boolean;
  arcSettings: boolean;
  arcIdentity: boolean;
  nodes: NodeKind[];
}

const one = <T>(...values: T[]) => fc.constantFrom(...values);

export const anyCase = (nodes: { minLength: number; maxLength: number }): fc.Arbitrary<StateCase> =>
  fc.record({
    uri: one('empty', 'empty', 'same', 'same', 'other'),
    cloud: one('absent', 'absent', 'present', 'present', 'present', 'present', 'otherCluster', 'otherRegion'),
    marked: one(true, true, false),
    adoptionPolicy: one('IfOwned', 'IfOwned', 'Always'),
    identity: fc.boolean(),
    providerRole: fc.boolean(),
    certificates: fc.boolean(),
    arcSettings: fc.boolean(),
    arcIdentity: fc.boolean(),
    nodes: fc.array(one<NodeKind>('up', 'up', 'up', 'up', 'up', 'up', 'down', '20H2', 'firmware'), nodes),
  });

export interface Expected {
  /** Why it is not Ready at the end; any one of several where more than one is true. */
  ends: ('Ready' | Reason)[];
  /** Nothing at all may be written. */
  untouched: boolean;
}

/** Where the case must end, judged from Microsoft's rules and not from the plan. */
export function expectedEnd(given: StateCase): Expected {
  const { uri, cloud, marked, adoptionPolicy, nodes } = given;
  const answering = nodes.filter((node) => node !== 'down');
  const silent = nodes.length - answering.length;

  const reasons: Reason[] = [];
  if (uri === 'other' && answering.length > 0) reasons.push('RegisteredElsewhere');
  if (cloud === 'absent' && uri === 'same' && answering.length > 0) reasons.push('ResourceMissing');
  if (cloud === 'otherCluster' && answering.length > 0) reasons.push('OwnershipConflict');
  if (cloud === 'otherRegion') reasons.push('InvalidRegion');
  const exists = cloud !== 'absent';
  const claimed = uri === 'same';
  const mayAdopt = marked || claimed || adoptionPolicy === 'Always';
  if (exists && !mayAdopt && silent === 0) reasons.push('AdoptionRefused');
  if (reasons.length > 0) return { ends: reasons, untouched: true };

  if (silent > 0) return { ends: ['NodeUnreachable'], untouched: cloud !== 'present' || !mayAdopt };
  const ends: Reason[] = [];
  if (nodes.includes('20H2')) ends.push(nodes.every((node) => node === '20H2') ? 'ArcUnsupported' : 'MixedBuilds');
  if (nodes.includes('firmware'))
    ends.push(nodes.every((node) => node === 'firmware') ? 'OutOfPolicy' : 'NodeOutOfPolicy');
  return { ends: ends.length > 0 ? ends : ['Ready'], untouched: false };
}

export const describeCase = ({ nodes, ...rest }: StateCase): string =>
  JSON.stringify({ ...rest, nodes: nodes.join(' ') });

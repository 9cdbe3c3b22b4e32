import { onClusterNode } from '../node-state.ts';
import { arcWanted, members, unread, type Step } from '../step.ts';
import type { NodeArguments } from './new-registration-certificate.ts';

/** A task of the whole cluster, so that it also onboards nodes that join later. */
export const registerArcRegistrationTask: Step<NodeArguments> = {
  microsoft: {
    words: 'Register the Arc registration task',
    command: 'Register-ClusteredScheduledTask ArcRegistrationTask',
  },
  after: ['SetRegistration', 'InitializeArcIntegration'],
  arc: true,
  affects: () => ['probe/'],
  evaluate(input) {
    if (!arcWanted(input)) return [];
    const on = 'ArcRegistrationTask';
    const all = members(input);
    if (all.some(({ probe }) => probe !== undefined && probe.arcRegistrationTask !== null))
      return [{ state: 'Done', on }];
    const unreadNode = all.find(({ probe }) => probe === undefined);
    if (unreadNode !== undefined) return [unread(on, unreadNode.fact)];
    return [onClusterNode(input, on, ({ name: node }) => ({ state: 'Ready', on, arguments: { node } }))];
  },
};

import { isStale } from '../arc-agent.ts';
import { leftAlone } from '../node-state.ts';
import { arcWanted, members, type Evaluation, type Step } from '../step.ts';
import type { NodeArguments } from './new-registration-certificate.ts';

/** After this the task onboards the node anew. A node that has not answered is not known to need it. */
export const disconnectAgent: Step<NodeArguments> = {
  microsoft: {
    words: 'Make the agent forget a resource that Azure does not have any more',
    command: 'azcmagent disconnect --force-local-only',
  },
  after: ['SetRegistration'],
  arc: true,
  affects: (node) => [`probe/${node}`],
  evaluate: (input) =>
    arcWanted(input)
      ? members(input)
          .filter((member) => isStale(member, input))
          .map((member): Evaluation<NodeArguments> => {
            const { name } = member;
            return leftAlone(input, member) ?? { state: 'Ready', on: name, arguments: { node: name } };
          })
      : [],
};

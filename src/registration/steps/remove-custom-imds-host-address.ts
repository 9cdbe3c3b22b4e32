import { leftAlone } from '../node-state.ts';
import { members, unread, type Evaluation, type Step } from '../step.ts';
import type { NodeArguments } from './new-registration-certificate.ts';

export const removeCustomImdsHostAddress: Step<NodeArguments> = {
  microsoft: { words: 'Remove the custom IMDS address', command: 'Remove-ItemProperty CustomIMDSHostAddress' },
  after: ['SetRegistration'],
  optional: true,
  affects: (node) => [`probe/${node}`],
  evaluate: (input) =>
    members(input).map((member): Evaluation<NodeArguments> => {
      const { name, fact, probe } = member;
      if (probe === undefined) return unread(name, fact);
      return probe.customImdsHostAddress === null
        ? { state: 'Done', on: name }
        : (leftAlone(input, member) ?? { state: 'Ready', on: name, arguments: { node: name } });
    }),
};

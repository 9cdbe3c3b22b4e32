import { members, unread, type Evaluation, type Step } from '../step.ts';
import type { NodeArguments } from './new-registration-certificate.ts';

export const removeCustomImdsHostAddress: Step<NodeArguments> = {
  microsoft: { words: 'Remove the custom IMDS address', command: 'Remove-ItemProperty CustomIMDSHostAddress' },
  after: ['SetRegistration'],
  optional: true,
  affects: (node) => [`probe/${node}`],
  evaluate: (input) =>
    members(input).map(({ name, fact, probe }): Evaluation<NodeArguments> => {
      if (probe === undefined) return unread(name, fact);
      return probe.customImdsHostAddress === null
        ? { state: 'Done', on: name }
        : { state: 'Ready', on: name, arguments: { node: name } };
    }),
};

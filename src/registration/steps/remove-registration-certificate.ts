import { leftAlone } from '../node-state.ts';
import { nodesAsked } from '../removal.ts';
import { unread, type Evaluation, type Step } from '../step.ts';
import type { NodeArguments } from './new-registration-certificate.ts';

/** Those that are on record on the nodes. One that the cmdlet made is not, and is of no use once its application is gone. */
export const removeRegistrationCertificate: Step<NodeArguments> = {
  microsoft: {
    words: 'Remove the registration certificate from each node',
    command: 'Remove-AzureStackHCIRegistrationCertificate',
  },
  after: ['StartDisablingArc', 'RemoveRegistration'],
  affects: (node) => [`probe/${node}`],
  evaluate(input) {
    return nodesAsked(input).map((member): Evaluation<NodeArguments> => {
      const { name: on, fact, probe } = member;
      if (probe === undefined) return unread(on, fact);
      if (probe.certificate.created === null && probe.certificate.set === null) return { state: 'Done', on };
      return leftAlone(input, member) ?? { state: 'Ready', on, arguments: { node: on } };
    });
  },
};

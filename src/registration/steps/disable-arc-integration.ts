import { leftAlone } from '../node-state.ts';
import { unread, type Evaluation, type Member, type Step } from '../step.ts';
import { whatIsInGroups, arcUnwanted, extensionsHold, holdsArc, nodesAsked } from '../removal.ts';
import type { NodeArguments } from './new-registration-certificate.ts';

/** The cluster keeps the state of each node; a node that it does not know of has nothing to disable once its agent is gone. */
function isDisabled(member: Member): boolean {
  if (!holdsArc(member)) return true;
  const state = member.probe?.arc?.nodesArcStatus[member.name.toLowerCase()] ?? undefined;
  return state === 'Disabled' || (state === undefined && member.probe?.agent === null);
}

/** Disconnects the agent, which deletes the node's Arc-enabled server in Azure, and removes it. */
export const disableArcIntegration: Step<NodeArguments> = {
  microsoft: {
    words: 'Disable Arc on each node',
    command: 'Disable-AzureStackHCIArcIntegration',
    events: [9117],
  },
  after: ['StartDisablingArc', 'InitializeDisableProcess', 'UnregisterArcRegistrationTask'],
  arc: true,
  affects: (node) => [`probe/${node}`, 'machines', 'arcSettings', ...whatIsInGroups],
  evaluate(input) {
    if (!arcUnwanted(input)) return [];
    return nodesAsked(input).map((member): Evaluation<NodeArguments> => {
      const { name: on, fact, probe } = member;
      if (probe === undefined) return unread(on, fact);
      if (isDisabled(member)) return { state: 'Done', on };
      return extensionsHold(input, on) ?? leftAlone(input, member) ?? { state: 'Ready', on, arguments: { node: on } };
    });
  },
};

import { unread, type Step } from '../step.ts';
import { whatIsInGroups, arcUnwanted, machinesForbidden, machinesOfCluster } from '../removal.ts';

export interface DeleteMachineArguments {
  id: string;
}

/** What no node removed itself: servers of nodes that were evicted, or that do not answer and are left as they are. */
export const deleteMachine: Step<DeleteMachineArguments> = {
  microsoft: { words: 'Delete left Arc-enabled servers', command: 'Remove-AzConnectedMachine' },
  after: ['StartDisablingArc', 'DisableArcIntegration'],
  arc: true,
  affects: () => ['machines', 'arcSettings', ...whatIsInGroups],
  evaluate(input) {
    const { machines } = input.observed;
    if (!arcUnwanted(input) || machinesForbidden(input)) return [];
    if (machines.state === 'unknown') return [unread('machines', machines)];
    return machinesOfCluster(input).map(({ id, name }) => ({ state: 'Ready', on: name, arguments: { id } }));
  },
};

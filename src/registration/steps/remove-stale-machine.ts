import { describeStale, isDisconnected, isReadLive, staleMachines } from '../stale-machines.ts';
import { arcWanted, type Evaluation, type Step } from '../step.ts';

export interface RemoveStaleMachineArguments {
  machineId: string;
}

/** Only one that is Disconnected, ours by its parent, and of no node as the cluster itself says now: three live answers. */
export const removeStaleMachine: Step<RemoveStaleMachineArguments> = {
  microsoft: { words: "Remove an evicted node's Arc-enabled server", command: 'Remove-AzConnectedMachine' },
  after: [],
  arc: true,
  optional: true,
  affects: () => ['machines', 'arcSettings'],
  evaluate(input) {
    const { observed } = input;
    if (!arcWanted(input)) return [];
    return staleMachines(input)
      .filter(isDisconnected)
      .map((machine): Evaluation<RemoveStaleMachineArguments> => {
        const { id: machineId, name: on } = machine;
        if (isReadLive(observed)) return { state: 'Ready', on, arguments: { machineId } };
        return { state: 'Unknown', on, reason: 'NotObserved', message: describeStale([machine]).join(' ') };
      });
  },
};

import { sameId } from '../../azure/resource-ids.ts';
import type { Probe } from '../../nodes/operations.ts';
import { arcWanted, members, underWay, unread, waiting, type Evaluation, type PlanInput, type Step } from '../step.ts';
import type { NodeArguments } from './new-registration-certificate.ts';

/** The node's agent is connected to the right place, and the cluster counts the node as enabled. */
const onboarded = (name: string, probe: Probe, { target }: PlanInput): boolean =>
  probe.agent?.status === 'Connected' &&
  sameId(probe.agent.subscriptionId, target.subscriptionId) &&
  sameId(probe.agent.resourceGroup, target.arcResourceGroup) &&
  probe.arc?.nodesArcStatus[name.toLowerCase()] === 'Enabled';

export const startArcRegistrationTask: Step<NodeArguments> = {
  microsoft: {
    words: 'Enable Arc on each node',
    command: 'Start-ScheduledTask ArcRegistrationTask',
    events: [9006, 9116],
  },
  after: ['RegisterArcRegistrationTask'],
  submits: { waitSeconds: 60 },
  affects: (node) => [`probe/${node}`],
  evaluate(input) {
    if (!arcWanted(input)) return [];
    return members(input).map((member): Evaluation<NodeArguments> => {
      const { name, fact, probe } = member;
      if (probe === undefined) return unread(name, fact);
      if (onboarded(name, probe, input)) return { state: 'Done', on: name };
      if (probe.arcRegistrationTask?.state === 'Running')
        return waiting(name, 'the Connected Machine agent is being installed and connected', [`probe/${name}`], 3);
      const started = underWay(input, 'StartArcRegistrationTask', name, [`probe/${name}`]);
      const failed =
        probe.arcRegistrationTask?.lastTaskResult !== 0 &&
        probe.arcRegistrationTask?.lastTaskResult !== null &&
        probe.arcRegistrationTask?.lastRunTime !== null;
      if (started !== undefined && !failed) return started;
      return { state: 'Ready', on: name, arguments: { node: name } };
    });
  },
};

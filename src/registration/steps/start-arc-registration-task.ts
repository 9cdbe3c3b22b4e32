import { leftAlone } from '../node-state.ts';
import type { Probe } from '../../nodes/operations.ts';
import { conflict, isStale } from '../arc-agent.ts';
import { onboarded } from '../arc-application.ts';
import { arcWanted, members, pollSeconds, underWay, unread, waiting, type Evaluation, type Step } from '../step.ts';
import type { NodeArguments } from './new-registration-certificate.ts';

/** Why the agent is not connected, in its own words. */
export function agentTrouble({ agent, arcRegistrationTask }: Probe): string {
  const code = agent?.errorCode ?? '';
  if (code !== '') return `the Connected Machine agent reports ${code}: ${agent?.errorDetails ?? ''}`;
  const result = arcRegistrationTask?.lastTaskResult ?? 0;
  if (result !== 0) return `ArcRegistrationTask ended with ${result}; see its log on the node (RegisterArc)`;
  return 'the node is not onboarded yet';
}

export const startArcRegistrationTask: Step<NodeArguments> = {
  microsoft: {
    words: 'Enable Arc on each node',
    command: 'Start-ScheduledTask ArcRegistrationTask',
    events: [9006, 9116],
  },
  // The task may be left from an earlier registration, and would onboard to where that was.
  after: ['SetRegistration', 'InitializeArcIntegration', 'RegisterArcRegistrationTask'],
  arc: true,
  submits: { waitSeconds: 60 },
  repeat: { firstSeconds: 60, capSeconds: 1800 },
  affects: (node) => [`probe/${node}`],
  evaluate(input) {
    if (!arcWanted(input)) return [];
    return members(input).map((member): Evaluation<NodeArguments> => {
      const { name, fact, probe } = member;
      if (probe === undefined) return unread(name, fact);
      if (onboarded(name, probe, input)) return { state: 'Done', on: name };
      const elsewhere = conflict(member, input);
      if (elsewhere !== undefined)
        return { state: 'Blocked', on: name, reason: 'ArcAgentConflict', message: elsewhere };
      if (isStale(member, input)) return waiting(name, 'after DisconnectAgent on this node', [], 0, 'Progressing');
      if (probe.arcRegistrationTask?.state === 'Running')
        return waiting(
          name,
          'the Connected Machine agent is being installed and connected',
          [`probe/${name}`],
          pollSeconds(input, 'StartArcRegistrationTask', name),
        );
      // Also when its last run failed: it is not started again at once, over and over.
      const started = underWay(input, 'StartArcRegistrationTask', name, [`probe/${name}`]);
      if (started !== undefined) return started;
      return (
        leftAlone(input, member) ?? {
          state: 'Ready',
          on: name,
          arguments: { node: name },
          meanwhile: { reason: 'NodesNotConnected', message: agentTrouble(probe) },
        }
      );
    });
  },
};

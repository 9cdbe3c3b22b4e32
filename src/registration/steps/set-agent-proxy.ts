import type { OperationArguments } from '../../nodes/operations.ts';
import { isOutdated, minimumAgentVersion, usesProxy } from '../arc-agent.ts';
import { leftAlone } from '../node-state.ts';
import { members, unread, type Evaluation, type Step } from '../step.ts';

export interface SetAgentProxyArguments {
  node: string;
  proxy: OperationArguments<'setAgentProxy'>;
}

/** Where there is no agent yet, the task brings one, and it gets its proxy then. */
export const setAgentProxy: Step<SetAgentProxyArguments> = {
  microsoft: { words: 'Set the proxy of the Connected Machine agent', command: 'azcmagent config set proxy.url' },
  after: ['SetRegistration'],
  arc: true,
  // The agent may print an address in another way than it was given.
  repeat: { firstSeconds: 60, capSeconds: 3600 },
  affects: (node) => [`probe/${node}`],
  evaluate(input) {
    const { arc } = input.spec;
    const { proxy } = arc;
    if (arc.state !== 'Enabled' || proxy === undefined) return [];
    return members(input).flatMap((member): Evaluation<SetAgentProxyArguments>[] => {
      const { name, fact, probe } = member;
      if (probe === undefined) return [unread(name, fact)];
      if (probe.agent === null) return [];
      const isUsed = usesProxy(probe.agent, proxy);
      if (isUsed !== false) return isUsed === undefined ? [] : [{ state: 'Done', on: name }];
      if (isOutdated(probe.agent))
        return [
          {
            state: 'Blocked',
            on: name,
            reason: 'AgentOutdated',
            message: `the Connected Machine agent is ${probe.agent.version}; ${minimumAgentVersion} is the first with all of its proxy settings`,
          },
        ];
      return [
        leftAlone(input, member) ?? {
          state: 'Ready',
          on: name,
          arguments: { node: name, proxy: { url: proxy.url, bypass: (proxy.bypass ?? []).join(',') } },
          meanwhile: {
            reason: 'DriftDetected',
            message: `the agent uses ${probe.agent.proxyUrl ?? 'no proxy'} and not yet what was set`,
          },
        },
      ];
    });
  },
};

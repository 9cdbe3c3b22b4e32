import type { RegistrationSpec } from '../api/spec.ts';
import { sameId } from '../azure/resource-ids.ts';
import type { Probe } from '../nodes/operations.ts';
import type { Finding } from './node-state.ts';
import { members, nonEmpty, type Member, type PlanInput } from './step.ts';

// What a node's Connected Machine agent tells of itself, beside what is wanted of it. Status `Unknown` tells nothing.

type Agent = NonNullable<Probe['agent']>;
type Proxy = NonNullable<RegistrationSpec['arc']['proxy']>;

/** The first release (1.x) that knows proxy.bypass. Microsoft supports those of the last twelve months. */
const oldestMinor = 15;
export const minimumAgentVersion = `1.${oldestMinor}`;

/** Only a version that can be read is known to be too old. */
export function isOutdated({ version }: Agent): boolean {
  const [, major, minor] = /^(\d+)\.(\d+)\./.exec(version) ?? [];
  return (
    major !== undefined && minor !== undefined && (Number(major) < 1 || (major === '1' && Number(minor) < oldestMinor))
  );
}

/** In which place its resource is: the one wanted of it, another, or none. Undefined: it does not tell. */
export function holds(agent: Agent, { target }: PlanInput): 'nothing' | 'ours' | 'another' | undefined {
  if (agent.status === 'Unknown') return undefined;
  if (!nonEmpty(agent.resourceName)) return 'nothing';
  const isOurs =
    sameId(agent.subscriptionId, target.subscriptionId) &&
    sameId(agent.resourceGroup, target.arcResourceGroup) &&
    (!nonEmpty(agent.tenantId) || sameId(agent.tenantId, target.tenantId));
  return isOurs ? 'ours' : 'another';
}

/** It is connected to somewhere else, or was: whether that is still needed is not ours to judge. */
export function conflict({ name, probe }: Member, input: PlanInput): string | undefined {
  const agent = probe?.agent ?? undefined;
  if (agent === undefined || holds(agent, input) !== 'another') return undefined;
  const command = agent.status === 'Connected' ? 'azcmagent disconnect' : 'azcmagent disconnect --force-local-only';
  return `The Connected Machine agent of ${name} (${agent.status}) holds ${agent.resourceName} in resource group ${agent.resourceGroup ?? '?'} of subscription ${agent.subscriptionId ?? '?'}, tenant ${agent.tenantId ?? '?'}. If that is not needed any more, run ${command} on ${name}.`;
}

/** It has lost its connection, and Azure is known not to have its resource any more: it can only forget it. */
export function isStale({ probe }: Member, input: PlanInput): boolean {
  const agent = probe?.agent ?? undefined;
  if (agent === undefined || !/^(Disconnected|Expired)$/.test(agent.status) || holds(agent, input) !== 'ours')
    return false;
  const { machines, arcResourceGroup } = input.observed;
  if (arcResourceGroup.state === 'absent') return true;
  return (
    machines.state === 'present' &&
    machines.via === 'live' &&
    machines.value.every(({ name }) => !sameId(name, agent.resourceName))
  );
}

const address = (url: string): string => url.toLowerCase().replace(/\/$/, '');
const names = (bypass: readonly string[]): string =>
  bypass
    .map((name) => name.toLowerCase())
    .toSorted()
    .join(',');

/** Undefined: it does not tell. */
export function usesProxy(agent: Agent, { url, bypass = [] }: Proxy): boolean | undefined {
  if (agent.status === 'Unknown') return undefined;
  return (
    agent.proxyUrl !== null && address(agent.proxyUrl) === address(url) && names(agent.proxyBypass) === names(bypass)
  );
}

/** Names and versions of the agents that are too old. */
export const outdated = (input: PlanInput): string[] =>
  members(input).flatMap(({ name, probe }) => {
    const agent = probe?.agent ?? undefined;
    return agent !== undefined && isOutdated(agent) ? [`${name} (${agent.version})`] : [];
  });

/** What is the matter with the agent of one node, where Arc is asked for. */
export function agentFindings(input: PlanInput, member: Member): Finding[] {
  const agent = member.probe?.agent ?? undefined;
  if (agent === undefined || input.spec.arc.state !== 'Enabled') return [];
  const elsewhere = conflict(member, input);
  const message = `The Connected Machine agent of ${member.name} is ${agent.version}; ${minimumAgentVersion} is the oldest that will do.`;
  return [
    ...(elsewhere === undefined ? [] : [{ reason: 'ArcAgentConflict', message: elsewhere } as const]),
    ...(isOutdated(agent) ? [{ reason: 'AgentOutdated', message } as const] : []),
  ];
}

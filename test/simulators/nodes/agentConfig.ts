import { keyValues, proxyKey } from './cmdlets/items.ts';
import type { ProgramResult } from './powershell/run.ts';
import type { Agent } from './state.ts';
import { nodeOf, type NodeContext } from './world.ts';

// `azcmagent config`, and the proxy that comes of it.

/** Properties by the first release (1.x) that knows them. */
const properties: Readonly<Record<string, number>> = { 'proxy.url': 13, 'proxy.bypass': 15 };
/** Services that may go without the proxy, by the first release that knows them. */
const bypassable: Readonly<Record<string, number>> = { AAD: 15, ARM: 15, Arc: 15, AMA: 15, ArcData: 36 };

const ok = (stdout = ''): ProgramResult => ({ stdout, stderr: '', exitCode: 0 });
const refused = (text: string): ProgramResult => ({ stdout: '', stderr: `Error: ${text}\r\n`, exitCode: 1 });

/** The agent's own first, then the machine's HTTPS_PROXY. */
export const effectiveProxy = (context: NodeContext, agent: Agent | undefined): string => {
  if (agent?.proxyUrl !== undefined) return agent.proxyUrl;
  const value = keyValues(context, proxyKey)?.['HTTPS_PROXY'];
  return typeof value === 'string' ? value : '';
};

/** The way out that the node's network leaves open. */
export const reachesAzure = (context: NodeContext): boolean => {
  const { agent, requiredProxy } = nodeOf(context);
  return requiredProxy === undefined || effectiveProxy(context, agent).replace(/\/$/, '') === requiredProxy;
};

const clear = (agent: Agent, property: string): void => {
  if (property === 'proxy.url') delete agent.proxyUrl;
  else delete agent.proxyBypass;
};

const set = (agent: Agent, minor: number, property: string, value: string): ProgramResult => {
  if (property === 'proxy.url') {
    if (!/^https?:\/\/[^/\s]+\/?$/.test(value)) return refused(`invalid value for ${property}`);
    agent.proxyUrl = value;
    return ok();
  }
  const names = value.split(',');
  const unknown = names.find((name) => (bypassable[name] ?? Number.POSITIVE_INFINITY) > minor);
  if (unknown !== undefined) return refused(`invalid value ${unknown} for ${property}`);
  agent.proxyBypass = names;
  return ok();
};

export const configure = (agent: Agent, minor: number, args: readonly string[]): ProgramResult => {
  const [verb = '', property = '', value] = args;
  if (minor < (properties[property] ?? Number.POSITIVE_INFINITY)) return refused(`unknown property ${property}`);
  if (verb === 'clear' && value === undefined) {
    clear(agent, property);
    return ok();
  }
  return verb === 'set' && value !== undefined && args.length === 3
    ? set(agent, minor, property, value)
    : refused(`unknown command "${verb}" for "azcmagent config"`);
};

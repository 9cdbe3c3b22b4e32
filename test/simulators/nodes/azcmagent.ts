import { configure, effectiveProxy } from './agentConfig.ts';
import { forget, printedCode } from './arcAgent.ts';
import type { ProgramResult } from './powershell/run.ts';
import type { Agent } from './state.ts';
import { nodeOf, type NodeContext } from './world.ts';

// azcmagent.exe: what it prints.

/** Releases before this one know neither --log-stderr nor --no-color, and list endpoints in an object. */
const firstWithLogFlags = 9;
/** Releases before this one print what they check as a table only. */
const firstWithCheckJson = 3;
const newFlags = ['--log-stderr', '--no-color'];
const knownFlags = ['-j', '--json', ...newFlags];

/** All releases are 1.x. */
const minorOf = ({ version }: Agent): number => Number(version.split('.')[1] ?? 0);
const isOld = (agent: Agent): boolean => minorOf(agent) < firstWithLogFlags;

const himdsStopped = 61;
const failed = (exitCode: number, stderr: string): ProgramResult => ({ stdout: '', stderr, exitCode });

/** As Go prints times, with nanoseconds, and no time at all. */
const goTime = (time: string | undefined): string =>
  time === undefined ? '0001-01-01T00:00:00Z' : time.replace(/(\.\d{3})Z$/, '$1000000Z');

const shown = (context: NodeContext, agent: Agent): unknown => ({
  resourceName: agent.resourceName,
  resourceGroup: agent.resourceGroup,
  resourceId:
    agent.resourceName === ''
      ? ''
      : `/subscriptions/${agent.subscriptionId}/resourceGroups/${agent.resourceGroup}/providers/Microsoft.HybridCompute/machines/${agent.resourceName}`,
  subscriptionId: agent.subscriptionId,
  tenantId: agent.tenantId,
  vmId: agent.vmId,
  location: agent.location,
  cloud: agent.cloud,
  status: agent.status,
  lastHeartbeat: goTime(agent.lastHeartbeat),
  agentVersion: agent.version,
  agentErrorCode: agent.errorCode,
  agentErrorDetails: agent.errorDetails,
  httpsProxy: effectiveProxy(context, agent),
  proxyBypass: isOld(agent) ? (agent.proxyBypass ?? []).join(',') : (agent.proxyBypass ?? []),
  services: ['himds', 'gcarcservice', 'extensionservice'].map((serviceName) => ({
    displayName: serviceName,
    serviceName,
    status: nodeOf(context).himds.toLowerCase(),
  })),
});

/** An endpoint that is not needed, and that nobody answers at. */
export const optionalEndpoint = 'https://127.0.0.1:1';

/** Older releases write a word. */
const inWords = (agent: Agent, reachable: boolean): boolean | string => {
  if (!isOld(agent)) return reachable;
  return reachable ? 'reachable' : 'unreachable';
};

const checked = async (context: NodeContext, agent: Agent): Promise<unknown> => {
  const { cloud } = context.world;
  const rows = await Promise.all(
    [cloud.login, cloud.resourceManager, optionalEndpoint].map(async (endpoint) => ({
      endpoint,
      reachable: inWords(
        agent,
        await cloud.get(endpoint).then(
          () => true,
          () => false,
        ),
      ),
      private: false,
      tls: 'TLS 1.3',
      required: endpoint !== optionalEndpoint,
      proxyStatus: 'not set',
    })),
  );
  return isOld(agent) ? Object.fromEntries(rows.map(({ endpoint, ...row }) => [endpoint, row])) : rows;
};

const log = (text: string): string => `INFO    ${text}\r\n`;

const json = (value: unknown, agent: Agent, args: readonly string[], verb: string): ProgramResult => {
  const printed = `${JSON.stringify(value, undefined, 2).replaceAll('\n', '\r\n')}\r\n`;
  // What is in brackets makes the JSON unreadable for whoever looks for its beginning: that is what --log-stderr is for.
  const logged = log(isOld(agent) ? `azcmagent ${verb} ${agent.version}` : `[${verb}] azcmagent ${agent.version}`);
  return args.includes('--log-stderr')
    ? { stdout: printed, stderr: logged, exitCode: 0 }
    : { stdout: `${logged}${printed}`, stderr: '', exitCode: 0 };
};

/** One run of azcmagent.exe on a node that has it. */
export const runAzcmagent = async (context: NodeContext, args: readonly string[]): Promise<ProgramResult> => {
  const { agent, himds } = nodeOf(context);
  if (agent === undefined) throw new Error('azcmagent.exe is not there');
  const [verb = '', ...flags] = args;
  if (verb === 'config') return configure(agent, minorOf(agent), flags);
  // Without --force-local-only it would sign in as somebody first.
  if (verb === 'disconnect') {
    if (flags.join(' ') !== '--force-local-only') return failed(1, 'Error: no credentials were given\r\n');
    forget(context, agent);
    return { stdout: 'INFO    Disconnected the machine from Azure locally only\r\n', stderr: '', exitCode: 0 };
  }
  const unknown = flags.find((flag) => !knownFlags.includes(flag) || (isOld(agent) && newFlags.includes(flag)));
  if (unknown !== undefined) return failed(1, `Error: unknown flag: ${unknown}\r\n`);
  switch (verb) {
    case 'version':
      return { stdout: `azcmagent version ${agent.version}\r\n`, stderr: '', exitCode: 0 };
    case 'check':
      if (minorOf(agent) < firstWithCheckJson) return failed(1, 'Error: unknown shorthand flag: j in -j\r\n');
      return json(await checked(context, agent), agent, flags, verb);
    case 'show':
      if (himds === 'Stopped')
        return failed(himdsStopped, `FATAL   ${printedCode(himdsStopped)}: himds service is not running\r\n`);
      return json(shown(context, agent), agent, flags, verb);
    default:
      return failed(1, `Error: unknown command "${verb}" for "azcmagent"\r\n`);
  }
};

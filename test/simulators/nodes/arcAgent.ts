import { randomUUID } from 'node:crypto';
import { CloudRefused } from './cloud.ts';
import { reachesAzure } from './agentConfig.ts';
import { same } from './cmdlets/items.ts';
import type { Agent } from './state.ts';
import { clusterOf, count, instant, nodeOf, type NodeContext } from './world.ts';

// The Azure Connected Machine agent: what it does with Azure.

export const agentVersion = '1.49.02887.2150';
const machineApiVersion = '2022-12-27';
/** Exit codes of azcmagent; the codes it prints are AZCM and these, four digits. */
const codes = { network: 26, credentials: 41, create: 42, delete: 43, alreadyConnected: 67 } as const;

export const machineUrl = (context: NodeContext, subscriptionId: string, resourceGroup: string): string =>
  `${context.world.cloud.resourceManager}/subscriptions/${subscriptionId}/resourceGroups/${resourceGroup}` +
  `/providers/Microsoft.HybridCompute/machines/${context.nodeName}?api-version=${machineApiVersion}`;

export const printedCode = (code: number): string => `AZCM${String(code).padStart(4, '0')}`;

export const install = (context: NodeContext): Agent => {
  const agent = nodeOf(context).agent ?? {
    version: agentVersion,
    vmId: randomUUID(),
    status: 'Disconnected',
    resourceName: '',
    resourceGroup: '',
    subscriptionId: '',
    tenantId: '',
    location: '',
    cloud: '',
    errorCode: '',
    errorDetails: '',
  };
  nodeOf(context).agent = agent;
  return agent;
};

/** A clean "disconnected". */
export const forget = (context: NodeContext, agent: Agent): void => {
  nodeOf(context).agent = {
    ...agent,
    status: 'Disconnected',
    resourceName: '',
    resourceGroup: '',
    subscriptionId: '',
    tenantId: '',
    location: '',
    cloud: '',
    errorCode: '',
    errorDetails: '',
  };
};

/** How a run of the agent ended: its exit code and what it says about it. */
export interface AgentOutcome {
  readonly exitCode: number;
  readonly text: string;
}

const refusal = (error: unknown, signedIn: boolean, refused: number): AgentOutcome => {
  const message = error instanceof Error ? error.message : String(error);
  if (!(error instanceof CloudRefused))
    return { exitCode: codes.network, text: `${printedCode(codes.network)}: ${message}` };
  const code = signedIn && error.status !== 401 ? refused : codes.credentials;
  // A refused sign-in is a 400 or 401 of Entra; the agent speaks of both as 401.
  return { exitCode: code, text: `${printedCode(code)}: ${signedIn ? error.status : 401} ${message}` };
};

const holdsArcMachine = (context: NodeContext, agent: Agent): boolean => {
  const { arc } = clusterOf(context);
  return (
    same(agent.subscriptionId, arc?.subscriptionId ?? '') &&
    same(agent.resourceGroup, arc?.resourceGroup ?? '') &&
    agent.status === 'Connected'
  );
};

const notInitialized: AgentOutcome = { exitCode: 1, text: 'Arc integration of the cluster is not initialized' };

/** One `azcmagent connect` with the Arc service principal. */
export const connect = async (context: NodeContext): Promise<AgentOutcome> => {
  const { arc } = clusterOf(context);
  if (arc === undefined) return notInitialized;
  const { world } = context;
  const agent = install(context);
  // It keeps to what it holds, wherever that is and whether or not it is still there.
  if (agent.resourceName !== '' && !holdsArcMachine(context, agent))
    return { exitCode: codes.alreadyConnected, text: `${printedCode(codes.alreadyConnected)}: already connected` };
  let signedIn = false;
  try {
    if (!reachesAzure(context)) throw new Error('no answer: the proxy is not used');
    const token = await world.cloud.signInWithSecret(arc.tenantId, arc.applicationId, arc.secret, arc.cloud);
    signedIn = true;
    await world.cloud.request('PUT', machineUrl(context, arc.subscriptionId, arc.resourceGroup), token, {
      location: arc.region,
      identity: { type: 'SystemAssigned' },
      properties: { vmId: agent.vmId, clientPublicKey: randomUUID() },
    });
  } catch (error) {
    const outcome = refusal(error, signedIn, codes.create);
    nodeOf(context).agent = { ...agent, errorCode: printedCode(outcome.exitCode), errorDetails: outcome.text };
    return outcome;
  }
  nodeOf(context).agent = {
    ...agent,
    status: 'Connected',
    resourceName: context.nodeName,
    resourceGroup: arc.resourceGroup,
    subscriptionId: arc.subscriptionId,
    tenantId: arc.tenantId,
    location: arc.region,
    cloud: 'AzSHCI',
    lastHeartbeat: instant(world),
    errorCode: '',
    errorDetails: '',
  };
  count(world, 'machinesCreated');
  return { exitCode: 0, text: 'Successfully Onboarded Resource to Azure' };
};

/** One `azcmagent disconnect` with the Arc service principal: the machine's resource goes first, then what the agent knows of it. */
export const disconnect = async (context: NodeContext): Promise<AgentOutcome> => {
  const { arc } = clusterOf(context);
  const { agent } = nodeOf(context);
  if (agent === undefined || agent.resourceName === '') return { exitCode: 0, text: 'The agent is not connected' };
  if (arc === undefined) return notInitialized;
  const { world } = context;
  let signedIn = false;
  try {
    const token = await world.cloud.signInWithSecret(arc.tenantId, arc.applicationId, arc.secret, arc.cloud);
    signedIn = true;
    await world.cloud.request('DELETE', machineUrl(context, agent.subscriptionId, agent.resourceGroup), token);
  } catch (error) {
    // A machine, or its group, that is gone already is what was asked for.
    if (!(signedIn && error instanceof CloudRefused && error.status === 404))
      return refusal(error, signedIn, codes.delete);
  }
  forget(context, agent);
  count(world, 'machinesDeleted');
  return { exitCode: 0, text: 'Successfully Disconnected the machine from Azure' };
};

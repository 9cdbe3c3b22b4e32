import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { CloudRefused } from './cloud.ts';
import type { Agent } from './state.ts';
import { synchronize, synchronizer } from './synchronization.ts';
import { clusterOf, count, instant, isUp, keyOf, nodeOf, type NodeContext } from './world.ts';

// The Azure Connected Machine agent, and the scheduled task that connects it.

export const agentVersion = '1.49.02887.2150';
const machineApiVersion = '2022-12-27';
/** Exit codes of azcmagent, and the codes it prints. */
const codes = { network: 26, credentials: 41, create: 42 } as const;

export const machineUrl = (context: NodeContext, subscriptionId: string, resourceGroup: string): string =>
  `${context.world.cloud.resourceManager}/subscriptions/${subscriptionId}/resourceGroups/${resourceGroup}` +
  `/providers/Microsoft.HybridCompute/machines/${context.nodeName}?api-version=${machineApiVersion}`;

const installed = (): Agent => ({
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
});

const codeOf = (error: unknown, signedIn: boolean): number => {
  if (!(error instanceof CloudRefused)) return codes.network;
  return signedIn && error.status !== 401 ? codes.create : codes.credentials;
};

/** One `azcmagent connect` with the Arc service principal. The exit code, 0 when the node is connected. */
const connect = async (context: NodeContext): Promise<number> => {
  const { arc } = clusterOf(context);
  if (arc === undefined) return 0;
  const { world } = context;
  const agent = nodeOf(context).agent ?? installed();
  nodeOf(context).agent = agent;
  let signedIn = false;
  try {
    const token = await world.cloud.signInWithSecret(arc.tenantId, arc.applicationId, arc.secret, arc.cloud);
    signedIn = true;
    await world.cloud.request('PUT', machineUrl(context, arc.subscriptionId, arc.resourceGroup), token, {
      location: arc.region,
      identity: { type: 'SystemAssigned' },
      properties: { vmId: agent.vmId, clientPublicKey: randomUUID() },
    });
  } catch (error) {
    const code = codeOf(error, signedIn);
    nodeOf(context).agent = {
      ...agent,
      errorCode: `AZCM00${code}`,
      errorDetails: error instanceof Error ? error.message : String(error),
    };
    return code;
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
  return 0;
};

const onboard = async (context: NodeContext, signal: AbortSignal): Promise<number> => {
  const { world } = context;
  await sleep(world.settings.arcOnboardingSeconds * 1000, undefined, { signal, ref: false });
  if (clusterOf(context).arc?.status !== 1 || nodeOf(context).arcStatus === 1) return 0;
  let code = 0;
  for (let attempt = 1; ; attempt += 1) {
    code = await connect(context);
    if (code === 0 || attempt >= world.settings.arcOnboardingTries) break;
    await sleep(world.settings.arcOnboardingRetrySeconds * 1000, undefined, { signal, ref: false });
  }
  if (code !== 0) return code;
  nodeOf(context).arcStatus = 1;
  const by = synchronizer(context);
  // The cloud links the machine at the cluster's next synchronization if this one fails.
  if (by !== undefined) await synchronize(by).catch(() => undefined);
  return 0;
};

export interface ArcRegistrationTasks {
  /** Returns at once. A run that is under way goes on, as MultipleInstances IgnoreNew says. */
  readonly start: (context: NodeContext) => void;
  /** The machine stopped: what ran on it is gone. */
  readonly kill: (context: NodeContext) => void;
  /** Resolves when no task is under way. */
  readonly settled: () => Promise<void>;
}

export const createArcRegistrationTasks = (closing: AbortSignal): ArcRegistrationTasks => {
  const running = new Map<string, { readonly stop: AbortController; readonly done: Promise<void> }>();
  const terminated = 0x41306;

  const run = async (context: NodeContext, stop: AbortController): Promise<void> => {
    const signal = AbortSignal.any([closing, stop.signal]);
    const code = await onboard(context, signal).catch((error: unknown) => {
      if (signal.aborted) return terminated;
      throw error;
    });
    running.delete(keyOf(context));
    if (closing.aborted) return;
    const { arcRegistrationTask } = nodeOf(context);
    arcRegistrationTask.running = false;
    arcRegistrationTask.lastTaskResult = code;
  };

  return {
    start: (context) => {
      if (running.has(keyOf(context)) || !isUp(nodeOf(context))) return;
      const { arcRegistrationTask } = nodeOf(context);
      arcRegistrationTask.running = true;
      arcRegistrationTask.lastRunTime = instant(context.world);
      count(context.world, 'arcRegistrationTaskStarts');
      const stop = new AbortController();
      running.set(keyOf(context), { stop, done: run(context, stop) });
    },
    kill: (context) => running.get(keyOf(context))?.stop.abort(),
    settled: async () => {
      await Promise.all([...running.values()].map(({ done }) => done));
    },
  };
};

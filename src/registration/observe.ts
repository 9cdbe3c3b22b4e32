import type { HciClusterRegistration } from '../api/registration.ts';
import * as reads from '../azure/reads.ts';
import { resourceGroupId } from '../azure/resource-ids.ts';
import type { KubeClient } from '../kube/client.ts';
import type { Lend } from '../kube/controller.ts';
import type { NodePool } from '../nodes/pool.ts';
import { createArcSecretStore, type ReadableArcSecretStore } from './arc-secret.ts';
import { valueOf, type Fact, type Observed } from './facts.ts';
import { forgetRefusalsOfAzure, type Memory } from './memory.ts';
import { observeNodes, type NodeAccess } from './observe-nodes.ts';
import { createReader, found, type Reader } from './reader.ts';
import type { SecretReader } from './referenced-secrets.ts';
import { syncIntervalMs } from './schedule.ts';
import type { Session, Sessions } from './sessions.ts';
import { resolveTarget, type Target } from './target.ts';

export interface Dependencies {
  kube: KubeClient;
  secrets: SecretReader;
  nodes: NodePool;
  sessions: Sessions;
  instanceId: string;
  now: () => Date;
}

export interface Observation {
  observed: Observed;
  target: Target | undefined;
  session: Session | undefined;
  access: NodeAccess;
  arcSecret: ReadableArcSecretStore;
  /** When the first of the facts is due again. */
  nextRead: Date | undefined;
}

/** What changes rarely, and where a change shows elsewhere first. */
const seldomMs = 6 * 3_600_000;
const sessionGoodForMs = 60_000;

/** Reads what is there: nodes first, since they know the cluster's name, then Azure. Reads only. */
export async function observe(
  registration: HciClusterRegistration,
  memory: Memory,
  dependencies: Dependencies,
  correlationId: string,
  signal: AbortSignal,
  lend: Lend,
): Promise<Observation> {
  const { kube, sessions, now } = dependencies;
  const reader = createReader(memory, now, signal);
  const { observed: nodes, access } = await observeNodes(
    registration,
    { secrets: dependencies.secrets, pool: dependencies.nodes, lend, memory, correlationId },
    reader,
    signal,
  );
  const target = resolveTarget(
    registration,
    valueOf(nodes.cluster)?.name,
    sessions.endpoints(registration),
    dependencies.instanceId,
  );
  const arcSecret = createArcSecretStore(kube, registration);

  const session = await reader.read('session', sessionGoodForMs, async () =>
    found(await sessions.open(registration, signal)),
  );
  const open = valueOf(session);
  if (open !== undefined && open !== memory.session) {
    forgetRefusalsOfAzure(memory);
    memory.session = open;
  }
  const signIn: Fact<true> =
    session.state === 'present'
      ? await reader.read('signIn', syncIntervalMs(registration), async () => {
          await session.value.checkSignIn(signal);
          return found(true as const);
        })
      : session;

  const azure = await observeAzure(registration, { target, session: open, signIn, memory }, reader, signal);
  const arc = await observeArcSecret(registration, azure, { sessions, arcSecret }, reader, signal);
  const observed: Observed = {
    ...nodes,
    signIn,
    signInNotAfter: open?.credentialNotAfter,
    ...azure,
    ...arc,
    clockSkewMs: open?.arm.clockSkewMs(),
  };
  return { observed, target, session: open, access, arcSecret, nextRead: reader.finish() };
}

type ObservedAzure = Pick<
  Observed,
  | 'permissions'
  | 'providers'
  | 'resourceGroup'
  | 'arcResourceGroup'
  | 'resource'
  | 'arcSettings'
  | 'machines'
  | 'providerRoles'
  | 'arcRoles'
  | 'operations'
>;

async function observeAzure(
  registration: HciClusterRegistration,
  given: { target: Target | undefined; session: Session | undefined; signIn: Fact<true>; memory: Memory },
  reader: Reader,
  signal: AbortSignal,
): Promise<ObservedAzure> {
  const { target, session, signIn, memory } = given;
  if (session === undefined || signIn.state !== 'present' || target === undefined) {
    const why: Fact<never> =
      signIn.state === 'unknown'
        ? signIn
        : {
            state: 'unknown',
            why: {
              reason: 'NotYetObserved',
              message: 'the name of the cluster is not known until one of its nodes answers',
            },
            at: signIn.at,
          };
    return {
      permissions: why,
      providers: {},
      resourceGroup: why,
      arcResourceGroup: why,
      resource: why,
      arcSettings: why,
      machines: why,
      providerRoles: why,
      arcRoles: why,
      operations: {},
    };
  }
  const { arm } = session;
  const syncMs = syncIntervalMs(registration);
  const slowMs = Math.max(syncMs, seldomMs);
  const arcScope = resourceGroupId(target.subscriptionId, target.arcResourceGroup);
  const sameGroup = target.arcResourceGroup.toLowerCase() === target.resourceGroup.toLowerCase();

  const [resourceGroup, arcResourceGroup, permissions, providers, operations] = await Promise.all([
    reader.read('resourceGroup', slowMs, () => reads.readResourceGroup(arm, target.resourceGroup, signal)),
    sameGroup
      ? undefined
      : reader.read('arcResourceGroup', slowMs, () => reads.readResourceGroup(arm, target.arcResourceGroup, signal)),
    reader.read('permissions', slowMs, () =>
      reads.readPermissions(arm, `/subscriptions/${target.subscriptionId}`, signal),
    ),
    readAll(target.endpoints.resourceProviders, (namespace) =>
      reader.read(`provider/${namespace}`, slowMs, () => reads.readResourceProvider(arm, namespace, signal)),
    ),
    readAll(
      [...memory.operations].filter(([, { url }]) => url !== undefined).map(([key]) => key),
      (key) =>
        reader.read(`operation/${key}`, slowMs, async () =>
          found(await reads.readOperation(arm, memory.operations.get(key)?.url ?? '', signal)),
        ),
    ),
  ]);

  const resource = await reader.read('resource', syncMs, () =>
    reads.readCluster(arm, target.resourceId, resourceGroup.state === 'absent', signal),
  );
  const arcSettings: Observed['arcSettings'] =
    resource.state === 'present'
      ? await reader.read('arcSettings', syncMs, () => reads.readArcSettings(arm, target.resourceId, signal))
      : resource;

  const arcWanted = registration.spec.arc.state === 'Enabled';
  const roles = (key: 'providerRoles' | 'arcRoles', principalId: string | null | undefined, parent: Fact<unknown>) => {
    if (principalId === undefined || principalId === null || principalId === '')
      return parent.state === 'unknown' ? parent : ({ state: 'absent', at: parent.at, via: 'live' } as const);
    return reader.read(key, slowMs, () => reads.readRoleAssignments(arm, arcScope, principalId, signal));
  };
  const [machines, providerRoles, arcRoles] = await Promise.all([
    arcWanted
      ? reader.read('machines', slowMs, () => reads.readMachines(arm, target.arcResourceGroup, signal))
      : ({ state: 'absent', at: resource.at, via: 'live' } as const),
    roles('providerRoles', arcWanted ? valueOf(resource)?.properties.resourceProviderObjectId : undefined, resource),
    roles(
      'arcRoles',
      arcWanted ? valueOf(arcSettings)?.properties.arcServicePrincipalObjectId : undefined,
      arcSettings,
    ),
  ]);
  return {
    permissions,
    providers,
    resourceGroup,
    arcResourceGroup: arcResourceGroup ?? resourceGroup,
    resource,
    arcSettings,
    machines,
    providerRoles,
    arcRoles,
    operations,
  };
}

async function observeArcSecret(
  registration: HciClusterRegistration,
  azure: ObservedAzure,
  given: { sessions: Sessions; arcSecret: ReadableArcSecretStore },
  reader: Reader,
  signal: AbortSignal,
): Promise<Pick<Observed, 'arcSecret' | 'arcSignIn'>> {
  const slowMs = Math.max(syncIntervalMs(registration), seldomMs);
  const arcSecret = await reader.read('arcSecret', slowMs, () => given.arcSecret.read(signal));
  const held = valueOf(arcSecret);
  const appId = valueOf(azure.arcSettings)?.properties.arcApplicationClientId;
  if (held === undefined || !held.hasText || appId === undefined || appId === null) {
    return { arcSecret, arcSignIn: { state: 'absent', at: arcSecret.at, via: 'live' } };
  }
  const arcSignIn = await reader.read('arcSignIn', slowMs, async () => {
    await given.sessions.tryClientSecret(registration, appId, await given.arcSecret.readText(), signal);
    return found(true as const);
  });
  return { arcSecret, arcSignIn };
}

async function readAll<T>(
  keys: readonly string[],
  read: (key: string) => Promise<Fact<T>>,
): Promise<Record<string, Fact<T>>> {
  return Object.fromEntries(await Promise.all(keys.map(async (key) => [key, await read(key)] as const)));
}

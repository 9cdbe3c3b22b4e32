import type { HciClusterRegistration } from '../api/registration.ts';
import type { KubeClient } from '../kube/client.ts';
import type { Lend } from '../kube/controller.ts';
import type { NodePool } from '../nodes/pool.ts';
import type { SecretReader, Session, Sessions } from '../sign-in/sessions.ts';
import { createArcSecretStore, type ReadableArcSecretStore } from './arc-secret.ts';
import { valueOf, type Fact, type Observed } from './facts.ts';
import { expire, forgetRefusalsOfAzure, type Memory } from './memory.ts';
import { forgetOtherTarget, observeAzure, type ObservedAzure } from './observe-azure.ts';
import { observeNodes, type NodeAccess } from './observe-nodes.ts';
import { observeOnboarding, type ObservedOnboarding } from './observe-onboarding.ts';
import { createOnboardingSecretStore, type ReadableOnboardingSecretStore } from './onboarding-secret.ts';
import { createReader, found, type Reader } from './reader.ts';
import { seldomMs, syncIntervalMs } from './schedule.ts';
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
  onboarding: ReadableOnboardingSecretStore;
  /** When the first of the facts is due again. */
  nextRead: Date | undefined;
}

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
  const named = resolveTarget(
    registration,
    { clusterName: valueOf(nodes.cluster)?.name, resourceUris: resourceUrisOf(nodes) },
    sessions.endpoints(registration),
    dependencies.instanceId,
  );
  const arcSecret = createArcSecretStore(kube, registration);
  const onboarding = createOnboardingSecretStore(kube, dependencies.secrets, registration);

  // Whether another secret helps is seen only by looking.
  if (memory.facts.signIn?.fact.state === 'unknown') expire(memory, ['session']);
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

  if (named !== undefined) forgetOtherTarget(memory, named);
  const own = await observeOnboarding(registration, { sessions, session: open, onboarding, memory }, reader, signal);
  const { target, ...azure } = await observeAzure(
    registration,
    { target: named, session: open, signIn, memory, nodes, own },
    reader,
    signal,
  );
  const arc = await observeArcSecret(registration, azure, { sessions, arcSecret, own }, reader, signal);
  const observed: Observed = {
    ...nodes,
    signIn: refusedTenant(azure.resourceGroup) ?? signIn,
    signInValidity: open?.credentialValidity,
    ...azure,
    ...arc,
    clockSkewMs: open?.arm.clockSkewMs(),
  };
  return { observed, target, session: open, access, arcSecret, onboarding, nextRead: reader.finish() };
}

/** A token was obtained, and Azure says that the subscription is of another tenant. */
const refusedTenant = (read: Fact<unknown>): Fact<never> | undefined =>
  read.state === 'unknown' && read.why.reason === 'WrongTenant' ? read : undefined;

const resourceUrisOf = ({ nodes, probes }: Pick<Observed, 'nodes' | 'probes'>): string[] =>
  nodes.flatMap(({ name }) => valueOf(probes[name])?.registration.azureResourceUri ?? []);

async function observeArcSecret(
  registration: HciClusterRegistration,
  azure: ObservedAzure,
  given: { sessions: Sessions; arcSecret: ReadableArcSecretStore; own: ObservedOnboarding | undefined },
  reader: Reader,
  signal: AbortSignal,
): Promise<Pick<Observed, 'arcSecret'> & ObservedOnboarding> {
  const slowMs = Math.max(syncIntervalMs(registration), seldomMs);
  const arcSecret = await reader.read('arcSecret', slowMs, () => given.arcSecret.read(signal));
  if (given.own !== undefined) return { arcSecret, ...given.own };
  const none: Fact<never> = { state: 'absent', at: arcSecret.at, via: 'live' };
  const noOther = { onboardingSecret: none, onboardingRecord: none, onboardingApplication: none };
  const held = valueOf(arcSecret);
  const appId = valueOf(azure.arcSettings)?.properties.arcApplicationClientId;
  if (held?.held === undefined || appId === undefined || appId === null) {
    return { arcSecret, ...noOther, arcSignIn: none };
  }
  const arcSignIn = await reader.read('arcSignIn', slowMs, async () => {
    const text = await given.arcSecret.readText();
    return found({ principalId: await given.sessions.tryClientSecret(registration, appId, text, signal) });
  });
  return { arcSecret, ...noOther, arcSignIn };
}

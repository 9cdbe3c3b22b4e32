import { holds } from './arc-agent.ts';
import { sameId } from '../azure/resource-ids.ts';
import type { Probe } from '../nodes/operations.ts';
import { valueOf } from './facts.ts';
import { members, nonEmpty, type PlanInput } from './step.ts';

// With which application the nodes become Arc-enabled servers, and what they hold of it.

/** Its client id; undefined while it is not known. */
export function arcApplicationId({ spec, observed }: PlanInput): string | undefined {
  if (spec.arc.onboarding.type === 'ServicePrincipal') return valueOf(observed.onboardingSecret)?.appId;
  const appId = valueOf(observed.arcSettings)?.properties.arcApplicationClientId;
  return nonEmpty(appId) ? appId : undefined;
}

/** Initialize-AzureStackHCIArcIntegration was done with this application. A node tells no more of it than its client id. */
export const holdsArcApplication = (probe: Probe, appId: string): boolean =>
  probe.arc?.clusterArcStatus === 'Enabled' && sameId(probe.arc.applicationId, appId);

/** The node's agent is connected to the right place, and the cluster counts the node as enabled. */
export const onboarded = (name: string, probe: Probe, input: PlanInput): boolean =>
  probe.agent?.status === 'Connected' &&
  holds(probe.agent, input) === 'ours' &&
  probe.arc?.nodesArcStatus[name.toLowerCase()] === 'Enabled';

/**
 * Which secret of the user's own service principal the nodes hold. `given`: the one that its Secret has. `found`: one that somebody else
 * gave to them, which onboarded them all: it is left to them until the Secret changes. `other`: they are to be given the one of the Secret,
 * also when a repair was asked for.
 */
export function onboardingSecretHeld(input: PlanInput): 'given' | 'found' | 'other' {
  const secret = valueOf(input.observed.onboardingSecret);
  const record = valueOf(input.observed.onboardingRecord);
  const all = members(input);
  const isHeld = all.some(
    ({ probe }) => probe !== undefined && secret !== undefined && holdsArcApplication(probe, secret.appId),
  );
  if (secret === undefined || !isHeld) return 'other';
  const known = sameId(record?.appId, secret.appId) ? record : undefined;
  const { repair } = input.memory.renewalRequests;
  if (repair !== undefined && repair !== known?.repair) return 'other';
  if (known?.handedOver !== undefined) return known.handedOver === secret.fingerprint ? 'given' : 'other';
  const isUnchanged = (known?.found ?? secret.fingerprint) === secret.fingerprint;
  const areOnboarded = all.every(({ name, probe }) => probe !== undefined && onboarded(name, probe, input));
  return isUnchanged && areOnboarded ? 'found' : 'other';
}

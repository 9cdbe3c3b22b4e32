import { valueOf } from '../facts.ts';
import { whyOutOfPolicy, withConnectionStatus } from '../node-state.ts';
import type { Plan } from '../plan.ts';
import { members, nonEmpty, registeredTo, type PlanInput } from '../step.ts';
import { no, unsure, yes, type Verdict } from './verdict.ts';

export function registered(input: PlanInput, plan: Plan): Verdict {
  const { target, observed } = input;
  if (observed.resource.state === 'unknown') return unsure(observed.resource.why.reason, observed.resource.why.message);
  const silent = members(input).filter(({ probe }) => probe === undefined);
  const open = members(input).filter(({ probe }) => probe !== undefined && !registeredTo(probe, target.resourceId));
  const { refusal } = plan;
  if (refusal?.reason === 'ResourceMissing' || refusal?.reason === 'RegisteredElsewhere')
    return no(refusal.reason, refusal.message);
  if (observed.resource.state === 'absent') return no('NotRegistered', `${target.resourceId} does not exist.`);
  if (open.length > 0) return no('NotRegistered', `Not registered yet: ${open.map(({ name }) => name).join(', ')}.`);
  if (silent.length > 0) return unsure('NotObserved', `Not known of: ${silent.map(({ name }) => name).join(', ')}.`);
  return yes(`Azure and all ${members(input).length} nodes agree on ${target.resourceId}.`);
}

const dayMs = 86_400_000;

/** When the cluster last synchronised: the newest that any node, or Azure, says. */
export function lastConnected({ observed }: Pick<PlanInput, 'observed'>): Date | undefined {
  const times = [
    valueOf(observed.resource)?.properties.lastSyncTimestamp,
    ...members({ observed }).map(({ probe }) => probe?.registration.lastConnected),
  ].flatMap((time) => (nonEmpty(time) && !Number.isNaN(Date.parse(time)) ? [Date.parse(time)] : []));
  return times.length === 0 ? undefined : new Date(Math.max(...times));
}

export const offlineDaysLeft = (last: Date, now: Date): number =>
  Math.min(30, Math.max(0, 30 - Math.floor((now.getTime() - last.getTime()) / dayMs)));

export function connected(input: PlanInput): Verdict {
  const probes = members(input);
  const silent = probes.filter(({ probe }) => probe === undefined);
  const outOfPolicy = withConnectionStatus(input, 'OutOfPolicy');
  if (outOfPolicy.length > 0) {
    const why = outOfPolicy.map((name) => whyOutOfPolicy(input, name)).join(' ');
    return outOfPolicy.length === probes.length
      ? no('OutOfPolicy', `All nodes are out of policy. ${why}`)
      : no('NodeOutOfPolicy', `Out of policy: ${outOfPolicy.join(', ')}. ${why}`);
  }
  const repair = withConnectionStatus(input, 'RepairRegistrationRequired');
  if (repair.length > 0)
    return no('RepairRegistrationRequired', `${repair.join(', ')}: the registration must be repaired.`);
  const last = lastConnected(input);
  if (last !== undefined && offlineDaysLeft(last, input.now) <= 10) {
    return no(
      'OfflineLimitNear',
      `Last synchronised at ${last.toISOString()}: ${offlineDaysLeft(last, input.now)} of 30 days are left until no virtual machine can be created.`,
    );
  }
  if (silent.length > 0) return unsure('NotObserved', `Not known of: ${silent.map(({ name }) => name).join(', ')}.`);
  const open = probes.filter(({ probe }) => probe?.registration.connectionStatus !== 'Connected');
  if (open.length > 0)
    return no(
      'NotConnectedRecently',
      `Not connected: ${open.map(({ name, probe }) => `${name} (${probe?.registration.connectionStatus ?? 'never synchronised'})`).join(', ')}.`,
    );
  if (last === undefined || input.now.getTime() - last.getTime() > dayMs) {
    return no(
      'NotConnectedRecently',
      last === undefined ? 'The cluster has not synchronised yet.' : `Last synchronised at ${last.toISOString()}.`,
    );
  }
  return yes(`All nodes are connected; last synchronised at ${last.toISOString()}.`);
}

export function inSync(input: PlanInput, plan: Plan): Verdict {
  if (input.observed.resource.state === 'unknown') return unsure('NotObserved', input.observed.resource.why.message);
  const refused = plan.refusal ?? plan.arcRefusal;
  if (refused !== undefined) return no('DriftDetected', refused.message);
  const pending = plan.pending.filter(({ step, renews }) => step !== 'SyncOnRequest' && !renews);
  if (pending.length === 0) return yes('Nothing differs from what is wanted.');
  const known = pending.filter(
    ({ unread, state, afterSeconds }) => !unread && (state !== 'Waiting' || afterSeconds > 0),
  );
  const [first] = pending;
  if (known.length === 0) return unsure('NotObserved', `Not everything could be read. ${first?.message ?? ''}`);
  return no('DriftDetected', `Still to be done: ${[...new Set(known.map(({ step }) => step))].join(', ')}.`);
}

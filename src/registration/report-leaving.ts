import type { HciClusterRegistration } from '../api/registration.ts';
import type { Reason } from '../api/reasons.ts';
import { authenticated } from './conditions/azure.ts';
import { nodesReachable } from './conditions/nodes.ts';
import { seconds, stalledBy, toConditions, type StatusDraft, type Verdicts } from './draft.ts';
import type { Pending, Plan } from './plan.ts';
import { consecutiveFailures, reportNodes, reportPlan } from './report-parts.ts';
import type { PlanInput } from './step.ts';

type Told = Pick<Pending, 'reason' | 'message'>;

/** Status of an object whose deletion waits for something. Nothing is read or changed. */
export function reportHeldDeletion(
  registration: HciClusterRegistration,
  { reason, message }: { reason: 'MassDeletionHold' | 'Suspended' | 'Unregistering'; message: string },
  now: Date,
): StatusDraft {
  const held = { reason, message };
  const isPassing = reason === 'Unregistering';
  return {
    ...registration.status,
    observedGeneration: registration.metadata.generation,
    conditions: toConditions(
      registration,
      {
        ...(isPassing ? progressing(held) : stalledBy(held)),
        Deleting: { status: 'True', ...held },
        Suspended: held.reason === 'Suspended' ? { status: 'True', ...held } : undefined,
      },
      now,
    ),
  };
}

/** Status of an object whose cluster is being unregistered: what is left, what is waited for, and what would free it. */
export function reportLeaving(registration: HciClusterRegistration, input: PlanInput, plan: Plan): StatusDraft {
  const { observed, memory, now } = input;
  const { status, metadata } = registration;
  const isOver = plan.pending.length === 0 && plan.refusal === undefined;
  const told = isOver ? { reason: 'Unregistering' as const, message: done(plan) } : progress(input, plan);
  const stalled = plan.refusal !== undefined || plan.pending.some(({ state }) => state === 'Blocked');
  const verdicts: Verdicts = {
    ...(stalled ? stalledBy(told) : progressing(told)),
    Deleting: { status: 'True', ...told },
    Authenticated: authenticated(observed.signIn),
    NodesReachable: nodesReachable(input),
  };
  return {
    ...status,
    observedGeneration: metadata.generation,
    consecutiveFailures: consecutiveFailures(memory),
    nodes: reportNodes(input),
    credentials: undefined,
    earliestCredentialExpiry: undefined,
    nextSyncTime: undefined,
    unregistration:
      plan.runnable.length > 0 || isOver || status?.unregistration !== undefined
        ? {
            startTime: status?.unregistration?.startTime ?? seconds(now),
            endTime: isOver ? seconds(now) : undefined,
          }
        : undefined,
    plan: reportPlan(plan),
    submissions: memory.submissions,
    conditions: toConditions(registration, verdicts, now),
  };
}

const progressing = ({ reason, message }: { reason: string; message: string }): Verdicts => ({
  Ready: { status: 'False', reason, message },
  Reconciling: { status: 'True', reason, message },
});

/** What was not removed for want of the right to it. */
const leftBehind = ({ left }: Plan): string =>
  left.length === 0
    ? ''
    : ` Left behind, for want of the right to remove it: ${[...new Set(left.map(({ step, on }) => `${on} (${step})`))].join(', ')}.`;

const done = (plan: Plan): string => `Nothing of the cluster is left in Azure or on its nodes.${leftBehind(plan)}`;

/** `Unregistering`, or the reason of what it waits for. */
function progress(input: PlanInput, plan: Plan): Told {
  if (plan.refusal !== undefined) return plan.refusal;
  const { pending } = plan;
  const current =
    pending.find(({ state }) => state === 'Blocked') ??
    pending.find(({ retrying, unread }) => retrying || unread) ??
    pending.find(({ state, afterSeconds }) => state === 'Ready' || afterSeconds > 0) ??
    pending[0];
  const left = [...new Set(pending.map(({ step }) => step))].join(', ');
  const what = `Left to do: ${left}.${leftBehind(plan)}`;
  if (current === undefined) return { reason: 'Unregistering', message: what };
  const doing = current.unread ? current.message : `${current.step} on ${current.on}: ${current.message}`;
  const stuck = current.retrying || current.unread || current.state === 'Blocked';
  const reason = stuck || !passing.has(current.reason) ? current.reason : 'Unregistering';
  return {
    reason: passing.has(reason) ? 'Unregistering' : reason,
    message: `${doing}${waysOut(input, reason)} ${what}`,
  };
}

const passing = new Set<Reason>(['Progressing', 'WaitingForAzure', 'ProgressingWithRetry', 'NotYetObserved']);

const detach = 'set spec.deletion.policy to Detach to let the object go and leave the rest as it is';
const silent =
  ' If the nodes will not come back, set spec.deletion.whenNodesUnreachable to AzureOnly: then Azure is cleaned up without them.';
const credential = ` Mend the credential; if it is gone for good, ${detach}.`;
const freeing: { [R in Reason]?: string } = {
  NodeUnreachable: silent,
  NodeNotAnswering: silent,
  NodeDown: silent,
  NodeAuthFailed: silent,
  HostKeyMismatch: silent,
  HostKeyNotPinned: silent,
  NodeNotUp: silent,
  ActionsMissing: ' Grant the right; it is tried again by itself.',
  ResourceLocked: ' Remove the lock that the message names; it is tried again by itself.',
  SecretNotFound: credential,
  CredentialExpired: credential,
  CredentialRejected: credential,
  WrongTenant: credential,
  SubscriptionNotFound: ` If the subscription is gone, ${detach}.`,
};

/** The single action that frees it. */
const waysOut = ({ spec }: PlanInput, reason: Reason): string =>
  freeing[reason] === silent && spec.deletion.whenNodesUnreachable === 'AzureOnly' ? '' : (freeing[reason] ?? '');

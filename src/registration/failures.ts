import { AzureError, isBusy, type ErrorClass } from '../azure/errors.ts';
import type { RoleName } from '../azure/resource-ids.ts';
import type { Reason } from '../api/reasons.ts';
import { KubeError } from '../kube/kube-error.ts';
import type { Outcome } from '../nodes/transport.ts';
import { NotAllowed, SecretProblem } from '../sign-in/problems.ts';

/** What went wrong, as conditions and retries need it. */
export interface Failure {
  reason: Reason;
  message: string;
  errorClass: ErrorClass;
  retryAfterSeconds: number | undefined;
}

export type NodeOutcome = Exclude<Outcome<unknown>, { kind: 'ok' }>;

/** A role that we may not assign, and somebody else may. */
export class RoleNotAssignable extends Error {
  override readonly name = 'RoleNotAssignable';
  readonly role: RoleName;
  constructor(given: { scope: string; principalId: string; role: RoleName }, refused: AzureError) {
    const { scope, principalId, role } = given;
    const command = `az role assignment create --assignee-object-id ${principalId} --assignee-principal-type ServicePrincipal --role "${role}" --scope ${scope}`;
    super(
      `The identity of spec.azure.identity may not assign ${role}. An owner of the scope can: ${command} . Azure said: ${describeAzure(refused).message}`,
      { cause: refused },
    );
    this.role = role;
  }
}

/** A secret that Azure has made and that could not be kept: nobody holds it. */
export class SecretNotKept extends Error {
  override readonly name = 'SecretNotKept';
  constructor(given: { namespace: string; name: string; appId: string; keyId: string | undefined }, cause: unknown) {
    const { namespace, name, appId, keyId = 'unknown' } = given;
    super(
      `A secret of the application ${appId} was made, with key id ${keyId}, and could not be kept in Secret ${namespace}/${name}: ${cause instanceof Error ? cause.message : String(cause)}. Nobody holds it; another one is made. To remove it: az ad app credential delete --id ${appId} --key-id ${keyId}`,
      { cause },
    );
  }
}

/** The application of the user's own Arc service principal is gone from the tenant. */
export class ArcPrincipalMissing extends Error {
  override readonly name = 'ArcPrincipalMissing';
  constructor(appId: string, refused: AzureError) {
    super(`The application ${appId} of your Arc service principal cannot sign in: ${describeAzure(refused).message}`, {
      cause: refused,
    });
  }
}

/** An operation on a node that did not succeed. */
export class NodeError extends Error {
  override readonly name = 'NodeError';
  readonly outcome: NodeOutcome;
  readonly pinned: boolean;
  readonly hint: string;
  /** @param hint what else is known of the node's host key: a sentence, or nothing */
  constructor(node: string, operation: string, outcome: NodeOutcome, pinned: boolean, hint = '') {
    super(describeOutcome(node, operation, outcome));
    this.outcome = outcome;
    this.pinned = pinned;
    this.hint = hint;
  }
}

/** A `detail` names operation and node itself. */
const describeOutcome = (node: string, operation: string, outcome: NodeOutcome): string =>
  outcome.kind === 'operationError'
    ? `${operation} on ${node}: ${outcome.error.message} (${outcome.error.id || outcome.error.reason})`
    : outcome.detail;

export function describeFailure(error: unknown): Failure {
  if (error instanceof NodeError) return describeNode(error);
  if (error instanceof SecretProblem) return failure('SecretNotFound', error.message, 'RetrySlowly');
  if (error instanceof SecretNotKept) return failure('SecretNotKept', error.message, 'RetrySlowly');
  if (error instanceof NotAllowed) return failure('NamespaceNotAllowed', error.message, 'NeedsPerson');
  if (error instanceof KubeError)
    return failure('ProgressingWithRetry', `Kubernetes API: ${error.message}`, 'RetrySoon');
  if (error instanceof RoleNotAssignable) {
    const ofProvider = error.role === 'Azure Connected Machine Resource Manager';
    return failure(ofProvider ? 'RpRoleMissing' : 'ActionsMissing', error.message, 'RetrySlowly');
  }
  if (error instanceof ArcPrincipalMissing) return failure('ArcIdentityMissing', error.message, 'RetrySlowly');
  if (error instanceof AzureError) return describeAzure(error);
  return failure('InternalError', error instanceof Error ? error.message : String(error), 'RetrySoon');
}

const failure = (reason: Reason, message: string, errorClass: ErrorClass, retryAfterSeconds?: number): Failure => ({
  reason,
  message,
  errorClass,
  retryAfterSeconds,
});

function describeNode(error: NodeError): Failure {
  const { outcome } = error;
  if (outcome.kind === 'operationError') return failure('NodeOperationFailed', error.message, 'RetrySoon');
  if (outcome.kind === 'protocol') return failure('NodeScriptsOutdated', error.message, 'RetrySlowly');
  if (outcome.kind === 'unknown') return failure('NodeNotAnswering', error.message, 'RetrySoon');
  switch (outcome.cause) {
    case 'hostKey': {
      const seen = outcome.seenHostKey === undefined ? '' : ` The key seen is ${outcome.seenHostKey}.`;
      return failure(
        error.pinned ? 'HostKeyMismatch' : 'HostKeyNotPinned',
        `${error.message}.${seen}${error.hint === '' ? '' : ` ${error.hint}`} Nothing was sent.`,
        'RetrySlowly',
      );
    }
    case 'auth':
      return failure('NodeAuthFailed', error.message, 'RetrySlowly');
    case 'address':
      return failure('AddressNotAllowed', error.message, 'RetrySlowly');
    case 'noAnswer':
      return failure('NodeNotAnswering', error.message, 'RetrySoon');
    case 'dns':
    case 'refused':
    case 'timeout':
    case 'aborted':
      return failure('NodeUnreachable', error.message, 'RetrySoon');
  }
}

const signInReasons: [RegExp, Reason][] = [
  [/^AADSTS7000222$/, 'CredentialExpired'],
  // There is no such tenant, it does not know the application, or the subscription is of another one.
  [/^(AADSTS(90002|900023|700016|7000229)|InvalidAuthenticationTokenTenant)$/, 'WrongTenant'],
  [/^(AADSTS|ManagedIdentityRefused)/, 'CredentialRejected'],
];

function describeAzure(error: AzureError): Failure {
  const tail = [error.code, error.correlationId === undefined ? undefined : `correlation id ${error.correlationId}`]
    .filter((part) => part !== undefined)
    .join(', ');
  const message =
    error.message.includes(error.code) && error.correlationId === undefined
      ? error.message
      : `${error.message} (${tail})`;
  const signIn = signInReasons.find(([pattern]) => pattern.test(error.code))?.[1];
  if (signIn !== undefined) return failure(signIn, message, 'RetrySlowly');
  // The usual state of a new subscription, until the step that registers the provider has taken effect.
  if (error.code === 'MissingSubscriptionRegistration') return failure('WaitingForAzure', message, 'RetrySoon');
  if (isBusy(error)) return failure('WaitingForAzure', message, 'RetrySoon', error.retryAfterSeconds);
  if (error.code === 'RequestDisallowedByPolicy') return failure('PolicyDenied', message, 'NeedsPerson');
  if (error.code.startsWith('LocationNotAvailable')) return failure('InvalidRegion', message, 'NeedsPerson');
  if (/^((Linked)?AuthorizationFailed|Authorization_RequestDenied)$/.test(error.code))
    return failure('ActionsMissing', message, 'RetrySlowly');
  if (error.code === 'NoAnswer' || error.code === 'EndpointsNotResolved')
    return failure('EndpointUnreachable', message, 'RetrySoon');
  return failure('AzureRequestFailed', message, error.errorClass, error.retryAfterSeconds);
}

/** First and longest pause, in seconds. What needs a person is looked at now and then: an exemption may have been granted. */
const pauses: Record<ErrorClass, [number, number]> = {
  RetrySoon: [2, 300],
  RetrySlowly: [15, 600],
  NeedsPerson: [900, 3600],
};

/** When to try again: by class, longer with each failure, never before Azure allows it. */
export function nextTry(failed: Failure, count: number, now: Date): Date {
  const [firstSeconds, capSeconds] = pauses[failed.errorClass];
  const backoff = Math.min(capSeconds, firstSeconds * 2 ** Math.min(count - 1, 12));
  return new Date(now.getTime() + Math.max(backoff, failed.retryAfterSeconds ?? 0) * 1000);
}

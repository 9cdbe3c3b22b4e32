import { describe, expect, test } from 'vitest';
import type { Reason } from '../api/reasons.ts';
import type { RoleName } from '../azure/resource-ids.ts';
import { AzureError, type ErrorClass } from '../azure/errors.ts';
import { KubeError } from '../kube/kube-error.ts';
import { describeFailure, RoleNotAssignable, nextTry, NodeError, type Failure, type NodeOutcome } from './failures.ts';
import { NotAllowed, SecretProblem } from '../sign-in/problems.ts';
import { after, now } from './testing/builders.ts';

const azure = (code: string, status?: number) => new AzureError({ code, status, message: 'What Azure said.' });
const node = (outcome: NodeOutcome, pinned = true) => new NodeError('NODE1', 'probe', outcome, pinned);
const unreachable = (cause: Extract<NodeOutcome, { kind: 'unreachable' }>['cause'], pinned = true) =>
  node(
    { kind: 'unreachable', cause, detail: 'why', ...(cause === 'hostKey' ? { seenHostKey: 'SHA256:seen' } : {}) },
    pinned,
  );

describe('what a failure means', () => {
  test.each<[string, unknown, Reason, ErrorClass]>([
    ['an expired secret', azure('AADSTS7000222', 401), 'CredentialExpired', 'RetrySlowly'],
    ['a wrong secret', azure('AADSTS7000215', 401), 'CredentialRejected', 'RetrySlowly'],
    ['a longer code that begins alike', azure('AADSTS70002220', 401), 'CredentialRejected', 'RetrySlowly'],
    ['an unknown application', azure('AADSTS700016', 400), 'WrongTenant', 'RetrySlowly'],
    ['a subscription of another tenant', azure('InvalidAuthenticationTokenTenant', 401), 'WrongTenant', 'RetrySlowly'],
    ['no such managed identity', azure('ManagedIdentityRefused', 400), 'CredentialRejected', 'RetrySlowly'],
    ['a right to what is linked', azure('LinkedAuthorizationFailed', 403), 'ActionsMissing', 'RetrySlowly'],
    ['endpoints of the tenant not told', azure('EndpointsNotResolved'), 'EndpointUnreachable', 'RetrySoon'],
    ['an unknown tenant', azure('AADSTS90002', 400), 'WrongTenant', 'RetrySlowly'],
    ['a policy', azure('RequestDisallowedByPolicy', 403), 'PolicyDenied', 'NeedsPerson'],
    ['a region', azure('LocationNotAvailableForResourceGroup', 400), 'InvalidRegion', 'NeedsPerson'],
    ['a missing right', azure('AuthorizationFailed', 403), 'ActionsMissing', 'RetrySlowly'],
    ['no answer', azure('NoAnswer'), 'EndpointUnreachable', 'RetrySoon'],
    ['another operation', azure('AnotherOperationInProgress', 409), 'WaitingForAzure', 'RetrySoon'],
    ['a conflict', azure('Conflict', 409), 'WaitingForAzure', 'RetrySoon'],
    ['a group that goes', azure('ResourceGroupBeingDeleted', 409), 'WaitingForAzure', 'RetrySoon'],
    ['a busy resource', azure('RetryableErrorDueToAnotherOperation', 429), 'WaitingForAzure', 'RetrySoon'],
    ['a quota', azure('TooManyRequests', 429), 'AzureRequestFailed', 'RetrySoon'],
    ['nested resources', azure('CannotDeleteResource', 409), 'AzureRequestFailed', 'RetrySoon'],
    ['anything else of Azure', azure('InternalServerError', 500), 'AzureRequestFailed', 'RetrySoon'],
    ['a Secret', new SecretProblem('Secret edge/ssh does not exist.'), 'SecretNotFound', 'RetrySlowly'],
    ['a forbidden namespace', new NotAllowed('no'), 'NamespaceNotAllowed', 'NeedsPerson'],
    [
      'the API server',
      new KubeError({ status: 500, reason: 'InternalError', message: 'no', retryable: true }),
      'ProgressingWithRetry',
      'RetrySoon',
    ],
    [
      'a cmdlet',
      node({ kind: 'operationError', error: { message: 'no', id: 'Id', reason: 'Exception', position: '' } }),
      'NodeOperationFailed',
      'RetrySoon',
    ],
    [
      'another script',
      node({ kind: 'protocol', detail: 'no frame', sent: true }),
      'NodeScriptsOutdated',
      'RetrySlowly',
    ],
    ['a lost answer', node({ kind: 'unknown', detail: 'cut' }), 'NodeNotAnswering', 'RetrySoon'],
    ['a changed host key', unreachable('hostKey'), 'HostKeyMismatch', 'RetrySlowly'],
    ['a host key that is not pinned', unreachable('hostKey', false), 'HostKeyNotPinned', 'RetrySlowly'],
    ['a refused key', unreachable('auth'), 'NodeAuthFailed', 'RetrySlowly'],
    ['a forbidden address', unreachable('address'), 'AddressNotAllowed', 'RetrySlowly'],
    ['a name without an address', unreachable('dns'), 'NodeUnreachable', 'RetrySoon'],
    ['a closed port', unreachable('refused'), 'NodeUnreachable', 'RetrySoon'],
    ['a node that cannot be reached', unreachable('timeout'), 'NodeUnreachable', 'RetrySoon'],
    ['a node that hangs', unreachable('noAnswer'), 'NodeNotAnswering', 'RetrySoon'],
  ])('%s', (_, error, reason, errorClass) => {
    expect(describeFailure(error)).toMatchObject({ reason, errorClass });
  });

  test('the message has what support asks for, and each thing once', () => {
    const { message } = describeFailure(
      new AzureError({ code: 'Conflict', status: 409, message: 'PUT /x: busy', correlationId: 'c-1' }),
    );
    expect(message).toBe('PUT /x: busy (Conflict, correlation id c-1)');
    expect(describeFailure(new AzureError({ code: 'AADSTS1', message: 'AADSTS1: no' })).message).toBe('AADSTS1: no');
    expect(describeFailure(unreachable('hostKey')).message).toBe('why. The key seen is SHA256:seen. Nothing was sent.');
    expect(
      describeFailure(node({ kind: 'operationError', error: { message: 'no', id: '', reason: 'E', position: '' } }))
        .message,
    ).toBe('probe on NODE1: no (E)');
  });
});

const failure = (errorClass: ErrorClass, retryAfterSeconds?: number): Failure => ({
  reason: 'AzureRequestFailed',
  message: '',
  errorClass,
  retryAfterSeconds,
});

test('a role that we may not assign is told with the command for an owner', () => {
  const given = { scope: '/subscriptions/s/resourceGroups/g', principalId: 'p' };
  const refused = new AzureError({
    status: 403,
    code: 'AuthorizationFailed',
    message: 'PUT /x: no right',
    correlationId: 'correlation',
  });
  const tell = (role: RoleName) => describeFailure(new RoleNotAssignable({ ...given, role }, refused));
  const { message, ...rest } = tell('Azure Connected Machine Resource Manager');
  expect(rest).toMatchObject({ reason: 'RpRoleMissing', errorClass: 'RetrySlowly' });
  expect(message).toContain(
    'az role assignment create --assignee-object-id p --assignee-principal-type ServicePrincipal --role "Azure Connected Machine Resource Manager" --scope /subscriptions/s/resourceGroups/g',
  );
  expect(message).toContain('no right (AuthorizationFailed, correlation id correlation)');
  expect(tell('Azure Connected Machine Onboarding').reason).toBe('ActionsMissing');
});

describe('the next try', () => {
  test.each<[ErrorClass, number, number]>([
    ['RetrySoon', 1, 2],
    ['RetrySoon', 4, 16],
    ['RetrySoon', 9, 300],
    ['RetrySoon', 100_000, 300],
    ['RetrySlowly', 1, 15],
    ['RetrySlowly', 3, 60],
    ['RetrySlowly', 50, 600],
    ['NeedsPerson', 50, 3600],
  ])('%s after %i failures: %i s', (errorClass, count, seconds) => {
    expect(nextTry(failure(errorClass), count, now)).toEqual(after(seconds));
  });
  test('never before Azure allows it', () => {
    expect(nextTry(failure('RetrySoon', 700), 1, now)).toEqual(after(700));
    expect(nextTry(failure('RetrySoon', 1), 3, now)).toEqual(after(8));
  });
});

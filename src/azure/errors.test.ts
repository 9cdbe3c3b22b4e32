import { createHttpHeaders, createPipelineRequest, RestError } from '@azure/core-rest-pipeline';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { answerError, AzureError, toAzureError, type ErrorClass } from './errors.ts';

const url = 'https://management.azure.com/subscriptions/s/resourceGroups/g?api-version=1&sig=signature';
const answer = (status: number, body: unknown, headers: Record<string, string> = {}) =>
  answerError({
    status,
    bodyText: typeof body === 'string' ? body : JSON.stringify(body),
    method: 'PUT',
    url,
    header: (name) => headers[name],
  });
const coded = (status: number, code: string) => answer(status, { error: { code, message: 'What Azure said.' } });

describe('what a code asks for', () => {
  test.each<[number, string, ErrorClass]>([
    [400, 'PrincipalNotFound', 'RetrySoon'],
    [409, 'AnotherOperationInProgress', 'RetrySoon'],
    [409, 'MissingSubscriptionRegistration', 'RetrySoon'],
    [409, 'ResourceGroupBeingDeleted', 'RetrySoon'],
    [409, 'Conflict', 'RetrySoon'],
    [409, 'RoleAssignmentExists', 'RetrySoon'],
    [409, 'CannotDeleteResource', 'RetrySoon'],
    [412, 'PreconditionFailed', 'RetrySoon'],
    [404, 'ResourceGroupNotFound', 'RetrySoon'],
    [429, 'RetryableError', 'RetrySoon'],
    [429, 'NamespaceInTransition', 'RetrySoon'],
    [429, 'ResourceRequestsThrottled', 'RetrySoon'],
    [429, 'SubscriptionRequestsThrottled', 'RetrySoon'],
    [429, 'TooManyRequests', 'RetrySoon'],
    [500, 'InternalServerError', 'RetrySoon'],
    [503, 'ServiceUnavailable', 'RetrySoon'],
    [403, 'AuthorizationFailed', 'RetrySlowly'],
    [403, 'LinkedAuthorizationFailed', 'RetrySlowly'],
    [403, 'SomethingNobodyKnows', 'RetrySlowly'],
    [401, 'InvalidAuthenticationToken', 'RetrySlowly'],
    [401, 'ExpiredAuthenticationToken', 'RetrySlowly'],
    [409, 'ScopeLocked', 'RetrySlowly'],
    [400, 'RoleAssignmentLimitExceeded', 'RetrySlowly'],
    [409, 'QuotaExceeded', 'RetrySlowly'],
    [403, 'RequestDisallowedByPolicy', 'NeedsPerson'],
    [409, 'InvalidResourceLocation', 'NeedsPerson'],
    [409, 'InvalidResourceGroupLocation', 'NeedsPerson'],
    [400, 'LocationNotAvailableForResourceGroup', 'NeedsPerson'],
    [400, 'LocationNotAvailableForResourceType', 'NeedsPerson'],
    [400, 'NoRegisteredProviderFound', 'NeedsPerson'],
    [404, 'SubscriptionNotFound', 'NeedsPerson'],
    [400, 'InvalidSubscriptionId', 'NeedsPerson'],
    [400, 'BadRequest', 'NeedsPerson'],
    [405, 'MethodNotAllowed', 'NeedsPerson'],
  ])('%i %s: %s', (status, code, errorClass) => {
    expect(coded(status, code)).toMatchObject({ status, code, errorClass, outcomeUnknown: false });
  });
  test('of a sign-in', () => {
    expect(new AzureError({ code: 'AADSTS7000215', message: '' }).errorClass).toBe('RetrySlowly');
    expect(new AzureError({ code: 'NoAnswer', message: '' }).errorClass).toBe('RetrySoon');
  });
});

describe('bodies', () => {
  test('nested, bare, in capitals, with line breaks', () => {
    expect(coded(409, 'Conflict').message).toBe('PUT /subscriptions/s/resourceGroups/g: What Azure said.');
    expect(answer(400, { code: 'Bare', message: 'a\r\nb' })).toMatchObject({
      code: 'Bare',
      message: expect.stringMatching(/: a$/),
    });
    expect(answer(400, { Code: 'Upper', Message: 'm' }).code).toBe('Upper');
  });
  test('details are not mistaken for the error', () => {
    const details = [{ code: 'ReferencedResourceNotProvisioned', message: 'not yet' }];
    expect(
      answer(429, { error: { code: 'RetryableError', message: 'A retryable error occurred.', details } }),
    ).toMatchObject({
      code: 'RetryableError',
      message: expect.stringMatching(/A retryable error occurred\.$/),
    });
  });
  test.each([
    ['plain text', 'Too many requests, try later.', 'Too many requests, try later.'],
    ['nothing', '', 'no error body'],
    ['JSON that is no error', '[1]', 'no error message'],
    ['codes that are no text', { error: { code: 7, message: {} } }, 'no error message'],
  ])('%s', (_, body, message) => {
    const error = answer(429, body);
    expect(error).toMatchObject({ code: 'HTTP429', errorClass: 'RetrySoon' });
    expect(error.message).toMatch(new RegExp(`${message.replaceAll('.', '\\.')}$`));
  });
  test('a long one is cut', () => {
    expect(answer(500, 'x'.repeat(100_000)).message.length).toBeLessThan(1000);
  });
  test('the query of the URL is not told: it may be a signature', () => {
    expect(JSON.stringify(coded(404, 'X')) + coded(404, 'X').message).not.toMatch(/sig|signature|api-version/);
  });
});

const retryAfter = (value: string) => answer(429, '', { 'retry-after': value }).retryAfterSeconds;

describe('headers', () => {
  afterEach(() => vi.useRealTimers());
  test('Retry-After in seconds, as a date, as nonsense', () => {
    vi.useFakeTimers({ now: Date.parse('2026-03-01T12:00:00Z') });
    expect(retryAfter('17')).toBe(17);
    expect(retryAfter('Sun, 01 Mar 2026 12:01:30 GMT')).toBe(90);
    expect(retryAfter('Sun, 01 Mar 2026 11:00:00 GMT')).toBe(0);
    expect(retryAfter('soon')).toBeUndefined();
    expect(answer(429, '').retryAfterSeconds).toBeUndefined();
  });
  test('the correlation id, or what Graph calls it', () => {
    expect(answer(500, '', { 'x-ms-correlation-request-id': 'a', 'request-id': 'b' }).correlationId).toBe('a');
    expect(answer(500, '', { 'request-id': 'b' }).correlationId).toBe('b');
  });
});

describe('what others throw', () => {
  const request = createPipelineRequest({
    method: 'GET',
    url,
    headers: createHttpHeaders({ authorization: 'Bearer token-text' }),
  });
  test('an AzureError is itself', () => {
    const error = coded(409, 'Conflict');
    expect(toAzureError(error)).toBe(error);
  });
  test('an answer that an SDK refused', () => {
    const response = { request, status: 404, headers: createHttpHeaders({ 'x-ms-correlation-request-id': 'c' }) };
    const withBody = new RestError('m', {
      response: { ...response, bodyAsText: '{"error":{"code":"ResourceNotFound"}}' },
    });
    expect(toAzureError(withBody)).toMatchObject({ status: 404, code: 'ResourceNotFound', correlationId: 'c' });
    const parsedAway = new RestError('gone', { code: 'ResourceNotFound', response });
    expect(toAzureError(parsedAway)).toMatchObject({
      status: 404,
      code: 'ResourceNotFound',
      message: expect.stringMatching(/: gone$/),
    });
  });
  test('no answer: what was asked may have happened', () => {
    const error = toAzureError(new RestError('connect ECONNREFUSED 10.0.0.1:443', { request }));
    expect(error).toMatchObject({
      code: 'NoAnswer',
      outcomeUnknown: true,
      message: 'no answer from management.azure.com: connect ECONNREFUSED 10.0.0.1:443',
    });
    expect(`${error.message}${JSON.stringify(error)}`).not.toMatch(/token-text|signature/);
  });
  test('a refused sign-in, however deep', () => {
    const inner = new Error(
      'invalid_client: AADSTS7000222: The provided client secret keys are expired.\r\nTrace ID: t',
    );
    const error = toAzureError(new Error('getting a token failed', { cause: inner }));
    expect(error).toMatchObject({ code: 'AADSTS7000222', errorClass: 'RetrySlowly', outcomeUnknown: false });
    expect(error.message).toContain('AADSTS7000222: The provided client secret keys are expired.');
    expect(error.message).not.toContain('Trace ID');
  });
  test('what is no error', () => {
    expect(toAzureError('text')).toMatchObject({ code: 'NoAnswer', message: 'no answer: text' });
  });
});

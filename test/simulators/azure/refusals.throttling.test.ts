import { describe, expect, test } from 'vitest';
import { at, fixture, textAt } from './testing.ts';

// Too many requests, in the forms in which Azure says so. The buckets themselves are in refusals.test.ts.

const lab = fixture();

test('a provider’s own limit on one action: the wait stands in the text only', async () => {
  const { arm, givenGroup, settings } = lab();
  const group = await givenGroup('actions-rg');
  const action = 'Microsoft.HybridCompute/machines/read';
  await settings({ resourceRateLimits: [{ action, limit: 2, seconds: 1800 }] });
  const list = () => arm('GET', `${group}/providers/Microsoft.HybridCompute/machines`);
  const first = await list();
  expect(first.headers.get('x-ms-ratelimit-remaining-subscription-resource-requests')).toBe('1');
  await list();
  const refused = await list();
  expect(refused).toMatchObject({ status: 429, code: 'ResourceRequestsThrottled' });
  expect(refused.headers.get('retry-after')).toBeNull();
  expect(refused.headers.get('x-ms-failure-cause')).toBe('gateway');
  expect(textAt(refused.body, 'error', 'message')).toMatch(
    /^Number of requests for action 'Microsoft\.HybridCompute\/machines\/read' exceeded the limit of '2' for time interval '00:30:00'\. Please try again after '\d+' seconds\.$/,
  );
  expect((await arm('GET', group)).status).toBe(200);
  await settings({ clockOffsetSeconds: 1801 });
  expect((await list()).status).toBe(200);
});

test('every answer says what is left, per kind and in all', async () => {
  const { arm, azure } = lab();
  const subscription = `/subscriptions/${azure.subscriptionId}`;
  const read = await arm('GET', subscription);
  const remaining = (name: string) => Number(read.headers.get(`x-ms-ratelimit-remaining-subscription-${name}`));
  expect(remaining('reads')).toBeLessThan(250);
  expect(remaining('global-reads')).toBeGreaterThan(2000);
  const tenant = await arm('GET', '/tenants');
  expect(tenant.headers.get('x-ms-ratelimit-remaining-tenant-reads')).not.toBeNull();
  const deleted = await arm('DELETE', `${subscription}/resourceGroups/none`);
  expect(deleted.headers.get('x-ms-ratelimit-remaining-subscription-deletes')).not.toBeNull();
});

const refuse = (name: string) =>
  lab().admin('PUT', '/faults', [{ path: '/subscriptions/', host: 'arm', times: 1, effect: { refuse: name } }]);
const read = () => lab().arm('GET', `/subscriptions/${lab().azure.subscriptionId}`);

describe('recorded refusals as faults', () => {
  test.each([
    ['TooManyRequests', 429, 'TooManyRequests', null],
    ['RetryableError', 429, 'RetryableError', '12'],
    ['ReferencedResourceNotProvisioned', 429, 'RetryableError', null],
    ['NamespaceInTransition', 429, 'NamespaceInTransition', null],
    ['AnotherOperationInProgress', 409, 'AnotherOperationInProgress', null],
  ])('%s', async (name, status, code, retryAfter) => {
    await refuse(name);
    const answer = await read();
    expect(answer).toMatchObject({ status, code });
    expect(answer.headers.get('retry-after')).toBe(retryAfter);
    expect((await read()).status).toBe(200);
  });

  test('plain text without Retry-After', async () => {
    await refuse('GetOperationStatusLimit');
    const answer = await read();
    expect(answer).toMatchObject({ status: 429, code: undefined });
    expect(answer.headers.get('content-type')).toBe('text/plain');
    expect(answer.body).toMatch(/^You have reached the limit of allowed 'GetOperationStatus' API calls\./);
    await expect(refuse('NoSuchRefusal')).rejects.toThrow(/400/);
  });

  test('sign-in', async () => {
    const { admin, client, azure } = lab();
    const { clientId, clientSecret } = azure.principals.reader;
    for (const number of [53003, 70021, 90033]) {
      await admin('PUT', '/faults', [{ path: '/token', host: 'login', effect: { refuse: `AADSTS${number}` } }]);
      const answer = await client.signIn({ client_id: clientId, client_secret: clientSecret });
      expect(answer.status).toBe(400);
      expect(at(answer.body, 'error_codes')).toEqual([number]);
    }
    await admin('PUT', '/faults', []);
    expect((await client.signIn({ client_id: clientId, client_secret: clientSecret })).status).toBe(200);
  });
});

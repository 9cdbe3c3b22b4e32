import { createHttpHeaders, createPipelineRequest, type HttpMethods } from '@azure/core-rest-pipeline';
import { describe, expect, test } from 'vitest';
import { budgetPolicy, createRequestBudget, type RequestKind } from './budget.ts';

function setup() {
  const clock = { ms: 1_000_000 };
  const budget = createRequestBudget(() => clock.ms);
  const takeAll = (kind: RequestKind): number => {
    for (let taken = 0; ; taken += 1) {
      try {
        budget.take(kind);
      } catch {
        return taken;
      }
    }
  };
  const answered = async (method: HttpMethods, status: number, headers: Record<string, string>, bodyAsText = '') => {
    const request = createPipelineRequest({ method, url: 'https://management.azure.com/' });
    await budgetPolicy(budget, budget).sendRequest(request, () =>
      Promise.resolve({ request, status, headers: createHttpHeaders(headers), bodyAsText }),
    );
  };
  return { clock, budget, takeAll, answered };
}

describe('the documented floor', () => {
  test.each<[RequestKind, number, number]>([
    ['reads', 250, 25],
    ['writes', 200, 10],
    ['deletes', 200, 10],
    ['queries', 15, 3],
  ])('%s: %i at once, %i in each second', (kind, size, perSecond) => {
    const { clock, takeAll } = setup();
    expect(takeAll(kind)).toBe(size);
    clock.ms += 1000;
    expect(takeAll(kind)).toBe(perSecond);
    clock.ms += 3_600_000;
    expect(takeAll(kind)).toBe(size);
  });
  test('each kind has its own', () => {
    const { takeAll } = setup();
    takeAll('reads');
    expect(takeAll('writes')).toBe(200);
  });
  test('without a token nothing is sent, and it is said how long to wait', async () => {
    const { clock, budget, takeAll, answered } = setup();
    takeAll('writes');
    expect(() => budget.take('writes')).toThrow(
      expect.objectContaining({
        code: 'Throttled',
        errorClass: 'RetrySoon',
        retryAfterSeconds: 1,
        outcomeUnknown: false,
      }),
    );
    let sent = false;
    const request = createPipelineRequest({ method: 'PUT', url: 'https://management.azure.com/' });
    const policy = budgetPolicy(budget, budget).sendRequest(request, () => {
      sent = true;
      return Promise.reject(new Error('it was sent'));
    });
    await expect(policy).rejects.toMatchObject({ code: 'Throttled' });
    expect(sent).toBe(false);
    clock.ms += 100;
    await expect(answered('PUT', 200, {})).resolves.toBeUndefined();
  });
});

describe('what answers tell', () => {
  test('fewer tokens than thought, never more', async () => {
    const { takeAll, answered } = setup();
    await answered('GET', 200, { 'x-ms-ratelimit-remaining-subscription-reads': '7' });
    await answered('GET', 200, { 'x-ms-ratelimit-remaining-subscription-reads': '9999' });
    await answered('GET', 200, { 'x-ms-ratelimit-remaining-subscription-writes': '0' });
    expect(takeAll('reads')).toBe(5);
    expect(takeAll('writes')).toBe(200);
  });
  test('remaining is read for the kind of the request', async () => {
    const { takeAll, answered } = setup();
    await answered('DELETE', 200, { 'x-ms-ratelimit-remaining-subscription-deletes': '3' });
    await answered('PATCH', 200, { 'x-ms-ratelimit-remaining-subscription-writes': '4' });
    await answered('POST', 200, { 'x-ms-ratelimit-remaining-subscription-writes': '4' });
    expect([takeAll('deletes'), takeAll('writes'), takeAll('reads')]).toEqual([3, 3, 250]);
  });
  test.each([
    ['SubscriptionRequestsThrottled', '30', 30],
    ['TooManyRequests', undefined, 5],
    ['SubscriptionRequestsThrottled', 'soon', 5],
  ])('%s with Retry-After %s blocks this kind for %i s', async (code, retryAfter, seconds) => {
    const { clock, budget, takeAll, answered } = setup();
    const headers = retryAfter === undefined ? {} : { 'retry-after': retryAfter };
    await answered('PUT', 429, headers, JSON.stringify({ error: { code } }));
    expect(() => budget.take('writes')).toThrow(expect.objectContaining({ retryAfterSeconds: seconds }));
    expect(takeAll('reads')).toBe(250);
    clock.ms += seconds * 1000 - 1;
    expect(takeAll('writes')).toBe(0);
    clock.ms += 1;
    expect(takeAll('writes')).toBeGreaterThan(100);
  });
  test.each(['RetryableError', 'NamespaceInTransition', 'ResourceRequestsThrottled'])(
    '%s is about one resource and blocks nothing',
    async (code) => {
      const { takeAll, answered } = setup();
      await answered('PUT', 429, { 'retry-after': '30' }, JSON.stringify({ error: { code } }));
      expect(takeAll('writes')).toBe(199);
    },
  );
  test('an answer that only speaks of throttling blocks nothing', async () => {
    const { takeAll, answered } = setup();
    await answered('GET', 200, {}, 'TooManyRequests');
    expect(takeAll('reads')).toBe(249);
  });
  test('the longest block counts', async () => {
    const { clock, takeAll, answered } = setup();
    const throttled = JSON.stringify({ error: { code: 'TooManyRequests' } });
    await Promise.all([
      answered('GET', 429, { 'retry-after': '60' }, throttled),
      answered('GET', 429, { 'retry-after': '1' }, throttled),
    ]);
    clock.ms += 59_000;
    expect(takeAll('reads')).toBe(0);
  });
});

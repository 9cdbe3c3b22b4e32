import type { PipelinePolicy } from '@azure/core-rest-pipeline';
import { AzureError } from './errors.ts';

export type RequestKind = 'reads' | 'writes' | 'deletes';

interface Bucket {
  tokens: number;
  refilledAt: number;
  blockedUntil: number;
}

// The documented floor of Azure Resource Manager's token buckets, per subscription, principal and region; headers tell the truth.
const limits: Record<RequestKind, { size: number; perSecond: number }> = {
  reads: { size: 250, perSecond: 25 },
  writes: { size: 200, perSecond: 10 },
  deletes: { size: 200, perSecond: 10 },
};

/**
 * One budget of requests, shared by everything that works with one principal on one subscription. A request without a token left is
 * not sent: it fails as `Throttled` with the time to wait, so that no worker is held and no other cluster is slowed by Azure's answer.
 */
export function createRequestBudget(now: () => number) {
  const buckets = new Map<RequestKind, Bucket>();
  const bucket = (kind: RequestKind): Bucket => {
    const limit = limits[kind];
    const at = now();
    const current = buckets.get(kind) ?? { tokens: limit.size, refilledAt: at, blockedUntil: 0 };
    current.tokens = Math.min(limit.size, current.tokens + ((at - current.refilledAt) / 1000) * limit.perSecond);
    current.refilledAt = at;
    buckets.set(kind, current);
    return current;
  };

  return {
    take(kind: RequestKind): void {
      const current = bucket(kind);
      const blockedMs = current.blockedUntil - now();
      if (blockedMs <= 0 && current.tokens >= 1) {
        current.tokens -= 1;
        return;
      }
      const refillMs = ((1 - current.tokens) / limits[kind].perSecond) * 1000;
      throw new AzureError({
        code: 'Throttled',
        message: `the budget of ${kind} for this subscription and principal is used up`,
        retryAfterSeconds: Math.ceil(Math.max(blockedMs, refillMs) / 1000),
      });
    },
    /** What an answer said of the bucket that its request was counted in. */
    learn(kind: RequestKind, remaining: number | undefined, throttledForSeconds: number | undefined): void {
      const current = bucket(kind);
      if (remaining !== undefined) current.tokens = Math.min(current.tokens, remaining);
      if (throttledForSeconds !== undefined)
        current.blockedUntil = Math.max(current.blockedUntil, now() + throttledForSeconds * 1000);
    },
  };
}
export type RequestBudget = ReturnType<typeof createRequestBudget>;

const kindOf = (method: string): RequestKind =>
  method === 'GET' || method === 'HEAD' ? 'reads' : method === 'DELETE' ? 'deletes' : 'writes';

export function budgetPolicy(budget: RequestBudget): PipelinePolicy {
  return {
    name: 'requestBudgetPolicy',
    async sendRequest(request, next) {
      const kind = kindOf(request.method);
      budget.take(kind);
      const response = await next(request);
      const remaining = Number(response.headers.get(`x-ms-ratelimit-remaining-subscription-${kind}`) ?? Number.NaN);
      // Only these codes are about the quota: 429 also means that a resource is busy.
      const throttled =
        response.status === 429 && /SubscriptionRequestsThrottled|TooManyRequests/.test(response.bodyAsText ?? '');
      budget.learn(
        kind,
        Number.isFinite(remaining) ? remaining : undefined,
        throttled ? Number(response.headers.get('retry-after') ?? 5) || 5 : undefined,
      );
      return response;
    },
  };
}

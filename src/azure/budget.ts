import type { PipelinePolicy } from '@azure/core-rest-pipeline';
import { AzureError } from './errors.ts';

/** `queries` are those of Resource Graph, whose quota is of the principal alone, whatever the subscription. */
export type RequestKind = 'reads' | 'writes' | 'deletes' | 'queries';

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
  queries: { size: 15, perSecond: 3 },
};

const remainingHeaders: Record<RequestKind, string> = {
  reads: 'x-ms-ratelimit-remaining-subscription-reads',
  writes: 'x-ms-ratelimit-remaining-subscription-writes',
  deletes: 'x-ms-ratelimit-remaining-subscription-deletes',
  queries: 'x-ms-user-quota-remaining',
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

/** A query of Resource Graph is a POST that reads. */
export const isQuery = (url: string): boolean => /\/providers\/Microsoft\.ResourceGraph\/resources\?/i.test(url);

const kindOf = ({ method, url }: { method: string; url: string }): RequestKind =>
  isQuery(url)
    ? 'queries'
    : method === 'GET' || method === 'HEAD'
      ? 'reads'
      : method === 'DELETE'
        ? 'deletes'
        : 'writes';

export function budgetPolicy(ofSubscription: RequestBudget, ofPrincipal: RequestBudget): PipelinePolicy {
  return {
    name: 'requestBudgetPolicy',
    async sendRequest(request, next) {
      const kind = kindOf(request);
      const budget = kind === 'queries' ? ofPrincipal : ofSubscription;
      budget.take(kind);
      const response = await next(request);
      const remaining = Number(response.headers.get(remainingHeaders[kind]) ?? Number.NaN);
      // Only these codes are about the quota: 429 also means that a resource is busy.
      const throttled =
        response.status === 429 &&
        /SubscriptionRequestsThrottled|TooManyRequests|RateLimiting/.test(response.bodyAsText ?? '');
      budget.learn(
        kind,
        Number.isFinite(remaining) ? remaining : undefined,
        throttled ? Number(response.headers.get('retry-after') ?? 5) || 5 : undefined,
      );
      return response;
    },
  };
}

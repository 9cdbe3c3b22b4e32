import { createWindows } from '../windows.ts';
import type { World } from '../world.ts';
import { ArmError } from './errors.ts';

export type Kind = 'reads' | 'writes' | 'deletes';

export interface RateLimits {
  /** Takes one token; answers what remains. Throws SubscriptionRequestsThrottled when there is none. `scope`: a subscription id or the tenant. */
  readonly take: (
    scope: { type: 'subscription' | 'tenant'; id: string },
    principal: string,
    kind: Kind,
  ) => Record<string, string>;
}

export const kindOf = (method: string): Kind =>
  method === 'GET' || method === 'HEAD' ? 'reads' : method === 'DELETE' ? 'deletes' : 'writes';

/** Token buckets per principal, subscription and kind; a subscription's global quota is 15 times a principal's. */
export function createRateLimits(world: World): RateLimits {
  const buckets = new Map<string, { tokens: number; at: number; limits: unknown }>();
  const take = (key: string, kind: Kind, factor: number): { remaining: number; waitSeconds: number } => {
    const limits = world.settings.rateLimits[kind];
    const size = limits.size * factor;
    const refill = limits.refillPerSecond * factor;
    const now = Date.now();
    const known = buckets.get(key);
    const bucket = known !== undefined && known.limits === limits ? known : { tokens: size, at: now, limits };
    bucket.tokens = Math.min(size, bucket.tokens + ((now - bucket.at) / 1000) * refill);
    bucket.at = now;
    buckets.set(key, bucket);
    if (bucket.tokens < 1) {
      return { remaining: 0, waitSeconds: refill > 0 ? Math.ceil((1 - bucket.tokens) / refill) : 3600 };
    }
    bucket.tokens -= 1;
    return { remaining: Math.floor(bucket.tokens), waitSeconds: 0 };
  };
  return {
    take: (scope, principal, kind) => {
      const own = take(`${scope.id}|${principal}|${kind}`, kind, 1);
      const global = take(`${scope.id}|*|${kind}`, kind, 15);
      const waitSeconds = Math.max(own.waitSeconds, global.waitSeconds);
      if (waitSeconds > 0) {
        throw new ArmError(
          429,
          'SubscriptionRequestsThrottled',
          `Number of '${kind}' requests for ${scope.type} '${scope.id}' actor '${principal}' exceeded. Please try again after '${waitSeconds}' seconds after additional tokens are available. Refer to https://aka.ms/arm-throttling for additional information.`,
          { gateway: true, headers: { 'retry-after': String(waitSeconds) } },
        );
      }
      const prefix = `x-ms-ratelimit-remaining-${scope.type}`;
      return { [`${prefix}-${kind}`]: String(own.remaining), [`${prefix}-global-${kind}`]: String(global.remaining) };
    },
  };
}

export interface ResourceRateLimits {
  /** Counts one request of a subscription for that action; answers what remains. Throws ResourceRequestsThrottled, which names the wait in its text only. */
  readonly take: (subscription: string, action: string) => Record<string, string>;
}

/** What a provider itself allows of one action (`resourceRateLimits`). */
export function createResourceRateLimits(world: World): ResourceRateLimits {
  const windows = createWindows(world);
  return {
    take: (subscription, action) => {
      const limit = world.settings.resourceRateLimits.find(
        (candidate) => candidate.action.toLowerCase() === action.toLowerCase(),
      );
      if (limit === undefined) return {};
      const taken = windows.take(`${subscription}|${action.toLowerCase()}`, 1, limit);
      if (taken.allowed) return { 'x-ms-ratelimit-remaining-subscription-resource-requests': String(taken.remaining) };
      const interval = new Date(limit.seconds * 1000).toISOString().slice(11, 19);
      throw new ArmError(
        429,
        'ResourceRequestsThrottled',
        `Number of requests for action '${action}' exceeded the limit of '${limit.limit}' for time interval '${interval}'. Please try again after '${taken.resetsAfterSeconds}' seconds.`,
        { gateway: true },
      );
    },
  };
}

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

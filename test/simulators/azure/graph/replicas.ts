import { createWindows } from '../windows.ts';
import { instant, type World } from '../world.ts';
import { GraphError } from './errors.ts';

/** Whether the replica that serves this request knows a directory object yet. */
export type Sees = (object: { readonly createdDateTime: string }) => boolean;

/** Two replicas in turn: one that is up to date, and before it one that does not know new objects (`graphPropagationSeconds`). */
export function createReplicas(world: World): () => Sees {
  let behindNext = true;
  return () => {
    let behind: boolean | undefined;
    return (object) => {
      const { graphPropagationSeconds } = world.settings;
      if (graphPropagationSeconds === 0 || object.createdDateTime <= instant(world, -graphPropagationSeconds))
        return true;
      if (behind === undefined) {
        behind = behindNext;
        behindNext = !behindNext;
      }
      return !behind;
    };
  };
}

/** Throws 409 Directory_ConcurrencyViolation for a write that meets another one to the same object. */
export function createConvergence(world: World): (object: { readonly id: string }) => void {
  const writes = new Map<string, string>();
  return ({ id }) => {
    const last = writes.get(id);
    const { graphConvergenceSeconds } = world.settings;
    if (graphConvergenceSeconds > 0 && last !== undefined && last > instant(world, -graphConvergenceSeconds))
      throw new GraphError(
        409,
        'Directory_ConcurrencyViolation',
        'Error due to concurrent requests being made to the tenant. Please wait briefly and retry.',
      );
    writes.set(id, instant(world));
  };
}

export interface GraphQuota {
  /** Throws 429 TooManyRequests with Retry-After. */
  readonly take: (appId: string, method: string, resourceUnits: number) => void;
}

/** What Graph allows an application in a tenant: resource units per 10 s, writes per 150 s. */
export function createGraphQuota(world: World): GraphQuota {
  const windows = createWindows(world);
  const refuse = (appId: string, limit: 'Write' | 'ReadWrite', seconds: number) =>
    new GraphError(429, 'TooManyRequests', 'Too many requests.', {
      'retry-after': String(seconds),
      'x-ms-throttle-limit-percentage': '1.0',
      'x-ms-throttle-scope': `Tenant_Application/${limit}/${appId}/${world.state.tenantId}`,
      'x-ms-throttle-information': limit === 'Write' ? 'WriteLimitExceeded' : 'ResourceUnitLimitExceeded',
    });
  return {
    take: (appId, method, resourceUnits) => {
      const { graphRateLimits } = world.settings;
      const units = windows.take(`${appId}|units`, resourceUnits, graphRateLimits.resourceUnits);
      if (!units.allowed) throw refuse(appId, 'ReadWrite', units.resetsAfterSeconds);
      if (method === 'GET') return;
      const writes = windows.take(`${appId}|writes`, 1, graphRateLimits.writes);
      if (!writes.allowed) throw refuse(appId, 'Write', writes.resetsAfterSeconds);
    },
  };
}

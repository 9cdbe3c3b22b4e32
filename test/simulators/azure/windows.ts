import type { World } from './world.ts';

/** So many in so many seconds, counted in windows that begin with the first request. */
export interface WindowLimit {
  readonly limit: number;
  readonly seconds: number;
}

export interface Taken {
  readonly allowed: boolean;
  readonly remaining: number;
  /** Whole seconds until the window ends, at least 1. */
  readonly resetsAfterSeconds: number;
}

export interface Windows {
  readonly take: (key: string, cost: number, limit: WindowLimit) => Taken;
}

export function createWindows(world: World): Windows {
  const windows = new Map<string, { endsAt: number; used: number }>();
  return {
    take: (key, cost, limit) => {
      const now = world.now().getTime();
      const known = windows.get(key);
      const length = limit.seconds * 1000;
      // The clock can also be set back.
      const open = known !== undefined && known.endsAt > now && known.endsAt <= now + length;
      const current = open ? known : { endsAt: now + length, used: 0 };
      windows.set(key, current);
      const allowed = current.used + cost <= limit.limit;
      if (allowed) current.used += cost;
      return {
        allowed,
        remaining: Math.max(0, limit.limit - current.used),
        resetsAfterSeconds: Math.max(1, Math.ceil((current.endsAt - now) / 1000)),
      };
    },
  };
}

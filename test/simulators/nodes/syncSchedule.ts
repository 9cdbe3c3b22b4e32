import { synchronize, synchronizer } from './synchronization.ts';
import { instant, type NodeContext, type World } from './world.ts';

// The clusters' own synchronization with Azure, every 12 hours unless the settings say otherwise.

const longestTimerMilliseconds = 2 ** 31 - 1;

export interface SyncSchedule {
  /** To be called when a registration, the clock or the interval changed. */
  readonly plan: () => void;
  readonly stop: () => void;
}

export const createSyncSchedule = (world: World): SyncSchedule => {
  let timer: NodeJS.Timeout | undefined;

  const dueIn = (nextSync: string): number => Date.parse(nextSync) - world.now().getTime();

  const syncDue = (): void => {
    for (const [clusterName, { registration, nodes }] of Object.entries(world.state.clusters)) {
      if (registration === undefined || dueIn(registration.nextSync) > 0) continue;
      registration.nextSync = instant(world, world.settings.syncIntervalSeconds);
      const nodeName = Object.keys(nodes)[0];
      if (nodeName === undefined) continue;
      const context: NodeContext = { world, clusterName, nodeName };
      const by = synchronizer(context);
      // A failure shows in the nodes' ConnectionStatus; the next interval tries again.
      if (by !== undefined) synchronize(by).catch(() => undefined);
    }
    plan();
  };

  const plan = (): void => {
    clearTimeout(timer);
    if (world.closing.aborted) return;
    const due: number[] = [];
    for (const { registration } of Object.values(world.state.clusters)) {
      if (registration === undefined) continue;
      const latest = world.settings.syncIntervalSeconds * 1000;
      if (dueIn(registration.nextSync) > latest)
        registration.nextSync = instant(world, world.settings.syncIntervalSeconds);
      due.push(dueIn(registration.nextSync));
    }
    if (due.length === 0) return;
    timer = setTimeout(syncDue, Math.min(Math.max(0, Math.min(...due)), longestTimerMilliseconds)).unref();
  };

  return { plan, stop: () => clearTimeout(timer) };
};

import type { Exchange } from '../simulators/shared/admin.ts';
import type { Outside } from '../lab/lab.ts';
import type { Case, NamedWrite } from './cases.ts';
import type { Gate, KubeProxy, Seen } from './kube-proxy.ts';
import { happensBefore, restarts, simulatorEffect, type Effect } from './modes.ts';
import { createNumbering, externalWrite, occurrence, type Scope } from './writes.ts';

/** An old view is shown for so long at most, unless the controller has noticed before. */
const lagMs = 5_000;

export interface Perturbation {
  onExchange(exchange: Exchange): Promise<void>;
  gate: Gate;
  /** From now on writes count. */
  begin(): Promise<void>;
  /** All writes since then, in the order in which they were seen. */
  writes: readonly NamedWrite[];
  happened(): boolean;
  /** Nothing is counted or done any more. */
  stop(): void;
}

export interface Means {
  outside(): Outside;
  proxy(): KubeProxy;
  scope(): Scope;
  /** SIGKILL; resolves when the controller has ended. */
  kill(): Promise<void>;
  start(): void;
}

/** Counts the writes of a run, and does to one of them what the case says. */
export function createPerturbation(perturbed: Case | undefined, means: Means): Perturbation {
  const writes: NamedWrite[] = [];
  const [external, kubernetes] = [createNumbering(), createNumbering()];
  let counting = false;
  let happened = false;
  let view: 'new' | 'held' | 'shown' = 'new';
  let lag: NodeJS.Timeout | undefined;

  const release = () => {
    if (view === 'new') return;
    view = 'new';
    clearTimeout(lag);
    means.proxy().release();
  };
  const hold = () => {
    view = 'held';
    means.proxy().hold(() => {
      if (view !== 'held') return;
      view = 'shown';
      lag = setTimeout(release, lagMs);
    });
  };
  const strike = async ({ effect, mode }: Case) => {
    happened = true;
    const kills = restarts.includes(effect);
    if (kills) await means.kill();
    if (mode === 'stale') hold();
    if (kills) means.start();
  };
  const targeted = (name: string, where: 'external' | 'kubernetes'): Case | undefined =>
    counting &&
    !happened &&
    perturbed !== undefined &&
    (name === perturbed.write || (isOrdered(perturbed) && wordsOf(name) === wordsOf(perturbed.write))) &&
    (perturbed.target.series === 'kubernetes') === (where === 'kubernetes')
      ? perturbed
      : undefined;

  return {
    async onExchange(exchange) {
      const write = counting ? externalWrite(exchange, means.scope()) : undefined;
      if (write === undefined) return;
      const name = external(write.words);
      writes.push({ name, ...write.match });
      // The controller has acted upon the old view: that was the danger.
      if (view === 'shown') release();
      const target = targeted(name, 'external');
      if (target !== undefined && isHit(target.effect, exchange.response.status)) await strike(target);
    },
    async gate(words) {
      if (!counting) return { seen: 'pass', done: async () => 'answer' };
      const name = kubernetes(words);
      writes.push({ name, series: 'kubernetes' });
      const target = targeted(name, 'kubernetes');
      if (target !== undefined && happensBefore(target.effect)) {
        await strike(target);
        return { seen: refusals[target.effect] ?? 'drop', done: async () => 'answer' };
      }
      return {
        seen: 'pass',
        done: async (status) => {
          if (status === 409) release();
          if (target === undefined || status >= 300) return 'answer';
          await strike(target);
          return target.effect === 'answer cut' ? 'cut' : 'answer';
        },
      };
    },
    async begin() {
      counting = true;
      if (perturbed !== undefined) await order(means.outside(), perturbed);
    },
    writes,
    happened: () => happened,
    stop: () => {
      counting = false;
      release();
    },
  };
}

/**
 * The simulator counts requests as they come, and their names count them as they end. Of several side by side, the one that ended as was
 * ordered is the one.
 */
const isOrdered = ({ target: { series }, effect }: Case): boolean =>
  series !== 'kubernetes' && simulatorEffect(series, effect) !== undefined;
const wordsOf = (name: string): string => name.replace(/ #\d+$/, '');

/** Did the simulator do what was ordered? `status` is its answer, null for none. */
function isHit(effect: Effect, status: number | null): boolean {
  switch (effect) {
    case 'refused 429':
    case 'refused 500':
    case 'refused 503':
      return effect === `refused ${status}`;
    case 'failed':
      return status !== null && status !== 0;
    case 'answer cut':
    case 'killed before':
    case 'request cut':
    case 'timeout':
      return status === null;
    case 'killed after':
    case 'stale, restarted':
    case 'stale, running':
      return true;
  }
}

/** What the proxy does instead of passing a write on, where that is not to cut the connection. */
const refusals: Partial<Record<Effect, Seen>> = {
  'refused 429': { status: 429, retryAfterSeconds: 1 },
  'refused 500': { status: 500 },
  'refused 503': { status: 503 },
  timeout: 'hang',
};

/** Orders the fault from the simulator that the write goes to. */
async function order({ azure, nodes }: Outside, { target, effect, write }: Case): Promise<void> {
  if (target.series === 'kubernetes') return;
  const wanted = simulatorEffect(target.series, effect);
  if (wanted === undefined) return;
  const fault = { ...target.fault, after: occurrence(write) - 1, times: 1, effect: wanted };
  const { admin } = target.series === 'azure' ? azure : nodes;
  const answer = await fetch(`${admin}/faults`, { method: 'PUT', body: JSON.stringify([fault]) });
  if (!answer.ok) throw new Error(`the fault was refused: ${await answer.text()}`);
}

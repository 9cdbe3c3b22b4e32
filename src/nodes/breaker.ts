import type { Outcome } from './transport.ts';

/** What of a cluster's nodes was tried without any answer. */
interface Failing {
  count: number;
  /** Nothing is tried before (milliseconds, as the clock gives them). */
  until: number;
  pauseMs: number;
  detail: string;
  /** One operation may find out whether the nodes answer again. */
  trying: boolean;
}

export interface BreakerSettings {
  /** So many operations in a row, on any nodes of a cluster, that no node answered. */
  readonly failures: number;
  /** How long nothing is tried then; it doubles while the nodes stay silent. */
  readonly pauseMs: { readonly min: number; readonly max: number };
  readonly now: () => number;
}

export const defaultBreakerSettings: BreakerSettings = {
  failures: 4,
  pauseMs: { min: 5_000, max: 5 * 60_000 },
  now: () => performance.now(),
};

/**
 * A circuit breaker per cluster: nodes that do not answer are not asked again and again, each time for as long as an operation may take.
 * An error of the node itself, a wrong key or a misfit answer is an answer.
 */
export interface Breaker {
  /** Why nothing is to be tried on this cluster now; undefined when something may. */
  refusal(cluster: string): { detail: string; retryAfterSeconds: number } | undefined;
  /** `wasAborted`: we did not wait for an answer any more, so that there is none says nothing. */
  note(cluster: string, outcome: Outcome<unknown>, wasAborted: boolean): void;
  /** What was tried has told nothing of the nodes. */
  abandon(cluster: string): void;
  /** A person asks: try at once. */
  reset(cluster: string): void;
}

const isSilence = (outcome: Outcome<unknown>): boolean =>
  outcome.kind === 'unknown' ||
  (outcome.kind === 'unreachable' && ['dns', 'refused', 'timeout', 'noAnswer'].includes(outcome.cause));

/** Says nothing of the nodes: nothing was sent, and not because of them. */
const isOurs = (outcome: Outcome<unknown>): boolean =>
  (outcome.kind === 'unreachable' && ['aborted', 'address'].includes(outcome.cause)) ||
  (outcome.kind === 'protocol' && !outcome.sent);

export const createBreaker = (settings: BreakerSettings = defaultBreakerSettings): Breaker => {
  const { failures, pauseMs, now } = settings;
  const failing = new Map<string, Failing>();

  function abandon(cluster: string): void {
    const state = failing.get(cluster);
    if (state !== undefined) state.trying = false;
  }

  return {
    refusal(cluster) {
      const state = failing.get(cluster);
      if (state === undefined || state.count < failures) return undefined;
      const left = state.until - now();
      if (left <= 0 && !state.trying) {
        state.trying = true;
        return undefined;
      }
      return { detail: state.detail, retryAfterSeconds: Math.max(1, Math.ceil(left / 1000)) };
    },
    note(cluster, outcome, wasAborted) {
      if (isOurs(outcome)) return abandon(cluster);
      if (!isSilence(outcome)) {
        failing.delete(cluster);
        return;
      }
      if (wasAborted) return abandon(cluster);
      const state = failing.get(cluster);
      const detail = 'detail' in outcome ? outcome.detail : '';
      const count = (state?.count ?? 0) + 1;
      // Those that were under way when it opened do not lengthen the pause.
      const opens = count === failures || state?.trying === true;
      const pause = state?.trying === true ? Math.min(state.pauseMs * 2, pauseMs.max) : (state?.pauseMs ?? pauseMs.min);
      failing.set(cluster, {
        count,
        until: opens ? now() + pause : (state?.until ?? 0),
        pauseMs: pause,
        detail,
        trying: false,
      });
    },
    abandon,
    reset: (cluster) => void failing.delete(cluster),
  };
};

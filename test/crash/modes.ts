import type { Series } from './writes.ts';

/** What is done to one write. */
export const modes = ['kill-after', 'kill-before', 'cut', 'fault', 'stale'] as const;
export type Mode = (typeof modes)[number];

/** What exactly a mode does; where it has several ways, the seed chooses. */
export type Effect =
  | 'killed after'
  | 'killed before'
  | 'answer cut'
  | 'refused 429'
  | 'refused 500'
  | 'refused 503'
  | 'failed'
  | 'request cut'
  | 'timeout'
  | 'stale, restarted'
  | 'stale, running';

const same = (effect: Effect): Record<Series, readonly Effect[]> => ({
  azure: [effect],
  nodes: [effect],
  kubernetes: [effect],
});
const stale: readonly Effect[] = ['stale, restarted', 'stale, running'];

/** A node's timeout is left out: an operation has minutes to answer. */
export const effectsOf: Readonly<Record<Mode, Record<Series, readonly Effect[]>>> = {
  'kill-after': same('killed after'),
  'kill-before': same('killed before'),
  cut: same('answer cut'),
  fault: {
    azure: ['refused 429', 'refused 500', 'refused 503', 'request cut', 'timeout'],
    nodes: ['failed', 'request cut'],
    kubernetes: ['refused 429', 'refused 500', 'refused 503', 'request cut', 'timeout'],
  },
  stale: { azure: stale, nodes: stale, kubernetes: stale },
};

/** The write was done, and whoever asked for it was not told. */
export const lost: readonly Effect[] = ['killed after', 'answer cut', 'stale, restarted'];
/** The write was not done, and whoever asked for it cannot be sure of that. */
export const unsent: readonly Effect[] = ['killed before', 'request cut', 'timeout'];
/** The controller that goes on is another process. */
export const restarts: readonly Effect[] = ['killed after', 'killed before', 'stale, restarted'];

export const happensBefore = (effect: Effect): boolean => !lost.includes(effect) && effect !== 'stale, running';

const azureError = (status: number, code: string, headers: Record<string, string> = {}) => ({
  respond: { status, headers, body: { error: { code, message: 'Refused once by the crash harness.' } } },
});

/** How the simulators' admin API is asked for it; undefined where the harness itself does it. */
export function simulatorEffect(series: 'azure' | 'nodes', effect: Effect): object | undefined {
  switch (effect) {
    case 'answer cut':
      return { dropResponse: true };
    case 'killed before':
    case 'request cut':
      return { dropRequest: true };
    case 'timeout':
      return { hang: true };
    case 'failed':
      return {
        fail: {
          message: 'Refused once by the crash harness.',
          id: 'CrashHarness',
          reason: 'InvalidOperationException',
        },
      };
    case 'refused 429':
      return series === 'azure' ? azureError(429, 'TooManyRequests', { 'retry-after': '1' }) : undefined;
    case 'refused 500':
      return series === 'azure' ? azureError(500, 'InternalServerError') : undefined;
    case 'refused 503':
      return series === 'azure' ? azureError(503, 'ServiceUnavailable') : undefined;
    case 'killed after':
    case 'stale, restarted':
    case 'stale, running':
      return undefined;
  }
}

import { createBreaker, type BreakerSettings } from './breaker.ts';
import type { OperationArguments, OperationName, OperationResult } from './operations.ts';
import { createSlots } from './slots.ts';
import type { NodeEndpoint, NodeTransport, Outcome, RunOptions } from './transport.ts';

export interface NodePool {
  /**
   * Runs one operation on a node of a cluster. Rejects only if the transport does, against its contract. Waits for its turn; of a cluster whose nodes do not answer it answers
   * `unreachable` at once.
   */
  run<N extends OperationName>(
    cluster: string,
    node: NodeEndpoint,
    operationName: N,
    operationArguments: OperationArguments<N>,
    options: RunOptions,
  ): Promise<Outcome<OperationResult<N>>>;
  /** Forgets that the nodes of this cluster did not answer. */
  reset(cluster: string): void;
}

/** A node waits for an answer most of the time; what bounds this is memory and file descriptors. */
const operationsAtOnce = 256;
const operationsPerCluster = 16;

/** Where all work on nodes goes through: so much at once in all and per cluster, and none on a site that is dead. */
export const createNodePool = (transport: NodeTransport, breakerSettings?: BreakerSettings): NodePool => {
  const breaker = createBreaker(breakerSettings);
  const all = createSlots(operationsAtOnce);
  const perCluster = createSlots(operationsPerCluster);

  return {
    async run(cluster, node, operationName, operationArguments, options) {
      const what = `${operationName} on ${node.name}`;
      const { signal } = options;
      const leaveCluster = await perCluster.take(cluster, signal).catch(() => undefined);
      const leave = leaveCluster && (await all.take('', signal).catch(() => undefined));
      try {
        if (leave === undefined) {
          return { kind: 'unreachable', cause: 'aborted', detail: `${what}: aborted while it waited for its turn` };
        }
        const refusal = breaker.refusal(cluster);
        if (refusal !== undefined) {
          const { detail, retryAfterSeconds } = refusal;
          const next = `not tried, because no node of this cluster answered lately; the next try is in ${retryAfterSeconds} s`;
          return { kind: 'unreachable', cause: 'timeout', detail: `${what}: ${next}. The last failure: ${detail}` };
        }
        try {
          const outcome = await transport.run(node, operationName, operationArguments, options);
          breaker.note(cluster, outcome, signal.aborted);
          return outcome;
        } catch (error) {
          breaker.abandon(cluster);
          throw error;
        }
      } finally {
        leave?.();
        leaveCluster?.();
      }
    },
    reset: (cluster) => breaker.reset(cluster),
  };
};

import type { Logger } from 'pino';
import type { BulkAnswer, Inventory, Resources } from '../azure/inventory.ts';
import { changedClusters } from './bulk.ts';

/** Notices what changed between two answers of an inventory, whoever asked for them. */
export function createRowWatch(log: Logger) {
  const seen = new WeakMap<Inventory, { answer: BulkAnswer<Resources>; rows: Resources | undefined }>();

  return {
    /** Clusters, by their ids in lower case, whose rows changed since the answer that was seen last. None upon the first. */
    changes(inventory: Inventory): ReadonlySet<string> {
      const answer = inventory.resources.latest();
      const last = seen.get(inventory);
      if (answer === undefined || answer === last?.answer) return new Set();
      if (answer.kind === 'failed') {
        log.warn({ err: answer.error }, 'Resource Graph does not answer: what it would tell is read one by one');
        seen.set(inventory, { answer, rows: last?.rows });
        return new Set();
      }
      seen.set(inventory, { answer, rows: answer.rows });
      return last?.rows === undefined ? new Set() : changedClusters(last.rows, answer.rows);
    },
  };
}

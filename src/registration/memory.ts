import type { Reason } from '../api/reasons.ts';
import type { Submission } from '../api/status.ts';
import type { Fact, FactKey } from './facts.ts';

/** A failed try of a step. */
export interface StepFailure {
  count: number;
  at: Date;
  nextTry: Date;
  message: string;
  reason: Reason;
  needsPerson: boolean;
}

/** A long-running operation that was started. Its URL only serves to read why it failed; losing it loses nothing. */
export interface Operation {
  url: string | undefined;
  waitUntil: Date;
  /** What exactly was submitted, for steps whose effect cannot be read back (the thumbprints of an upload). */
  detail: string | undefined;
}

export interface RememberedFact {
  fact: Fact<unknown>;
  readAgainAt: Date;
  /** How often in a row it could not be read. */
  failures: number;
}

/**
 * What one registration's passes remember from one to the next. All of it may be lost at any time: a restart starts with an empty
 * memory and with the submissions that status holds.
 */
export interface Memory {
  facts: Map<string, RememberedFact>;
  failures: Map<string, StepFailure>;
  operations: Map<string, Operation>;
  submissions: Submission[];
  lastSync: Date | undefined;
}

export const createMemory = (submissions: Submission[] = []): Memory => ({
  facts: new Map(),
  failures: new Map(),
  operations: new Map(),
  submissions,
  lastSync: undefined,
});

/** Forgets facts. A key that ends with a slash stands for all that begin with it. */
export function expire(memory: Memory, keys: readonly (FactKey | 'probe/' | 'provider/' | 'operation/')[]): void {
  for (const key of keys) {
    if (key.endsWith('/')) {
      for (const known of memory.facts.keys()) if (known.startsWith(key)) memory.facts.delete(known);
    } else {
      memory.facts.delete(key);
    }
  }
}

/** Makes a fact be read again at this time, or earlier if it is due earlier. */
export function readAgain(memory: Memory, keys: readonly FactKey[], at: Date): void {
  for (const key of keys) {
    const remembered = memory.facts.get(key);
    if (remembered !== undefined && remembered.readAgainAt > at) remembered.readAgainAt = at;
  }
}

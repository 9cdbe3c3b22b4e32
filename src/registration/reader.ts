import type { Found } from '../azure/reads.ts';
import { describeFailure, nextTry } from './failures.ts';
import type { Fact } from './facts.ts';
import type { Memory } from './memory.ts';

/** Reads facts through the memory: what is still good is not read again, and what could not be read is tried again ever more slowly. */
export function createReader(memory: Memory, now: () => Date, signal: AbortSignal) {
  const touched = new Set<string>();

  async function read<T>(key: string, goodForMs: number, find: () => Promise<Found<T>>): Promise<Fact<T>> {
    touched.add(key);
    const remembered = memory.facts.get(key);
    // The key is the fact's name: what is remembered under it was found by the same reader.
    if (remembered !== undefined && remembered.readAgainAt > now()) return remembered.fact as Fact<T>;
    let fact: Fact<T>;
    let failures = 0;
    let readAgainAt = new Date(now().getTime() + goodForMs);
    try {
      const found = await find();
      const at = now();
      fact = found.found ? { state: 'present', value: found.value, at, via: 'live' } : { state: 'absent', at, via: 'live' };
    } catch (error) {
      signal.throwIfAborted();
      const failed = describeFailure(error);
      failures = (remembered?.failures ?? 0) + 1;
      const next = nextTry(failed, failures, now());
      if (next < readAgainAt) readAgainAt = next;
      fact = { state: 'unknown', why: { reason: failed.reason, message: failed.message }, at: now() };
    }
    memory.facts.set(key, { fact, readAgainAt, failures });
    return fact;
  }

  return {
    read,
    /** Drops what was not asked for in this pass, and tells when the next fact is due. */
    finish(): Date | undefined {
      let next: Date | undefined;
      for (const [key, { readAgainAt }] of memory.facts) {
        if (!touched.has(key)) memory.facts.delete(key);
        else if (next === undefined || readAgainAt < next) next = readAgainAt;
      }
      return next;
    },
  };
}
export type Reader = ReturnType<typeof createReader>;

export const found = <T>(value: T): Found<T> => ({ found: true, value });
export const unknown = (fact: { state: 'unknown' } & Fact<unknown>): Fact<never> => fact;

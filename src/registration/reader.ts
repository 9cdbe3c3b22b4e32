import type { Found } from '../azure/reads.ts';
import { describeFailure, nextTry } from './failures.ts';
import type { Fact, FactKey, FactValues } from './facts.ts';
import { rememberedKeys, type Memory, type Remembered } from './memory.ts';

/** Reads facts through the memory: what is still good is not read again, and what could not be read is tried again ever more slowly. */
export function createReader(memory: Memory, now: () => Date, signal: AbortSignal) {
  const touched = new Set<string>();

  async function read<K extends FactKey>(
    key: K,
    goodForMs: number,
    find: () => Promise<Found<FactValues[K]>>,
  ): Promise<Fact<FactValues[K]>> {
    touched.add(key);
    const facts: { [P in K]?: Remembered<FactValues[P]> } = memory.facts;
    const remembered = facts[key];
    if (remembered !== undefined && remembered.readAgainAt > now()) return remembered.fact;
    const next = await attempt(remembered?.failures ?? 0, goodForMs, find);
    facts[key] = next;
    return next.fact;
  }

  async function attempt<T>(
    failures: number,
    goodForMs: number,
    find: () => Promise<Found<T>>,
  ): Promise<Remembered<T>> {
    try {
      const found = await find();
      const at = now();
      const fact: Fact<T> = found.found
        ? { state: 'present', value: found.value, at, via: 'live' }
        : { state: 'absent', at, via: 'live' };
      return { fact, readAgainAt: new Date(at.getTime() + goodForMs), failures: 0 };
    } catch (error) {
      signal.throwIfAborted();
      const failed = describeFailure(error);
      const at = now();
      return {
        fact: { state: 'unknown', why: { reason: failed.reason, message: failed.message }, at },
        readAgainAt: new Date(Math.min(nextTry(failed, failures + 1, at).getTime(), at.getTime() + goodForMs)),
        failures: failures + 1,
      };
    }
  }

  return {
    read,
    /** Drops what was not asked for in this pass, and tells when the next fact is due. */
    finish(): Date | undefined {
      let next: Date | undefined;
      for (const key of rememberedKeys(memory)) {
        const readAgainAt = memory.facts[key]?.readAgainAt;
        if (readAgainAt === undefined || !touched.has(key)) delete memory.facts[key];
        else if (isLookedAfter(memory, key) && (next === undefined || readAgainAt < next)) next = readAgainAt;
      }
      return next;
    },
  };
}
/** Secrets that were read are read again when something else is due, and cause no pass of their own. */
const isLookedAfter = ({ facts }: Memory, key: FactKey): boolean =>
  !((key === 'session' || key === 'sshKeys') && facts[key]?.fact.state === 'present');

export type Reader = ReturnType<typeof createReader>;

export const found = <T>(value: T): Found<T> => ({ found: true, value });

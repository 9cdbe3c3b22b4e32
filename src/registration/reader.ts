import type { Found } from '../azure/reads.ts';
import { describeFailure, nextTry } from './failures.ts';
import { valueOf, type Fact, type FactKey, type FactValues } from './facts.ts';
import { rememberedKeys, type Memory, type Remembered } from './memory.ts';

/** What an answer for many tells, given what is known; undefined when it is to be read live. */
export type FromBulk<T> = (known: T | undefined) => Promise<{ value: T; at: Date } | undefined>;

/** Reads facts through the memory: what is still good is not read again, and what could not be read is tried again ever more slowly. */
export function createReader(memory: Memory, now: () => Date, signal: AbortSignal) {
  const touched = new Set<string>();

  async function read<K extends FactKey>(
    key: K,
    goodForMs: number,
    find: () => Promise<Found<FactValues[K]>>,
    bulk?: FromBulk<FactValues[K]>,
  ): Promise<Fact<FactValues[K]>> {
    touched.add(key);
    const facts: { [P in K]?: Remembered<FactValues[P]> } = memory.facts;
    const remembered = facts[key];
    if (remembered !== undefined && remembered.readAgainAt.getTime() - now().getTime() > alongMs(remembered, goodForMs))
      return remembered.fact;
    const next =
      (memory.atRest && bulk !== undefined ? await confirm(remembered?.fact, goodForMs, bulk) : undefined) ??
      (await attempt(remembered?.failures ?? 0, goodForMs, find, optional.test(key)));
    facts[key] = next;
    return next.fact;
  }

  async function confirm<T>(
    known: Fact<T> | undefined,
    goodForMs: number,
    bulk: FromBulk<T>,
  ): Promise<Remembered<T> | undefined> {
    const told = await bulk(valueOf(known));
    // What is older than what is known confirms nothing.
    if (told === undefined || (known !== undefined && told.at <= known.at)) return undefined;
    const fact: Fact<T> = { state: 'present', ...told, via: 'bulk' };
    // Counted from now: those that share an answer do not fall due together.
    return { fact, readAgainAt: new Date(now().getTime() + goodForMs), failures: 0 };
  }

  async function attempt<T>(
    failures: number,
    goodForMs: number,
    find: () => Promise<Found<T>>,
    mayBeForbidden: boolean,
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
      const settled = mayBeForbidden && failed.reason === 'ActionsMissing';
      const retryAt = settled ? Infinity : nextTry(failed, failures + 1, at).getTime();
      return {
        fact: { state: 'unknown', why: { reason: failed.reason, message: failed.message }, at },
        readAgainAt: new Date(Math.min(retryAt, at.getTime() + goodForMs)),
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
/** What falls due within moments is read along: each of those moments would bring a pass of its own. */
const alongMs = ({ failures }: { failures: number }, goodForMs: number): number =>
  failures > 0 ? 0 : Math.min(10_000, goodForMs / 90); // a retry that comes early makes the next one late

/** What the roles of Microsoft's page do not let be read: nothing needs it, so it is not asked for over and over. */
const optional = /^(permissions|groupPermissions\/.*|provider\/.*|machines|onboardingApplication)$/;

/** Secrets that were read are read again when something else is due, and cause no pass of their own. */
const isLookedAfter = ({ facts }: Memory, key: FactKey): boolean =>
  !(['session', 'sshKeys', 'knownHosts', 'onboardingSecret'].includes(key) && facts[key]?.fact.state === 'present');

export type Reader = ReturnType<typeof createReader>;

export const found = <T>(value: T): Found<T> => ({ found: true, value });

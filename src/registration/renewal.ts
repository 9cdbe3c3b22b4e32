import { createHash } from 'node:crypto';
import { durationMilliseconds } from '../api/schema.ts';
import type { Validity } from '../sign-in/validity.ts';

/**
 * When a credential is to be renewed: `renewBefore`, or a third of its lifetime if that is less, ahead of its expiry.
 * With `spread` up to half of that earlier, always the same for one text: a fleet made on one day is not rotated on one day.
 */
export function renewalTime({ notBefore, notAfter }: Validity, renewBefore: string, spread?: string): Date {
  const lifetimeMs = notBefore === undefined ? 0 : notAfter.getTime() - notBefore.getTime();
  const wantedMs = durationMilliseconds(renewBefore);
  const aheadMs = lifetimeMs > 0 ? Math.min(wantedMs, lifetimeMs / 3) : wantedMs;
  const fraction =
    spread === undefined ? 0 : createHash('sha256').update(spread).digest().readUInt16BE(0) / 0x1_0000 / 2;
  return new Date(notAfter.getTime() - aheadMs * (1 + fraction));
}

/** Of times as they came from outside; undefined when the expiry is no instant that a credential can have. */
export function parseValidity(given: {
  notBefore?: string | null | undefined;
  notAfter: string | null | undefined;
}): Validity | undefined {
  const notAfter = parseInstant(given.notAfter);
  return notAfter === undefined ? undefined : { notBefore: parseInstant(given.notBefore), notAfter };
}

function parseInstant(text: string | null | undefined): Date | undefined {
  const date = new Date(text ?? '');
  return Number.isNaN(date.getTime()) || !/^[2-9]\d{3}-/.test(date.toISOString()) ? undefined : date;
}

const maximumClockSkewMs = 5 * 60_000;

/** Our clock and Azure's differ by so much that nothing is rotated, revoked or called expired. */
export const clocksDiffer = (skewMs: number | undefined): boolean =>
  skewMs !== undefined && Math.abs(skewMs) > maximumClockSkewMs;

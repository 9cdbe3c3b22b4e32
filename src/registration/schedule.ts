import { createHash } from 'node:crypto';
import { durationMilliseconds } from '../api/schema.ts';
import type { HciClusterRegistration } from '../api/registration.ts';

/** What changes rarely, and where a change shows elsewhere first, is read this often. */
export const seldomMs = 6 * 3_600_000;

/** The interval with up to a tenth added, always the same for one object: a fleet made at one moment does not sync at one moment. */
export function jitteredMs(interval: string, uid: string): number {
  const fraction = createHash('sha256').update(uid).digest().readUInt16BE(0) / 0x1_0000;
  return Math.round(durationMilliseconds(interval) * (1 + fraction / 10));
}

export const syncIntervalMs = ({ spec, metadata }: Pick<HciClusterRegistration, 'spec' | 'metadata'>): number =>
  jitteredMs(spec.syncInterval, metadata.uid);

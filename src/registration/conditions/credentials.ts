import type { CredentialStatus } from '../../api/status.ts';
import type { Draft } from '../draft.ts';
import { no, unsure, yes, type Verdict } from './verdict.ts';

export function credentialsCurrent(tracked: Draft<CredentialStatus>[], now: Date): Verdict {
  const expired = tracked.filter(({ notAfter }) => notAfter !== undefined && Date.parse(notAfter) <= now.getTime());
  if (expired.length > 0) {
    return no('Expired', `Expired: ${expired.map(({ name, notAfter }) => `${name} on ${notAfter}`).join(', ')}.`);
  }
  if (tracked.length === 0) return unsure('ExpiryUnknown', 'No credential is tracked yet.');
  const unknown = tracked.filter(({ notAfter }) => notAfter === undefined);
  if (unknown.length > 0) {
    return unsure('ExpiryUnknown', `The expiry is not known of: ${unknown.map(({ name }) => name).join(', ')}.`);
  }
  const first = tracked.toSorted((a, b) => (a.notAfter ?? '').localeCompare(b.notAfter ?? ''))[0];
  return yes(
    `The first credential to expire is ${first?.name}, on ${first?.notAfter}. This version of the controller does not rotate credentials: spec.credentialRotation has no effect yet.`,
  );
}

import { seconds } from '../draft.ts';
import { clocksDiffer } from '../renewal.ts';
import type { TrackedCredential } from '../credentials.ts';
import { no, unsure, yes, type Verdict } from './verdict.ts';

const on = ({ validity }: TrackedCredential): string =>
  validity === undefined ? 'at an unknown time' : seconds(validity.notAfter);

/** Who renews it, or how. */
const how = ({ isRotated, renewal }: TrackedCredential): string =>
  isRotated ? 'the controller renews it' : `to renew it, ${renewal}`;

const listed = (credentials: TrackedCredential[], verb: string): string =>
  credentials.map((credential) => `${credential.name} ${verb} ${on(credential)}: ${how(credential)}.`).join(' ');

/** @param failure why the last try to renew one of them failed */
export function credentialsCurrent(
  tracked: readonly TrackedCredential[],
  given: { now: Date; clockSkewMs: number | undefined; failure: string | undefined },
): Verdict {
  const { now, failure } = given;
  if (tracked.length === 0) return unsure('ExpiryUnknown', 'No credential is tracked yet.');
  if (clocksDiffer(given.clockSkewMs)) {
    return unsure('ClockSkew', "The controller's clock and Azure's differ: nothing is rotated or called expired.");
  }
  const failed = failure === undefined ? '' : ` The last try to renew failed: ${failure}`;
  const expired = tracked.filter(({ validity }) => validity !== undefined && validity.notAfter <= now);
  if (expired.length > 0) return no('Expired', `${listed(expired, 'expired on')}${failed}`);
  const first = tracked
    .filter(({ validity }) => validity !== undefined)
    .toSorted((a, b) => (a.validity?.notAfter.getTime() ?? 0) - (b.validity?.notAfter.getTime() ?? 0))[0];
  if (failure !== undefined) {
    const until = first === undefined ? '' : `Until ${on(first)} nothing that is in use expires. `;
    return no('RotationFailed', `${until}${failure}`);
  }
  const soon = tracked.filter(({ renewalTime }) => renewalTime !== undefined && renewalTime <= now);
  if (soon.length > 0) return no('ExpiringSoon', listed(soon, 'expires on'));
  const unknown = tracked.filter(({ validity }) => validity === undefined);
  if (unknown.length > 0) {
    return unsure(
      'ExpiryUnknown',
      `The expiry is not known of: ${unknown.map(({ name }) => name).join(', ')}. It is never rotated by itself.`,
    );
  }
  return yes(first === undefined ? 'No credential expires.' : `The first to expire: ${listed([first], 'expires on')}`);
}

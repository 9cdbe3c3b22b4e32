import { arcSecretRenewal } from './credentials.ts';
import type { RenewalRequests } from './facts.ts';
import { clocksDiffer } from './renewal.ts';
import { ownArcSecret, type PlanInput, type Renews } from './step.ts';

// When the secret of the Arc service principal that the resource provider made is made anew, while the nodes hold one.

const requestKinds = ['rotate', 'repair'] as const;

/** Requests that no secret was made for yet. */
export function openRequests(input: PlanInput): RenewalRequests {
  const answered = ownArcSecret(input)?.answered ?? {};
  const open: RenewalRequests = {};
  for (const kind of requestKinds) {
    const asked = input.memory.renewalRequests[kind];
    if (asked !== undefined && asked !== answered[kind]) open[kind] = asked;
  }
  return open;
}

/** `held`: its time has come, and our clock cannot be trusted. An expiry that is not known is no reason. */
export function arcSecretRotation(input: PlanInput): 'none' | 'due' | 'held' {
  const { spec, observed, now } = input;
  const handedOver = ownArcSecret(input)?.handedOver;
  const renewalTime = handedOver && arcSecretRenewal(input, handedOver).renewalTime;
  const timeHasCome = spec.credentialRotation.mode === 'Auto' && renewalTime !== undefined && renewalTime <= now;
  const isRequested = Object.keys(openRequests(input)).length > 0;
  if (!timeHasCome && !isRequested) return 'none';
  return clocksDiffer(observed.clockSkewMs) ? 'held' : 'due';
}

/** Of the secret that the nodes hold; undefined when it has expired. */
export function renewsArcSecret(input: PlanInput): Renews | undefined {
  const handedOver = ownArcSecret(input)?.handedOver;
  const until = handedOver && arcSecretRenewal(input, handedOver).validity?.notAfter;
  return until !== undefined && until <= input.now && !clocksDiffer(input.observed.clockSkewMs) ? undefined : { until };
}

const rejectedForMs = 3_600_000;

/** A secret that is kept, and that cannot become good any more: it has expired, or Microsoft Entra has refused it for too long. */
export function heldSecretIsDead(input: PlanInput): boolean {
  const { observed, now } = input;
  const held = ownArcSecret(input)?.held;
  const validity = held && arcSecretRenewal(input, held).validity;
  if (validity === undefined || clocksDiffer(observed.clockSkewMs)) return false;
  const isRejected = observed.arcSignIn.state === 'unknown' && observed.arcSignIn.why.reason === 'CredentialRejected';
  const madeAt = validity.notBefore;
  return (
    validity.notAfter <= now || (isRejected && madeAt !== undefined && now.getTime() - madeAt.getTime() > rejectedForMs)
  );
}

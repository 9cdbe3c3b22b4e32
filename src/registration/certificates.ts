import type { ClusterResource } from '../azure/models.ts';
import type { Probe } from '../nodes/operations.ts';
import type { Validity } from '../sign-in/validity.ts';
import { clocksDiffer, parseValidity, renewalTime } from './renewal.ts';
import { certificateSet, members, type PlanInput, type Renews } from './step.ts';

// Registration certificates of nodes: which one is in use, and when a new one is to be made and put in its place. Nodes renew theirs by
// themselves while they are connected; this is for what is near its end all the same, and for what is refused already.

const dayMs = 86_400_000;
const minimumRemainingMs = 60 * dayMs; // Register-AzStackHCI refuses a certificate with less (9109)
/** One that is younger is not made anew by a repair: it is the answer to it. */
const freshMs = 3_600_000;

/** Of the certificate in use, as far as it is on record. */
export function certificateValidity({ certificate: { set }, registration }: Probe): Validity | undefined {
  const validity = parseValidity({ notBefore: set?.createdTime, notAfter: set?.notAfter });
  // A node that has connected after the expiry has renewed it by itself.
  const isOutdated =
    validity !== undefined && Date.parse(registration.lastConnected ?? '') > validity.notAfter.getTime();
  return isOutdated ? undefined : validity;
}

export const certificateRenewal = (input: PlanInput, validity: Validity): Date =>
  renewalTime(validity, input.spec.credentialRotation.renewBefore, `${input.target.mark}/NodeCertificate`);

/** The registration of this node has to be repaired, or somebody asks for it. */
export function needsRepair(input: PlanInput, probe: Probe): boolean {
  if (clocksDiffer(input.observed.clockSkewMs)) return false;
  if (input.memory.renewalRequests.repair !== undefined) return true;
  const { connectionStatus } = probe.registration;
  if (input.spec.credentialRotation.mode !== 'Auto') return false;
  return connectionStatus === 'RepairRegistrationRequired' || wasRefused(input, probe);
}

/** Microsoft Entra knows the application and not the key: the node's own rotation has failed, or somebody has replaced the certificates. */
const wasRefused = ({ memory }: PlanInput, { registration }: Probe): boolean =>
  registration.connectionStatus !== 'Connected' &&
  [...memory.failures].some(([key, { message }]) => /^Sync[A-Za-z]*\//.test(key) && /AADSTS700027\b/.test(message));

const isDue = (input: PlanInput, probe: Probe): boolean => {
  const validity = certificateValidity(probe);
  return (
    validity !== undefined &&
    input.spec.credentialRotation.mode === 'Auto' &&
    !clocksDiffer(input.observed.clockSkewMs) &&
    certificateRenewal(input, validity) <= input.now
  );
};

function isUsable({ certificate: { created } }: Probe, now: Date): boolean {
  const validity =
    created === null ? undefined : parseValidity({ notBefore: created.createdTime, notAfter: created.notAfter });
  if (validity === undefined) return false;
  const lifetimeMs = validity.notAfter.getTime() - (validity.notBefore?.getTime() ?? 0);
  return validity.notAfter.getTime() - now.getTime() > Math.min(minimumRemainingMs, lifetimeMs / 2);
}

const isFresh = ({ certificate: { created }, os }: Probe): boolean =>
  created !== null && Date.parse(os.currentTime) - Date.parse(created.createdTime) < freshMs;

/** What is made later takes the place of what is in use. */
function isSuccessor({ certificate: { created, set } }: Probe): boolean {
  if (created === null || set === null || created.thumbprint === set.thumbprint) return false;
  return set.createdTime === null || Date.parse(created.createdTime) > Date.parse(set.createdTime);
}

/**
 * `create`: a certificate is to be made. `use`: one was made, and is to be uploaded and set. `renews`: until then the one in use works.
 */
export function certificateNeed(
  input: PlanInput,
  probe: Probe,
  resource: ClusterResource,
): { need: 'none' | 'create' | 'use'; renews?: Renews } {
  const usable = isUsable(probe, input.now);
  if (!certificateSet(probe, input, resource)) return { need: usable ? 'use' : 'create' };
  const until = certificateValidity(probe)?.notAfter;
  const works = probe.registration.connectionStatus === 'Connected' && (until === undefined || until > input.now);
  const renews = works ? { renews: { until } } : {};
  if (usable && isSuccessor(probe)) return { need: 'use', ...renews };
  const { created, set } = probe.certificate;
  if (repairs(input, probe)) {
    if (!isFresh(probe) || !usable) return { need: 'create', ...renews };
    if (set === null || created?.thumbprint !== set.thumbprint) return { need: 'use', ...renews };
    // The application has lost it, or an upload without it came last.
    return wasRefused(input, probe) ? { need: 'use' } : { need: 'none' };
  }
  return isDue(input, probe) ? { need: 'create', ...renews } : { need: 'none' };
}

/** A repair is for all nodes whose certificate is not on record: an upload could not carry it. */
function repairs(input: PlanInput, probe: Probe): boolean {
  if (needsRepair(input, probe)) return true;
  const isOnRecord = probe.certificate.set?.certificate !== null && probe.certificate.set !== null;
  return !isOnRecord && members(input).some((other) => other.probe !== undefined && needsRepair(input, other.probe));
}

/** What one upload carries: of each node the certificate that is in use, and the one that takes its place. */
export function certificatesToUpload(input: PlanInput): { certificate: string; thumbprint: string }[] {
  const found = new Map<string, string>();
  for (const { probe } of members(input)) {
    const { created = null, set = null } = probe?.certificate ?? {};
    for (const one of [created, set]) {
      if (one === null || one.certificate === null || one.notAfter === null) continue;
      if (Date.parse(one.notAfter) > input.now.getTime()) found.set(one.thumbprint, one.certificate);
    }
  }
  return [...found]
    .map(([thumbprint, certificate]) => ({ thumbprint, certificate }))
    .toSorted((a, b) => (a.thumbprint < b.thumbprint ? -1 : 1));
}

/** An upload that replaces what is there would lock these nodes out: their certificates are in use and not on record. */
export const notCarried = (input: PlanInput, resource: ClusterResource): string[] =>
  members(input).flatMap(({ name, probe }) => {
    if (probe === undefined || certificateNeed(input, probe, resource).need !== 'none') return [];
    const { set, created } = probe.certificate;
    const isOnRecord = set === null ? created !== null : set.certificate !== null;
    return isOnRecord ? [] : [name];
  });

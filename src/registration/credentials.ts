import type { CredentialStatus } from '../api/status.ts';
import { seconds, word, type Draft } from './draft.ts';
import { valueOf, type SecretKey } from './facts.ts';
import type { Validity } from '../sign-in/validity.ts';
import { certificateRenewal, certificateValidity } from './certificates.ts';
import { parseValidity, renewalTime } from './renewal.ts';
import { arcWanted, members, nonEmpty, ownArcSecret, type PlanInput } from './step.ts';

/** A credential in use, with what is known of it. */
export interface TrackedCredential {
  /** As status.credentials names it. */
  name: string;
  /** Undefined: its expiry is not known, so it is never renewed by itself. */
  validity: Validity | undefined;
  /** Undefined as long as the expiry is. */
  renewalTime: Date | undefined;
  keyId: string | undefined;
  source: string;
  /** The controller renews it by itself when its time has come. */
  isRotated: boolean;
  /** How a person renews it. */
  renewal: string;
}

const maximumCredentials = 32;

/** Every credential that the cluster, or the controller for it, uses. */
export const trackedCredentials = (input: PlanInput): TrackedCredential[] =>
  [...signInCredential(input), ...arcServicePrincipal(input), ...nodeCertificates(input)].slice(0, maximumCredentials);

/** Federated tokens and managed identities have nothing that expires. */
function signInCredential({ spec, observed }: PlanInput): TrackedCredential[] {
  const { type, clientSecret, clientCertificate } = spec.azure.identity;
  if (type !== 'ClientSecret' && type !== 'ClientCertificate') return [];
  const validity = observed.signInValidity;
  const secret = (clientSecret ?? clientCertificate)?.secretRef.name ?? '';
  const content = type === 'ClientSecret' ? 'clientSecret (and expiresOn)' : 'tls.crt and tls.key';
  return [
    {
      name: 'SignIn',
      validity,
      renewalTime: validity && renewalTime(validity, spec.credentialRotation.renewBefore),
      keyId: undefined,
      source: type,
      isRotated: false,
      renewal: `put a new one into ${content} of Secret ${secret}`,
    },
  ];
}

/** Of the secret that the resource provider makes with generatePassword. */
export function arcSecretRenewal(
  input: PlanInput,
  key: SecretKey,
): Pick<TrackedCredential, 'validity' | 'renewalTime'> {
  const validity = parseValidity(key);
  const { renewBefore } = input.spec.credentialRotation;
  return {
    validity,
    renewalTime: validity && renewalTime(validity, renewBefore, `${input.target.mark}/ArcServicePrincipal`),
  };
}

function arcServicePrincipal(input: PlanInput): TrackedCredential[] {
  const { spec, observed } = input;
  if (spec.arc.state === 'Disabled') return [];
  if (spec.arc.onboarding.type === 'ServicePrincipal') return onboardingSecret(input);
  const secret = ownArcSecret(input);
  const tracked = (name: string, key: SecretKey, source: string): TrackedCredential => ({
    name,
    ...arcSecretRenewal(input, key),
    keyId: key.keyId,
    source,
    isRotated: spec.credentialRotation.mode === 'Auto' && spec.managementPolicy === 'Manage',
    renewal: 'annotate the object with azurestackhci.io/rotate-requested-at',
  });
  // Of what somebody else has handed to the nodes nothing is known but that it is there.
  const unknown = { keyId: undefined, notBefore: undefined, notAfter: undefined };
  const nodesHoldOne =
    arcWanted(input) && members(input).some(({ probe }) => nonEmpty(probe?.arc?.applicationId ?? undefined));
  const current =
    secret?.handedOver !== undefined
      ? [tracked('ArcServicePrincipal', secret.handedOver, 'generatePassword')]
      : nodesHoldOne && observed.arcSecret.state !== 'unknown'
        ? [tracked('ArcServicePrincipal', unknown, 'Node')]
        : [];
  return secret?.held === undefined
    ? current
    : [...current, tracked('ArcServicePrincipal/next', secret.held, 'generatePassword')];
}

/** Of the service principal of the user's own: as Microsoft Graph tells where that may be asked, else as its Secret does. */
function onboardingSecret({ spec, observed }: PlanInput): TrackedCredential[] {
  const own = valueOf(observed.onboardingSecret);
  if (own === undefined) return [];
  const alike = valueOf(observed.onboardingApplication)?.passwordCredentials.filter(({ hint }) => hint === own.hint);
  // Of several that begin alike it is not known which one it is.
  const [shown] = alike?.length === 1 ? alike : [];
  const told = shown && parseValidity({ notBefore: shown.startDateTime, notAfter: shown.endDateTime });
  const validity = told ?? (own.notAfter && { notBefore: undefined, notAfter: own.notAfter });
  return [
    {
      name: 'ArcServicePrincipal',
      validity,
      renewalTime: validity && renewalTime(validity, spec.credentialRotation.renewBefore),
      keyId: told && shown?.keyId,
      source: told === undefined ? 'Secret' : 'Graph',
      isRotated: false,
      renewal: `add a client secret to the application (az ad app credential reset --id ${own.appId} --append) and put it into clientSecret (and expiresOn) of Secret ${spec.arc.onboarding.servicePrincipal?.secretRef.name ?? ''}`,
    },
  ];
}

/** Registration certificates. What the cmdlet made, or a node has renewed by itself, is not on record. */
function nodeCertificates(input: PlanInput): TrackedCredential[] {
  const { spec } = input;
  return members(input).flatMap(({ name, probe }): TrackedCredential[] => {
    if (probe === undefined || !nonEmpty(probe.registration.azureResourceUri)) return [];
    const { set } = probe.certificate;
    const validity = certificateValidity(probe);
    return [
      {
        name: `NodeCertificate/${name}`,
        validity,
        renewalTime: validity && certificateRenewal(input, validity),
        keyId: validity && set?.thumbprint,
        source: 'Node',
        isRotated: spec.credentialRotation.mode === 'Auto' && spec.managementPolicy === 'Manage',
        renewal: 'annotate the object with azurestackhci.io/repair-requested-at',
      },
    ];
  });
}

export const reportCredentials = (tracked: readonly TrackedCredential[]): Draft<CredentialStatus>[] =>
  tracked.map(({ name, validity, renewalTime: renewal, keyId, source }) => ({
    name,
    notBefore: validity?.notBefore && seconds(validity.notBefore),
    notAfter: validity && seconds(validity.notAfter),
    renewalTime: renewal && seconds(renewal),
    keyId: word(keyId),
    source,
  }));

/** The next renewal that lies ahead: a pass is due then. */
export function nextRenewal(tracked: readonly TrackedCredential[], now: Date): Date | undefined {
  const ahead = tracked.flatMap(({ isRotated, renewalTime: at }) =>
    isRotated && at !== undefined && at > now ? at.getTime() : [],
  );
  return ahead.length === 0 ? undefined : new Date(Math.min(...ahead));
}

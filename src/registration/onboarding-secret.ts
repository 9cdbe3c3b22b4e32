import { createHash } from 'node:crypto';
import { group } from '../api/group.ts';
import type { HciClusterRegistration } from '../api/registration.ts';
import type { Found } from '../azure/reads.ts';
import type { KubeClient } from '../kube/client.ts';
import type { OnboardingSecretStore } from './clients.ts';
import type { OnboardingRecord, OnboardingSecret } from './facts.ts';
import { ownedSecret } from './owned-secret.ts';
import { SecretProblem } from '../sign-in/problems.ts';
import { readExpiresOn, readSecret, type SecretReader } from '../sign-in/sessions.ts';

const annotation = {
  appId: `${group}/app-id`,
  handedOver: `${group}/handed-over`,
  found: `${group}/found`,
  repair: `${group}/repair`,
} as const;
const writeTimeoutMs = 30_000;
const guid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export interface ReadableOnboardingSecretStore extends OnboardingSecretStore {
  /** The user's Secret. @throws SecretProblem when it, or a key of it, is missing or not usable */
  readSecret(signal: AbortSignal): Promise<Found<OnboardingSecret>>;
  readRecord(signal: AbortSignal): Promise<Found<OnboardingRecord>>;
}

export const onboardingRecordName = (registration: string): string => `${registration}-arc-onboarding`;

/** Tells one secret from another. Microsoft Entra makes them at random, so that the text does not follow from it. */
const fingerprintOf = (appId: string, text: string): string =>
  createHash('sha256').update(`${appId.toLowerCase()}\n${text}`).digest('base64url').slice(0, 16);

/**
 * The secret of the user's own Arc service principal, which is read from the user's Secret and never written there; and, in a Secret that
 * this object owns, which secret the nodes were given: a node does not tell.
 */
export function createOnboardingSecretStore(
  kube: KubeClient,
  secrets: SecretReader,
  registration: HciClusterRegistration,
): ReadableOnboardingSecretStore {
  const { namespace, name } = registration.metadata;
  const own = ownedSecret(kube, registration, onboardingRecordName(name));

  async function read(signal: AbortSignal): Promise<OnboardingSecret & { text: string }> {
    const secretRef = registration.spec.arc.onboarding.servicePrincipal?.secretRef;
    if (secretRef === undefined) throw new SecretProblem('spec.arc.onboarding.servicePrincipal is not set');
    const secret = await readSecret(secrets, namespace, secretRef.name, signal);
    const appId = secret.required('clientId').trim();
    if (!guid.test(appId))
      throw new SecretProblem(
        `Secret ${namespace}/${secretRef.name}: clientId is not an application id such as 11111111-2222-3333-4444-555555555555.`,
      );
    const text = secret.required('clientSecret').trim();
    const notAfter = readExpiresOn(secret, `${namespace}/${secretRef.name}`);
    return { appId, fingerprint: fingerprintOf(appId, text), hint: text.slice(0, 3), notAfter, text };
  }

  async function record(annotations: Record<string, string>): Promise<void> {
    const signal = AbortSignal.timeout(writeTimeoutMs);
    await own.refuseForeign('keeps record there of what the nodes hold', signal);
    await own.write({ annotations }, signal);
  }

  return {
    async readSecret(signal) {
      const { text: _, ...value } = await read(signal);
      return { found: true, value };
    },
    async readRecord(signal) {
      const annotations = (await own.read(signal))?.metadata.annotations;
      const appId = annotations?.[annotation.appId];
      if (appId === undefined) return { found: false };
      return {
        found: true,
        value: {
          appId,
          handedOver: annotations?.[annotation.handedOver],
          repair: annotations?.[annotation.repair],
          found: annotations?.[annotation.found],
        },
      };
    },
    async readText(fingerprint) {
      const current = await read(AbortSignal.timeout(writeTimeoutMs));
      if (current.fingerprint !== fingerprint)
        throw new SecretProblem('The Secret of spec.arc.onboarding.servicePrincipal has just changed.');
      return current.text;
    },
    recordHandedOver: (appId, fingerprint, repair) =>
      record({
        [annotation.appId]: appId,
        [annotation.handedOver]: fingerprint,
        ...(repair === undefined ? {} : { [annotation.repair]: repair }),
      }),
    recordFound: (appId, fingerprint) => record({ [annotation.appId]: appId, [annotation.found]: fingerprint }),
  };
}

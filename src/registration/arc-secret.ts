import { setTimeout as delay } from 'node:timers/promises';
import { group, pokes } from '../api/group.ts';
import type { HciClusterRegistration } from '../api/registration.ts';
import type { Found } from '../azure/reads.ts';
import type { KubeClient } from '../kube/client.ts';
import type { ArcSecretStore } from './clients.ts';
import { ownedSecret } from './owned-secret.ts';
import { SecretProblem } from '../sign-in/problems.ts';
import { SecretNotKept } from './failures.ts';
import type { ArcSecret, RenewalRequests, SecretKey } from './facts.ts';

const appIdAnnotation = `${group}/app-id`;
const requestAnnotations = { rotate: pokes.rotate, repair: pokes.repair } as const;
const keyAnnotations = (prefix: '' | 'next-') =>
  ({
    keyId: `${group}/${prefix}key-id`,
    notBefore: `${group}/${prefix}not-before`,
    notAfter: `${group}/${prefix}not-after`,
  }) as const;
const handedOver = keyAnnotations('');
const held = keyAnnotations('next-');

const textKey = 'clientSecret';
const writeTimeoutMs = 15_000;
const keepTries = 4;
const firstPauseMs = 250;

type Annotations = Record<string, string>;

export interface ReadableArcSecretStore extends ArcSecretStore {
  read(signal: AbortSignal): Promise<Found<ArcSecret>>;
}

export const arcSecretName = (registration: string): string => `${registration}-arc-service-principal`;

/**
 * The secret of the Arc service principal that the HCI resource provider makes, in a Secret that this object owns: from the moment it is
 * made until the nodes hold it. What is known of it stays in annotations, because backups drop status: `key-id`, `not-before` and
 * `not-after` of what the nodes hold, and the same with `next-` of what they are yet to be given.
 */
export function createArcSecretStore(
  kube: KubeClient,
  registration: HciClusterRegistration,
  pause: (ms: number) => Promise<void> = delay,
): ReadableArcSecretStore {
  const { namespace } = registration.metadata;
  const name = arcSecretName(registration.metadata.name);
  const own = ownedSecret(kube, registration, name);

  const write = (annotations: Annotations, text: string | undefined) =>
    own.write(
      {
        annotations,
        ...(text === undefined ? {} : { data: { [textKey]: Buffer.from(text).toString('base64') } }),
      },
      AbortSignal.timeout(writeTimeoutMs),
    );
  /** What stands there of this application. A write leaves out what it does not repeat. */
  const known = async (appId: string): Promise<Annotations> => {
    const annotations = (await own.read(AbortSignal.timeout(writeTimeoutMs)))?.metadata.annotations ?? {};
    return annotations[appIdAnnotation] === appId ? annotations : {};
  };

  return {
    async read(signal) {
      const secret = await own.read(signal);
      const annotations = secret?.metadata.annotations ?? {};
      const appId = annotations[appIdAnnotation];
      if (secret === undefined || appId === undefined) return { found: false };
      const hasText = secret.data?.[textKey] !== undefined;
      const before = keyFrom(handedOver, annotations);
      return {
        found: true,
        value: {
          appId,
          handedOver: isKnown(before) ? before : undefined,
          held: hasText ? keyFrom(held, annotations) : undefined,
          answered: requestsFrom(annotations),
        },
      };
    },
    async prepare(appId) {
      const use = "keeps the Arc service principal's secret under that name";
      await own.refuseForeign(use, AbortSignal.timeout(writeTimeoutMs));
      const annotations = await known(appId);
      await write({ [appIdAnnotation]: appId, ...requestsOf(annotations), ...handedOverOf(annotations) }, undefined);
    },
    async keep(appId, { secretText, keyId, startDateTime, endDateTime }, requests) {
      const next = toAnnotations(held, { keyId, notBefore: startDateTime, notAfter: endDateTime });
      for (let tries = 1; ; tries += 1) {
        try {
          const annotations = await known(appId);
          const answers = toAnnotations(requestAnnotations, { ...requestsFrom(annotations), ...requests });
          await write({ [appIdAnnotation]: appId, ...answers, ...handedOverOf(annotations), ...next }, secretText);
          return;
        } catch (cause) {
          if (tries === keepTries) throw new SecretNotKept({ namespace, name, appId, keyId }, cause);
          await pause(firstPauseMs * 4 ** (tries - 1));
        }
      }
    },
    async readText() {
      const text = (await own.read(AbortSignal.timeout(writeTimeoutMs)))?.data?.[textKey];
      if (text === undefined)
        throw new SecretProblem(`Secret ${namespace}/${name} holds no secret of the Arc service principal`);
      return Buffer.from(text, 'base64').toString('utf8');
    },
    async dropText(appId) {
      const annotations = await known(appId);
      if (annotations[appIdAnnotation] !== appId) return;
      const next = keyFrom(held, annotations);
      const kept = isKnown(next) ? toAnnotations(handedOver, next) : handedOverOf(annotations);
      await write({ [appIdAnnotation]: appId, ...requestsOf(annotations), ...kept }, undefined);
    },
  };
}

const keyFrom = (names: Record<keyof SecretKey, string>, annotations: Annotations): SecretKey => ({
  keyId: annotations[names.keyId],
  notBefore: annotations[names.notBefore],
  notAfter: annotations[names.notAfter],
});
const handedOverOf = (annotations: Annotations): Annotations =>
  toAnnotations(handedOver, keyFrom(handedOver, annotations));

const requestsFrom = (annotations: Annotations): RenewalRequests => ({
  rotate: annotations[requestAnnotations.rotate],
  repair: annotations[requestAnnotations.repair],
});
const requestsOf = (annotations: Annotations): Annotations =>
  toAnnotations(requestAnnotations, requestsFrom(annotations));

const toAnnotations = <F extends string>(
  names: Record<F, string>,
  values: { [K in F]?: string | undefined },
): Annotations => {
  const found: Annotations = {};
  for (const field in names) {
    const value = values[field];
    if (value !== undefined) found[names[field]] = value;
  }
  return found;
};

const isKnown = (key: SecretKey): boolean => Object.values(key).some((value) => value !== undefined);

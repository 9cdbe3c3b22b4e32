import { fieldManager, group } from '../api/group.ts';
import { kind, type HciClusterRegistration } from '../api/registration.ts';
import { apiVersion } from '../api/group.ts';
import type { Found } from '../azure/reads.ts';
import type { KubeClient } from '../kube/client.ts';
import { secrets } from '../kube/core.ts';
import { apply, get } from '../kube/resource.ts';
import type { ArcSecretStore } from './clients.ts';
import { SecretProblem } from '../sign-in/problems.ts';
import type { ArcSecret } from './facts.ts';

const annotation = { appId: `${group}/app-id`, keyId: `${group}/key-id`, notAfter: `${group}/not-after` } as const;
const managedBy = 'app.kubernetes.io/managed-by';
const textKey = 'clientSecret';
const writeTimeoutMs = 30_000;

export interface ReadableArcSecretStore extends ArcSecretStore {
  read(signal: AbortSignal): Promise<Found<ArcSecret>>;
}

export const arcSecretName = (registration: string): string => `${registration}-arc-service-principal`;

/**
 * The secret of the Arc service principal that the HCI resource provider makes, in a Secret that this object owns: from the moment it is
 * made until the nodes hold it. Key id and expiry stay in annotations, because backups drop status.
 */
export function createArcSecretStore(kube: KubeClient, registration: HciClusterRegistration): ReadableArcSecretStore {
  const { namespace, name: owner, uid } = registration.metadata;
  const name = arcSecretName(owner);

  const read = (signal: AbortSignal | undefined) => get(kube, secrets, { namespace, name }, { signal });
  const write = (annotations: Record<string, string>, text: string | undefined) =>
    apply(
      kube,
      secrets,
      {
        metadata: {
          namespace,
          name,
          annotations,
          labels: { [managedBy]: fieldManager },
          ownerReferences: [{ apiVersion, kind, name: owner, uid, controller: true }],
        },
        type: 'Opaque',
        ...(text === undefined ? {} : { data: { [textKey]: Buffer.from(text).toString('base64') } }),
      },
      { fieldManager, force: true, signal: AbortSignal.timeout(writeTimeoutMs) },
    );

  return {
    async read(signal) {
      const secret = await read(signal);
      const appId = secret?.metadata.annotations?.[annotation.appId];
      if (secret === undefined || appId === undefined) return { found: false };
      const annotations = secret.metadata.annotations ?? {};
      return {
        found: true,
        value: {
          appId,
          keyId: annotations[annotation.keyId],
          notAfter: annotations[annotation.notAfter],
          hasText: secret.data?.[textKey] !== undefined,
        },
      };
    },
    async prepare(appId) {
      const present = await read(undefined);
      if (present !== undefined && present.metadata.labels?.[managedBy] !== fieldManager) {
        throw new SecretProblem(
          `Secret ${namespace}/${name} exists and is not ours. Rename it: the controller keeps the Arc service principal's secret under that name.`,
        );
      }
      await write({ [annotation.appId]: appId }, undefined);
    },
    async keep(appId, { secretText, keyId, endDateTime }) {
      const known = {
        ...(keyId === undefined ? {} : { [annotation.keyId]: keyId }),
        ...(endDateTime === undefined ? {} : { [annotation.notAfter]: endDateTime }),
      };
      await write({ [annotation.appId]: appId, ...known }, secretText);
    },
    async readText() {
      const text = (await read(undefined))?.data?.[textKey];
      if (text === undefined)
        throw new SecretProblem(`Secret ${namespace}/${name} holds no secret of the Arc service principal`);
      return Buffer.from(text, 'base64').toString('utf8');
    },
    async dropText(appId) {
      const annotations = (await read(undefined))?.metadata.annotations ?? {};
      if (annotations[annotation.appId] !== appId) return;
      const kept = Object.values(annotation).flatMap((key) =>
        annotations[key] === undefined ? [] : [[key, annotations[key]] as const],
      );
      await write(Object.fromEntries(kept), undefined);
    },
  };
}

import { apiVersion, fieldManager } from '../api/group.ts';
import { kind, type HciClusterRegistration } from '../api/registration.ts';
import type { KubeClient } from '../kube/client.ts';
import { secrets, type Secret } from '../kube/core.ts';
import { apply, get } from '../kube/resource.ts';
import { SecretProblem } from '../sign-in/problems.ts';

const managedBy = 'app.kubernetes.io/managed-by';

/** A Secret that the registration owns: it goes with it. */
export interface OwnedSecret {
  read(signal: AbortSignal): Promise<Secret | undefined>;
  /** @param use what the controller does with a Secret of this name. @throws SecretProblem when somebody else's has it */
  refuseForeign(use: string, signal: AbortSignal): Promise<void>;
  /** All that it is to hold: what is not repeated goes. */
  write(
    content: { annotations: Record<string, string>; data?: Record<string, string> },
    signal: AbortSignal,
  ): Promise<void>;
}

export function ownedSecret(
  kube: KubeClient,
  { metadata: { namespace, name: owner, uid } }: HciClusterRegistration,
  name: string,
): OwnedSecret {
  const read = (signal: AbortSignal) => get(kube, secrets, { namespace, name }, { signal });
  return {
    read,
    async refuseForeign(use, signal) {
      const present = await read(signal);
      if (present !== undefined && present.metadata.labels?.[managedBy] !== fieldManager)
        throw new SecretProblem(
          `Secret ${namespace}/${name} exists and is not ours. Rename it: the controller ${use}.`,
        );
    },
    async write({ annotations, ...content }, signal) {
      const labels = { [managedBy]: fieldManager };
      const ownerReferences = [{ apiVersion, kind, name: owner, uid, controller: true }];
      const metadata = { namespace, name, annotations, labels, ownerReferences };
      await apply(kube, secrets, { metadata, type: 'Opaque', ...content }, { fieldManager, force: true, signal });
    },
  };
}

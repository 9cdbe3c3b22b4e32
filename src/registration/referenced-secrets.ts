import type { Logger } from 'pino';
import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { watchLabel } from '../api/group.ts';
import type { KubeClient } from '../kube/client.ts';
import { secrets, type Secret } from '../kube/core.ts';
import { KubeError } from '../kube/kube-error.ts';
import { createReferencedObjects, type ReferencedObjects } from '../kube/referenced.ts';
import { keyOf } from '../kube/resource.ts';
import type { KubeObject } from '../kube/schema.ts';

const HasSecretRef = Type.Object({ secretRef: Type.Object({ name: Type.String() }) });
const NamesKnownHosts = Type.Object({ knownHostsRef: Type.Optional(Type.Object({ name: Type.String() })) });
const NamesSecrets = Compile(
  Type.Object({
    spec: Type.Object({
      azure: Type.Object({
        identity: Type.Object({
          clientSecret: Type.Optional(HasSecretRef),
          clientCertificate: Type.Optional(HasSecretRef),
        }),
      }),
      nodes: Type.Object({
        transport: Type.Object({ ssh: Type.Optional(Type.Intersect([HasSecretRef, NamesKnownHosts])) }),
      }),
      arc: Type.Optional(
        Type.Object({
          onboarding: Type.Optional(Type.Object({ servicePrincipal: Type.Optional(HasSecretRef) })),
        }),
      ),
    }),
  }),
);

/** The Secrets that a registration names and the controller reads, as `namespace/name`: an index of the store. */
export function namedSecrets(registration: KubeObject): string[] {
  if (!NamesSecrets.Check(registration)) return [];
  const { azure, nodes, arc } = registration.spec;
  const { namespace } = registration.metadata;
  const { ssh } = nodes.transport;
  return [
    azure.identity.clientSecret?.secretRef,
    azure.identity.clientCertificate?.secretRef,
    ssh?.secretRef,
    ssh?.knownHostsRef,
    arc?.onboarding?.servicePrincipal?.secretRef,
  ].flatMap((reference) => (reference === undefined ? [] : [keyOf({ namespace, name: reference.name })]));
}

/**
 * Secrets with the label `azurestackhci.io/watch: "true"`, whose changes are noticed at once; their metadata is watched, never their
 * content. Any other Secret can be read as well. Without the right to watch all works, and a change is noticed when it is read next.
 */
export function createReferencedSecrets(options: {
  client: KubeClient;
  /** Default: all namespaces. */
  namespace?: string;
  /** A labelled Secret, as `namespace/name`, was made, changed or deleted. Not called for those that were there at the start. */
  onChange(secret: string): void;
  log: Logger;
}): ReferencedObjects<Secret> {
  const { client, namespace, log } = options;
  let hasToldForbidden = false;
  const referenced = createReferencedObjects({
    client,
    type: secrets,
    ...(namespace === undefined ? {} : { namespace }),
    labelSelector: `${watchLabel}=true`,
    onChange: (secret) => {
      if (referenced.hasSynced()) options.onChange(secret);
    },
    onError: (error) => {
      if (!(error instanceof KubeError) || error.status !== 403) {
        log.warn({ err: error }, 'watching labelled Secrets');
      } else if (!hasToldForbidden) {
        hasToldForbidden = true;
        log.warn({ err: error }, 'not allowed to watch Secrets: their changes are noticed at the next sync');
      }
    },
  });
  return referenced;
}

import { Type, type TSchema } from 'typebox';
import { Value } from 'typebox/value';
import { apiVersion } from './group.ts';
import { object, optional, type Rule, type Static } from './schema.ts';
import { RegistrationSpec } from './spec.ts';
import { RegistrationStatus } from './status.ts';

export const kind = 'HciClusterRegistration';

const Metadata = Type.Object({
  name: Type.String(),
  namespace: Type.String(),
  uid: Type.String(),
  resourceVersion: Type.String(),
  generation: Type.Integer(),
  creationTimestamp: Type.String(),
  deletionTimestamp: optional(Type.String()),
  finalizers: optional(Type.Array(Type.String())),
  annotations: optional(Type.Record(Type.String(), Type.String())),
});

/** What every object of this kind has, whether or not its spec can be understood. */
const Registration = <S extends TSchema>(spec: S) =>
  Type.Object({
    apiVersion: Type.Literal(apiVersion),
    kind: Type.Literal(kind),
    metadata: Metadata,
    spec,
    status: optional(RegistrationStatus),
  });
const Understood = Registration(RegistrationSpec);
const Envelope = Type.Object({ metadata: Metadata, status: optional(Type.Unknown()) });

export type HciClusterRegistration = Static<typeof Understood>;

/** What an event about it names. */
export const subjectOf = ({ namespace, name, uid }: Pick<RegistrationMetadata, 'namespace' | 'name' | 'uid'>) => ({
  apiVersion,
  kind,
  metadata: { namespace, name, uid },
});
export type RegistrationMetadata = Static<typeof Metadata>;

export type ParsedRegistration =
  | { understood: true; registration: HciClusterRegistration }
  | {
      understood: false;
      metadata: RegistrationMetadata;
      /** Undefined when it is not understood either: then it must not be written. */
      status: RegistrationStatus | undefined;
      problems: string[];
    };

/**
 * Reads an object from the API server. A value that this version does not know (an enum of a newer CRD, say) is `understood: false`:
 * the controller then does nothing but say so. Throws only if there is no metadata, which the API server never sends.
 */
export function parseRegistration(value: unknown): ParsedRegistration {
  if (Value.Check(Understood, value)) return { understood: true, registration: value };
  const { metadata, status = {} } = Value.Parse(Envelope, value);
  const problems = Value.Errors(Understood, value).map(
    ({ instancePath, message }) => `${instancePath.slice(1).replaceAll('/', '.')} ${message}`,
  );
  return {
    understood: false,
    metadata,
    status: Value.Check(RegistrationStatus, status) ? status : undefined,
    problems,
  };
}

const same = (field: string) => `self.spec.azure.${field}.lowerAscii() == oldSelf.spec.azure.${field}.lowerAscii()`;
const sameAsResolved = (field: string) =>
  `(!has(self.spec.azure.${field}) || !has(oldSelf.status.azure.${field}) || self.spec.azure.${field}.lowerAscii() == oldSelf.status.azure.${field}.lowerAscii())`;

const rules: Rule[] = [
  {
    rule: 'size(self.metadata.name) <= 100',
    message: 'metadata.name has at most 100 characters: it is part of the mark on the Azure resource',
  },
  {
    rule: [
      '!has(oldSelf.status) || !has(oldSelf.status.azure) || !has(oldSelf.status.azure.resourceId)',
      `(${[
        same('cloud'),
        same('tenantId'),
        same('subscriptionId'),
        "self.spec.azure.region.lowerAscii().replace(' ', '') == oldSelf.spec.azure.region.lowerAscii().replace(' ', '')",
        sameAsResolved('resourceGroup'),
        sameAsResolved('resourceName'),
      ].join(' && ')})`,
    ].join(' || '),
    message:
      'cloud, tenantId, subscriptionId, region, resourceGroup and resourceName are fixed once the cluster is registered',
    messageExpression:
      "'cloud, tenantId, subscriptionId, region, resourceGroup and resourceName are fixed: the cluster is registered as ' + oldSelf.status.azure.resourceId + '. Azure cannot move it. To register it elsewhere, unregister the cluster, delete this object, and apply the new one.'",
    fieldPath: '.spec.azure',
  },
];

/** The schema of the whole object, for the CRD. */
export const registrationSchema = object(
  {
    apiVersion: Type.String(),
    kind: Type.String(),
    metadata: Type.Object({}),
    spec: RegistrationSpec,
    status: optional(RegistrationStatus),
  },
  {
    description: 'Keeps one Azure Stack HCI (Azure Local) cluster registered with Azure.',
    rules,
  },
);

import { Type, type Static, type TProperties, type TSchema } from 'typebox';

// The whole of the simulated Azure as plain JSON. Maps of resources are keyed by the lower-cased resource id,
// maps of directory objects by object id. Instants are ISO 8601 strings.

const object = <T extends TProperties>(properties: T) => Type.Object(properties, { additionalProperties: false });
const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const text = Type.String();
const texts = Type.Array(text);
const map = <T extends TSchema>(schema: T) => Type.Record(text, schema);

const Tags = map(text);

const SystemData = object({
  createdBy: text,
  createdByType: text,
  createdAt: text,
  lastModifiedBy: text,
  lastModifiedByType: text,
  lastModifiedAt: text,
});

export const ResourceGroup = object({
  id: text,
  name: text,
  location: text,
  tags: Type.Optional(Tags),
  managedBy: Type.Optional(text),
  provisioningState: text,
});
export type ResourceGroup = Static<typeof ResourceGroup>;

/** What a node reports through the data plane (test/README.md). */
export const ReportedNode = object({
  name: text,
  id: Type.Number(),
  osName: text,
  osVersion: text,
  osDisplayVersion: text,
  manufacturer: text,
  model: text,
  serialNumber: text,
  coreCount: Type.Number(),
  memoryInGiB: Type.Number(),
});

export const Cluster = object({
  id: text,
  name: text,
  location: text,
  etag: text,
  tags: Type.Optional(Tags),
  systemData: SystemData,
  identity: Type.Optional(object({ type: text, principalId: Type.Optional(text), tenantId: Type.Optional(text) })),
  properties: object({
    provisioningState: text,
    status: text,
    connectivityStatus: text,
    cloudId: text,
    cloudManagementEndpoint: Type.Optional(text),
    aadClientId: Type.Optional(text),
    aadTenantId: Type.Optional(text),
    aadServicePrincipalObjectId: Type.Optional(text),
    aadApplicationObjectId: Type.Optional(text),
    softwareAssuranceProperties: object({
      softwareAssuranceStatus: text,
      softwareAssuranceIntent: text,
      lastUpdated: Type.Optional(text),
    }),
    desiredProperties: object({ windowsServerSubscription: text, diagnosticLevel: text }),
    reportedProperties: Type.Optional(
      object({
        clusterName: text,
        clusterId: text,
        clusterVersion: text,
        nodes: Type.Array(ReportedNode),
        lastUpdated: text,
        imdsAttestation: text,
        diagnosticLevel: text,
      }),
    ),
    trialDaysRemaining: Type.Number(),
    billingModel: text,
    registrationTimestamp: Type.Optional(text),
    lastSyncTimestamp: Type.Optional(text),
    lastBillingTimestamp: Type.Optional(text),
    serviceEndpoint: text,
    resourceProviderObjectId: Type.Optional(text),
  }),
});
export type Cluster = Static<typeof Cluster>;

export const ArcSettings = object({
  id: text,
  name: text,
  etag: text,
  systemData: SystemData,
  properties: object({
    connectivityProperties: object({ enabled: Type.Boolean(), serviceConfigurations: Type.Array(Type.Unknown()) }),
    provisioningState: text,
    arcInstanceResourceGroup: text,
    aggregateState: text,
    perNodeDetails: Type.Array(object({ name: text, arcInstance: text, state: text })),
    arcApplicationTenantId: Type.Optional(text),
    arcApplicationClientId: Type.Optional(text),
    arcApplicationObjectId: Type.Optional(text),
    arcServicePrincipalObjectId: Type.Optional(text),
    defaultExtensions: Type.Array(object({ category: text, consentTime: Type.Optional(text) })),
  }),
});
export type ArcSettings = Static<typeof ArcSettings>;

export const Extension = object({
  id: text,
  name: text,
  etag: text,
  systemData: SystemData,
  properties: object({
    provisioningState: text,
    aggregateState: text,
    perNodeExtensionDetails: Type.Array(Type.Unknown()),
    extensionParameters: map(Type.Unknown()),
    managedBy: text,
  }),
});
export type Extension = Static<typeof Extension>;

export const Machine = object({
  id: text,
  name: text,
  location: text,
  /** When it was made; absent: not told. */
  createdTime: Type.Optional(text),
  tags: Type.Optional(Tags),
  identity: object({ type: text, principalId: text, tenantId: text }),
  /** As the agent sent them, with `status`, `lastStatusChange`, `provisioningState`, `errorDetails` and `parentClusterResourceId`. */
  properties: map(Type.Unknown()),
});
export type Machine = Static<typeof Machine>;

/** An extension of an Arc machine; its properties as they were put. */
export const MachineExtension = object({
  id: text,
  name: text,
  location: text,
  tags: Type.Optional(Tags),
  properties: map(Type.Unknown()),
});
export type MachineExtension = Static<typeof MachineExtension>;

/** A management lock; `scope` is what it locks, with everything below. */
export const Lock = object({
  id: text,
  name: text,
  scope: text,
  level: Type.Union([Type.Literal('CanNotDelete'), Type.Literal('ReadOnly')]),
  notes: Type.Optional(text),
});
export type Lock = Static<typeof Lock>;

export const RoleAssignment = object({
  id: text,
  name: text,
  scope: text,
  roleDefinitionId: text,
  principalId: text,
  principalType: text,
  description: nullable(text),
  condition: nullable(text),
  createdOn: text,
  createdBy: text,
  updatedOn: text,
  updatedBy: text,
  /** Acts from then on. */
  effectiveAt: text,
  /** Removed, but acts until then. */
  effectiveUntil: Type.Optional(text),
});
export type RoleAssignment = Static<typeof RoleAssignment>;

export const Permission = object({ actions: texts, notActions: texts, dataActions: texts, notDataActions: texts });
export type Permission = Static<typeof Permission>;

/** A custom role; keyed by its GUID. Built-in roles are not state. */
export const CustomRole = object({
  roleName: text,
  description: text,
  assignableScopes: texts,
  permissions: Type.Array(Permission),
});
export type CustomRole = Static<typeof CustomRole>;

export const PasswordCredential = object({
  keyId: text,
  displayName: nullable(text),
  hint: text,
  secretText: text,
  startDateTime: text,
  endDateTime: text,
  /** The token endpoint knows it from then on. */
  effectiveAt: text,
});
export type PasswordCredential = Static<typeof PasswordCredential>;

export const KeyCredential = object({
  keyId: text,
  displayName: nullable(text),
  /** SHA-1 thumbprint, upper-case hex. */
  customKeyIdentifier: text,
  type: text,
  usage: text,
  startDateTime: text,
  endDateTime: text,
  /** Base64 DER of the certificate. */
  key: text,
});
export type KeyCredential = Static<typeof KeyCredential>;

export const Application = object({
  id: text,
  appId: text,
  createdDateTime: text,
  displayName: text,
  /** Object ids of service principals. */
  owners: texts,
  passwordCredentials: Type.Array(PasswordCredential),
  keyCredentials: Type.Array(KeyCredential),
  /** By name. */
  federatedIdentityCredentials: map(object({ issuer: text, subject: text, audiences: texts })),
  /** Everything else that Graph was given. */
  other: map(Type.Unknown()),
  /** Where it belongs to another tenant than the first. */
  tenantId: Type.Optional(text),
});
export type Application = Static<typeof Application>;

export const ServicePrincipal = object({
  id: text,
  appId: text,
  createdDateTime: text,
  displayName: text,
  /** Application | ManagedIdentity */
  servicePrincipalType: text,
  accountEnabled: Type.Boolean(),
  owners: texts,
  /** Microsoft Graph application permissions, for example `Application.ReadWrite.OwnedBy`. */
  appRoles: texts,
  passwordCredentials: Type.Array(PasswordCredential),
  other: map(Type.Unknown()),
});
export type ServicePrincipal = Static<typeof ServicePrincipal>;

const DeletedItem = object({
  kind: Type.Union([Type.Literal('application'), Type.Literal('servicePrincipal')]),
  deletedDateTime: text,
  value: Type.Unknown(),
});

/** A long-running operation as its status URL answers. */
export const Operation = object({
  id: text,
  resourceId: text,
  location: text,
  /** Accepted | Deleting | Succeeded | Failed */
  status: text,
  deletion: Type.Boolean(),
  startTime: text,
  endTime: nullable(text),
  error: nullable(object({ code: text, message: text })),
});
export type Operation = Static<typeof Operation>;

/** What will happen by itself at `at`. `target` is a resource id (lower case) or a provider's namespace. */
export const Pending = object({
  at: text,
  kind: Type.Union([
    Type.Literal('createClusterIdentity'),
    Type.Literal('uploadCertificate'),
    Type.Literal('deleteCluster'),
    Type.Literal('createArcIdentity'),
    Type.Literal('initializeDisableProcess'),
    Type.Literal('deleteArcSettings'),
    Type.Literal('deleteExtension'),
    Type.Literal('deleteMachine'),
    Type.Literal('putMachineExtension'),
    Type.Literal('deleteMachineExtension'),
    Type.Literal('extendSoftwareAssuranceBenefit'),
    Type.Literal('registerProvider'),
    Type.Literal('unregisterProvider'),
    Type.Literal('deleteGroup'),
    Type.Literal('linkMachines'),
    Type.Literal('setResourceProviderObjectId'),
  ]),
  target: text,
  operationId: nullable(text),
  data: Type.Unknown(),
});
export type Pending = Static<typeof Pending>;

const Count = object({ created: Type.Integer(), deleted: Type.Integer() });

/** Effective creates and deletes: a PUT that changed an existing resource, or a repeated upload of one certificate, does not count. */
export const Counters = object({
  resourceGroups: Count,
  clusters: Count,
  arcSettings: Count,
  extensions: Count,
  machines: Count,
  roleAssignments: Count,
  applications: Count,
  servicePrincipals: Count,
  passwords: Count,
  certificates: Count,
});
export type Counters = Static<typeof Counters>;
export type Counted = keyof Counters;

export const State = object({
  tenantId: text,
  /** The HCI provider's own principal in this tenant. */
  resourceProviderObjectId: text,
  /** `providers`: registration state by namespace (lower case). */
  subscriptions: map(
    object({
      displayName: text,
      /** Enabled | Disabled | Warned | PastDue */
      state: text,
      providers: map(text),
      /** Where it belongs to another tenant. */
      tenantId: Type.Optional(text),
    }),
  ),
  resourceGroups: map(ResourceGroup),
  clusters: map(Cluster),
  arcSettings: map(ArcSettings),
  extensions: map(Extension),
  machines: map(Machine),
  machineExtensions: map(MachineExtension),
  locks: map(Lock),
  roleAssignments: map(RoleAssignment),
  /** Those that were removed and still act. */
  removedRoleAssignments: map(RoleAssignment),
  roleDefinitions: map(CustomRole),
  applications: map(Application),
  servicePrincipals: map(ServicePrincipal),
  deletedItems: map(DeletedItem),
  /** JWKS by issuer, for federated credentials. */
  issuers: map(object({ keys: Type.Array(map(Type.Unknown())) })),
  operations: map(Operation),
  pending: Type.Array(Pending),
  counters: Counters,
});
export type State = Static<typeof State>;

const none = () => ({ created: 0, deleted: 0 });

export function emptyState(tenantId: string, subscriptionId: string, resourceProviderObjectId: string): State {
  return {
    tenantId,
    resourceProviderObjectId,
    subscriptions: { [subscriptionId]: { displayName: 'Simulated subscription', state: 'Enabled', providers: {} } },
    resourceGroups: {},
    clusters: {},
    arcSettings: {},
    extensions: {},
    machines: {},
    machineExtensions: {},
    locks: {},
    roleAssignments: {},
    removedRoleAssignments: {},
    roleDefinitions: {},
    applications: {},
    servicePrincipals: {},
    deletedItems: {},
    issuers: {},
    operations: {},
    pending: [],
    counters: {
      resourceGroups: none(),
      clusters: none(),
      arcSettings: none(),
      extensions: none(),
      machines: none(),
      roleAssignments: none(),
      applications: none(),
      servicePrincipals: none(),
      passwords: none(),
      certificates: none(),
    },
  };
}

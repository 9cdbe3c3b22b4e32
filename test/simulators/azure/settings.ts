import { Type, type Static } from 'typebox';

const seconds = Type.Number({ minimum: 0 });
const bucket = Type.Object(
  { size: Type.Integer({ minimum: 1 }), refillPerSecond: Type.Number({ minimum: 0 }) },
  { additionalProperties: false },
);
const perSeconds = Type.Object(
  { limit: Type.Integer({ minimum: 0 }), seconds: Type.Number({ exclusiveMinimum: 0 }) },
  { additionalProperties: false },
);
const count = Type.Integer({ minimum: 0 });
const texts = Type.Array(Type.String());

/** An assignment of Azure Policy with effect deny, or a rule of the tenant's application management policy (the two lifetimes). */
export const Policy = Type.Union([
  /** No client secret may be added at all. */
  Type.Object({ kind: Type.Literal('passwordAddition') }, { additionalProperties: false }),
  /** `like`: `*` stands for anything, as in a policy's like condition. */
  Type.Object({ kind: Type.Literal('resourceGroupName'), like: Type.String() }, { additionalProperties: false }),
  Type.Object({ kind: Type.Literal('requiredResourceGroupTag'), tag: Type.String() }, { additionalProperties: false }),
  Type.Object({ kind: Type.Literal('requiredTag'), tag: Type.String() }, { additionalProperties: false }),
  /** Normalised names, for example `eastus`. */
  Type.Object({ kind: Type.Literal('allowedLocations'), locations: texts }, { additionalProperties: false }),
  Type.Object(
    { kind: Type.Union([Type.Literal('passwordLifetime'), Type.Literal('keyLifetime')]), maximumSeconds: seconds },
    { additionalProperties: false },
  ),
]);
export type Policy = Static<typeof Policy>;

const addsOrReplaces = Type.Union([Type.Literal('adds'), Type.Literal('replaces')]);

/** How the simulated Azure behaves. All durations in seconds. */
export const Settings = Type.Object(
  {
    latencySeconds: seconds,
    /** Long-running operations of the HCI provider, and linking a machine after it was made. */
    operationSeconds: seconds,
    groupDeletionSeconds: seconds,
    providerRegistrationSeconds: seconds,
    /** A new principal is PrincipalNotFound to role assignments for so long. */
    principalPropagationSeconds: seconds,
    /** A new role assignment has no effect (AuthorizationFailed) for so long. */
    rolePropagationSeconds: seconds,
    /** A removed role assignment goes on acting for so long. */
    roleRemovalPropagationSeconds: seconds,
    /** A new directory object is unknown to every other request of Graph for so long. */
    graphPropagationSeconds: seconds,
    /** Another write to the same application is refused for so long after one: they are still being brought together. */
    graphConvergenceSeconds: seconds,
    /** A new secret is AADSTS7000215 for so long. */
    secretPropagationSeconds: seconds,
    /** A new cluster has no resourceProviderObjectId for so long; a PATCH fills it at once. */
    resourceProviderObjectIdSeconds: seconds,
    uploadCertificate: addsOrReplaces,
    generatePassword: addsOrReplaces,
    secretLifetimeSeconds: seconds,
    /** How long an uploaded certificate is accepted; absent: until its own notAfter. */
    certificateLifetimeSeconds: Type.Optional(seconds),
    tokenLifetimeSeconds: seconds,
    clockOffsetSeconds: Type.Number(),
    rateLimits: Type.Object({ reads: bucket, writes: bucket, deletes: bucket }, { additionalProperties: false }),
    /** A provider's own limits on one action, per subscription: ResourceRequestsThrottled. */
    resourceRateLimits: Type.Array(
      Type.Object(
        { action: Type.String(), limit: Type.Integer({ minimum: 0 }), seconds: Type.Number({ exclusiveMinimum: 0 }) },
        { additionalProperties: false },
      ),
    ),
    /** Microsoft Graph, per application and tenant. */
    graphRateLimits: Type.Object({ resourceUnits: perSeconds, writes: perSeconds }, { additionalProperties: false }),
    resourceGraphQuota: perSeconds,
    resourceGraphPageSize: Type.Integer({ minimum: 1, maximum: 1000 }),
    resourceGraphLagSeconds: seconds,
    /** Resource ids whose rows (and those below them) silently do not appear in Resource Graph. */
    resourceGraphHidden: texts,
    policies: Type.Array(Policy),
    /** Per subscription; role definitions per tenant. */
    quotas: Type.Object(
      { resourceGroups: count, roleAssignments: count, roleDefinitions: count },
      { additionalProperties: false },
    ),
    /** Which cloud the token endpoint belongs to; `any` knows the resources of all. */
    cloud: Type.Union([
      Type.Literal('any'),
      Type.Literal('AzureCloud'),
      Type.Literal('AzureChinaCloud'),
      Type.Literal('AzureUSGovernment'),
    ]),
    /** Tenants that exist and know none of our applications. */
    otherTenants: texts,
  },
  { additionalProperties: false },
);
export type Settings = Static<typeof Settings>;

/** Fast, so that tests do not wait; long-running operations are not instant, so that their paths are taken. */
export const defaultSettings: Settings = {
  latencySeconds: 0,
  operationSeconds: 0.3,
  groupDeletionSeconds: 0.3,
  providerRegistrationSeconds: 0.3,
  principalPropagationSeconds: 0,
  rolePropagationSeconds: 0,
  roleRemovalPropagationSeconds: 0,
  graphPropagationSeconds: 0,
  graphConvergenceSeconds: 0,
  secretPropagationSeconds: 0,
  resourceProviderObjectIdSeconds: 0,
  uploadCertificate: 'adds',
  generatePassword: 'adds',
  secretLifetimeSeconds: 730 * 24 * 3600,
  tokenLifetimeSeconds: 3599,
  clockOffsetSeconds: 0,
  rateLimits: {
    reads: { size: 250, refillPerSecond: 25 },
    writes: { size: 200, refillPerSecond: 10 },
    deletes: { size: 200, refillPerSecond: 10 },
  },
  resourceRateLimits: [],
  graphRateLimits: { resourceUnits: { limit: 3500, seconds: 10 }, writes: { limit: 3000, seconds: 150 } },
  resourceGraphQuota: { limit: 15, seconds: 5 },
  resourceGraphPageSize: 1000,
  resourceGraphLagSeconds: 0,
  resourceGraphHidden: [],
  policies: [],
  quotas: { resourceGroups: 980, roleAssignments: 4000, roleDefinitions: 5000 },
  cloud: 'any',
  otherTenants: [],
};

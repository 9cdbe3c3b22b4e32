import { Type, type Static } from 'typebox';

const seconds = Type.Number({ minimum: 0 });
const bucket = Type.Object(
  { size: Type.Integer({ minimum: 1 }), refillPerSecond: Type.Number({ minimum: 0 }) },
  { additionalProperties: false },
);
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
};

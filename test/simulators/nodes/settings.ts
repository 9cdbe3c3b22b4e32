import { Type, type Static } from 'typebox';

const seconds = Type.Number({ minimum: 0 });

/** How the simulated nodes behave. All durations in seconds. */
export const Settings = Type.Object(
  {
    /** Before each operation. */
    latencySeconds: seconds,
    /** How long ArcRegistrationTask takes before the agent signs in. */
    arcOnboardingSeconds: seconds,
    /** How often the agent tries to sign in and make its machine, and how long it waits between two tries. */
    arcOnboardingTries: Type.Integer({ minimum: 1 }),
    arcOnboardingRetrySeconds: seconds,
    rebootSeconds: seconds,
    /** The cluster's own synchronization. */
    syncIntervalSeconds: Type.Number({ minimum: 1 }),
    /** Lifetime of what New-AzureStackHCIRegistrationCertificate makes. */
    certificateLifetimeSeconds: seconds,
    /** Added to the nodes' clock. */
    clockOffsetSeconds: Type.Number(),
  },
  { additionalProperties: false },
);
export type Settings = Static<typeof Settings>;

export const defaultSettings: Settings = {
  latencySeconds: 0,
  arcOnboardingSeconds: 0.3,
  arcOnboardingTries: 10,
  arcOnboardingRetrySeconds: 0.5,
  rebootSeconds: 0.5,
  syncIntervalSeconds: 12 * 3600,
  certificateLifetimeSeconds: 730 * 24 * 3600,
  clockOffsetSeconds: 0,
};

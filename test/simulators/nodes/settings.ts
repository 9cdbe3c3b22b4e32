import { Type, type Static } from 'typebox';

const seconds = Type.Number({ minimum: 0 });

/** How the simulated nodes behave. All durations in seconds. */
export const Settings = Type.Object(
  {
    /** Before each operation. */
    latencySeconds: seconds,
    /** How long Enable-AzureStackHCIArcIntegration takes to install the agent, before the agent signs in. */
    arcOnboardingSeconds: seconds,
    /** What one Start-Sleep of a script really takes, whatever it asks for. */
    scriptSleepSeconds: seconds,
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
  scriptSleepSeconds: 0.5,
  rebootSeconds: 0.5,
  syncIntervalSeconds: 12 * 3600,
  certificateLifetimeSeconds: 730 * 24 * 3600,
  clockOffsetSeconds: 0,
};

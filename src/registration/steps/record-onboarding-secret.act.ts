import type { Act } from '../clients.ts';
import type { RecordOnboardingSecretArguments } from './record-onboarding-secret.ts';

export const recordOnboardingSecret: Act<RecordOnboardingSecretArguments> = async (
  { onboarding },
  { appId, fingerprint },
) => {
  await onboarding.recordFound(appId, fingerprint);
};

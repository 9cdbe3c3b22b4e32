import { onboardingSecretHeld } from '../arc-application.ts';
import { valueOf } from '../facts.ts';
import { arcWanted, unread, type Step } from '../step.ts';

export interface RecordOnboardingSecretArguments {
  appId: string;
  fingerprint: string;
}

/** The nodes were onboarded with the user's service principal by somebody else: from here on a changed Secret is told from an unchanged one. */
export const recordOnboardingSecret: Step<RecordOnboardingSecretArguments> = {
  microsoft: {
    words: 'Note with which secret of your Arc service principal the nodes were found',
    command: '(none: the cmdlet does not look again)',
  },
  after: ['StartArcRegistrationTask'],
  arc: true,
  affects: () => ['onboardingRecord'],
  evaluate(input) {
    const { spec, observed } = input;
    if (!arcWanted(input) || spec.arc.onboarding.type !== 'ServicePrincipal') return [];
    const on = 'Secret';
    if (observed.onboardingSecret.state !== 'present') return [unread(on, observed.onboardingSecret)];
    if (observed.onboardingRecord.state === 'unknown') return [unread(on, observed.onboardingRecord)];
    const { appId, fingerprint } = observed.onboardingSecret.value;
    if (onboardingSecretHeld(input) !== 'found' || valueOf(observed.onboardingRecord)?.found === fingerprint)
      return [{ state: 'Done', on }];
    return [{ state: 'Ready', on, arguments: { appId, fingerprint } }];
  },
};

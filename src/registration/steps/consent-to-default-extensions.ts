import { arcWanted, members, unread, type Step } from '../step.ts';

export interface ConsentToDefaultExtensionsArguments {
  resourceId: string;
}

const firstBuild = 20349; // 22H2

/** A legal consent: given only where the spec gives it. */
export const consentToDefaultExtensions: Step<ConsentToDefaultExtensionsArguments> = {
  microsoft: {
    words: 'Consent to the mandatory extensions',
    command: 'Invoke-AzResourceAction consentAndInstallDefaultExtensions',
  },
  after: ['CreateArcSettings'],
  arc: true,
  affects: () => ['arcSettings'],
  evaluate(input) {
    const { spec, target, observed } = input;
    const is22H2 = members(input).some(({ probe }) => probe !== undefined && probe.os.build >= firstBuild);
    if (!arcWanted(input) || spec.arc.defaultExtensions !== 'Consent' || !is22H2) return [];
    if (observed.arcSettings.state !== 'present') return [unread('default', observed.arcSettings)];
    const consented = (observed.arcSettings.value.properties.defaultExtensions ?? []).length > 0;
    return [
      consented
        ? { state: 'Done', on: 'default' }
        : { state: 'Ready', on: 'default', arguments: { resourceId: target.resourceId } },
    ];
  },
};

import { arcWanted, members, unread, type Step } from '../step.ts';

export interface CreateArcSettingsArguments {
  resourceId: string;
  arcResourceGroup: string;
}

export const createArcSettings: Step<CreateArcSettingsArguments> = {
  microsoft: { words: 'Create the Arc settings', command: 'New-AzResource (PUT arcSettings/default)', events: [9002] },
  after: ['SetRegistration', 'CreateResourceGroup'],
  arc: true,
  affects: () => ['arcSettings'],
  evaluate(input) {
    if (!arcWanted(input)) return [];
    const { target, observed } = input;
    if (observed.arcSettings.state === 'present') return [{ state: 'Done', on: 'default' }];
    if (observed.arcSettings.state === 'unknown') return [unread('default', observed.arcSettings)];
    // As the cmdlet, which counts a node that it cannot reach as one without Arc integration (9112).
    const silent = members(input).find(({ probe }) => probe === undefined);
    if (silent !== undefined) return [unread('default', silent.fact)];
    return [
      {
        state: 'Ready',
        on: 'default',
        arguments: { resourceId: target.resourceId, arcResourceGroup: target.arcResourceGroup },
      },
    ];
  },
};

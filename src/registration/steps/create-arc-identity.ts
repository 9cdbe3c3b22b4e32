import { arcWanted, nonEmpty, underWay, unread, type Step } from '../step.ts';

export interface CreateArcIdentityArguments {
  resourceId: string;
}

export const createArcIdentity: Step<CreateArcIdentityArguments> = {
  microsoft: { words: 'Create the Arc service principal', command: 'Invoke-AzResourceAction createArcIdentity' },
  after: ['CreateArcSettings', 'RegisterResourceProvider'],
  arc: true,
  submits: { waitSeconds: 600 },
  affects: () => ['arcSettings'],
  evaluate(input) {
    if (!arcWanted(input) || input.spec.arc.onboarding.type !== 'ResourceProvider') return [];
    const { target, observed } = input;
    if (observed.arcSettings.state !== 'present') return [unread('default', observed.arcSettings)];
    const { arcApplicationObjectId, arcApplicationClientId } = observed.arcSettings.value.properties;
    if (nonEmpty(arcApplicationObjectId) && nonEmpty(arcApplicationClientId)) return [{ state: 'Done', on: 'default' }];
    return [
      underWay(input, 'CreateArcIdentity', 'default', ['arcSettings']) ?? {
        state: 'Ready',
        on: 'default',
        arguments: { resourceId: target.resourceId },
      },
    ];
  },
};

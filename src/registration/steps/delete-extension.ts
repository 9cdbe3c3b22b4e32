import { unread, type Evaluation, type Step } from '../step.ts';
import { arcUnwanted, beingDeleted, deletableExtensions } from '../removal.ts';

export interface DeleteExtensionArguments {
  resourceId: string;
  extension: string;
}

export const deleteExtension: Step<DeleteExtensionArguments> = {
  microsoft: { words: 'Remove the Arc extensions of the cluster', command: 'Remove-AzResource (DELETE extension)' },
  after: ['StartDisablingArc', 'InitializeDisableProcess'],
  arc: true,
  submits: { waitSeconds: 900 },
  affects: () => ['extensions'],
  evaluate(input) {
    const { arcSettings, extensions } = input.observed;
    if (!arcUnwanted(input) || arcSettings.state !== 'present') return [];
    if (extensions.state === 'unknown') return [unread('extensions', extensions)];
    return deletableExtensions(input).map(({ name, properties }): Evaluation<DeleteExtensionArguments> => {
      const pending = beingDeleted(input, {
        step: 'DeleteExtension',
        on: name,
        facts: ['extensions'],
        provisioningState: properties?.provisioningState,
        message: 'Azure is removing the extension',
      });
      const { resourceId } = input.target;
      return pending ?? { state: 'Ready', on: name, arguments: { resourceId, extension: name } };
    });
  },
};

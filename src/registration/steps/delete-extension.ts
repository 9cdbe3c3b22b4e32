import { underWay, unread, waiting, pollSeconds, type Evaluation, type Step } from '../step.ts';
import { arcUnwanted, deletableExtensions, isDeleting } from '../removal.ts';

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
      const pending = underWay(input, 'DeleteExtension', name, ['extensions']);
      if (pending !== undefined) return pending;
      if (isDeleting(properties?.provisioningState))
        return waiting(
          name,
          'Azure is removing the extension',
          ['extensions'],
          pollSeconds(input, 'DeleteExtension', name),
        );
      return {
        state: 'Ready',
        on: name,
        arguments: { resourceId: input.target.resourceId, extension: name },
      };
    });
  },
};

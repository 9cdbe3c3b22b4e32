import { pollSeconds, underWay, unread, waiting, type Step } from '../step.ts';
import { whatIsInGroups, arcUnwanted, extensionsHold, isDeleting } from '../removal.ts';

export interface DeleteArcSettingsArguments {
  resourceId: string;
}

/** The application that the resource provider made for Arc goes with them. */
export const deleteArcSettings: Step<DeleteArcSettingsArguments> = {
  microsoft: { words: 'Delete the Arc settings', command: 'Remove-AzResource (DELETE arcSettings)', events: [9011] },
  after: ['StartDisablingArc', 'InitializeDisableProcess', 'DisableArcIntegration', 'DeleteMachine', 'RemoveArcRoles'],
  arc: true,
  submits: { waitSeconds: 600 },
  affects: () => ['arcSettings', 'extensions', 'arcRoles', 'arcSignIn', ...whatIsInGroups],
  evaluate(input) {
    const { arcSettings } = input.observed;
    if (!arcUnwanted(input)) return [];
    const on = 'default';
    if (arcSettings.state === 'absent') return [{ state: 'Done', on }];
    if (arcSettings.state === 'unknown') return [unread(on, arcSettings)];
    const held = extensionsHold(input, on) ?? underWay(input, 'DeleteArcSettings', on, ['arcSettings']);
    if (held !== undefined) return [held];
    if (isDeleting(arcSettings.value.properties.provisioningState))
      return [waiting(on, 'Azure is deleting them', ['arcSettings'], pollSeconds(input, 'DeleteArcSettings', on))];
    return [{ state: 'Ready', on, arguments: { resourceId: input.target.resourceId } }];
  },
};

import { unread, type Step } from '../step.ts';
import { whatIsInGroups, arcUnwanted, beingDeleted, extensionsHold } from '../removal.ts';

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
    const { provisioningState } = arcSettings.value.properties;
    const message = 'Azure is deleting them';
    const held =
      extensionsHold(input, on) ??
      beingDeleted(input, { step: 'DeleteArcSettings', on, facts: ['arcSettings'], provisioningState, message });
    if (held !== undefined) return [held];
    return [{ state: 'Ready', on, arguments: { resourceId: input.target.resourceId } }];
  },
};

import { apiVersions } from '../../azure/reads.ts';
import type { Act } from '../clients.ts';
import type { DeleteArcSettingsArguments } from './delete-arc-settings.ts';

export const deleteArcSettings: Act<DeleteArcSettingsArguments> = ({ arm, signal }, { resourceId }) =>
  arm.send({
    method: 'DELETE',
    path: `${resourceId}/arcSettings/default`,
    apiVersion: apiVersions.arcSettings,
    signal,
  });

import { apiVersions } from '../../azure/reads.ts';
import type { Act } from '../clients.ts';
import type { CreateArcSettingsArguments } from './create-arc-settings.ts';

export const createArcSettings: Act<CreateArcSettingsArguments> = async (
  { arm, signal },
  { resourceId, arcResourceGroup },
) => {
  await arm.send({
    method: 'PUT',
    path: `${resourceId}/arcSettings/default`,
    apiVersion: apiVersions.arcSettings,
    body: { properties: { arcInstanceResourceGroup: arcResourceGroup } },
    signal,
  });
};

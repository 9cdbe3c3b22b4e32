import { apiVersions } from '../../azure/reads.ts';
import type { Act } from '../clients.ts';
import type { ConsentToDefaultExtensionsArguments } from './consent-to-default-extensions.ts';

export const consentToDefaultExtensions: Act<ConsentToDefaultExtensionsArguments> = async (
  { arm, signal },
  { resourceId },
) => {
  const path = `${resourceId}/arcSettings/default/consentAndInstallDefaultExtensions`;
  await arm.send({ method: 'POST', path, apiVersion: apiVersions.arcSettings, signal });
};

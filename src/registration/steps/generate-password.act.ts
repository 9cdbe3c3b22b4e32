import { throwAzureError } from '../../azure/errors.ts';
import type { Act } from '../clients.ts';
import type { GeneratePasswordArguments } from './generate-password.ts';

export const generatePassword: Act<GeneratePasswordArguments> = async (
  { arm, arcSecret, signal },
  { resourceGroup, resourceName, appId, requests },
) => {
  await arcSecret.prepare(appId);
  const { secretText, keyId, startDateTime, endDateTime } = await arm.stackHci.arcSettings
    .generatePassword(resourceGroup, resourceName, 'default', { abortSignal: signal })
    .catch(throwAzureError);
  if (secretText === undefined) throw new Error('generatePassword answered without a secret');
  const password = {
    secretText,
    keyId,
    startDateTime: startDateTime?.toISOString(),
    endDateTime: endDateTime?.toISOString(),
  };
  // Not with this pass's signal: a secret that was made must be kept even if the controller is asked to stop now.
  await arcSecret.keep(appId, password, requests);
};

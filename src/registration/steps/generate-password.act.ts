import { throwAzureError } from '../../azure/errors.ts';
import type { Act } from '../clients.ts';
import type { GeneratePasswordArguments } from './generate-password.ts';

export const generatePassword: Act<GeneratePasswordArguments> = async (
  { arm, arcSecret, signal },
  { resourceGroup, resourceName, appId },
) => {
  await arcSecret.prepare(appId);
  const { secretText, keyId, endDateTime } = await arm.stackHci.arcSettings
    .generatePassword(resourceGroup, resourceName, 'default', { abortSignal: signal })
    .catch(throwAzureError);
  if (secretText === undefined) throw new Error('generatePassword answered without a secret');
  // Not with this pass's signal: a secret that was made must be kept even if the controller is asked to stop now.
  await arcSecret.keep(appId, { secretText, keyId, endDateTime: endDateTime?.toISOString() });
};

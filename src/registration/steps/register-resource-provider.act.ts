import { throwAzureError } from '../../azure/errors.ts';
import type { Act } from '../clients.ts';
import type { RegisterResourceProviderArguments } from './register-resource-provider.ts';

export const registerResourceProvider: Act<RegisterResourceProviderArguments> = async (
  { arm, signal },
  { namespace },
) => {
  await arm.resources.providers.register(namespace, { abortSignal: signal }).catch(throwAzureError);
};

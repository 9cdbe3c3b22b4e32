import type { Act } from '../clients.ts';
import type { SetRegistrationArguments } from './set-registration.ts';

export const setRegistration: Act<SetRegistrationArguments> = async ({ run }, { node, parameters }) => {
  await run(node, 'setRegistration', parameters);
};

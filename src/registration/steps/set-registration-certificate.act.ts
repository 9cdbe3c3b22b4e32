import type { Act } from '../clients.ts';
import type { SetRegistrationCertificateArguments } from './set-registration-certificate.ts';

export const setRegistrationCertificate: Act<SetRegistrationCertificateArguments> = async (
  { run },
  { node, parameters },
) => {
  await run(node, 'setRegistrationCertificate', parameters);
};

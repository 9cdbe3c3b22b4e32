import type { Act } from '../clients.ts';
import type { NodeArguments } from './new-registration-certificate.ts';

export const removeRegistration: Act<NodeArguments> = async ({ run }, { node }) => {
  await run(node, 'removeRegistration', {});
};

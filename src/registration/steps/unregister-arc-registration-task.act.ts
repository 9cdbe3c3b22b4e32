import type { Act } from '../clients.ts';
import type { NodeArguments } from './new-registration-certificate.ts';

export const unregisterArcRegistrationTask: Act<NodeArguments> = async ({ run }, { node }) => {
  await run(node, 'unregisterArcRegistrationTask', {});
};

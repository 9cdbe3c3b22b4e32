import type { Act } from '../clients.ts';
import type { NodeArguments } from './new-registration-certificate.ts';

export const disconnectAgent: Act<NodeArguments> = async ({ run }, { node }) => {
  await run(node, 'disconnectAgent', {});
};

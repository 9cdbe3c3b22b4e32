import type { Act } from '../clients.ts';
import type { NodeArguments } from './new-registration-certificate.ts';

export const startDisablingArc: Act<NodeArguments> = async ({ run }, { node }) => {
  await run(node, 'clearArcIntegration', { setDisableInProgress: true });
};

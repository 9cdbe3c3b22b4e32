import type { Act } from '../clients.ts';
import type { InitializeArcIntegrationArguments } from './initialize-arc-integration.ts';

export const initializeArcIntegration: Act<InitializeArcIntegrationArguments> = async (
  { run, arcSecret },
  { node, parameters },
) => {
  await run(node, 'initializeArcIntegration', { ...parameters, secret: await arcSecret.readText() });
};

import type { Act } from '../clients.ts';
import type { InitializeArcIntegrationArguments } from './initialize-arc-integration.ts';

export const initializeArcIntegration: Act<InitializeArcIntegrationArguments> = async (
  { run, arcSecret, onboarding },
  { node, parameters, fingerprint, repair },
) => {
  const secret = fingerprint === undefined ? await arcSecret.readText() : await onboarding.readText(fingerprint);
  await run(node, 'initializeArcIntegration', { ...parameters, secret });
  // Lost at this line, the same secret is handed over once more, which changes nothing.
  if (fingerprint !== undefined) await onboarding.recordHandedOver(parameters.appId, fingerprint, repair);
};

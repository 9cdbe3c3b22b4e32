import type { BuildFeatures } from '../builds.ts';
import * as arcIntegration from './arcIntegration.ts';
import * as registration from './registration.ts';

const simulated = [
  registration.getAzureStackHCI,
  registration.newAzureStackHCIRegistrationCertificate,
  registration.setAzureStackHCIRegistrationCertificate,
  registration.setAzureStackHCIRegistration,
  registration.syncAzureStackHCI,
  arcIntegration.getAzureStackHCIArcIntegration,
  arcIntegration.initializeAzureStackHCIArcIntegration,
];

/** `Get-Command -Module AzureStackHCI` on a release. */
export const moduleCommands = (features: BuildFeatures): string[] =>
  [
    ...simulated.filter(({ exists }) => exists(features)).map(({ name }) => name),
    ...registration.otherCommands,
    ...(features.arcIntegration ? arcIntegration.otherCommands : []),
  ].toSorted((a, b) => a.localeCompare(b));

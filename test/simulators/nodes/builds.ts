// What differs between the releases of the operating system, as far as the controller can see it.

export type Build = '20H2' | '21H2' | '22H2' | '23H2' | '24H2';

export interface BuildFeatures {
  readonly number: number;
  readonly updateRevision: number;
  readonly clusterFunctionalLevel: number;
  readonly arcIntegration: boolean;
  /** Initialize-AzureStackHCIArcIntegration takes -Cloud. */
  readonly arcCloud: boolean;
  /** Properties that Get-AzureStackHCI has on this release, beyond those that all have. */
  readonly registrationProperties: readonly ('NextSync' | 'IMDSAttestation' | 'DiagnosticLevel' | 'Region')[];
  readonly cloudManagementServices: readonly string[];
}

export const builds: Readonly<Record<Build, BuildFeatures>> = {
  '20H2': {
    number: 17784,
    updateRevision: 3092,
    clusterFunctionalLevel: 11,
    arcIntegration: false,
    arcCloud: false,
    registrationProperties: [],
    cloudManagementServices: [],
  },
  '21H2': {
    number: 20348,
    updateRevision: 1970,
    clusterFunctionalLevel: 11,
    arcIntegration: true,
    arcCloud: false,
    registrationProperties: ['IMDSAttestation', 'DiagnosticLevel'],
    cloudManagementServices: [],
  },
  '22H2': {
    number: 20349,
    updateRevision: 1970,
    clusterFunctionalLevel: 12,
    arcIntegration: true,
    arcCloud: true,
    registrationProperties: ['NextSync', 'IMDSAttestation', 'DiagnosticLevel'],
    cloudManagementServices: ['HciClusterAgentSvc'],
  },
  '23H2': {
    number: 25398,
    updateRevision: 1085,
    clusterFunctionalLevel: 12,
    arcIntegration: true,
    arcCloud: true,
    registrationProperties: ['NextSync', 'IMDSAttestation', 'DiagnosticLevel', 'Region'],
    cloudManagementServices: ['HciCloudManagementSvc'],
  },
  '24H2': {
    number: 26100,
    updateRevision: 2314,
    clusterFunctionalLevel: 12,
    arcIntegration: true,
    arcCloud: true,
    registrationProperties: ['NextSync', 'IMDSAttestation', 'DiagnosticLevel', 'Region'],
    cloudManagementServices: ['HciCloudManagementSvc'],
  },
};

import type { Application } from '../azure/applications.ts';
import type {
  ArcSettings,
  ClusterResource,
  Extension,
  GroupResource,
  Machine,
  OperationStatus,
  Permission,
  ResourceGroup,
  ResourceProvider,
  RoleAssignment,
} from '../azure/models.ts';
import type { KnownHosts } from '../nodes/known-hosts.ts';
import type { ClusterProbe, Probe } from '../nodes/operations.ts';
import type { Validity } from '../sign-in/validity.ts';
import type { Session } from '../sign-in/sessions.ts';
import type { Reason } from '../api/reasons.ts';

/** Why something could not be read, as a condition says it. */
export interface Unknown {
  reason: Reason;
  message: string;
}

/**
 * What was observed, in three states, so that "could not read" never looks like "is not there". Only `absent` allows a step to create;
 * only a live `present` allows it to delete; `unknown` allows neither. `bulk`: from an answer shared with other registrations, which may be
 * late and never proves an absence.
 */
export type Fact<T> =
  | { state: 'present'; value: T; at: Date; via: 'live' | 'bulk' }
  | { state: 'absent'; at: Date; via: 'live' }
  | { state: 'unknown'; why: Unknown; at: Date };

export const valueOf = <T>(fact: Fact<T> | undefined): T | undefined =>
  fact?.state === 'present' ? fact.value : undefined;

/** One secret of an application, as Azure told when it was made: RFC 3339 times. */
export interface SecretKey {
  keyId: string | undefined;
  notBefore: string | undefined;
  notAfter: string | undefined;
}

/** Values of the annotations with which a person asks for new credentials. */
export interface RenewalRequests {
  rotate?: string | undefined;
  repair?: string | undefined;
}

/** What our own Secret tells of the Arc service principal's secrets. The text itself is not part of the observation. */
export interface ArcSecret {
  appId: string;
  /** The newest that was handed to the nodes. */
  handedOver: SecretKey | undefined;
  /** Made and kept with its text, which is dropped once the nodes have it. */
  held: SecretKey | undefined;
  /** The newest requests that a secret was made for. */
  answered: RenewalRequests;
}

/** The secret of the user's own Arc service principal, as its Secret has it. The text itself is not part of the observation. */
export interface OnboardingSecret {
  appId: string;
  /** Tells this secret from another one. */
  fingerprint: string;
  /** Its first three characters, which Microsoft Graph shows too. */
  hint: string;
  notAfter: Date | undefined;
}

/** Which secret of the user's own Arc service principal the nodes were given, by fingerprint. */
export interface OnboardingRecord {
  appId: string;
  handedOver: string | undefined;
  /** The request for a repair upon which it was handed over last. */
  repair: string | undefined;
  /** What the Secret held when the nodes were found onboarded with this application by somebody else. */
  found: string | undefined;
}

export interface NodeAddress {
  name: string;
  address: string;
  /** Listed in the spec, or found from the cluster itself. */
  source: 'spec' | 'cluster';
}

export interface Observed {
  /** Who is asked, in a fixed order. Known without asking for listed hosts; discovered ones follow the cluster's answer. */
  nodes: NodeAddress[];
  probes: Record<string, Fact<Probe>>;
  /** Fingerprints that nodes showed, whether or not they are pinned. */
  hostKeys: Record<string, string>;
  cluster: Fact<ClusterProbe>;
  signIn: Fact<true>;
  /** How long the sign-in credential is valid; undefined when it is not known, or there is none that expires. */
  signInValidity: Validity | undefined;
  /** The caller's effective actions at the subscription. */
  permissions: Fact<Permission[]>;
  /** The same at the groups that exist, where those at the subscription do not suffice. */
  groupPermissions: { resourceGroup?: Fact<Permission[]>; arcResourceGroup?: Fact<Permission[]> };
  providers: Record<string, Fact<ResourceProvider>>;
  resourceGroup: Fact<ResourceGroup>;
  arcResourceGroup: Fact<ResourceGroup>;
  resource: Fact<ClusterResource>;
  arcSettings: Fact<ArcSettings>;
  /** Arc extensions of the cluster; read only while Arc is being taken away. */
  extensions: Fact<Extension[]>;
  /** What lies in the groups; read only when one might be deleted. */
  groupResources: { resourceGroup?: Fact<GroupResource[]>; arcResourceGroup?: Fact<GroupResource[]> };
  /** Arc-enabled servers of the Arc resource group. */
  machines: Fact<Machine[]>;
  /** Assignments at the Arc resource group of the HCI provider's principal, and of the Arc service principal. */
  providerRoles: Fact<RoleAssignment[]>;
  arcRoles: Fact<RoleAssignment[]>;
  arcSecret: Fact<ArcSecret>;
  /** The user's own Arc service principal; both absent where the spec names none. */
  onboardingSecret: Fact<OnboardingSecret>;
  onboardingRecord: Fact<OnboardingRecord>;
  /** Its application in Microsoft Graph; unknown where that may not be read. */
  onboardingApplication: Fact<Application>;
  /** The secret of the Arc service principal that the nodes are to hold signs in, as the principal of this object id. */
  arcSignIn: Fact<{ principalId: string }>;
  /** Long-running operations whose URL is remembered, by step key. */
  operations: Record<string, Fact<OperationStatus>>;
  /** Azure's clock minus ours, in milliseconds, as far as it is known. */
  clockSkewMs: number | undefined;
}

/** What is remembered under which name: `resource`, `probe/NODE1`, `provider/Microsoft.AzureStackHCI`, `operation/CreateClusterIdentity/hci001`. */
export interface FactValues {
  cluster: ClusterProbe;
  signIn: true;
  permissions: Permission[];
  'groupPermissions/resourceGroup': Permission[];
  'groupPermissions/arcResourceGroup': Permission[];
  resourceGroup: ResourceGroup;
  arcResourceGroup: ResourceGroup;
  resource: ClusterResource;
  arcSettings: ArcSettings;
  extensions: Extension[];
  'groupResources/resourceGroup': GroupResource[];
  'groupResources/arcResourceGroup': GroupResource[];
  machines: Machine[];
  providerRoles: RoleAssignment[];
  arcRoles: RoleAssignment[];
  arcSecret: ArcSecret;
  onboardingSecret: OnboardingSecret;
  onboardingRecord: OnboardingRecord;
  onboardingApplication: Application;
  arcSignIn: { principalId: string };
  session: Session;
  sshKeys: string[];
  knownHosts: KnownHosts;
  [probe: `probe/${string}`]: Probe;
  [provider: `provider/${string}`]: ResourceProvider;
  [operation: `operation/${string}`]: OperationStatus;
}
export type FactKey = keyof FactValues;

import { randomUUID } from 'node:crypto';
import { Type, type Static, type TProperties } from 'typebox';
import { builds, type Build } from './builds.ts';

// The whole of the simulated nodes as plain JSON, by name of cluster and node. What is not there is absent, never null, so
// that a JSON merge patch can take it away. Instants are ISO 8601 strings of the nodes' clock.

const object = <T extends TProperties>(properties: T) => Type.Object(properties, { additionalProperties: false });
const text = Type.String();
const optionalText = Type.Optional(Type.String());

/** How the node's machine is: `rebooting` ends by itself. */
const Power = Type.Enum(['up', 'down', 'rebooting', 'hang', 'garbage'], { type: 'string' });

/** A certificate with its private key in the store LocalMachine\My, both base64 DER. */
const StoredCertificate = object({ certificate: text, privateKey: text, notAfter: text });

/** What Set-AzureStackHCIRegistrationCertificate saved. */
export const RegistrationCertificate = object({
  thumbprint: text,
  serviceEndpoint: text,
  billingServiceApiScope: text,
  aadAuthority: text,
  appId: text,
  tenantId: text,
  cloudId: text,
});
export type RegistrationCertificate = Static<typeof RegistrationCertificate>;

/** The Azure Connected Machine agent. An empty `resourceName` is a clean "disconnected". */
export const Agent = object({
  version: text,
  vmId: text,
  status: text,
  resourceName: text,
  resourceGroup: text,
  subscriptionId: text,
  tenantId: text,
  location: text,
  cloud: text,
  lastHeartbeat: optionalText,
  errorCode: text,
  errorDetails: text,
});
export type Agent = Static<typeof Agent>;

export const NodeState = object({
  id: Type.Integer({ minimum: 1 }),
  power: Power,
  /** For reading only: what the node's SSH server shows, and where. */
  address: text,
  hostKey: text,
  build: Type.Enum(['20H2', '21H2', '22H2', '23H2', '24H2'], { type: 'string' }),
  bootTime: text,
  bios: object({ manufacturer: text, version: text, releaseDate: text, secureBoot: Type.Boolean() }),
  /** Get-ClusterNode while the node is up: Up 0, Paused 2, Joining 3. */
  clusterNodeState: Type.Integer({ minimum: 0, maximum: 3 }),
  statusInformation: text,
  drainStatus: text,
  /** Service executables of Cloud Management that exist. */
  cloudManagementServices: Type.Array(text),
  hcisvc: Type.Enum(['Running', 'Stopped'], { type: 'string' }),
  customImdsHostAddress: optionalText,
  /** By thumbprint. */
  certificateStore: Type.Record(text, StoredCertificate),
  /** Thumbprint of the last certificate that New-AzureStackHCIRegistrationCertificate made. */
  generatedCertificate: optionalText,
  registrationCertificate: Type.Optional(RegistrationCertificate),
  registered: Type.Boolean(),
  /** Firmware, Secure Boot or clock: out of policy whatever the last connection was. */
  outOfPolicy: Type.Boolean(),
  connectionStatus: optionalText,
  lastConnected: optionalText,
  /** Unknown 0, Enabled 1, Disabled 2, DisableInProgress 3 */
  arcStatus: Type.Integer({ minimum: 0, maximum: 3 }),
  arcRegistrationTask: object({
    running: Type.Boolean(),
    lastRunTime: optionalText,
    lastTaskResult: Type.Optional(Type.Integer()),
  }),
  agent: Type.Optional(Agent),
  /** What the node script itself keeps: the contract's `certificate`. */
  scriptRecords: object({
    created: Type.Optional(object({ certificate: text, thumbprint: text, notAfter: text })),
    set: Type.Optional(object({ thumbprint: text, appId: text, cloudId: text })),
  }),
});
export type NodeState = Static<typeof NodeState>;

const Registration = object({
  date: text,
  resourceName: text,
  resourceUri: text,
  subscriptionId: text,
  objectId: text,
  servicePrincipalClientId: text,
  providerNamespace: text,
  appId: text,
  tenantId: text,
  cloudId: text,
  serviceEndpoint: text,
  billingServiceApiScope: text,
  aadAuthority: text,
  nextSync: text,
});

/** What Initialize-AzureStackHCIArcIntegration stored. */
const ArcSettings = object({
  status: Type.Integer({ minimum: 0, maximum: 3 }),
  applicationId: text,
  secret: text,
  tenantId: text,
  subscriptionId: text,
  region: text,
  resourceGroup: text,
  cloud: text,
});

export const ClusterState = object({
  id: text,
  dnsSuffix: text,
  createdTime: text,
  /** `ssh-ed25519 AAAA…`: whose keys may log on to the nodes. */
  authorizedKeys: Type.Array(text),
  diagnosticLevel: Type.Integer({ minimum: 0, maximum: 2 }),
  registration: Type.Optional(Registration),
  arc: Type.Optional(ArcSettings),
  arcRegistrationTask: Type.Boolean(),
  /** The group "Cloud Management": Online 0, Offline 1, Failed 2. `serviceName` is its Generic Service's. */
  cloudManagement: Type.Optional(
    object({ state: Type.Integer({ minimum: 0, maximum: 2 }), hasResource: Type.Boolean(), serviceName: optionalText }),
  ),
  nodes: Type.Record(text, NodeState),
});
export type ClusterState = Static<typeof ClusterState>;

/** Effects, not calls: an operation that changed nothing does not count. */
export const Counters = object({
  certificatesCreated: Type.Integer(),
  certificatesSet: Type.Integer(),
  registrationsSet: Type.Integer(),
  syncs: Type.Integer(),
  cloudManagementStarts: Type.Integer(),
  arcInitializations: Type.Integer(),
  arcRegistrationTasksRegistered: Type.Integer(),
  arcRegistrationTaskStarts: Type.Integer(),
  machinesCreated: Type.Integer(),
});
export type Counters = Static<typeof Counters>;

export const State = object({ clusters: Type.Record(text, ClusterState), counters: Counters });
export type State = Static<typeof State>;

export const noCounts = (): Counters => ({
  certificatesCreated: 0,
  certificatesSet: 0,
  registrationsSet: 0,
  syncs: 0,
  cloudManagementStarts: 0,
  arcInitializations: 0,
  arcRegistrationTasksRegistered: 0,
  arcRegistrationTaskStarts: 0,
  machinesCreated: 0,
});

/** A node as it is after its installation, up for a day. */
export const newNode = (id: number, build: Build, address: string, hostKey: string, now: Date): NodeState => ({
  id,
  power: 'up',
  address,
  hostKey,
  build,
  bootTime: new Date(now.getTime() - 24 * 3600 * 1000).toISOString(),
  bios: { manufacturer: 'Contoso', version: '2.4.1', releaseDate: '2023-03-01T00:00:00.000Z', secureBoot: true },
  clusterNodeState: 0,
  statusInformation: 'Normal',
  drainStatus: 'NotInitiated',
  cloudManagementServices: [...builds[build].cloudManagementServices],
  hcisvc: 'Running',
  certificateStore: {},
  registered: false,
  outOfPolicy: false,
  arcStatus: 2,
  arcRegistrationTask: { running: false },
  scriptRecords: {},
});

export const newCluster = (dnsSuffix: string, authorizedKeys: readonly string[], now: Date): ClusterState => ({
  id: randomUUID(),
  dnsSuffix,
  createdTime: now.toISOString(),
  authorizedKeys: [...authorizedKeys],
  diagnosticLevel: 1,
  arcRegistrationTask: false,
  nodes: {},
});

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
  /** What `azcmagent config set` was told. */
  proxyUrl: optionalText,
  proxyBypass: Type.Optional(Type.Array(text)),
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
  /** A legacy BIOS knows no Secure Boot: Confirm-SecureBootUEFI throws. */
  bios: object({
    manufacturer: text,
    version: text,
    releaseDate: text,
    firmware: Type.Enum(['UEFI', 'BIOS'], { type: 'string' }),
    secureBoot: Type.Boolean(),
  }),
  /** How dates and numbers are printed. */
  culture: Type.Enum(['en-US', 'de-DE'], { type: 'string' }),
  /** What an enforced WDAC policy makes of unsigned scripts. */
  languageMode: Type.Enum(['FullLanguage', 'ConstrainedLanguage'], { type: 'string' }),
  /** Get-ClusterNode while the node is up: Up 0, Paused 2, Joining 3. */
  clusterNodeState: Type.Integer({ minimum: 0, maximum: 3 }),
  /** No node of the cluster: evicted, or not joined yet. Its machine and what runs on it are as they were. */
  evicted: Type.Boolean(),
  statusInformation: text,
  drainStatus: text,
  /** Service executables of Cloud Management that exist. */
  cloudManagementServices: Type.Array(text),
  hcisvc: Type.Enum(['Running', 'Stopped'], { type: 'string' }),
  /** The service of the Connected Machine agent; of no meaning without the agent. */
  himds: Type.Enum(['Running', 'Stopped'], { type: 'string' }),
  /** The one proxy by which this node's agent gets out; absent: it needs none. */
  requiredProxy: optionalText,
  /** Values by key (`HKLM:\\SOFTWARE\\…`), beyond what Windows itself keeps there. */
  registry: Type.Record(text, Type.Record(text, Type.Union([text, Type.Number()]))),
  /** By full path. Folders have no content. */
  files: Type.Record(text, object({ content: optionalText })),
  /** Commands that this node does not have, and that fail with a message, by name. */
  missingCommands: Type.Array(text),
  failingCommands: Type.Record(text, text),
  /** Sources of the Application log that are registered. */
  eventSources: Type.Array(text),
  /** Oldest first. */
  eventLog: Type.Array(
    object({ logName: text, source: text, id: Type.Integer(), level: Type.Integer(), time: text, message: text }),
  ),
  /** Processes that live, by their id. */
  processes: Type.Record(text, object({ name: text, startTime: text })),
  lastProcessId: Type.Integer(),
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
  certificateThumbprint: text,
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
  /** How scripts get to the nodes: installed behind ForceCommand, or brought along by the caller. */
  execution: Type.Enum(['Dispatcher', 'Inline'], { type: 'string' }),
  diagnosticLevel: Type.Integer({ minimum: 0, maximum: 2 }),
  registration: Type.Optional(Registration),
  arc: Type.Optional(ArcSettings),
  /** The clustered task, with the action that it was registered with. */
  arcRegistrationTask: Type.Optional(object({ execute: text, arguments: text, repetitionInterval: optionalText })),
  /** The group "Cloud Management": Online 0, Offline 1, Failed 2. `serviceName` is its Generic Service's. */
  cloudManagement: Type.Optional(
    object({ state: Type.Integer({ minimum: 0, maximum: 4 }), hasResource: Type.Boolean(), serviceName: optionalText }),
  ),
  /** What the group comes to when it is started: Online 0, or Pending 4 for one that takes longer than it is waited for. */
  cloudManagementStartsTo: Type.Enum([0, 4], { type: 'integer' }),
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
  certificatesRemoved: Type.Integer(),
  registrationsRemoved: Type.Integer(),
  cloudManagementRemovals: Type.Integer(),
  arcClears: Type.Integer(),
  arcDisables: Type.Integer(),
  arcRegistrationTasksUnregistered: Type.Integer(),
  machinesDeleted: Type.Integer(),
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
  certificatesRemoved: 0,
  registrationsRemoved: 0,
  cloudManagementRemovals: 0,
  arcClears: 0,
  arcDisables: 0,
  arcRegistrationTasksUnregistered: 0,
  machinesDeleted: 0,
});

/** What the installer of the dispatcher registers. */
export const scriptEventSource = 'HciRegistration';

/** A node as it is after its installation, up for a day. */
export const newNode = (
  id: number,
  build: Build,
  execution: ClusterState['execution'],
  address: string,
  hostKey: string,
  now: Date,
): NodeState => ({
  id,
  power: 'up',
  address,
  hostKey,
  build,
  bootTime: new Date(now.getTime() - 24 * 3600 * 1000).toISOString(),
  bios: {
    manufacturer: 'Contoso',
    version: '2.4.1',
    releaseDate: '2023-03-01T00:00:00.000Z',
    firmware: 'UEFI',
    secureBoot: true,
  },
  culture: 'en-US',
  languageMode: 'FullLanguage',
  clusterNodeState: 0,
  evicted: false,
  statusInformation: 'Normal',
  drainStatus: 'NotInitiated',
  cloudManagementServices: [...builds[build].cloudManagementServices],
  hcisvc: 'Running',
  himds: 'Running',
  registry: {},
  files: {},
  eventSources: execution === 'Dispatcher' ? [scriptEventSource] : [],
  missingCommands: [],
  failingCommands: {},
  eventLog: [],
  processes: {},
  lastProcessId: 4000,
  certificateStore: {},
  registered: false,
  outOfPolicy: false,
  arcStatus: 2,
  arcRegistrationTask: { running: false },
});

export const newCluster = (
  dnsSuffix: string,
  authorizedKeys: readonly string[],
  execution: ClusterState['execution'],
  now: Date,
): ClusterState => ({
  id: randomUUID(),
  dnsSuffix,
  createdTime: now.toISOString(),
  authorizedKeys: [...authorizedKeys],
  execution,
  diagnosticLevel: 1,
  cloudManagementStartsTo: 0,
  nodes: {},
});

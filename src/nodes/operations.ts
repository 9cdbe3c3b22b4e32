import { Type, type Static, type TSchema } from 'typebox';

// What the controller may ask of a node. Each operation is one run of the node script: JSON arguments on stdin,
// one framed JSON answer on stdout. Output of the cmdlets: Windows PowerShell 5.1, module AzureStackHCI.

/** Version of this contract. It is part of the command (`hcireg/1 probe`) and of every answer; a node that speaks another one refuses. */
export const operationsVersion = 1;

const object = <T extends Record<string, TSchema>>(properties: T) =>
  Type.Object(properties, { additionalProperties: false });
const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
/** What a node says is untrusted: every string has a bound. */
const text = Type.String({ maxLength: 4096 });
const instant = Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(\\.\\d{1,7})?Z$' });
const base64 = Type.String({ pattern: '^[A-Za-z0-9+/]+={0,2}$', maxLength: 16384 });
const thumbprint = Type.String({ pattern: '^[0-9A-F]{40}$' });
const nodeName = Type.String({ pattern: '^[A-Za-z0-9]([A-Za-z0-9-]{0,13}[A-Za-z0-9])?$' });

/** `Get-AzureStackHCI`. Enumerations are open: a value that is not known here is kept, never mapped. Empty means not registered. */
const Registration = object({
  clusterStatus: text,
  registrationStatus: text,
  registrationDate: nullable(instant),
  azureResourceName: nullable(text),
  azureResourceUri: nullable(text),
  connectionStatus: nullable(text),
  lastConnected: nullable(instant),
  nextSync: nullable(instant),
  region: nullable(text),
  imdsAttestation: nullable(text),
  diagnosticLevel: nullable(text),
});

/** `Get-AzureStackHCIArcIntegration`; null where the cmdlet does not exist (20H2). */
const ArcIntegration = object({
  clusterArcStatus: text,
  nodesArcStatus: Type.Record(Type.String({ maxLength: 15 }), nullable(text)),
  applicationId: nullable(text),
});

/**
 * `azcmagent show -j`; null where the agent is not installed. An empty resource name is a clean "disconnected".
 * Status `Unknown`: it is installed and gave no answer (himds is stopped, for one); `errorDetails` says what it said, the rest is not known.
 */
const ConnectedMachineAgent = object({
  version: text,
  status: text,
  resourceName: nullable(text),
  resourceGroup: nullable(text),
  subscriptionId: nullable(text),
  tenantId: nullable(text),
  location: nullable(text),
  lastHeartbeat: nullable(instant),
  errorCode: nullable(text),
  errorDetails: nullable(text),
  /** The proxy that it uses, its own or the machine's HTTPS_PROXY, without user and password. */
  proxyUrl: nullable(text),
  /** Services that go without the proxy: AAD, ARM, AMA, Arc, ArcData. */
  proxyBypass: Type.Array(text, { maxItems: 16 }),
});

/** A registration certificate, public part. `createdTime` is by the node's clock. */
const CreatedCertificate = object({ certificate: base64, thumbprint, notAfter: instant, createdTime: instant });

/**
 * The node's registration certificates as the script recorded them. `created` is the last answer of
 * `New-AzureStackHCIRegistrationCertificate`, kept so that a lost answer costs no second certificate; `set` is what the last
 * successful `Set-AzureStackHCIRegistrationCertificate` was given, in full where the script had made it. Both are null on a node
 * registered by the cmdlet.
 */
const RegistrationCertificate = object({
  created: nullable(CreatedCertificate),
  set: nullable(
    object({
      thumbprint,
      appId: text,
      cloudId: text,
      certificate: nullable(base64),
      notAfter: nullable(instant),
      createdTime: nullable(instant),
    }),
  ),
});

const probe = {
  mutates: false,
  scope: 'node',
  timeoutSeconds: 60,
  arguments: object({}),
  result: object({
    /** Dispatcher: installed on the node. Inline: brought along by the controller. */
    script: object({ release: text, execution: Type.Enum(['Dispatcher', 'Inline'], { type: 'string' }) }),
    computerName: nodeName,
    registration: Registration,
    certificate: RegistrationCertificate,
    arc: nullable(ArcIntegration),
    /** What the last successful initializeArcIntegration on this node was given; the cluster may have been given another since, through another node. */
    arcSecret: nullable(object({ appId: text, keyId: text })),
    agent: nullable(ConnectedMachineAgent),
    /** `Get-ScheduledTask ArcRegistrationTask`; null where it is not registered. */
    arcRegistrationTask: nullable(
      object({ state: text, lastRunTime: nullable(instant), lastTaskResult: nullable(Type.Integer()) }),
    ),
    /** AzureStackStampInformation, DeploymentLaunchType: `CloudDeployment` where Azure deployed the cluster (23H2 and later). */
    deploymentLaunchType: nullable(text),
    /** Automatic updates ask Microsoft Update, from which new releases of the agent come. */
    microsoftUpdate: Type.Boolean(),
    /** `HKLM:\SOFTWARE\Microsoft\Windows Azure\CurrentVersion\IMDS` CustomIMDSHostAddress. */
    customImdsHostAddress: nullable(text),
    os: object({
      build: Type.Integer(),
      ubr: Type.Integer(),
      displayVersion: text,
      bootTime: instant,
      currentTime: instant,
      languageMode: text,
    }),
    bios: object({
      manufacturer: text,
      version: text,
      releaseDate: nullable(instant),
      secureBoot: nullable(Type.Boolean()),
    }),
    /** `Get-Command -Module AzureStackHCI`: features are judged by the cmdlets that exist, not by the build. */
    commands: Type.Array(text, { maxItems: 128 }),
    /** Which of the Cloud Management executables exist: HciClusterAgentSvc (22H2), HciCloudManagementSvc (23H2). */
    cloudManagementServices: Type.Array(text, { maxItems: 4 }),
    services: Type.Record(Type.String({ maxLength: 64 }), text),
  }),
} as const;

const clusterProbe = {
  mutates: false,
  scope: 'cluster',
  timeoutSeconds: 60,
  arguments: object({}),
  result: object({
    /** `Get-Cluster`. `id` is what Azure shows as `reportedProperties.clusterId`. The name may become that of the Azure resource. */
    name: nodeName,
    id: text,
    functionalLevel: Type.Integer(),
    dnsName: text,
    dnsSuffix: text,
    nodes: Type.Array(
      object({ name: nodeName, state: text, statusInformation: nullable(text), drainStatus: nullable(text) }),
      { minItems: 1, maxItems: 16 },
    ),
    /** `Get-ClusterGroup 'Cloud Management'`; null where the group does not exist. */
    cloudManagement: nullable(object({ state: text, serviceName: nullable(text) })),
  }),
} as const;

/** Whether the node reaches Azure: GET `<serviceEndpoint>/health`, and `azcmagent check` where the agent is installed. */
const connectivity = {
  mutates: false,
  scope: 'node',
  timeoutSeconds: 180,
  arguments: object({ serviceEndpoint: text }),
  result: object({
    /** Reachable: any HTTP answer came. `error` is what was said instead of a success. */
    health: object({ reachable: Type.Boolean(), statusCode: nullable(Type.Integer()), error: nullable(text) }),
    /** Null where the agent is not installed. `error`: it gave no answer. A row's null is a word that is not known. */
    agent: nullable(
      object({
        endpoints: Type.Array(
          object({ endpoint: text, reachable: nullable(Type.Boolean()), required: nullable(Type.Boolean()) }),
          { maxItems: 100 },
        ),
        error: nullable(text),
      }),
    ),
  }),
} as const;

/** `Get-WinEvent` of Microsoft-AzureStack-HCI/Admin, ids 585, 591, 592 and 594, newest first. */
const events = {
  mutates: false,
  scope: 'node',
  timeoutSeconds: 60,
  arguments: object({}),
  result: object({
    events: Type.Array(
      object({
        id: Type.Integer(),
        time: nullable(instant),
        /** 1 critical, 2 error, 3 warning, 4 information */
        level: Type.Integer(),
        message: Type.String({ maxLength: 1024 }),
      }),
      { maxItems: 50 },
    ),
  }),
} as const;

/** `New-AzureStackHCIRegistrationCertificate`. */
const newRegistrationCertificate = {
  mutates: true,
  scope: 'node',
  timeoutSeconds: 120,
  arguments: object({}),
  result: CreatedCertificate,
} as const;

/** `Set-AzureStackHCIRegistrationCertificate`. Tests sign-in to the cloud before it saves. An empty thumbprint is the generated certificate. */
const setRegistrationCertificate = {
  mutates: true,
  scope: 'node',
  timeoutSeconds: 180,
  arguments: object({
    serviceEndpoint: text,
    billingServiceApiScope: text,
    graphServiceApiScope: text,
    aadAuthority: text,
    appId: text,
    tenantId: text,
    cloudId: text,
    certificateThumbprint: text,
  }),
  result: object({}),
} as const;

/** `Remove-AzureStackHCIRegistrationCertificate`. The records of the script go too. */
const removeRegistrationCertificate = {
  mutates: true,
  scope: 'node',
  timeoutSeconds: 120,
  arguments: object({}),
  result: object({}),
} as const;

/** `Set-AzureStackHCIRegistration`, on one node for the cluster. */
const setRegistration = {
  mutates: true,
  scope: 'cluster',
  timeoutSeconds: 180,
  arguments: object({
    serviceEndpoint: text,
    billingServiceApiScope: text,
    graphServiceApiScope: text,
    aadAuthority: text,
    appId: text,
    tenantId: text,
    cloudId: text,
    subscriptionId: text,
    objectId: text,
    resourceName: text,
    providerNamespace: text,
    resourceArmId: text,
    servicePrincipalClientId: text,
    certificateThumbprint: text,
  }),
  result: object({}),
} as const;

/** `Remove-AzureStackHCIRegistration`, on one node for the cluster. Does nothing where it is not registered. */
const removeRegistration = {
  mutates: true,
  scope: 'cluster',
  timeoutSeconds: 180,
  arguments: object({}),
  result: object({}),
} as const;

/** Adds and starts the cluster group "Cloud Management" with one Generic Service resource. */
const startCloudManagement = {
  mutates: true,
  scope: 'cluster',
  timeoutSeconds: 240,
  arguments: object({ serviceName: Type.Enum(['HciClusterAgentSvc', 'HciCloudManagementSvc'], { type: 'string' }) }),
  result: object({}),
} as const;

/** Stops and removes the cluster group "Cloud Management", with its resource. */
const removeCloudManagement = {
  mutates: true,
  scope: 'cluster',
  timeoutSeconds: 150,
  arguments: object({}),
  result: object({}),
} as const;

/** `Sync-AzureStackHCI`. Never while a node is freshly booted: Microsoft documents that it deletes that node's Arc resource. */
const sync = {
  mutates: true,
  scope: 'cluster',
  timeoutSeconds: 180,
  arguments: object({}),
  result: object({}),
} as const;

/** Removes CustomIMDSHostAddress. */
const removeCustomImdsHostAddress = {
  mutates: true,
  scope: 'node',
  timeoutSeconds: 60,
  arguments: object({}),
  result: object({}),
} as const;

/**
 * `Initialize-AzureStackHCIArcIntegration`, on one node for the cluster. `secret` is the Arc SPN's, and reaches the node on stdin only;
 * `keyId` tells it from others and is recorded on the node.
 */
const initializeArcIntegration = {
  mutates: true,
  scope: 'cluster',
  timeoutSeconds: 180,
  arguments: object({
    appId: text,
    secret: text,
    keyId: text,
    tenantId: text,
    subscriptionId: text,
    region: text,
    resourceGroup: text,
    cloud: text,
  }),
  result: object({}),
} as const;

/** `Clear-AzureStackHCIArcIntegration`, on one node for the cluster: before the nodes are disabled with the flag, after that without. */
const clearArcIntegration = {
  mutates: true,
  scope: 'cluster',
  timeoutSeconds: 180,
  arguments: object({ setDisableInProgress: Type.Boolean() }),
  result: object({}),
} as const;

/** `Disable-AzureStackHCIArcIntegration`: disconnects and removes the agent of this node. */
const disableArcIntegration = {
  mutates: true,
  scope: 'node',
  timeoutSeconds: 600,
  arguments: object({}),
  result: object({}),
} as const;

/** `Register-ClusteredScheduledTask ArcRegistrationTask` (ClusterWide): it also onboards nodes that join later. */
const registerArcRegistrationTask = {
  mutates: true,
  scope: 'cluster',
  timeoutSeconds: 120,
  arguments: object({}),
  result: object({}),
} as const;

/** `Unregister-ClusteredScheduledTask ArcRegistrationTask`. */
const unregisterArcRegistrationTask = {
  mutates: true,
  scope: 'cluster',
  timeoutSeconds: 120,
  arguments: object({}),
  result: object({}),
} as const;

/** `Start-ScheduledTask ArcRegistrationTask`: returns at once; the task onboards this node within minutes. */
const startArcRegistrationTask = {
  mutates: true,
  scope: 'node',
  timeoutSeconds: 60,
  arguments: object({}),
  result: object({}),
} as const;

/** `azcmagent config set proxy.url` and `proxy.bypass` (names with commas; empty: cleared). Fails where the agent is not installed. */
const setAgentProxy = {
  mutates: true,
  scope: 'node',
  timeoutSeconds: 60,
  arguments: object({ url: text, bypass: text }),
  result: object({}),
} as const;

/** `azcmagent disconnect --force-local-only`: the agent forgets its resource. One that is connected is refused. */
const disconnectAgent = {
  mutates: true,
  scope: 'node',
  timeoutSeconds: 120,
  arguments: object({}),
  result: object({}),
} as const;

export const operations = {
  probe,
  clusterProbe,
  connectivity,
  events,
  newRegistrationCertificate,
  setRegistrationCertificate,
  removeRegistrationCertificate,
  setRegistration,
  removeRegistration,
  startCloudManagement,
  removeCloudManagement,
  sync,
  removeCustomImdsHostAddress,
  initializeArcIntegration,
  clearArcIntegration,
  disableArcIntegration,
  registerArcRegistrationTask,
  unregisterArcRegistrationTask,
  startArcRegistrationTask,
  setAgentProxy,
  disconnectAgent,
} satisfies Record<string, OperationDefinition>;

export interface OperationDefinition {
  readonly mutates: boolean;
  /** `node`: about this node. `cluster`: about the whole cluster, run on any node that is up. */
  readonly scope: 'node' | 'cluster';
  readonly timeoutSeconds: number;
  readonly arguments: TSchema;
  readonly result: TSchema;
}

export type OperationName = keyof typeof operations;
export type OperationArguments<N extends OperationName> = Static<(typeof operations)[N]['arguments']>;
export type OperationResult<N extends OperationName> = Static<(typeof operations)[N]['result']>;
export type Probe = OperationResult<'probe'>;
export type ClusterProbe = OperationResult<'clusterProbe'>;

/**
 * The script's answer: `<<<HCIREG{json}HCIREG>>>` on stdout, the last frame counts. Exit status 0 with `ok: true`, 10 with `ok: false`.
 * Anything else on stdout (warnings, banners) and stderr (CLIXML) is diagnostics.
 */
export const OperationFailure = object({
  message: text,
  /** FullyQualifiedErrorId */
  id: text,
  /** CategoryInfo.Reason: the exception's type name */
  reason: text,
  position: text,
});
export type OperationFailure = Static<typeof OperationFailure>;

export const OperationAnswer = Type.Union([
  object({ v: Type.Literal(operationsVersion), op: text, ok: Type.Literal(true), result: Type.Unknown() }),
  object({ v: Type.Literal(operationsVersion), op: text, ok: Type.Literal(false), error: OperationFailure }),
]);

export const frame = { open: '<<<HCIREG', close: 'HCIREG>>>' } as const;

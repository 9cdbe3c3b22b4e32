import { instant, integer, list, mapList, object, oneOf, optional, string, boolean, type Static } from './schema.ts';

const text = (description: string, maxLength = 1024) => string({ maxLength, description });

export const Condition = object({
  type: string({ maxLength: 316, pattern: '^[A-Za-z]+$', description: 'Type of the condition.' }),
  status: oneOf(['True', 'False', 'Unknown'], { description: 'Status of the condition.' }),
  observedGeneration: integer({
    format: 'int64',
    description: 'Generation of the spec that the condition was set upon.',
  }),
  lastTransitionTime: instant('When the status changed last.'),
  reason: string({
    maxLength: 1024,
    minLength: 1,
    pattern: '^[A-Za-z]+$',
    description: 'One word; docs/reasons.md has an entry for each.',
  }),
  message: string({ maxLength: 32768, description: 'What is the matter, on what, and what to do or to wait for.' }),
});
export type Condition = Static<typeof Condition>;

const NodeStatus = object({
  name: text('NetBIOS name.', 15),
  address: optional(text('Where it is reached.', 253)),
  registrationStatus: optional(text("The node's RegistrationStatus in Get-AzureStackHCI.", 64)),
  connectionStatus: optional(text("The node's ConnectionStatus in Get-AzureStackHCI.", 64)),
  arcStatus: optional(text('State of the node in arcSettings.', 64)),
  agentVersion: optional(text('Version of the Connected Machine agent.', 64)),
  agentUpdates: optional(
    text('MicrosoftUpdate: automatic updates of the node bring new releases of the agent. Manual: nobody does.', 32),
  ),
  agentProxy: optional(text('Proxy that the agent uses, without user and password.', 512)),
  hostKey: optional(text('Fingerprint of the SSH host key that the node showed.', 64)),
  lastProbeTime: optional(instant('When the node answered last.')),
  reason: optional(text('Why the node is not as it should be.', 64)),
  message: optional(text('What to do about it.')),
});

const CredentialStatus = object({
  name: text(
    'Which credential: SignIn, ArcServicePrincipal (what the nodes hold), ArcServicePrincipal/next (made, and not with the nodes yet), or NodeCertificate/<node>.',
    128,
  ),
  notBefore: optional(instant('From when it is valid; absent when unknown.')),
  notAfter: optional(instant('When it expires; absent when unknown.')),
  renewalTime: optional(
    instant(
      'When it is to be renewed: by the controller where that rotates it, else by you. Absent when the expiry is unknown.',
    ),
  ),
  keyId: optional(text('Key id or thumbprint.', 128)),
  source: text(
    'Where the expiry is known from: generatePassword (the answer of Azure), ClientSecret and Secret (expiresOn of your Secret), ClientCertificate, or Node.',
    64,
  ),
});

const StepStatus = object({
  name: text('Step, in the words of Register-AzStackHCI.', 64),
  target: text('What the step works on.', 512),
  state: oneOf(['Ready', 'Waiting', 'Blocked'], {
    description: 'Ready: would be done now. Waiting: for what the message says. Blocked: a person must act.',
  }),
  message: text('What the step waits for.'),
});

const Submission = object({
  step: text('Step whose long-running operation was started.', 64),
  target: text('What it works on.', 512),
  submittedTime: instant('When it was started.'),
  waitUntilTime: instant('Until when its effect is awaited before it is started again.'),
});
export type Submission = Static<typeof Submission>;

export const RegistrationStatus = object(
  {
    observedGeneration: optional(
      integer({ format: 'int64', description: 'The newest generation that was evaluated completely.' }),
    ),
    azure: optional(
      object(
        {
          resourceId: optional(
            text('Resource id of the cluster in Azure, once it is registered. From then on spec.azure is fixed.', 2048),
          ),
          resourceGroup: optional(text('The resource group in use.', 90)),
          resourceName: optional(text('The resource name in use.', 260)),
          arcResourceGroup: optional(text('The resource group of the Arc-enabled servers.', 90)),
          cloudId: optional(text('cloudId of the cluster resource.', 64)),
          adopted: optional(boolean({ description: 'The resource existed before this object.' })),
          portalUrl: optional(text('The cluster in the Azure portal.', 2048)),
        },
        { description: 'What the registration is in Azure.' },
      ),
    ),
    firstWriteTime: optional(
      instant('When the first change to Azure or to a node was about to be made; absent: nothing was ever changed.'),
    ),
    lastSyncTime: optional(instant('When everything was last compared with Azure.')),
    nextSyncTime: optional(instant('When it will be compared next.')),
    lastHandledReconcileAt: optional(
      text('Value of the reconcile-requested-at annotation that was answered last.', 256),
    ),
    lastHandledSyncAt: optional(text('Value of the sync-requested-at annotation that was answered last.', 256)),
    lastHandledRotateAt: optional(text('Value of the rotate-requested-at annotation that was answered last.', 256)),
    lastHandledRepairAt: optional(text('Value of the repair-requested-at annotation that was answered last.', 256)),
    consecutiveFailures: optional(integer({ description: 'Failed tries since the last success.' })),
    cluster: optional(
      object(
        {
          name: optional(text("The cluster's own name.", 64)),
          build: optional(text('Operating system build, as 20349.1.', 32)),
          clusterStatus: optional(text('Connectivity as Azure shows it.', 64)),
          lastConnected: optional(instant('When the nodes last synchronised with Azure.')),
          offlineDaysLeft: optional(
            integer({ description: 'Days of the 30 that the cluster may be without a connection.' }),
          ),
        },
        { description: 'What the cluster says of itself.' },
      ),
    ),
    nodes: optional(
      object(
        {
          total: integer({ description: 'Nodes of the cluster.' }),
          registered: integer({ description: 'Nodes that are registered.' }),
          arcConnected: integer({ description: 'Nodes that arcSettings shows as Connected.' }),
          arcSummary: text('arcConnected/total.', 16),
          items: mapList(NodeStatus, ['name'], { maxItems: 16, description: 'Each node.' }),
        },
        { description: 'The nodes.' },
      ),
    ),
    credentials: optional(
      mapList(CredentialStatus, ['name'], { maxItems: 32, description: 'Each credential in use, with its expiry.' }),
    ),
    earliestCredentialExpiry: optional(text('The first expiry among the credentials, as a date.', 32)),
    effective: optional(
      object(
        { deletionPolicy: optional(text('What deleting this object does: Unregister or Detach.', 16)) },
        { description: 'Defaults that were decided.' },
      ),
    ),
    plan: optional(
      object(
        { steps: list(StepStatus, { maxItems: 32, description: 'Steps still needed, in order.' }) },
        { description: 'What is still to be done.' },
      ),
    ),
    submissions: optional(
      mapList(Submission, ['step', 'target'], {
        maxItems: 32,
        description:
          'Long-running operations that were started, written before they start, so that a restart does not start them twice.',
      }),
    ),
    conditions: optional(
      mapList(Condition, ['type'], { maxItems: 32, description: 'What is true of the registration.' }),
    ),
  },
  { description: 'What was observed. Written by the controller only.' },
);
export type RegistrationStatus = Static<typeof RegistrationStatus>;
export type NodeStatus = Static<typeof NodeStatus>;
export type CredentialStatus = Static<typeof CredentialStatus>;

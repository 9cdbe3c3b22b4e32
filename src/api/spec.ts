import {
  boolean,
  duration,
  guid,
  integer,
  list,
  mapList,
  object,
  oneOf,
  optional,
  string,
  unionRules,
  type Static,
} from './schema.ts';

const secretReference = (description: string) =>
  object(
    { name: string({ maxLength: 253, description: 'Name of a Secret in the namespace of this object.' }) },
    { description },
  );

const clientId = guid('clientId', 'Application (client) id of the identity in Microsoft Entra.');

export const identity = object(
  {
    type: oneOf(['WorkloadIdentity', 'ManagedIdentity', 'ClientSecret', 'ClientCertificate'], {
      description: 'How the controller signs in. Set exactly the member of this name.',
    }),
    workloadIdentity: optional(
      object(
        {
          clientId,
          serviceAccountName: string({
            maxLength: 253,
            description:
              'A ServiceAccount in the namespace of this object. The API server issues a token for it (audience api://AzureADTokenExchange), which Microsoft Entra exchanges by a federated credential of the application.',
          }),
        },
        { description: 'Sign in with a federated token of a ServiceAccount. Needs no secret.' },
      ),
    ),
    managedIdentity: optional(
      object(
        { clientId: optional(clientId) },
        {
          description:
            "Sign in with the identity of the controller's own pod. Only for namespaces that the controller's configuration lists.",
        },
      ),
    ),
    clientSecret: optional(
      object(
        {
          clientId,
          secretRef: secretReference(
            'Holds the key clientSecret, and optionally expiresOn (RFC 3339), so that its expiry can be told ahead.',
          ),
        },
        { description: 'Sign in with a client secret.' },
      ),
    ),
    clientCertificate: optional(
      object(
        { clientId, secretRef: secretReference('A Secret of type kubernetes.io/tls.') },
        { description: 'Sign in with a client certificate.' },
      ),
    ),
  },
  {
    description: 'Who the controller is in Azure when it works on this object.',
    rules: unionRules({
      WorkloadIdentity: 'workloadIdentity',
      ManagedIdentity: 'managedIdentity',
      ClientSecret: 'clientSecret',
      ClientCertificate: 'clientCertificate',
    }),
  },
);

export const resourceGroupName = (description: string) =>
  string({
    maxLength: 90,
    minLength: 1,
    description,
    rules: [
      {
        rule: "self.matches('^[-\\\\w._()]+$') && !self.endsWith('.')",
        message:
          'a resource group name has letters, digits, underscores, hyphens, periods and parentheses, and does not end with a period',
      },
    ],
  });

export const clouds = ['AzureCloud', 'AzureChinaCloud', 'AzureUSGovernment'] as const;

const azure = object(
  {
    cloud: oneOf([...clouds], {
      default: 'AzureCloud',
      description: "The Azure cloud, in the words of Register-AzStackHCI's -EnvironmentName. Fixed once registered.",
    }),
    tenantId: guid('tenantId', 'Microsoft Entra tenant of the subscription. Fixed once registered.'),
    subscriptionId: guid(
      'subscriptionId',
      'Subscription that the cluster is registered in and billed to. Fixed once registered.',
    ),
    region: string({
      maxLength: 64,
      description:
        'Azure region of the cluster resource, as "eastus" or "East US". Checked against the list of the resource provider. Fixed once registered.',
      rules: [
        {
          rule: "self.matches('^[A-Za-z][A-Za-z0-9 ]*$')",
          message:
            'region is the name of an Azure region, such as eastus or "East US": letters, digits and spaces only. List them with: az account list-locations --query "[].name"',
        },
      ],
    }),
    resourceGroup: optional(
      resourceGroupName(
        'Resource group of the cluster resource; made if it does not exist. Default, as in Register-AzStackHCI: <resource name>-rg. Fixed once registered.',
      ),
    ),
    resourceName: optional(
      string({
        maxLength: 260,
        minLength: 1,
        description:
          "Name of the cluster resource in Azure. Default, as in Register-AzStackHCI: the cluster's own name. Fixed once registered.",
        rules: [
          {
            rule: "self.matches('^[A-Za-z0-9][A-Za-z0-9-_]*$')",
            message: 'resourceName has letters, digits, hyphens and underscores, and starts with a letter or digit',
          },
        ],
      }),
    ),
    tags: optional(
      object(
        {},
        {
          additionalProperties: { type: 'string', maxLength: 256 },
          maxProperties: 40,
          description: 'Tags on the cluster resource only, as Register-AzStackHCI sets them; never on resource groups.',
        },
      ),
    ),
    identity,
  },
  { description: 'Where the cluster is registered.' },
);

const hostKeyPattern = '^SHA256:[A-Za-z0-9+/]{43}$';
const host = object(
  {
    name: string({
      maxLength: 15,
      description: "The node's NetBIOS name, as Get-ClusterNode shows it.",
      rules: [
        {
          rule: "self.matches('^[A-Za-z0-9]([A-Za-z0-9-]{0,13}[A-Za-z0-9])?$')",
          message: 'name is a NetBIOS computer name: up to 15 letters, digits and hyphens',
        },
      ],
    }),
    address: string({
      maxLength: 253,
      description: 'DNS name or IP address at which the controller reaches the node.',
      rules: [
        {
          rule: "isIP(self) || self.matches('^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$')",
          message: 'address is a DNS name or an IP address without a port: the port stands in transport',
        },
      ],
    }),
    hostKeys: optional(
      list(
        string({
          maxLength: 50,
          rules: [
            {
              rule: `self.matches('${hostKeyPattern}')`,
              message: 'a host key is its SHA-256 fingerprint, such as SHA256:…, as ssh-keygen -lf shows it',
            },
          ],
        }),
        {
          maxItems: 4,
          description:
            "SHA-256 fingerprints of the node's SSH host keys. Nothing is sent to a node whose key is not pinned here or in knownHostsRef. Two at once allow a change of keys.",
        },
      ),
    ),
  },
  {},
);

const nodes = object(
  {
    discovery: oneOf(['Cluster', 'None'], {
      default: 'Cluster',
      description: 'Cluster: nodes that are not listed are found from the cluster itself. None: only the listed hosts.',
    }),
    hosts: mapList(host, ['name'], {
      minItems: 1,
      maxItems: 16,
      description: 'Nodes of the cluster; at least one, from which the others can be found.',
      rules: [
        {
          rule: 'self.all(host, self.exists_one(other, other.name.lowerAscii() == host.name.lowerAscii()))',
          message: 'each node once: names of computers are the same in upper and lower case',
        },
      ],
    }),
    transport: object(
      {
        type: oneOf(['SSH', 'WinRM'], { description: 'How nodes are reached. Set exactly the member of this name.' }),
        ssh: optional(
          object(
            {
              user: string({
                maxLength: 104,
                default: 'hcireg',
                description: 'Account on the nodes that may run the node script.',
              }),
              port: integer({ minimum: 1, maximum: 65535, default: 22, description: 'TCP port of sshd on the nodes.' }),
              secretRef: secretReference(
                'A Secret of type kubernetes.io/ssh-auth with ssh-privatekey, and optionally ssh-privatekey.next while keys are changed.',
              ),
              knownHostsRef: optional(
                secretReference(
                  'A Secret whose key known_hosts, in the format of OpenSSH, pins host keys beside hosts[].hostKeys: of hosts that are not listed too. A key that it marks @revoked is refused, also where hosts[].hostKeys has it.',
                ),
              ),
              execution: oneOf(['Dispatcher', 'Inline'], {
                default: 'Dispatcher',
                description:
                  'Dispatcher: the node script is installed on the node behind ForceCommand, so that the key can do nothing else. Inline: nothing is installed, and the script is sent with each operation; the key can then run anything that the account may.',
              }),
            },
            { description: 'OpenSSH for Windows on the nodes.' },
          ),
        ),
        winRM: optional(
          object(
            {
              port: integer({
                minimum: 1,
                maximum: 65535,
                default: 5986,
                description: 'TCP port of the HTTPS listener.',
              }),
              secretRef: secretReference('A Secret of type kubernetes.io/tls: the client certificate.'),
              caRef: secretReference("A Secret whose key ca.crt verifies the nodes' certificates."),
            },
            { description: 'WinRM over HTTPS with a client certificate.' },
          ),
        ),
      },
      { description: 'How the controller reaches the nodes.', rules: unionRules({ SSH: 'ssh', WinRM: 'winRM' }) },
    ),
  },
  { description: 'The nodes of the cluster and how they are reached.' },
);

const arc = object(
  {
    state: oneOf(['Enabled', 'Disabled', 'Unmanaged'], {
      default: 'Enabled',
      description:
        'Enabled: every node is an Azure Arc-enabled server. Disabled: the cluster stays registered, without Arc; extensions, agents and what the registration made for Arc in Azure are removed. Unmanaged: somebody else does it.',
    }),
    resourceGroup: optional(
      resourceGroupName(
        "Resource group of the Arc-enabled servers (-ArcServerResourceGroupName). Default: the cluster's group.",
      ),
    ),
    onboarding: object(
      {
        type: oneOf(['ResourceProvider', 'ServicePrincipal', 'ClusterIdentity'], {
          default: 'ResourceProvider',
          description:
            'Who onboards the nodes. ResourceProvider: a service principal that the HCI resource provider makes. ServicePrincipal: your own (-ArcSpnCredential). ClusterIdentity: the managed identity of the cluster resource; the classic registration does not have it, and ArcConnected says so.',
        }),
        servicePrincipal: optional(
          object(
            {
              secretRef: secretReference(
                'Holds clientId, clientSecret and optionally expiresOn (RFC 3339), so that its expiry can be told ahead. A changed secret is handed to the nodes.',
              ),
            },
            {
              description:
                'Your own service principal for Arc onboarding. It needs no role but the two that the controller assigns to it on the Arc resource group.',
            },
          ),
        ),
      },
      {
        default: { type: 'ResourceProvider' }, // its own rules are checked on the default before nested defaults apply
        description: 'The identity with which nodes become Arc-enabled servers.',
        rules: unionRules({ ServicePrincipal: 'servicePrincipal' }),
      },
    ),
    defaultExtensions: optional(
      oneOf(['Consent', 'Decline'], {
        description:
          'Legal consent to the mandatory default extensions (22H2 and later). Consent: the controller calls consentAndInstallDefaultExtensions on your behalf. Absent: not given, and status says so.',
      }),
    ),
    proxy: optional(
      object(
        {
          url: string({
            maxLength: 2048,
            description:
              'Proxy of the Connected Machine agent on every node, such as http://proxy.corp.example.com:8080: azcmagent config set proxy.url.',
            rules: [
              {
                rule: "!self.contains('@')",
                message:
                  'a proxy is named without user and password: use one that lets the nodes through by their addresses',
              },
              {
                rule: "self.matches('^https?://[A-Za-z0-9.:_\\\\[\\\\]-]+/?$')",
                message:
                  'a proxy is http:// or https:// with a host and a port, such as http://proxy.corp.example.com:8080',
              },
            ],
          }),
          bypass: optional(
            list(oneOf(['AAD', 'ARM', 'AMA', 'Arc', 'ArcData']), {
              maxItems: 5,
              description:
                'Services that go without the proxy: azcmagent config set proxy.bypass. Absent: none. ArcData needs agent 1.36.',
            }),
          ),
        },
        {
          description:
            'Proxy of the Connected Machine agent. Absent: what is set on the nodes is left as it is. Downloading and first connecting the agent also needs a proxy of the machine (HTTPS_PROXY), where there is no other way out.',
        },
      ),
    ),
  },
  { default: {}, description: 'Azure Arc-enabled servers for the nodes.' },
);

export const RegistrationSpec = object(
  {
    azure,
    nodes,
    arc,
    credentialRotation: object(
      {
        mode: oneOf(['Auto', 'Manual'], {
          default: 'Auto',
          description:
            'Auto: credentials are rotated ahead of their expiry, and a registration whose certificates are refused is repaired. Manual: only on request (rotate-requested-at, repair-requested-at).',
        }),
        renewBefore: duration({
          default: '720h',
          atLeast: '1h',
          description: 'How long before its expiry a credential is rotated; at most a third of its lifetime counts.',
        }),
      },
      { default: {}, description: 'Rotation of the credentials that the cluster uses.' },
    ),
    managementPolicy: oneOf(['Manage', 'Observe'], {
      default: 'Manage',
      description: 'Manage: make it so. Observe: no write to Azure or to nodes; status.plan says what would be done.',
    }),
    adoptionPolicy: oneOf(['Never', 'IfOwned', 'Always'], {
      default: 'IfOwned',
      description:
        "What to do with an existing cluster resource of this name. IfOwned: take it over if it carries this object's mark, or if the nodes themselves are registered to it.",
    }),
    deletion: object(
      {
        policy: optional(
          oneOf(['Unregister', 'Detach'], {
            description:
              'Unregister: deleting this object unregisters the cluster. Detach: Azure and the nodes are left as they are. Default: Unregister for a resource that the controller made, Detach for one that it adopted.',
          }),
        ),
        whenNodesUnreachable: oneOf(['Wait', 'AzureOnly'], {
          default: 'Wait',
          description: 'Wait: unregistering waits for the nodes. AzureOnly: only Azure is cleaned up.',
        }),
        extensions: oneOf(['Wait', 'Ignore'], {
          default: 'Wait',
          description:
            'Wait: agents are removed only after the Arc extensions are gone. Ignore: they are not waited for. Holds for unregistering and for arc.state Disabled.',
        }),
      },
      { default: {}, description: 'What happens when this object is deleted.' },
    ),
    suspend: boolean({ default: false, description: 'true: nothing is read or changed until it is false again.' }),
    syncInterval: duration({
      default: '15m',
      atLeast: '1m',
      description: 'How often the registration is compared with Azure.',
    }),
    nodeProbeInterval: duration({
      default: '1h',
      atLeast: '5m',
      description: 'How often nodes are probed in steady state; at once on a change, a request or drift.',
    }),
  },
  { description: 'What is wanted.' },
);
export type RegistrationSpec = Static<typeof RegistrationSpec>;

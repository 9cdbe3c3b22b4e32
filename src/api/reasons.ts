// Every reason that a condition can carry, with what to do. docs/reasons.md is generated from this table.

export interface ReasonText {
  meaning: string;
  action: string;
}

const table = {
  // True, or on the way
  Ready: {
    meaning: 'The cluster is registered, connected, Arc-connected as asked, and its credentials are good.',
    action: 'Nothing.',
  },
  Succeeded: { meaning: 'What the condition is about is as it should be.', action: 'Nothing.' },
  Progressing: { meaning: 'Steps are being done.', action: 'Wait; status.plan shows what is left.' },
  InternalError: {
    meaning: 'The controller met something that it did not expect.',
    action: 'Report it with the log of the controller. It tries again.',
  },
  ProgressingWithRetry: {
    meaning: 'The last try failed and is repeated at the time that the message says.',
    action: 'Read the message; nothing needs to be done if it passes.',
  },
  WaitingForAzure: {
    meaning: 'A long-running operation in Azure has not finished, or Azure is busy with another one on the same thing.',
    action: 'Wait.',
  },
  NotYetObserved: { meaning: 'It has not been looked at yet.', action: 'Wait for the first pass.' },
  Suspended: {
    meaning: 'spec.suspend is true: nothing is read or changed.',
    action: 'Set spec.suspend to false to go on.',
  },
  NotRequested: { meaning: 'The spec does not ask for it.', action: 'Nothing.' },
  // Stalled
  InvalidSpec: {
    meaning: 'The spec cannot be carried out as written.',
    action: 'Change the field that the message names.',
  },
  NotSupportedYet: {
    meaning: 'The spec asks for something that this version of the controller does not do.',
    action: 'Change the field that the message names, or install a version that does it.',
  },
  InvalidRegion: {
    meaning: 'The HCI resource provider does not offer this region, or the resource stands in another one.',
    action: 'Set spec.azure.region to one of the regions in the message.',
  },
  OwnershipConflict: {
    meaning: 'The cluster resource in Azure belongs to another cluster or another object.',
    action: 'Choose another resourceName, or delete the other registration.',
  },
  AdoptionRefused: {
    meaning: 'A cluster resource of this name exists and adoptionPolicy does not allow to take it over.',
    action: 'Set adoptionPolicy to Always if it is this cluster, or choose another resourceName.',
  },
  RegisteredElsewhere: {
    meaning: 'The nodes are registered to another Azure resource.',
    action: 'Make the spec name that resource, or unregister the cluster first.',
  },
  PolicyDenied: {
    meaning: 'An Azure policy refuses a request.',
    action: 'Ask the owner of the policy for an exemption, or change names, tags or region.',
  },
  ArcDisableInProgress: {
    meaning:
      'Arc is being taken away: extensions, agents, Arc-enabled servers, Arc settings, roles. The cluster stays registered. Where the spec asks for Arc, that was begun before (9113) and is finished first; then Arc is enabled anew.',
    action:
      'Wait; the message names what is left. An extension that cannot be removed is let go with deletion.extensions: Ignore.',
  },
  ArcMachineOwnedElsewhere: {
    meaning: 'An Arc-enabled server of the name of a node belongs to another cluster.',
    action: 'Disconnect it there, or use another arc.resourceGroup.',
  },
  ArcAgentConflict: {
    meaning: "A node's Connected Machine agent holds another Azure resource than the one it should.",
    action:
      'If that resource is not needed any more, run the command in the message on the node; else leave the node out.',
  },
  ClusterIdentityUnsupported: {
    meaning: "The classic registration does not onboard nodes with the cluster's managed identity.",
    action: 'Set spec.arc.onboarding.type to ResourceProvider or ServicePrincipal.',
  },
  CloudDeployed: {
    meaning: 'The cluster was deployed from Azure (23H2 and later), which has registered it and keeps it registered.',
    action: 'Set managementPolicy to Observe, or delete this object: nothing was changed.',
  },
  FlowNotSupported: {
    meaning:
      'The nodes are registered in the newest way, with managed identities instead of applications and certificates.',
    action: 'Register the cluster with Register-AzStackHCI: this controller does not do that, and changed nothing.',
  },
  // Sign-in
  SecretNotFound: {
    meaning: 'A Secret that the spec names, a key in it, or a ServiceAccount does not exist.',
    action: 'Create it; the controller notices.',
  },
  CredentialExpired: {
    meaning: 'The credential has expired (AADSTS7000222).',
    action: 'Put a new one into the Secret.',
  },
  CredentialRejected: {
    meaning: 'Microsoft Entra does not accept the credential.',
    action: 'Compare client id, tenant and secret with the application; the message has the AADSTS code.',
  },
  WrongTenant: {
    meaning:
      'The tenant does not exist or does not know the application, or the subscription belongs to another tenant.',
    action: 'Correct spec.azure.tenantId, or the client id of spec.azure.identity.',
  },
  EndpointUnreachable: { meaning: 'No answer from Azure.', action: 'Check egress, proxy and DNS of the controller.' },
  NamespaceNotAllowed: {
    meaning: "The controller's own identity may not be used from this namespace.",
    action: 'Use WorkloadIdentity, or have the namespace added to managedIdentityNamespaces in the configuration.',
  },
  // Permissions
  ActionsMissing: { meaning: 'The identity lacks actions in Azure.', action: 'Grant what the message lists.' },
  CheckNotAllowed: { meaning: 'The identity may not read its own permissions.', action: 'Nothing; it blocks nothing.' },
  AzureRequestFailed: {
    meaning: 'A request to Azure failed.',
    action: 'Read the message: it has the code and the correlation id.',
  },
  // Nodes
  NodeUnreachable: {
    meaning: 'A node does not answer.',
    action: 'Check that the node is up and that its SSH port can be reached from the controller.',
  },
  NodeNotAnswering: {
    meaning: 'A node takes connections and gives no answer: it hangs, or its sshd does.',
    action: 'Look at the console of the node; restart sshd, or the node. It is asked again by itself.',
  },
  NodeDown: {
    meaning: 'The cluster says that a node is down, and it does not answer or is not to be worked on.',
    action: 'Bring the node back, or evict it from the cluster. It is looked at again by itself.',
  },
  NodePaused: {
    meaning: 'A node is paused in the cluster: nothing is changed on it meanwhile.',
    action: 'Resume it (Resume-ClusterNode) when the work on it is done.',
  },
  NodeDraining: {
    meaning: 'The roles of a node are being moved away: nothing is changed on it meanwhile.',
    action: 'Wait, or resume it (Resume-ClusterNode).',
  },
  NodeNotUp: {
    meaning: 'The cluster says that a node is joining, isolated or in quarantine: nothing is changed on it meanwhile.',
    action: 'Look at it in Failover Cluster Manager if it lasts.',
  },
  NodeFreshlyBooted: {
    meaning:
      'A node has booted within the last 10 minutes: nothing is changed on it, and the cluster is not synchronised.',
    action: 'Wait.',
  },
  NodeNotMember: {
    meaning: 'A listed host is no node of the cluster any more. It is left out.',
    action: 'Take it out of spec.nodes.hosts, or join it to the cluster again.',
  },
  OsUnsupported: {
    meaning: 'The operating system of a node is older than registration needs (9111).',
    action: 'Update the node to the release that the message names.',
  },
  FirmwareDiffers: {
    meaning: 'The firmware of a node is not that of most of the others. This can put the node out of policy.',
    action: 'Bring the nodes to the same firmware.',
  },
  SecureBootOff: {
    meaning: 'Secure Boot is off on a node. This can put the node out of policy.',
    action: 'Turn Secure Boot on in the firmware of the node.',
  },
  NodeClockSkew: {
    meaning: "The clock of a node and Azure's differ by more than 5 minutes.",
    action: 'Correct the time source of the node: with a wrong clock Microsoft Entra refuses its sign-in.',
  },
  NodeAuthFailed: {
    meaning: "A node does not accept the controller's key.",
    action: 'Install the public key on the node, or correct the Secret.',
  },
  HostKeyMismatch: {
    meaning: 'A node showed another host key than the pinned one. Nothing was sent.',
    action: 'If the node was re-installed, pin the new fingerprint; else treat it as an attack.',
  },
  HostKeyNotPinned: {
    meaning: 'No host key is pinned for a node. Nothing was sent.',
    action: 'Compare the fingerprint in the message with the node, then add it to spec.nodes.hosts or to known_hosts.',
  },
  AddressNotAllowed: {
    meaning: 'The address of a node is not one that the controller may connect to.',
    action: "Use an address within the cluster's DNS suffix that is not loopback, link-local, multicast or reserved.",
  },
  NodeOperationFailed: {
    meaning: 'An operation on a node failed.',
    action: 'Read the message: it is what the cmdlet said.',
  },
  NodeScriptsOutdated: {
    meaning: 'The node script answers with something that this controller does not understand.',
    action: 'Do what the message says: usually, install the node script of this version on the node.',
  },
  NodeIdentityMismatch: {
    meaning: 'The computer that answered is not the node that the spec names.',
    action: 'Correct name and address of the host.',
  },
  // Registered
  NotRegistered: {
    meaning: 'Azure and the nodes do not all agree that the cluster is registered.',
    action: 'Wait while Reconciling; else read Stalled.',
  },
  CertificateMissing: {
    meaning: 'The registration certificate of a node is missing, and uploading it could lock out other nodes.',
    action: 'Repair the registration as the message says.',
  },
  ResourceMissing: {
    meaning: 'The nodes are registered but the cluster resource is gone from Azure (9106).',
    action: 'Unregister the cluster on its nodes, then register it again. Nothing was created.',
  },
  // Connected
  NotConnectedRecently: {
    meaning: 'The last synchronisation is older than a day.',
    action: 'Check outbound connectivity of the nodes.',
  },
  OfflineLimitNear: {
    meaning: 'Ten or fewer of the 30 days without connection are left; then no virtual machine can be created.',
    action: 'Restore outbound connectivity of the nodes now.',
  },
  OutOfPolicy: {
    meaning: 'All nodes are out of policy.',
    action:
      'Check Secure Boot, TPM and time of the nodes, and whether they were offline for more than 30 days; then unregister, restart and register again.',
  },
  NodeOutOfPolicy: {
    meaning: 'Some nodes are out of policy.',
    action: 'Compare firmware, Secure Boot and TPM of the nodes named.',
  },
  RepairRegistrationRequired: {
    meaning: 'A node asks for a repair of the registration.',
    action: 'Nothing while Reconciling: it is repaired. Else do what the message says.',
  },
  // Arc
  NodesNotConnected: {
    meaning: 'Not all nodes are Arc-connected yet.',
    action: 'Wait while Reconciling; the message names the nodes.',
  },
  ArcSyncPending: {
    meaning: 'All nodes are onboarded, and Azure does not show them all as connected yet.',
    action: 'Wait: it can take up to 12 hours.',
  },
  AgentOutdated: {
    meaning: 'The Connected Machine agent of a node is older than what this controller and Azure work with.',
    action:
      'Update it: turn on Microsoft Update on the node, or install the newest release (https://aka.ms/AzureConnectedMachineAgent).',
  },
  ArcUnsupported: {
    meaning: 'The operating system has no Arc integration (20H2).',
    action: 'Update to 21H2 or later, or set arc.state to Unmanaged.',
  },
  MixedBuilds: {
    meaning: 'Some nodes have Arc integration and others do not: an upgrade is under way (9112).',
    action: 'Finish the upgrade of the nodes that the message names; Arc is set up then.',
  },
  ArcIdentityMissing: {
    meaning:
      'The application of your own Arc service principal does not exist in the tenant, or has no service principal there.',
    action:
      'Restore it within 30 days of its deletion (Microsoft Entra, deleted applications), or put another one into the Secret: the nodes are given it.',
  },
  RpRoleMissing: {
    meaning: 'The HCI resource provider lacks its role on the Arc resource group, and we may not assign it.',
    action: 'Have an owner run the command in the message.',
  },
  // Credentials
  ExpiringSoon: {
    meaning: 'A credential has reached the time at which it is to be renewed.',
    action: 'Nothing where the message says that the controller renews it; else renew it as the message says.',
  },
  Expired: { meaning: 'A credential has expired.', action: 'Renew it as the message says.' },
  RotationFailed: {
    meaning: 'A credential could not be renewed. The one in use works until it expires.',
    action: 'Read the message: it says what failed and when the next try is.',
  },
  SecretNotKept: {
    meaning: 'Azure made a secret, and it could not be kept in Kubernetes, so that nobody holds it.',
    action:
      'See why the API server refuses the Secret. Another secret is made; the message has the key id of the lost one.',
  },
  ExpiryUnknown: {
    meaning: 'The expiry of a credential is not known.',
    action:
      'For a client secret of yours: add the key expiresOn (RFC 3339) to its Secret; for that of your own Arc service principal the application permission Application.Read.All of Microsoft Graph for the identity will do too. Else nothing.',
  },
  // In sync
  DriftDetected: {
    meaning: 'Azure or a node differs from what is wanted.',
    action: 'Nothing; it is being corrected, unless managementPolicy is Observe.',
  },
  NotObserved: { meaning: 'Not everything could be read.', action: 'See the other conditions.' },
  // Deleting
  UnregisterNotSupported: {
    meaning: 'This version of the controller does not unregister clusters.',
    action: 'Set spec.deletion.policy to Detach to release the object, and unregister with Unregister-AzStackHCI.',
  },
  Detaching: { meaning: 'The object goes; Azure and the nodes are left as they are.', action: 'Nothing.' },
  // Orphan sweeps
  OrphansFound: {
    meaning: 'A sweep found something that a registration left behind.',
    action: 'Look at status.orphans; docs/orphans.md says how to have it deleted.',
  },
  NoneFound: { meaning: 'The last sweep found nothing that was left behind.', action: 'Nothing.' },
  SweepIncomplete: {
    meaning: 'A part of the subscription could not be searched, or something found there could not be judged.',
    action: 'Read the message; what is missing is often a right to read. It is tried again.',
  },
  DeletionHeld: {
    meaning: 'spec.mode is Delete, and nothing may be deleted: not all registrations are known, or a clock is wrong.',
    action:
      'Do what the message says. A controller for one namespace never deletes: use spec.mode Report, or a controller for all namespaces.',
  },
  OrphanDeleted: { meaning: 'A deletion was accepted by Azure.', action: 'Nothing.' },
  OrphanNotDeleted: {
    meaning: 'Azure refused a deletion.',
    action: 'Remove the lock, or grant the action, that the message names; it is tried again.',
  },
  ClockSkew: {
    meaning: "The controller's clock and Azure's differ by more than 5 minutes.",
    action: "Correct the clock of the controller's host.",
  },
} satisfies Record<string, ReasonText>;

export type Reason = keyof typeof table;
export const reasons: Readonly<Record<Reason, ReasonText>> = table;

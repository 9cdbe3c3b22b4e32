import type { OrphanKind } from '../api/sweep.ts';
import type { Fact } from '../registration/facts.ts';

/** What one registration looks after, as far as its spec and status tell. Ids and names are in lower case. */
export interface Charge {
  /** namespace/name */
  name: string;
  subscriptionId: string;
  /** Of the cluster resource; undefined while it is not decided: then any resource may be meant. */
  resourceId: string | undefined;
  /** Ids of the resource groups of the cluster and of its Arc-enabled servers. */
  groups: string[];
  /** Names of the nodes that its spec lists. */
  nodes: string[];
}

/** All registrations there are, by a live list of all namespaces, or why that is not to be had. */
export type Fleet = { state: 'known'; charges: Charge[] } | { state: 'unknown'; why: string };

/** A time as Azure told it; undefined where it told none; `unreadable` where it told something else. */
export type Told = Date | 'unreadable' | undefined;

interface Common {
  id: string;
  createdAt: Told;
}

export interface SeenCluster extends Common {
  kind: 'Cluster';
  /** The tag that says which object it belongs to. */
  mark: string | undefined;
  /** Signs of life: synchronisation, registration, what the nodes reported. */
  seenAt: Told[];
  /** As Azure words them. */
  statuses: string[];
  provisioningState: string;
  /** It has Arc settings, which have to go first. */
  hasArcSettings: boolean;
  /** Arc-enabled servers that belong to it and are connected, or were not long ago. */
  livingMachines: string[];
  /** Ids of all Arc-enabled servers that belong to it. */
  machines: string[];
}

export interface SeenMachine extends Common {
  kind: 'Machine';
  status: string;
  changedAt: Told;
  parentId: string;
  parent: Fact<{ mark: string | undefined }>;
}

export interface SeenResourceGroup extends Common {
  kind: 'ResourceGroup';
  /** It has the tag of groups that Register-AzStackHCI or we made. */
  madeByRegistration: boolean;
  provisioningState: string;
  resources: number;
}

export interface SeenRoleAssignment extends Common {
  kind: 'RoleAssignment';
  role: string;
  scope: string;
  principalId: string;
  principalType: string;
  /** Its name is the one that this controller gives, which follows from scope, principal and role. */
  namedByController: boolean;
  /** `deleted`: it can be restored. */
  principal: Fact<'living' | 'deleted'>;
}

export interface SeenApplication extends Common {
  kind: 'Application';
  /** The one that was searched. */
  subscriptionId: string;
  displayName: string;
  /** Cluster resources of the name that it was made for. */
  clusters: string[];
  /** Connected Arc-enabled servers where it has a role. */
  livingMachines: string[];
}

export type Seen = SeenCluster | SeenMachine | SeenResourceGroup | SeenRoleAssignment | SeenApplication;

/** What a bulk answer made suspicious, as a live read shows it. */
export interface Candidate {
  id: string;
  kind: OrphanKind;
  live: Fact<Seen>;
}

export interface Observed {
  fleet: Fleet;
  candidates: Candidate[];
  /** What could not be searched at all. */
  unsearched: { kinds: OrphanKind[]; why: string }[];
  /** Azure's clock minus ours. */
  clockSkewMs: number | undefined;
}

import type { SweepSpec } from '../../api/sweep.ts';
import type { Fact } from '../../registration/facts.ts';
import type {
  Candidate,
  Charge,
  Observed,
  Seen,
  SeenApplication,
  SeenCluster,
  SeenMachine,
  SeenResourceGroup,
  SeenRoleAssignment,
} from '../observed.ts';
import type { PlanInput } from '../plan.ts';

export const now = new Date('2026-06-01T00:00:00Z');
export const daysAgo = (days: number): Date => new Date(now.getTime() - days * 24 * 3_600_000);

export const instanceId = 'test-instance';
export const subscriptionId = '11111111-1111-4111-8111-111111111111';
const group = `/subscriptions/${subscriptionId}/resourceGroups/rg`;
export const clusterId = (name: string): string => `${group}/providers/Microsoft.AzureStackHCI/clusters/${name}`;
export const machineId = (name: string): string => `${group}/providers/Microsoft.HybridCompute/machines/${name}`;
export const markOf = (name: string, instance = instanceId): string => `${instance}/edge/${name}`;

export const present = <T>(value: T): Fact<T> => ({ state: 'present', value, at: now, via: 'live' });
export const absent: Fact<never> = { state: 'absent', at: now, via: 'live' };
export const unknown: Fact<never> = { state: 'unknown', why: { reason: 'ActionsMissing', message: '403' }, at: now };

/** Everything below is an orphan by every rule, unless it is changed. */
export const buildCluster = (changes: Partial<SeenCluster> = {}): SeenCluster => ({
  kind: 'Cluster',
  id: clusterId('gone'),
  createdAt: daysAgo(400),
  mark: markOf('gone'),
  seenAt: [daysAgo(100), daysAgo(390), undefined],
  statuses: ['Disconnected'],
  provisioningState: 'Succeeded',
  hasArcSettings: false,
  livingMachines: [],
  machines: [],
  ...changes,
});

export const buildMachine = (changes: Partial<SeenMachine> = {}): SeenMachine => ({
  kind: 'Machine',
  id: machineId('NODE1'),
  createdAt: daysAgo(400),
  status: 'Disconnected',
  changedAt: daysAgo(100),
  parentId: clusterId('gone'),
  parent: absent,
  ...changes,
});

export const buildGroup = (changes: Partial<SeenResourceGroup> = {}): SeenResourceGroup => ({
  kind: 'ResourceGroup',
  id: `/subscriptions/${subscriptionId}/resourceGroups/empty`,
  createdAt: undefined,
  madeByRegistration: true,
  provisioningState: 'Succeeded',
  resources: 0,
  ...changes,
});

export const buildAssignment = (changes: Partial<SeenRoleAssignment> = {}): SeenRoleAssignment => ({
  kind: 'RoleAssignment',
  id: `${group}/providers/Microsoft.Authorization/roleAssignments/22222222-2222-4222-8222-222222222222`,
  createdAt: daysAgo(400),
  role: 'Azure Connected Machine Onboarding',
  scope: group,
  principalId: '33333333-3333-4333-8333-333333333333',
  principalType: 'ServicePrincipal',
  namedByController: true,
  principal: absent,
  ...changes,
});

export const buildApplication = (changes: Partial<SeenApplication> = {}): SeenApplication => ({
  kind: 'Application',
  subscriptionId,
  id: '/applications/44444444-4444-4444-8444-444444444444',
  createdAt: daysAgo(400),
  displayName: 'gone.arc',
  clusters: [],
  livingMachines: [],
  ...changes,
});

/** One that looks after another cluster, and knows its resource. */
export const buildCharge = (changes: Partial<Charge> = {}): Charge => ({
  name: 'edge/other',
  subscriptionId,
  resourceId: clusterId('other').toLowerCase(),
  groups: [`/subscriptions/${subscriptionId}/resourcegroups/other-rg`],
  nodes: ['other1'],
  ...changes,
});

export const candidateOf = (seen: Seen, live: Fact<Seen> = present(seen)): Candidate => ({
  id: seen.id,
  kind: seen.kind,
  live,
});

export const buildObserved = (changes: Partial<Observed> = {}): Observed => ({
  fleet: { state: 'known', charges: [buildCharge()] },
  candidates: [],
  unsearched: [],
  clockSkewMs: 0,
  ...changes,
});

/** Found long ago, unless it is said otherwise. */
export function buildInput(
  seen: readonly Seen[],
  changes: { spec?: Partial<SweepSpec>; observed?: Partial<Observed>; firstSeen?: Date } = {},
): PlanInput {
  const candidates = seen.map((one) => candidateOf(one));
  const firstSeen = changes.firstSeen ?? daysAgo(60);
  return {
    spec: { mode: 'Delete', minimumAge: '720h', approved: [], ...changes.spec },
    observed: buildObserved({ candidates, ...changes.observed }),
    instanceId,
    firstSeen: new Map((changes.observed?.candidates ?? candidates).map(({ id }) => [id.toLowerCase(), firstSeen])),
    now,
  };
}

import { orphanKinds, type OrphanKind, type SweepSpec } from '../api/sweep.ts';
import { readApplication } from '../azure/applications.ts';
import type { BulkAnswer, Resources } from '../azure/inventory.ts';
import {
  readArcMachine,
  readDirectoryObjects,
  readResources,
  readRoleAssignment,
  readServicePrincipal,
} from '../azure/left-behind.ts';
import type { ClusterResource, Machine, ResourceGroup, RoleAssignment } from '../azure/models.ts';
import { readArcSettings, readCluster, readGroupResources, readResourceGroup, type Found } from '../azure/reads.ts';
import { resourceGroupId, roleAssignmentName, roles, type RoleName } from '../azure/resource-ids.ts';
import type { Fact } from '../registration/facts.ts';
import { describeFailure } from '../registration/failures.ts';
import { createdByTag, markTag } from '../registration/target.ts';
import type { Session } from '../sign-in/sessions.ts';
import { aliveMs, groupOf } from './judge.ts';
import type {
  Candidate,
  Fleet,
  Observed,
  Seen,
  SeenApplication,
  SeenCluster,
  SeenMachine,
  SeenResourceGroup,
  SeenRoleAssignment,
  Told,
} from './observed.ts';

export interface ObserveOptions {
  session: Pick<Session, 'arm' | 'graph' | 'inventory'>;
  azure: Pick<SweepSpec['azure'], 'resourceGroups'>;
  /** Lists the registrations live. */
  readFleet(): Promise<Fleet>;
  now: () => Date;
  signal: AbortSignal;
  /** Look at this resource only, and at what decides about it; ids in lower case. Default: all. */
  only?: string;
}

/**
 * Bulk answers make suspicious and nothing else: each suspect is then read live. What they leave out is not found this time; what they show
 * too late is read as it is now.
 */
export async function observe(options: ObserveOptions): Promise<Observed> {
  const { session, signal } = options;
  const { inventory } = session;
  const unsearched: Observed['unsearched'] = [];
  const rowsOf = <T>(answer: BulkAnswer<T>, kinds: OrphanKind[]): T | undefined => {
    if (answer.kind === 'rows') return answer.rows;
    unsearched.push({ kinds, why: describeFailure(answer.error).message });
    return undefined;
  };
  const fleet = await options.readFleet();
  const resources = rowsOf(await inventory.resources.read(signal), [...orphanKinds]);
  const groups = rowsOf(await inventory.resourceGroups.read(signal), ['ResourceGroup']);
  const assignments = rowsOf(await inventory.roleAssignments.read(signal), ['RoleAssignment', 'Application']);
  const search = createSearch(options, fleet);

  const candidates: Candidate[] = [];
  if (resources !== undefined) candidates.push(...(await search.clusters(resources)));
  if (groups !== undefined && resources !== undefined)
    candidates.push(...(await search.resourceGroups(groups, resources)));
  if (assignments !== undefined && resources !== undefined) {
    try {
      candidates.push(...(await search.principals(assignments, resources)));
    } catch (error) {
      signal.throwIfAborted();
      unsearched.push({ kinds: ['RoleAssignment', 'Application'], why: describeFailure(error).message });
    }
  }
  return { fleet, candidates, unsearched, clockSkewMs: session.arm.clockSkewMs() };
}

function createSearch(options: ObserveOptions, fleet: Fleet) {
  const { session, signal, now, only } = options;
  const { arm, graph } = session;
  const subscription = `/subscriptions/${arm.subscriptionId}`;
  const wantedGroups = new Set(options.azure.resourceGroups.map((name) => name.toLowerCase()));
  const isWanted = (id: string): boolean =>
    wantedGroups.size === 0 || wantedGroups.has(id.toLowerCase().split('/')[4] ?? '');
  const isMeant = (id: string): boolean => only === undefined || only === id.toLowerCase();

  async function factOf<T>(read: () => Promise<Found<T>>): Promise<Fact<T>> {
    try {
      const found = await read();
      const at = now();
      return found.found
        ? { state: 'present', value: found.value, at, via: 'live' }
        : { state: 'absent', at, via: 'live' };
    } catch (error) {
      signal.throwIfAborted();
      const { reason, message } = describeFailure(error);
      return { state: 'unknown', why: { reason, message }, at: now() };
    }
  }
  const clusterAt = remembering((id) =>
    factOf(async () => {
      // A missing group proves that the cluster is missing only where the group itself was read to be missing.
      const [, , owner, , group = ''] = id.split('/');
      const inSubscription = owner?.toLowerCase() === arm.subscriptionId.toLowerCase();
      const parent = inSubscription ? await readResourceGroup(arm, group, signal) : { found: true };
      return readCluster(arm, id, !parent.found, signal);
    }),
  );
  const machineAt = remembering((id) => factOf(() => readArcMachine(arm, id, signal)));
  const createdTimes = remembering(async (type) => {
    const listed = await readResources(arm, subscription, type, signal);
    return new Map(
      listed.found ? listed.value.map(({ id, createdTime }) => [id.toLowerCase(), told(createdTime)]) : [],
    );
  });
  const createdAt = async (type: string, id: string): Promise<Told> => (await createdTimes(type)).get(id.toLowerCase());

  const candidate = async (id: string, kind: OrphanKind, look: () => Promise<Found<Seen>>): Promise<Candidate> => ({
    id,
    kind,
    live: await factOf(look),
  });

  /** Clusters that nobody looks after and Azure has not seen for long, and Arc-enabled servers without a living cluster. */
  async function clusters({ clusters: rows, machines: byGroup }: Resources): Promise<Candidate[]> {
    const machines = [...byGroup.values()].flat();
    const askedParent = machines.find(({ id }) => only === id.toLowerCase())?.properties?.parentClusterResourceId;
    const isAsked = (id: string) => isMeant(id) || askedParent?.toLowerCase() === id.toLowerCase();
    const suspects = [...rows.values()].filter(
      (row) => isAsked(row.id) && isWanted(row.id) && isSuspect(row, fleet, now()),
    );
    const found: Candidate[] = [];
    for (const { id } of suspects) found.push(await candidate(id, 'Cluster', () => lookAtCluster(id, machines)));
    const silent = new Set(suspects.map(({ id }) => id.toLowerCase()));
    for (const { id, properties } of machines) {
      const parent = properties?.parentClusterResourceId ?? '';
      const isSilent = /^(disconnected|expired)$/i.test(properties?.status ?? '');
      const hasLivingParent = rows.has(parent.toLowerCase()) && !silent.has(parent.toLowerCase());
      if (parent === '' || !isSilent || hasLivingParent || !isMeant(id) || !isWanted(id)) continue;
      found.push(await candidate(id, 'Machine', () => lookAtMachine(id)));
    }
    return found;
  }

  async function lookAtCluster(id: string, machines: readonly Machine[]): Promise<Found<SeenCluster>> {
    const fact = await clusterAt(id);
    if (fact.state === 'unknown') throw new NotRead(fact.why.message);
    if (fact.state === 'absent') return { found: false };
    const { tags, properties } = fact.value;
    const settings = await readArcSettings(arm, id, signal);
    const nodes = settings.found ? (settings.value.properties.perNodeDetails ?? []) : [];
    const rows = machines.filter(
      ({ properties: row }) => row?.parentClusterResourceId?.toLowerCase() === id.toLowerCase(),
    );
    const ids = new Map(
      [...rows.map((row) => row.id), ...nodes.flatMap(({ arcInstance }) => arcInstance ?? [])].map((one) => [
        one.toLowerCase(),
        one,
      ]),
    );
    const living = nodes.filter(({ state }) => /^connected$/i.test(state ?? '')).map(({ name }) => name);
    const present: string[] = [];
    for (const machine of ids.values()) {
      const live = await machineAt(machine);
      if (live.state === 'unknown') throw new NotRead(live.why.message);
      if (live.state === 'absent') continue;
      present.push(machine);
      const { status, lastStatusChange } = live.value.properties ?? {};
      const changed = told(lastStatusChange);
      const isOld = changed instanceof Date && now().getTime() - changed.getTime() >= aliveMs;
      if (!isOld || !/^(disconnected|expired)$/i.test(status ?? '')) living.push(machine);
    }
    const { status, connectivityStatus, lastSyncTimestamp, registrationTimestamp, reportedProperties } = properties;
    return {
      found: true,
      value: {
        id,
        kind: 'Cluster',
        createdAt: await createdAt('Microsoft.AzureStackHCI/clusters', id),
        mark: tags?.[markTag],
        seenAt: [lastSyncTimestamp, registrationTimestamp, reportedProperties?.lastUpdated].map(told),
        statuses: [status, connectivityStatus].flatMap((one) => one ?? []),
        provisioningState: properties.provisioningState ?? '',
        hasArcSettings: settings.found,
        livingMachines: living,
        machines: present,
      },
    };
  }

  async function lookAtMachine(id: string): Promise<Found<SeenMachine>> {
    const fact = await machineAt(id);
    if (fact.state === 'unknown') throw new NotRead(fact.why.message);
    if (fact.state === 'absent') return { found: false };
    const { status, lastStatusChange, parentClusterResourceId: parentId } = fact.value.properties ?? {};
    if (parentId === undefined || parentId === null || parentId === '') return { found: false };
    const parent = await clusterAt(parentId);
    return {
      found: true,
      value: {
        id,
        kind: 'Machine',
        createdAt: await createdAt('Microsoft.HybridCompute/machines', id),
        status: status ?? '',
        changedAt: told(lastStatusChange),
        parentId,
        parent: parent.state === 'present' ? { ...parent, value: { mark: parent.value.tags?.[markTag] } } : parent,
      },
    };
  }

  async function resourceGroups(
    rows: ReadonlyMap<string, ResourceGroup>,
    { clusters: ofClusters, machines }: Resources,
  ): Promise<Candidate[]> {
    const used = new Set([...[...ofClusters.keys()].map(groupOf), ...machines.keys()]);
    const found: Candidate[] = [];
    for (const [key, { name, tags }] of rows) {
      const id = resourceGroupId(arm.subscriptionId, name);
      if (!isMadeByRegistration(tags) || used.has(key) || !isWanted(id) || !isMeant(id)) continue;
      found.push(await candidate(id, 'ResourceGroup', () => lookAtResourceGroup(id, name)));
    }
    return found;
  }

  async function lookAtResourceGroup(id: string, name: string): Promise<Found<SeenResourceGroup>> {
    const group = await readResourceGroup(arm, name, signal);
    if (!group.found) return group;
    const inside = await readGroupResources(arm, name, signal);
    if (!inside.found) return inside;
    const { tags, provisioningState } = group.value;
    const madeByRegistration = isMadeByRegistration(tags);
    const resources = inside.value.length;
    return {
      found: true,
      value: { id, kind: 'ResourceGroup', createdAt: undefined, madeByRegistration, provisioningState, resources },
    };
  }

  /** Role assignments whose principal is gone, and applications of clusters that are gone. */
  async function principals(rows: readonly RoleAssignment[], resources: Resources): Promise<Candidate[]> {
    const here = rows.filter(
      ({ id, properties }) =>
        isWanted(id) &&
        properties.scope.toLowerCase().startsWith(subscription.toLowerCase()) &&
        principalMayBeMeant(id),
    );
    const ids = [...new Set(here.map(({ properties }) => properties.principalId))];
    if (ids.length === 0) return [];
    const known = new Map((await readDirectoryObjects(graph, ids, signal)).map((object) => [object.id, object]));
    const found: Candidate[] = [];
    for (const { id, properties } of here) {
      if (known.has(properties.principalId) || !isMeant(id)) continue;
      found.push(await candidate(id, 'RoleAssignment', () => lookAtRoleAssignment(id)));
    }
    for (const { id: principalId, appId, displayName } of known.values()) {
      if (appId === undefined || appId === null || !arcIdentity.test(displayName ?? '')) continue;
      const scopes = here.flatMap(({ properties }) => (properties.principalId === principalId ? properties.scope : []));
      const application = await readApplication(graph, appId, signal);
      if (!application.found) continue;
      const id = `/applications/${application.value.id}`;
      if (!isMeant(id)) continue;
      found.push(await candidate(id, 'Application', () => lookAtApplication(id, application.value, scopes, resources)));
    }
    return found;
  }

  /** An application is known by its role assignments only. */
  const principalMayBeMeant = (id: string): boolean => isMeant(id) || only?.startsWith('/applications/') === true;

  async function lookAtRoleAssignment(id: string): Promise<Found<SeenRoleAssignment>> {
    const assignment = await readRoleAssignment(arm, id, signal);
    if (!assignment.found) return assignment;
    const { name, properties } = assignment.value;
    const { scope, principalId, roleDefinitionId, principalType, createdOn } = properties;
    const delegated = properties.delegatedManagedIdentityResourceId ?? '';
    const role = roleNames.find((one) => roleDefinitionId.toLowerCase().endsWith(roles[one]));
    return {
      found: true,
      value: {
        id,
        kind: 'RoleAssignment',
        createdAt: told(createdOn),
        role: role ?? roleDefinitionId,
        scope,
        principalId,
        principalType:
          delegated === '' ? (principalType ?? 'principal of unknown type') : 'principal of another tenant',
        namedByController: role !== undefined && name.toLowerCase() === roleAssignmentName(scope, principalId, role),
        principal: await factOf(() => readServicePrincipal(graph, principalId, signal)),
      },
    };
  }

  async function lookAtApplication(
    id: string,
    { displayName, createdDateTime }: { displayName: string; createdDateTime?: string | null },
    scopes: readonly string[],
    { machines }: Resources,
  ): Promise<Found<SeenApplication>> {
    const cluster = arcIdentity.exec(displayName)?.[1]?.toLowerCase();
    if (cluster === undefined) return { found: false };
    const all = await readResources(arm, subscription, 'Microsoft.AzureStackHCI/clusters', signal);
    if (!all.found) throw new NotRead('the clusters of the subscription were not listed');
    const within = [...machines.values()]
      .flat()
      .filter((machine) => scopes.some((scope) => machine.id.toLowerCase().startsWith(`${scope.toLowerCase()}/`)));
    return {
      found: true,
      value: {
        id,
        kind: 'Application',
        subscriptionId: arm.subscriptionId,
        createdAt: told(createdDateTime),
        displayName,
        clusters: all.value.map((one) => one.id).filter((one) => one.toLowerCase().endsWith(`/${cluster}`)),
        livingMachines: within.flatMap((machine) =>
          /^connected$/i.test(machine.properties?.status ?? '') ? [machine.id] : [],
        ),
      },
    };
  }

  return { clusters, resourceGroups, principals };
}

/** Each is read once. */
function remembering<T>(read: (id: string) => Promise<T>): (id: string) => Promise<T> {
  const known = new Map<string, Promise<T>>();
  return (id) => {
    const found = known.get(id.toLowerCase()) ?? read(id);
    known.set(id.toLowerCase(), found);
    return found;
  };
}

/** The provider names the application of the Arc service principal so. */
const arcIdentity = /^([a-z\d][-\w]*)\.arc$/i;

const roleNames: readonly RoleName[] = [
  'Azure Connected Machine Onboarding',
  'Azure Connected Machine Resource Administrator',
  'Azure Connected Machine Resource Manager',
];

/** Something that decides about a resource was not read: neither was the resource then. */
class NotRead extends Error {
  override readonly name = 'NotRead';
}

const isMadeByRegistration = (tags: Readonly<Record<string, string>>): boolean =>
  Object.entries(tags).some(
    ([name, value]) =>
      name.toLowerCase() === 'createdby' && value.toLowerCase() === createdByTag.CreatedBy.toLowerCase(),
  );

/** By its row: nobody names it, and it has been silent for long. */
function isSuspect({ id, properties }: ClusterResource, fleet: Fleet, now: Date): boolean {
  if (fleet.state === 'known' && fleet.charges.some(({ resourceId }) => resourceId === id.toLowerCase())) return false;
  const synced = told(properties.lastSyncTimestamp);
  return !(synced instanceof Date) || now.getTime() - synced.getTime() >= aliveMs;
}

function told(value: string | null | undefined): Told {
  if (value === undefined || value === null || value === '') return undefined;
  const at = new Date(value);
  return Number.isNaN(at.getTime()) ? 'unreadable' : at;
}

import type { HciClusterRegistration } from '../api/registration.ts';
import type { Bulk } from '../azure/inventory.ts';
import type { Machine, Permission, ResourceGroup } from '../azure/models.ts';
import * as reads from '../azure/reads.ts';
import type { ResourceManager } from '../azure/resource-manager.ts';
import { resourceGroupId, sameId } from '../azure/resource-ids.ts';
import type { Session } from '../sign-in/sessions.ts';
import { clusterFrom, machinesFrom, resourceGroupFrom, roleAssignmentsFrom } from './bulk.ts';
import { valueOf, type Fact, type FactKey, type Observed } from './facts.ts';
import { expire, isBulk, readAgain, type Memory } from './memory.ts';
import type { ObservedOnboarding } from './observe-onboarding.ts';
import { grants, neededActions, permissionScopeId } from './permissions.ts';
import { found, type FromBulk, type Reader } from './reader.ts';
import { seldomMs, syncIntervalMs } from './schedule.ts';
import { arcDisableBegun, nonEmpty } from './step.ts';
import { createdByTag, withArcSettings, type Target } from './target.ts';

/** Resource Graph has no arcSettings; the rows of Arc-enabled servers tell when to look earlier. */
const arcSettingsAtRestMs = 3_600_000;
/** Rights that were missing may be granted. */
const rightsMs = 3_600_000;

const ofTarget: FactKey[] = ['resourceGroup', 'resource', 'arcSettings', 'extensions', 'groupResources/resourceGroup'];
const ofArcGroup: FactKey[] = [
  'arcResourceGroup',
  'groupResources/arcResourceGroup',
  'machines',
  'providerRoles',
  'arcRoles',
];

/** What was read so far of another resource is forgotten. */
export function forgetOtherTarget(memory: Memory, { resourceId }: Target): void {
  if (memory.resourceId === resourceId) return;
  if (memory.resourceId !== undefined) expire(memory, [...ofTarget, ...ofArcGroup]);
  memory.resourceId = resourceId;
}

export type ObservedAzure = Pick<
  Observed,
  | 'permissions'
  | 'groupPermissions'
  | 'providers'
  | 'resourceGroup'
  | 'arcResourceGroup'
  | 'resource'
  | 'arcSettings'
  | 'extensions'
  | 'groupResources'
  | 'machines'
  | 'providerRoles'
  | 'arcRoles'
  | 'operations'
>;

/** Everything about the target in Azure, once its name is known and a token was obtained. */
export async function observeAzure(
  registration: HciClusterRegistration,
  given: {
    target: Target | undefined;
    session: Session | undefined;
    signIn: Fact<true>;
    memory: Memory;
    nodes: Pick<Observed, 'probes'>;
    /** The user's own Arc service principal, where the spec names one. */
    own: ObservedOnboarding | undefined;
  },
  reader: Reader,
  signal: AbortSignal,
): Promise<ObservedAzure & { target: Target | undefined }> {
  const { target: named, session, signIn, memory, own } = given;
  if (session === undefined || signIn.state !== 'present' || named === undefined) {
    const why: Fact<never> =
      signIn.state === 'unknown'
        ? signIn
        : {
            state: 'unknown',
            why: {
              reason: 'NotYetObserved',
              message: 'the name of the cluster is not known until one of its nodes answers',
            },
            at: signIn.at,
          };
    return {
      target: named,
      permissions: why,
      groupPermissions: {},
      providers: {},
      resourceGroup: why,
      arcResourceGroup: why,
      resource: why,
      arcSettings: why,
      extensions: why,
      groupResources: {},
      machines: why,
      providerRoles: why,
      arcRoles: why,
      operations: {},
    };
  }
  const { arm, inventory } = session;
  const fromBulk =
    <R, T>(bulk: Bulk<R>, pick: (rows: R, known: T | undefined) => T | undefined): FromBulk<T> =>
    async (known) => {
      const answer = await bulk.read(signal);
      const value = answer.kind === 'rows' ? pick(answer.rows, known) : undefined;
      return value === undefined ? undefined : { value, at: answer.at };
    };
  const groupFromBulk = (name: string) =>
    fromBulk(inventory.resourceGroups, (groups) => resourceGroupFrom(groups, named, name));
  const syncMs = syncIntervalMs(registration);
  const slowMs = Math.max(syncMs, seldomMs);

  const [resourceGroup, permissions, providers, operations] = await Promise.all([
    reader.read(
      'resourceGroup',
      slowMs,
      () => reads.readResourceGroup(arm, named.resourceGroup, signal),
      groupFromBulk(named.resourceGroup),
    ),
    reader.read(
      'permissions',
      slowMs,
      () => reads.readPermissions(arm, `/subscriptions/${named.subscriptionId}`, signal),
      fromBulk(inventory.permissions(`/subscriptions/${named.subscriptionId}`), (rows) => rows),
    ),
    readAll(named.endpoints.resourceProviders, (namespace) =>
      reader.read(
        `provider/${namespace}`,
        slowMs,
        () => reads.readResourceProvider(arm, namespace, signal),
        fromBulk(inventory.providers(namespace), (provider) => provider),
      ),
    ),
    readAll(
      [...memory.operations].filter(([, { url }]) => url !== undefined).map(([key]) => key),
      (key) =>
        reader.read(`operation/${key}`, slowMs, async () =>
          found(await reads.readOperation(arm, memory.operations.get(key)?.url ?? '', signal)),
        ),
    ),
  ]);

  const resource = await reader.read(
    'resource',
    syncMs,
    () => reads.readCluster(arm, named.resourceId, resourceGroup.state === 'absent', signal),
    fromBulk(inventory.resources, (rows) => clusterFrom(rows, named)),
  );
  const arcSettings: Observed['arcSettings'] =
    resource.state === 'present'
      ? await reader.read(
          'arcSettings',
          isBulk(resource) ? Math.ceil(arcSettingsAtRestMs / syncMs) * syncMs : syncMs,
          () => reads.readArcSettings(arm, named.resourceId, signal),
        )
      : resource;

  const arcGroup = valueOf(arcSettings)?.properties.arcInstanceResourceGroup;
  const target =
    registration.metadata.deletionTimestamp !== undefined && nonEmpty(arcGroup)
      ? { ...named, arcResourceGroup: arcGroup }
      : withArcSettings(named, registration.spec, arcGroup);
  const arcScope = resourceGroupId(target.subscriptionId, target.arcResourceGroup);
  if (memory.arcScope !== arcScope.toLowerCase()) {
    if (memory.arcScope !== undefined) expire(memory, ofArcGroup);
    memory.arcScope = arcScope.toLowerCase();
  }
  const sameGroup = sameId(target.arcResourceGroup, target.resourceGroup);

  const removesArc = arcIsRemoved(registration, given.nodes, arcSettings);
  const arcWanted = removesArc || registration.spec.arc.state === 'Enabled';
  const roles = (key: 'providerRoles' | 'arcRoles', principalId: string | null | undefined, parent: Fact<unknown>) => {
    if (principalId === undefined || principalId === null || principalId === '')
      return parent.state === 'unknown' ? parent : ({ state: 'absent', at: parent.at, via: 'live' } as const);
    return reader.read(
      key,
      slowMs,
      () => reads.readRoleAssignments(arm, arcScope, principalId, signal),
      fromBulk(inventory.roleAssignments, (rows) => roleAssignmentsFrom(rows, arcScope, principalId)),
    );
  };
  const [arcResourceGroup, machines, providerRoles, arcRoles] = await Promise.all([
    sameGroup
      ? resourceGroup
      : reader.read(
          'arcResourceGroup',
          slowMs,
          () => reads.readResourceGroup(arm, target.arcResourceGroup, signal),
          groupFromBulk(target.arcResourceGroup),
        ),
    arcWanted
      ? reader.read(
          'machines',
          slowMs,
          () => reads.readMachines(arm, target.arcResourceGroup, signal),
          fromBulk(inventory.resources, (rows, known: Machine[] | undefined) => machinesFrom(rows, target, known)),
        )
      : ({ state: 'absent', at: resource.at, via: 'live' } as const),
    roles('providerRoles', arcWanted ? valueOf(resource)?.properties.resourceProviderObjectId : undefined, resource),
    own === undefined
      ? roles(
          'arcRoles',
          arcWanted ? valueOf(arcSettings)?.properties.arcServicePrincipalObjectId : undefined,
          arcSettings,
        )
      : roles('arcRoles', valueOf(own.arcSignIn)?.principalId, own.arcSignIn),
  ]);
  const extensions: Observed['extensions'] =
    removesArc && arcSettings.state === 'present'
      ? await reader.read('extensions', syncMs, () => reads.readExtensions(arm, named.resourceId, signal))
      : arcSettings.state === 'unknown'
        ? arcSettings
        : { state: 'absent', at: arcSettings.at, via: 'live' };
  const groupResources = removesArc
    ? await observeGroupResources(
        registration,
        { target, arm, resource, arcSettings, resourceGroup, arcResourceGroup },
        reader,
        signal,
      )
    : {};
  return {
    target,
    permissions,
    groupPermissions: await observeGroupPermissions(
      registration,
      { target, session, permissions, memory, groups: { resourceGroup, arcResourceGroup } },
      reader,
      signal,
    ),
    providers,
    resourceGroup,
    arcResourceGroup,
    resource,
    arcSettings,
    extensions,
    groupResources,
    machines,
    providerRoles,
    arcRoles,
    operations,
  };
}

const arcIsRemoved = (
  { spec, metadata }: HciClusterRegistration,
  { probes }: Pick<Observed, 'probes'>,
  arcSettings: Observed['arcSettings'],
): boolean =>
  metadata.deletionTimestamp !== undefined ||
  spec.arc.state === 'Disabled' ||
  arcDisableBegun({ spec, observed: { probes, arcSettings } });

/** What lies in a group is read when the group might be deleted: it is Az.StackHCI's or ours, and what we know of in it is gone. */
async function observeGroupResources(
  { metadata }: HciClusterRegistration,
  given: { target: Target; arm: ResourceManager } & Pick<
    Observed,
    'resource' | 'arcSettings' | 'resourceGroup' | 'arcResourceGroup'
  >,
  reader: Reader,
  signal: AbortSignal,
): Promise<Observed['groupResources']> {
  const { target, arm } = given;
  const read = async (key: 'resourceGroup' | 'arcResourceGroup', emptied: boolean) => {
    const group = valueOf(given[key]);
    if (!emptied || group?.tags['CreatedBy'] !== createdByTag.CreatedBy) return {};
    const fact = await reader.read(`groupResources/${key}`, seldomMs, () =>
      reads.readGroupResources(arm, target[key], signal),
    );
    return { [key]: fact };
  };
  return {
    ...(sameId(target.arcResourceGroup, target.resourceGroup)
      ? {}
      : await read('arcResourceGroup', given.arcSettings.state === 'absent')),
    ...(await read('resourceGroup', metadata.deletionTimestamp !== undefined && given.resource.state === 'absent')),
  };
}

/** A role may be assigned at the groups only. That is looked at where the subscription does not tell of all that is needed. */
async function observeGroupPermissions(
  registration: HciClusterRegistration,
  given: {
    target: Target;
    session: Session;
    permissions: Fact<Permission[]>;
    memory: Memory;
    groups: Record<'resourceGroup' | 'arcResourceGroup', Fact<ResourceGroup>>;
  },
  reader: Reader,
  signal: AbortSignal,
): Promise<Observed['groupPermissions']> {
  const { target, session, permissions, groups } = given;
  if (permissions.state === 'present') {
    const needed = neededActions(registration.spec, { groups: false, providers: [], roles: true });
    if (needed.every(({ action }) => grants(permissions.value, action))) return {};
    readAgain(given.memory, ['permissions'], new Date(permissions.at.getTime() + rightsMs));
  }
  const read = async (scope: 'resourceGroup' | 'arcResourceGroup') =>
    groups[scope].state === 'present'
      ? reader.read(`groupPermissions/${scope}`, rightsMs, () =>
          reads.readPermissions(session.arm, permissionScopeId(target, scope), signal),
        )
      : undefined;
  const resourceGroup = await read('resourceGroup');
  const arcResourceGroup = sameId(target.arcResourceGroup, target.resourceGroup)
    ? resourceGroup
    : await read('arcResourceGroup');
  return {
    ...(resourceGroup === undefined ? {} : { resourceGroup }),
    ...(arcResourceGroup === undefined ? {} : { arcResourceGroup }),
  };
}

async function readAll<T>(
  keys: readonly string[],
  read: (key: string) => Promise<Fact<T>>,
): Promise<Record<string, Fact<T>>> {
  return Object.fromEntries(await Promise.all(keys.map(async (key) => [key, await read(key)] as const)));
}

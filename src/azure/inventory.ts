import { Type, type Static, type TSchema } from 'typebox';
import { Value } from 'typebox/value';
import { AzureError, toAzureError } from './errors.ts';
import {
  ClusterResource,
  Machine,
  type Permission,
  type ResourceGroup,
  type ResourceProvider,
  type RoleAssignment,
} from './models.ts';
import * as reads from './reads.ts';
import { roles } from './resource-ids.ts';
import type { ResourceManager } from './resource-manager.ts';

/** One answer for all who ask for a while. A failed one is kept as well: it is not tried again for each of a thousand objects. */
export type BulkAnswer<T> = { kind: 'rows'; rows: T; at: Date } | { kind: 'failed'; error: AzureError; at: Date };

export interface Bulk<T> {
  /** Reads only when what is there is too old. Throws nothing but the signal's reason. */
  read(signal: AbortSignal): Promise<BulkAnswer<T>>;
  /** The newest answer, without reading. */
  latest(): BulkAnswer<T> | undefined;
}

/** Keys are ids in lower case. */
export interface Resources {
  clusters: ReadonlyMap<string, ClusterResource>;
  /** Arc-enabled servers by the id of their resource group. */
  machines: ReadonlyMap<string, Machine[]>;
}

/**
 * What is read at once for everything that one principal looks after in one subscription. Resource Graph's rows come late, and those that
 * the principal may not read are silently left out: a missing row says nothing. It has no arcSettings.
 */
export interface Inventory {
  resources: Bulk<Resources>;
  resourceGroups: Bulk<ReadonlyMap<string, ResourceGroup>>;
  /** Assignments of the roles that a registration needs. */
  roleAssignments: Bulk<RoleAssignment[]>;
  providers(namespace: string): Bulk<ResourceProvider>;
  permissions(scope: string): Bulk<Permission[]>;
}

/** Objects fall due one after the other: with this, a thousand of them cost twelve queries an hour, and one costs no more than its own. */
const rowsGoodForMs = 5 * 60_000;
const sharedGoodForMs = 3_600_000;
/** One cut connection must not turn an hour's reads into reads of each object. */
const failedGoodForMs = 60_000;

export function createInventory(arm: ResourceManager, now: () => Date): Inventory {
  const query = <S extends TSchema, T>(text: string, row: S, build: (rows: Static<S>[]) => T): Bulk<T> =>
    createBulk(rowsGoodForMs, now, async () => build(await queryAll(arm, text, row)));
  const shared = <T>(read: (key: string, signal: AbortSignal) => Promise<reads.Found<T>>) => {
    const bulks = new Map<string, Bulk<T>>();
    return (key: string): Bulk<T> => {
      const bulk =
        bulks.get(key) ??
        createBulk(sharedGoodForMs, now, async () => {
          const found = await read(key, unending());
          if (found.found) return found.value;
          throw new AzureError({ code: 'NotFound', message: `${key} was not found` });
        });
      bulks.set(key, bulk);
      return bulk;
    };
  };
  return {
    resources: query(resourcesQuery, ResourceRow, toResources),
    resourceGroups: query(resourceGroupsQuery, ResourceGroupRow, toResourceGroups),
    roleAssignments: query(roleAssignmentsQuery, RoleAssignmentRow, (rows) => rows.map(toRoleAssignment)),
    providers: shared((namespace, signal) => reads.readResourceProvider(arm, namespace, signal)),
    permissions: shared((scope, signal) => reads.readPermissions(arm, scope, signal)),
  };
}

/** Ends by the deadline of each request: no caller's signal may cut what others wait for as well. */
const unending = (): AbortSignal => new AbortController().signal;

function createBulk<T>(goodForMs: number, now: () => Date, read: () => Promise<T>): Bulk<T> {
  let newest: BulkAnswer<T> | undefined;
  let reading: Promise<BulkAnswer<T>> | undefined;

  async function readOnce(): Promise<BulkAnswer<T>> {
    // The time before the question: what is answered is at least as new.
    const at = now();
    try {
      newest = { kind: 'rows', rows: await read(), at };
    } catch (cause) {
      newest = { kind: 'failed', error: toAzureError(cause), at };
    }
    reading = undefined;
    return newest;
  }

  return {
    latest: () => newest,
    async read(signal) {
      signal.throwIfAborted();
      const ageMs = newest === undefined ? Infinity : now().getTime() - newest.at.getTime();
      if (newest !== undefined && ageMs < (newest.kind === 'failed' ? failedGoodForMs : goodForMs)) return newest;
      reading ??= readOnce();
      const { promise: aborted, reject } = Promise.withResolvers<never>();
      const onAbort = () => reject(signal.reason);
      signal.addEventListener('abort', onAbort, { once: true });
      try {
        return await Promise.race([reading, aborted]);
      } finally {
        signal.removeEventListener('abort', onAbort);
      }
    },
  };
}

const Answer = Type.Object({
  totalRecords: Type.Integer(),
  count: Type.Integer(),
  data: Type.Array(Type.Unknown()),
  resultTruncated: Type.Union([Type.Literal('true'), Type.Literal('false')]),
  $skipToken: Type.Optional(Type.Union([Type.String(), Type.Null()])),
});
const apiVersion = '2024-04-01';

/** All rows, or an error: a part of them is of no use. */
async function queryAll<S extends TSchema>(arm: ResourceManager, query: string, row: S): Promise<Static<S>[]> {
  const rows: Static<S>[] = [];
  let $skipToken: string | undefined;
  do {
    const { status, body } = await arm.send({
      method: 'POST',
      path: '/providers/Microsoft.ResourceGraph/resources',
      apiVersion,
      body: {
        subscriptions: [arm.subscriptionId],
        query,
        options: { resultFormat: 'objectArray', ...($skipToken === undefined ? {} : { $skipToken }) },
      },
      signal: unending(),
    });
    const unusable = (message: string) => new AzureError({ code: 'UnexpectedAnswer', status, message });
    if (!Value.Check(Answer, body)) throw unusable("Resource Graph's answer has not the shape that its API describes");
    for (const one of body.data) {
      if (!Value.Check(row, one)) throw unusable("a row of Resource Graph's has not the columns that were asked for");
      rows.push(one);
    }
    $skipToken = body.$skipToken ?? undefined;
    if (body.resultTruncated === 'true' || ($skipToken === undefined && rows.length !== body.totalRecords)) {
      throw unusable(`Resource Graph answered ${rows.length} of ${body.totalRecords} rows`);
    }
    if ($skipToken !== undefined && body.data.length === 0) throw unusable('a page of Resource Graph has no rows');
  } while ($skipToken !== undefined);
  return rows;
}

const clusterType = 'microsoft.azurestackhci/clusters';
const machineType = 'microsoft.hybridcompute/machines';
// The columns follow the models, so that a row holds whatever is read of a live answer.
const clusterColumns = Object.keys(ClusterResource.properties.properties.properties);
const machineColumns = Object.keys(Machine.properties.properties.properties);
const propertyColumns = [...new Set([...clusterColumns, ...machineColumns])];

const resourcesQuery = `resources
| where type in~ ('${clusterType}', '${machineType}')
| project id, name, type, location, tags, identity, ${propertyColumns.map((name) => `${name} = properties.${name}`).join(', ')}
| order by id asc`;

const ResourceRow = Type.Intersect([
  Type.Object({ id: Type.String(), name: Type.String(), type: Type.String() }),
  Type.Record(Type.String(), Type.Unknown()),
]);

const pick = (row: Record<string, unknown>, columns: readonly string[]) =>
  Object.fromEntries(columns.map((column) => [column, row[column]]));

/** @throws an AzureError when a row is no such resource: it is then not known what else the answer lacks */
function modelled<S extends TSchema>(schema: S, value: unknown, id: string): Static<S> {
  if (Value.Check(schema, value)) return value;
  throw new AzureError({
    code: 'UnexpectedAnswer',
    message: `Resource Graph's row of ${id} has not the expected shape`,
  });
}

function toResources(rows: Static<typeof ResourceRow>[]): Resources {
  const clusters = new Map<string, ClusterResource>();
  const machines = new Map<string, Machine[]>();
  for (const row of rows) {
    const { id, name, type, location, tags, identity } = row;
    if (type.toLowerCase() === clusterType) {
      const resource = { id, name, location, tags, identity, properties: pick(row, clusterColumns) };
      clusters.set(id.toLowerCase(), modelled(ClusterResource, resource, id));
    } else {
      const [group = ''] = id.toLowerCase().split('/providers/');
      const machine = modelled(Machine, { id, name, properties: pick(row, machineColumns) }, id);
      machines.set(group, [...(machines.get(group) ?? []), machine]);
    }
  }
  return { clusters, machines };
}

const resourceGroupsQuery = `resourcecontainers
| where type =~ 'microsoft.resources/subscriptions/resourcegroups'
| project id, name, location, tags, provisioningState = properties.provisioningState
| order by id asc`;

const ResourceGroupRow = Type.Object({
  id: Type.String(),
  name: Type.String(),
  location: Type.String(),
  tags: Type.Optional(Type.Union([Type.Record(Type.String(), Type.String()), Type.Null()])),
  provisioningState: Type.String(),
});

const toResourceGroups = (rows: Static<typeof ResourceGroupRow>[]): ReadonlyMap<string, ResourceGroup> =>
  new Map(rows.map(({ id, tags, ...group }) => [id.toLowerCase(), { ...group, tags: tags ?? {} }]));

const roleAssignmentsQuery = `authorizationresources
| where type =~ 'microsoft.authorization/roleassignments'
| project id, name, roleDefinitionId = tostring(properties.roleDefinitionId), principalId = tostring(properties.principalId), scope = tostring(properties.scope)
| where ${Object.values(roles)
  .map((role) => `roleDefinitionId endswith '${role}'`)
  .join(' or ')}
| order by id asc`;

const RoleAssignmentRow = Type.Object({
  id: Type.String(),
  name: Type.String(),
  roleDefinitionId: Type.String(),
  principalId: Type.String(),
  scope: Type.String(),
});

const toRoleAssignment = ({ id, name, ...properties }: Static<typeof RoleAssignmentRow>): RoleAssignment => ({
  id,
  name,
  properties,
});

import { Type } from 'typebox';
import { createServicePrincipal, newKeyCredential } from '../directory.ts';
import type { Reply } from '../listener.ts';
import type { Cluster } from '../state.ts';
import { count, idKey, instant, newEtag, newId, type World } from '../world.ts';
import { since } from './apiVersions.ts';
import {
  arcSettingsOf,
  checkLocation,
  checkSameLocation,
  clusterId,
  getCluster,
  group,
  groupId,
  systemData,
} from './common.ts';
import { anotherOperationInProgress, ArmError, conflict, invalidRequestContent } from './errors.ts';
import { checkClusterName } from './names.ts';
import { operationUrl, running, schedule, startOperation } from './operations.ts';
import { anything, closed, parseBody, route, Tags, type Context, type Route } from './routing.ts';

const type = 'Microsoft.AzureStackHCI/clusters';
const collection = `${group}/providers/${type}`;
const one = `${collection}/{cluster}`;
const providerHub = { 'x-ms-providerhub-traffic': 'True' };

const Identity = closed({
  type: Type.String(),
  principalId: Type.Optional(Type.String()),
  tenantId: Type.Optional(Type.String()),
  userAssignedIdentities: anything,
});
const Desired = closed({
  windowsServerSubscription: Type.Optional(Type.String()),
  diagnosticLevel: Type.Optional(Type.String()),
});
const writable = {
  cloudManagementEndpoint: Type.Optional(Type.String()),
  aadClientId: Type.Optional(Type.String()),
  aadTenantId: Type.Optional(Type.String()),
  desiredProperties: Type.Optional(Desired),
};
// What a GET answers may be sent back: read-only members are ignored.
const ClusterBody = closed({
  id: anything,
  name: anything,
  type: anything,
  systemData: anything,
  etag: anything,
  location: Type.String(),
  tags: Type.Optional(Tags),
  identity: Type.Optional(Identity),
  properties: Type.Optional(
    closed({
      ...writable,
      aadApplicationObjectId: Type.Optional(Type.String()),
      aadServicePrincipalObjectId: Type.Optional(Type.String()),
      softwareAssuranceProperties: Type.Optional(
        closed({
          softwareAssuranceIntent: Type.Optional(Type.String()),
          softwareAssuranceStatus: anything,
          lastUpdated: anything,
        }),
      ),
      logCollectionProperties: anything,
      remoteSupportProperties: anything,
      provisioningState: anything,
      status: anything,
      connectivityStatus: anything,
      cloudId: anything,
      reportedProperties: anything,
      isolatedVmAttestationConfiguration: anything,
      trialDaysRemaining: anything,
      billingModel: anything,
      registrationTimestamp: anything,
      lastSyncTimestamp: anything,
      lastBillingTimestamp: anything,
      serviceEndpoint: anything,
      resourceProviderObjectId: anything,
    }),
  ),
});
const ClusterPatch = closed({
  tags: Type.Optional(Tags),
  identity: Type.Optional(Identity),
  properties: Type.Optional(closed(writable)),
});
const UploadCertificate = closed({
  properties: Type.Optional(closed({ certificates: Type.Optional(Type.Array(Type.String())) })),
});
const SoftwareAssurance = closed({
  properties: Type.Optional(closed({ softwareAssuranceIntent: Type.Optional(Type.String()) })),
});

export const clusterRoutes: readonly Route[] = [
  route('GET', `/subscriptions/{subscription}/providers/${type}`, type, (context) =>
    list(context, `/subscriptions/${context.part('subscription')}`),
  ),
  route('GET', collection, type, (context) => list(context, groupId(context))),
  route('GET', one, type, (context) => {
    const cluster = getCluster(context);
    return { status: 200, headers: { etag: cluster.etag, ...providerHub }, body: clusterView(context, cluster) };
  }),
  route('PUT', one, type, put),
  route('PATCH', one, type, patch),
  route('DELETE', one, type, remove),
  route('POST', `${one}/createClusterIdentity`, type, (context) => {
    const cluster = getCluster(context);
    refuseWhileRunning(context, cluster, ['createClusterIdentity', 'deleteCluster']);
    return start(context, cluster, 'createClusterIdentity');
  }),
  route('POST', `${one}/uploadCertificate`, type, uploadCertificate),
  route('POST', `${one}/extendSoftwareAssuranceBenefit`, type, (context) => {
    const cluster = getCluster(context);
    const intent = parseBody(SoftwareAssurance, context.body).properties?.softwareAssuranceIntent ?? 'Disable';
    return start(context, cluster, 'extendSoftwareAssuranceBenefit', intent);
  }),
];

function list(context: Context, scope: string): Reply {
  const value = Object.entries(context.world.state.clusters)
    .filter(([key]) => key.startsWith(`${idKey(scope)}/`))
    .map(([, cluster]) => clusterView(context, cluster));
  return { status: 200, headers: { 'x-ms-original-request-ids': newId() }, body: { value } };
}

function put(context: Context): Reply {
  const { world, caller } = context;
  const body = parseBody(ClusterBody, context.body);
  const location = checkLocation(world, body.location, type);
  const id = clusterId(context);
  const existing = world.state.clusters[idKey(id)];
  if (existing !== undefined) {
    checkSameLocation(existing, location, context.part('group'));
    refuseWhileRunning(context, existing, ['deleteCluster']);
  } else checkClusterName(context.part('cluster'));
  const cluster = existing ?? newCluster(context, id, location);
  applyIdentity(context, cluster, body.identity);
  applyTags(cluster, body.tags ?? {});
  const properties = body.properties ?? {};
  const target = cluster.properties;
  if (properties.cloudManagementEndpoint !== undefined)
    target.cloudManagementEndpoint = properties.cloudManagementEndpoint;
  if (properties.aadClientId !== undefined) target.aadClientId = properties.aadClientId;
  if (properties.aadTenantId !== undefined) target.aadTenantId = properties.aadTenantId;
  // A PUT replaces: what identifies the application is lost where it is not sent back.
  if (existing !== undefined) {
    if (properties.aadClientId === undefined) delete target.aadClientId;
    if (properties.aadTenantId === undefined) delete target.aadTenantId;
    if (properties.aadApplicationObjectId === undefined) delete target.aadApplicationObjectId;
    if (properties.aadServicePrincipalObjectId === undefined) delete target.aadServicePrincipalObjectId;
  }
  applyDesired(cluster, properties.desiredProperties);
  if (existing === undefined) {
    world.state.clusters[idKey(id)] = cluster;
    count(world, 'clusters', 'created');
    const delay = world.settings.resourceProviderObjectIdSeconds;
    if (delay > 0) schedule(world, 'setResourceProviderObjectId', idKey(id), delay);
    else target.resourceProviderObjectId = world.state.resourceProviderObjectId;
  }
  return written(context, cluster, caller);
}

function patch(context: Context): Reply {
  const cluster = getCluster(context);
  refuseWhileRunning(context, cluster, ['deleteCluster']);
  const body = parseBody(ClusterPatch, context.body ?? {});
  applyIdentity(context, cluster, body.identity);
  if (body.tags !== undefined) applyTags(cluster, body.tags);
  const { cloudManagementEndpoint, aadClientId, aadTenantId, desiredProperties } = body.properties ?? {};
  if (cloudManagementEndpoint !== undefined) cluster.properties.cloudManagementEndpoint = cloudManagementEndpoint;
  if (aadClientId !== undefined) cluster.properties.aadClientId = aadClientId;
  if (aadTenantId !== undefined) cluster.properties.aadTenantId = aadTenantId;
  applyDesired(cluster, desiredProperties);
  cluster.properties.resourceProviderObjectId = context.world.state.resourceProviderObjectId;
  return written(context, cluster, context.caller);
}

function written(context: Context, cluster: Cluster, caller: Context['caller']): Reply {
  cluster.etag = newEtag();
  cluster.systemData = systemData(context.world, caller, cluster.systemData);
  const { id, name, type: typeName, location, tags, identity, properties } = clusterView(context, cluster);
  return {
    status: 200,
    headers: { etag: cluster.etag, ...providerHub },
    body: { id, name, type: typeName, location, tags, systemData: cluster.systemData, identity, properties },
  };
}

function remove(context: Context): Reply {
  const cluster = context.world.state.clusters[idKey(clusterId(context))];
  if (cluster === undefined) return { status: 204 };
  const settings = arcSettingsOf(context.world.state, cluster);
  if (settings !== undefined) {
    throw new ArmError(
      409,
      'CannotDeleteResource',
      `Cannot delete resource while nested resources exist. Some existing nested resource IDs include: '${type}/${cluster.name}/arcSettings/${settings.name}'. Please delete all nested resources before deleting this resource.`,
      { gateway: true },
    );
  }
  refuseWhileRunning(context, cluster, ['createClusterIdentity', 'uploadCertificate', 'deleteCluster']);
  cluster.properties.provisioningState = 'Deleting';
  cluster.etag = newEtag();
  return start(context, cluster, 'deleteCluster');
}

function uploadCertificate(context: Context): Reply {
  const cluster = getCluster(context);
  const certificates = parseBody(UploadCertificate, context.body).properties?.certificates ?? [];
  if (certificates.length === 0) throw invalidRequestContent('properties.certificates is empty');
  for (const certificate of certificates) {
    if (newKeyCredential(context.world, certificate) === undefined) {
      throw invalidRequestContent('properties.certificates holds a value that is not a base64 X.509 certificate');
    }
  }
  const application = cluster.properties.aadApplicationObjectId;
  if (application === undefined || context.world.state.applications[application] === undefined) {
    throw conflict(`The cluster '${cluster.name}' has no identity. Call createClusterIdentity first.`);
  }
  refuseWhileRunning(context, cluster, ['uploadCertificate', 'deleteCluster']);
  return start(context, cluster, 'uploadCertificate', certificates);
}

function start(
  context: Context,
  cluster: Cluster,
  kind: 'createClusterIdentity' | 'uploadCertificate' | 'deleteCluster' | 'extendSoftwareAssuranceBenefit',
  data?: unknown,
): Reply {
  return startOperation(context.world, {
    kind,
    resourceId: cluster.id,
    target: idKey(cluster.id),
    location: cluster.location,
    status: kind === 'deleteCluster' ? 'Deleting' : 'Accepted',
    apiVersion: context.apiVersion,
    data,
    ...(kind === 'deleteCluster' ? { headers: { etag: cluster.etag } } : {}),
  });
}

function refuseWhileRunning(context: Context, cluster: Cluster, kinds: Parameters<typeof running>[2]): void {
  const { world } = context;
  const operation = running(world, idKey(cluster.id), kinds);
  if (operation === undefined) return;
  throw anotherOperationInProgress(
    operationUrl(world, operation.operationId ?? '', cluster.location.toUpperCase(), context.apiVersion),
  );
}

function newCluster(context: Context, id: string, location: string): Cluster {
  const { world, caller } = context;
  return {
    id,
    name: context.part('cluster'),
    location,
    etag: newEtag(),
    systemData: systemData(world, caller),
    properties: {
      provisioningState: 'Succeeded',
      status: 'NotYetRegistered',
      connectivityStatus: 'NotYetRegistered',
      cloudId: newId(),
      softwareAssuranceProperties: { softwareAssuranceStatus: 'Disabled', softwareAssuranceIntent: 'Disable' },
      desiredProperties: { windowsServerSubscription: 'Disabled', diagnosticLevel: 'Basic' },
      trialDaysRemaining: 60,
      billingModel: 'Trial',
      serviceEndpoint: `${world.urls.dataPlane}/${location}/`,
    },
  };
}

function applyTags(cluster: Cluster, tags: Record<string, string>): void {
  if (Object.keys(tags).length === 0) delete cluster.tags;
  else cluster.tags = tags;
}

function applyIdentity(context: Context, cluster: Cluster, identity: { type: string } | undefined): void {
  const { world, apiVersion } = context;
  if (identity === undefined) return;
  if (!since(apiVersion, '2022-10-01')) throw invalidRequestContent("Could not find member 'identity' on object");
  if (identity.type !== 'None' && identity.type !== 'SystemAssigned') {
    throw invalidRequestContent(`identity type '${identity.type}' is not supported`);
  }
  const current = cluster.identity?.principalId;
  if (identity.type === 'None') {
    if (current !== undefined) delete world.state.servicePrincipals[current];
    cluster.identity = { type: 'None' };
  } else if (current === undefined) {
    const principal = createServicePrincipal(world, {
      appId: newId(),
      displayName: cluster.name,
      owners: [],
      servicePrincipalType: 'ManagedIdentity',
    });
    cluster.identity = { principalId: principal.id, tenantId: world.state.tenantId, type: 'SystemAssigned' };
  }
}

function applyDesired(
  cluster: Cluster,
  desired: { windowsServerSubscription?: string; diagnosticLevel?: string } | undefined,
): void {
  if (desired === undefined) return;
  cluster.properties.desiredProperties = { ...cluster.properties.desiredProperties, ...desired };
}

/** A cluster as the api-version shows it. GETs carry no systemData. */
export function clusterView(context: Pick<Context, 'world' | 'apiVersion'>, cluster: Cluster) {
  const { world, apiVersion } = context;
  const { status, connectivityStatus, resourceProviderObjectId, softwareAssuranceProperties, ...rest } =
    cluster.properties;
  const seen = staleness(world, cluster);
  return {
    id: cluster.id,
    name: cluster.name,
    type: type.toLowerCase(),
    location: cluster.location,
    ...(cluster.tags === undefined ? {} : { tags: cluster.tags }),
    ...(cluster.identity === undefined || !since(apiVersion, '2022-10-01') ? {} : { identity: cluster.identity }),
    properties: {
      status: seen ?? status,
      ...(since(apiVersion, '2023-08-01') ? { connectivityStatus: seen ?? connectivityStatus } : {}),
      ...rest,
      ...(since(apiVersion, '2022-09-01') ? { softwareAssuranceProperties } : {}),
      ...(since(apiVersion, '2022-12-01') && resourceProviderObjectId !== undefined
        ? { resourceProviderObjectId }
        : {}),
    },
  };
}

/** A connected cluster that has not been heard of for a day, or for the 30 days it may be offline. */
function staleness(world: World, cluster: Cluster): 'NotConnectedRecently' | 'Disconnected' | undefined {
  const { status, lastSyncTimestamp } = cluster.properties;
  if (status !== 'ConnectedRecently' || lastSyncTimestamp === undefined) return undefined;
  if (lastSyncTimestamp < instant(world, -30 * 24 * 3600)) return 'Disconnected';
  return lastSyncTimestamp < instant(world, -24 * 3600) ? 'NotConnectedRecently' : undefined;
}

import { Type } from 'typebox';
import { lifetimeRefusal, newPassword } from '../directory.ts';
import type { Reply } from '../listener.ts';
import type { ArcSettings, Cluster } from '../state.ts';
import { after, count, idKey, instant, longInstant, newEtag } from '../world.ts';
import { since } from './apiVersions.ts';
import { arcSettingsId, arcSettingsOf, clusterId, getArcSettings, getCluster, group, systemData } from './common.ts';
import {
  anotherOperationInProgress,
  ArmError,
  conflict,
  invalidRequestContent,
  parentResourceNotFound,
} from './errors.ts';
import { operationUrl, running, startOperation } from './operations.ts';
import { anything, closed, parseBody, route, type Context, type Route } from './routing.ts';

const type = 'Microsoft.AzureStackHCI/clusters/arcSettings';
const collection = `${group}/providers/Microsoft.AzureStackHCI/clusters/{cluster}/arcSettings`;
const one = `${collection}/{arc}`;
const providerHub = { 'x-ms-providerhub-traffic': 'True' };

const Connectivity = closed({
  enabled: Type.Optional(Type.Boolean()),
  serviceConfigurations: Type.Optional(Type.Array(closed({ serviceName: Type.String(), port: Type.Integer() }))),
});
const ArcSettingsBody = closed({
  id: anything,
  name: anything,
  type: anything,
  systemData: anything,
  properties: Type.Optional(
    closed({
      arcInstanceResourceGroup: Type.Optional(Type.String()),
      connectivityProperties: Type.Optional(Connectivity),
      arcApplicationClientId: Type.Optional(Type.String()),
      arcApplicationTenantId: Type.Optional(Type.String()),
      arcApplicationObjectId: Type.Optional(Type.String()),
      arcServicePrincipalObjectId: Type.Optional(Type.String()),
      provisioningState: anything,
      aggregateState: anything,
      perNodeDetails: anything,
      defaultExtensions: anything,
    }),
  ),
});
const ArcSettingsPatch = closed({
  tags: anything,
  properties: Type.Optional(closed({ connectivityProperties: Type.Optional(Connectivity) })),
});

export const arcSettingsRoutes: readonly Route[] = [
  route('GET', collection, type, (context) => {
    const settings = arcSettingsOf(context.world.state, getCluster(context));
    return {
      status: 200,
      headers: providerHub,
      body: { value: settings === undefined ? [] : [view(context, settings, 'get')] },
    };
  }),
  route('GET', one, type, (context) => {
    const settings = getArcSettings(context);
    return { status: 200, headers: { etag: settings.etag, ...providerHub }, body: view(context, settings, 'get') };
  }),
  route('PUT', one, type, put),
  route('PATCH', one, type, (context) => {
    const settings = getArcSettings(context);
    const connectivity = parseBody(ArcSettingsPatch, context.body ?? {}).properties?.connectivityProperties;
    if (connectivity !== undefined) {
      settings.properties.connectivityProperties = { ...settings.properties.connectivityProperties, ...connectivity };
    }
    return written(context, settings);
  }),
  route('DELETE', one, type, remove),
  route('POST', `${one}/createArcIdentity`, type, (context) => {
    const settings = getArcSettings(context);
    refuseWhileRunning(context, settings, ['createArcIdentity', 'deleteArcSettings']);
    return start(context, settings, 'createArcIdentity');
  }),
  route('POST', `${one}/generatePassword`, type, generatePassword),
  route('POST', `${one}/consentAndInstallDefaultExtensions`, type, (context) => {
    const settings = getArcSettings(context);
    for (const extension of settings.properties.defaultExtensions) extension.consentTime ??= longInstant(context.world);
    settings.etag = newEtag();
    return { status: 200, headers: providerHub, body: view(context, settings, 'put') };
  }),
  route('POST', `${one}/initializeDisableProcess`, type, (context) => {
    const settings = getArcSettings(context);
    refuseWhileRunning(context, settings, ['initializeDisableProcess', 'deleteArcSettings']);
    return start(context, settings, 'initializeDisableProcess');
  }),
];

function put(context: Context): Reply {
  const { world, caller } = context;
  const cluster = parent(context);
  if (context.part('arc').toLowerCase() !== 'default') {
    throw new ArmError(400, 'InvalidResourceName', `The only arcSettings resource of a cluster is named 'default'.`);
  }
  const properties = parseBody(ArcSettingsBody, context.body ?? {}).properties ?? {};
  const id = arcSettingsId(context);
  const existing = world.state.arcSettings[idKey(id)];
  if (existing !== undefined) refuseWhileRunning(context, existing, ['deleteArcSettings']);
  const resourceGroup = properties.arcInstanceResourceGroup;
  if (existing !== undefined && resourceGroup !== undefined) {
    const current = existing.properties.arcInstanceResourceGroup;
    if (current.toLowerCase() !== resourceGroup.toLowerCase()) {
      throw invalidRequestContent(`arcInstanceResourceGroup cannot be changed from '${current}' to '${resourceGroup}'`);
    }
  }
  const settings: ArcSettings = existing ?? {
    id,
    name: context.part('arc'),
    etag: newEtag(),
    systemData: systemData(world, caller),
    properties: {
      connectivityProperties: { enabled: false, serviceConfigurations: [] },
      provisioningState: 'Succeeded',
      arcInstanceResourceGroup: resourceGroup ?? `${cluster.name}-${cluster.properties.cloudId}-Arc-Infra-RG`,
      aggregateState: 'NotSpecified',
      perNodeDetails: [],
      defaultExtensions: [{ category: 'ProductQualityAndSupport' }],
    },
  };
  settings.properties.connectivityProperties = {
    enabled: false,
    serviceConfigurations: [],
    ...properties.connectivityProperties,
  };
  const { arcApplicationClientId, arcApplicationTenantId, arcApplicationObjectId, arcServicePrincipalObjectId } =
    properties;
  if (arcApplicationClientId !== undefined) settings.properties.arcApplicationClientId = arcApplicationClientId;
  if (arcApplicationTenantId !== undefined) settings.properties.arcApplicationTenantId = arcApplicationTenantId;
  if (arcApplicationObjectId !== undefined) settings.properties.arcApplicationObjectId = arcApplicationObjectId;
  if (arcServicePrincipalObjectId !== undefined) {
    settings.properties.arcServicePrincipalObjectId = arcServicePrincipalObjectId;
  }
  if (existing === undefined) {
    world.state.arcSettings[idKey(id)] = settings;
    count(world, 'arcSettings', 'created');
  }
  return written(context, settings);
}

function parent(context: Context): Cluster {
  const cluster = context.world.state.clusters[idKey(clusterId(context))];
  if (cluster === undefined) throw parentResourceNotFound('clusters/arcSettings', clusterId(context));
  return cluster;
}

function remove(context: Context): Reply {
  const { state } = context.world;
  const settings = state.arcSettings[idKey(arcSettingsId(context))];
  if (settings === undefined) return { status: 204 };
  // Extensions that Azure manages go with their parent.
  const nested = Object.entries(state.extensions).find(
    ([key, extension]) => key.startsWith(`${idKey(settings.id)}/`) && extension.properties.managedBy !== 'Azure',
  );
  if (nested !== undefined) {
    const name = nested[1].id.split(/\/providers\//i).at(-1) ?? '';
    throw new ArmError(
      409,
      'CannotDeleteResource',
      `Cannot delete resource while nested resources exist. Some existing nested resource IDs include: '${name}'. Please delete all nested resources before deleting this resource.`,
      { gateway: true },
    );
  }
  refuseWhileRunning(context, settings, ['createArcIdentity', 'initializeDisableProcess', 'deleteArcSettings']);
  settings.properties.provisioningState = 'Deleting';
  settings.etag = newEtag();
  return start(context, settings, 'deleteArcSettings');
}

function generatePassword(context: Context): Reply {
  const { world } = context;
  const settings = getArcSettings(context);
  const application = world.state.applications[settings.properties.arcApplicationObjectId ?? ''];
  if (application === undefined) {
    throw conflict(`The arcSettings of '${context.part('cluster')}' have no identity. Call createArcIdentity first.`);
  }
  const startDateTime = instant(world);
  const endDateTime = after(startDateTime, world.settings.secretLifetimeSeconds);
  const refusal = lifetimeRefusal(world, 'passwordLifetime', startDateTime, endDateTime);
  if (refusal !== undefined) throw new ArmError(400, 'CredentialInvalidLifetimeAsPerAppPolicy', refusal);
  const password = newPassword(world, { displayName: null, startDateTime, endDateTime });
  if (world.settings.generatePassword === 'replaces') {
    for (let left = application.passwordCredentials.length; left > 0; left -= 1) count(world, 'passwords', 'deleted');
    application.passwordCredentials = [];
  }
  application.passwordCredentials.push(password);
  return {
    status: 200,
    headers: providerHub,
    body: {
      secretText: password.secretText,
      startDateTime: withOffset(password.startDateTime),
      endDateTime: withOffset(password.endDateTime),
      keyId: password.keyId,
    },
  };
}

/** `…+00:00` with seven digits, as the provider writes these two. */
const withOffset = (iso: string): string => iso.replace('Z', '0000+00:00');

function written(context: Context, settings: ArcSettings): Reply {
  settings.etag = newEtag();
  settings.systemData = systemData(context.world, context.caller, settings.systemData);
  return {
    status: 200,
    headers: { etag: settings.etag, ...providerHub },
    body: { ...view(context, settings, 'put'), systemData: settings.systemData },
  };
}

/** perNodeDetails are in answers to GET only. */
function view(context: Context, settings: ArcSettings, to: 'get' | 'put') {
  const { perNodeDetails, defaultExtensions, ...rest } = settings.properties;
  return {
    id: settings.id,
    name: settings.name,
    type: type.toLowerCase(),
    properties: {
      ...rest,
      ...(to === 'get' ? { perNodeDetails } : {}),
      ...(since(context.apiVersion, '2023-03-01') ? { defaultExtensions } : {}),
    },
  };
}

function start(
  context: Context,
  settings: ArcSettings,
  kind: 'createArcIdentity' | 'initializeDisableProcess' | 'deleteArcSettings',
): Reply {
  return startOperation(context.world, {
    kind,
    resourceId: settings.id,
    target: idKey(settings.id),
    location: getCluster(context).location,
    status: kind === 'deleteArcSettings' ? 'Deleting' : 'Accepted',
    apiVersion: context.apiVersion,
    ...(kind === 'deleteArcSettings' ? { headers: { etag: settings.etag } } : {}),
  });
}

function refuseWhileRunning(context: Context, settings: ArcSettings, kinds: Parameters<typeof running>[2]): void {
  const { world } = context;
  const operation = running(world, idKey(settings.id), kinds);
  if (operation === undefined) return;
  const location = getCluster(context).location.toUpperCase();
  throw anotherOperationInProgress(operationUrl(world, operation.operationId ?? '', location, context.apiVersion));
}

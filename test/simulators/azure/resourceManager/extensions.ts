import { Type } from 'typebox';
import type { Reply } from '../listener.ts';
import type { Extension } from '../state.ts';
import { count, idKey, newEtag } from '../world.ts';
import { since } from './apiVersions.ts';
import { arcSettingsId, getArcSettings, getCluster, group, systemData } from './common.ts';
import { conflict, parentResourceNotFound, resourceNotFound } from './errors.ts';
import { startOperation } from './operations.ts';
import { anything, closed, parseBody, route, type Context, type Route } from './routing.ts';

const type = 'Microsoft.AzureStackHCI/clusters/arcSettings/extensions';
const collection = `${group}/providers/Microsoft.AzureStackHCI/clusters/{cluster}/arcSettings/{arc}/extensions`;
const one = `${collection}/{extension}`;
const providerHub = { 'x-ms-providerhub-traffic': 'True' };

const ExtensionBody = closed({
  id: anything,
  name: anything,
  type: anything,
  systemData: anything,
  properties: Type.Optional(
    closed({
      provisioningState: anything,
      aggregateState: anything,
      perNodeExtensionDetails: anything,
      managedBy: anything,
      extensionParameters: Type.Optional(
        closed({
          forceUpdateTag: anything,
          publisher: Type.Optional(Type.String()),
          type: Type.Optional(Type.String()),
          typeHandlerVersion: Type.Optional(Type.String()),
          autoUpgradeMinorVersion: Type.Optional(Type.Boolean()),
          enableAutomaticUpgrade: Type.Optional(Type.Boolean()),
          settings: anything,
          protectedSettings: anything,
        }),
      ),
    }),
  ),
});

const extensionId = (context: Context): string => `${arcSettingsId(context)}/extensions/${context.part('extension')}`;

export const extensionRoutes: readonly Route[] = [
  route('GET', collection, type, (context) => {
    const prefix = `${idKey(getArcSettings(context).id)}/`;
    const value = Object.entries(context.world.state.extensions)
      .filter(([key]) => key.startsWith(prefix))
      .map(([, extension]) => view(context, extension));
    return { status: 200, headers: providerHub, body: { value } };
  }),
  route('GET', one, type, (context) => {
    const extension = context.world.state.extensions[idKey(extensionId(context))];
    if (extension === undefined) {
      const name =
        extensionId(context)
          .split(/\/providers\//i)
          .at(-1) ?? '';
      throw resourceNotFound(name, context.part('group'));
    }
    return { status: 200, headers: { etag: extension.etag, ...providerHub }, body: view(context, extension) };
  }),
  route('PUT', one, type, put),
  route('DELETE', one, type, remove),
];

function put(context: Context): Reply {
  const { world, caller } = context;
  if (world.state.arcSettings[idKey(arcSettingsId(context))] === undefined) {
    throw parentResourceNotFound('clusters/arcSettings/extensions', arcSettingsId(context));
  }
  // The provider keeps neither the version it was asked for nor the protected settings.
  const {
    typeHandlerVersion: _,
    protectedSettings: __,
    ...given
  } = parseBody(ExtensionBody, context.body ?? {}).properties?.extensionParameters ?? {};
  const key = idKey(extensionId(context));
  const existing = world.state.extensions[key];
  const extension: Extension = {
    id: extensionId(context),
    name: context.part('extension'),
    etag: newEtag(),
    systemData: systemData(world, caller, existing?.systemData),
    properties: {
      provisioningState: 'Succeeded',
      aggregateState: 'NotSpecified',
      perNodeExtensionDetails: [],
      extensionParameters: { autoUpgradeMinorVersion: false, enableAutomaticUpgrade: true, ...given },
      managedBy: 'User',
    },
  };
  world.state.extensions[key] = extension;
  if (existing === undefined) count(world, 'extensions', 'created');
  const shown = view(context, extension);
  const { perNodeExtensionDetails: ___, ...properties } = shown.properties;
  return {
    status: 200,
    headers: { etag: extension.etag, ...providerHub },
    body: { ...shown, systemData: extension.systemData, properties },
  };
}

function remove(context: Context): Reply {
  const extension = context.world.state.extensions[idKey(extensionId(context))];
  if (extension === undefined) return { status: 204 };
  if (extension.properties.managedBy === 'Azure') {
    throw conflict(`The extension '${extension.name}' is managed by Azure and cannot be deleted.`);
  }
  extension.properties.provisioningState = 'Deleting';
  extension.etag = newEtag();
  return startOperation(context.world, {
    kind: 'deleteExtension',
    resourceId: extension.id,
    target: idKey(extension.id),
    location: getCluster(context).location,
    status: 'Deleting',
    apiVersion: context.apiVersion,
    headers: { etag: extension.etag },
  });
}

function view({ apiVersion }: Context, extension: Extension) {
  const { managedBy, extensionParameters, ...rest } = extension.properties;
  const { enableAutomaticUpgrade, ...parameters } = extensionParameters;
  return {
    id: extension.id,
    name: extension.name,
    type: type.toLowerCase(),
    properties: {
      ...rest,
      extensionParameters: { ...parameters, ...(since(apiVersion, '2022-12-01') ? { enableAutomaticUpgrade } : {}) },
      ...(since(apiVersion, '2023-03-01') ? { managedBy } : {}),
    },
  };
}

import { Type, type Static } from 'typebox';
import type { ResourceType } from './resource.ts';
import { KubeObject, ObjectMeta, parser } from './schema.ts';

// Objects of the core group, with the fields that are read here.

export const namespaces: ResourceType<KubeObject> = {
  group: '',
  version: 'v1',
  plural: 'namespaces',
  kind: 'Namespace',
  namespaced: false,
  parse: parser('Namespace', KubeObject),
};

const Secret = Type.Object({
  metadata: ObjectMeta,
  type: Type.Optional(Type.String()),
  /** Base64. */
  data: Type.Optional(Type.Record(Type.String(), Type.String())),
});
export type Secret = Static<typeof Secret>;

export const secrets: ResourceType<Secret> = {
  group: '',
  version: 'v1',
  plural: 'secrets',
  kind: 'Secret',
  namespaced: true,
  parse: parser('Secret', Secret),
};

const ConfigMap = Type.Object({
  metadata: ObjectMeta,
  data: Type.Optional(Type.Record(Type.String(), Type.String())),
});
export type ConfigMap = Static<typeof ConfigMap>;

export const configMaps: ResourceType<ConfigMap> = {
  group: '',
  version: 'v1',
  plural: 'configmaps',
  kind: 'ConfigMap',
  namespaced: true,
  parse: parser('ConfigMap', ConfigMap),
};

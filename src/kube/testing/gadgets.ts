import { Type, type Static } from 'typebox';
import type { ResourceType } from '../resource.ts';
import { KubeObject, ObjectMeta, parser } from '../schema.ts';

const Gadget = Type.Object({
  metadata: ObjectMeta,
  spec: Type.Object({ size: Type.Integer() }),
  status: Type.Optional(Type.Object({ phase: Type.Optional(Type.String()), note: Type.Optional(Type.String()) })),
});
type Gadget = Static<typeof Gadget>;

export const gadgets: ResourceType<Gadget> = {
  group: 'example.com',
  version: 'v1',
  plural: 'gadgets',
  kind: 'Gadget',
  namespaced: true,
  parse: parser('Gadget', Gadget),
};

export const customResourceDefinitions: ResourceType<KubeObject> = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
  parse: parser('CustomResourceDefinition', KubeObject),
};

const strings = (...names: string[]) => Object.fromEntries(names.map((name) => [name, { type: 'string' }]));

export const gadgetDefinition = {
  metadata: { name: 'gadgets.example.com' },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names: { plural: 'gadgets', singular: 'gadget', kind: 'Gadget' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: { type: 'object', properties: { size: { type: 'integer', minimum: 0 } } },
              status: { type: 'object', properties: strings('phase', 'note') },
            },
          },
        },
      },
    ],
  },
};

export const gadgetIn =
  (namespace: string) =>
  (name: string, spec: object = { size: 1 }, metadata: object = {}) => ({
    metadata: { namespace, name, ...metadata },
    spec,
  });

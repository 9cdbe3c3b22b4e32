import { Type, type Static } from 'typebox';
import type { ObjectBody, ResourceType } from '../../../src/kube/resource.ts';
import { ObjectMeta, parser } from '../../../src/kube/schema.ts';

/** What the bench works on: objects of about 1 KB, of a kind of their own. Each program has a group of its own. */
export const widgetKind = (group: string) => ({ group, version: 'v1', plural: 'widgets', kind: 'Widget' });

const Condition = Type.Object({ observedGeneration: Type.Optional(Type.Integer()) });
const Widget = Type.Object({
  metadata: ObjectMeta,
  status: Type.Optional(Type.Object({ conditions: Type.Optional(Type.Array(Condition)) })),
});
export type Widget = Static<typeof Widget>;

export const widgetsOf = (group: string): ResourceType<Widget> => ({
  ...widgetKind(group),
  namespaced: true,
  parse: parser('Widget', Widget),
});

/** All three conditions speak of the newest generation. */
export const isReconciled = ({ metadata, status }: Widget): boolean =>
  status?.conditions?.length === 3 &&
  status.conditions.every(({ observedGeneration }) => observedGeneration === metadata.generation);

export const namespace = 'bench';

const string = { type: 'string' };
const conditionFields = { type: string, status: string, reason: string, message: string, lastTransitionTime: string };

export const widgetDefinition = ({ group, version, plural, kind }: ResourceType<Widget>): ObjectBody => ({
  metadata: { name: `${plural}.${group}` },
  spec: {
    group,
    scope: 'Namespaced',
    names: { plural, singular: kind.toLowerCase(), kind },
    versions: [
      {
        name: version,
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: {
                type: 'object',
                properties: {
                  revision: { type: 'integer' },
                  description: string,
                  parameters: { type: 'object', additionalProperties: string },
                },
              },
              status: {
                type: 'object',
                properties: {
                  conditions: {
                    type: 'array',
                    'x-kubernetes-list-type': 'map',
                    'x-kubernetes-list-map-keys': ['type'],
                    items: {
                      type: 'object',
                      required: ['type'],
                      properties: { ...conditionFields, observedGeneration: { type: 'integer' } },
                    },
                  },
                },
              },
            },
          },
        },
      },
    ],
  },
});

export const widgetName = (index: number): string => `widget-${String(index).padStart(5, '0')}`;

export function widgetBody(index: number): ObjectBody {
  const parameters = Object.fromEntries(
    Array.from({ length: 8 }, (_, number) => [`parameter-${number}`, `value ${number} of widget ${index} `.repeat(2)]),
  );
  return {
    metadata: { namespace, name: widgetName(index) },
    spec: { revision: 0, description: `Widget ${index} of the bench. `.repeat(12), parameters },
  };
}

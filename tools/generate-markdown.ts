import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { format } from 'oxfmt';
import { Type, type Static } from 'typebox';
import { Value } from 'typebox/value';

// What the generated pages share.

export const root = join(import.meta.dirname, '..');

const SchemaNode = Type.Cyclic(
  {
    Node: Type.Object({
      type: Type.Optional(Type.String()),
      description: Type.Optional(Type.String()),
      format: Type.Optional(Type.String()),
      default: Type.Optional(Type.Unknown()),
      enum: Type.Optional(Type.Array(Type.String())),
      minimum: Type.Optional(Type.Number()),
      maximum: Type.Optional(Type.Number()),
      maxLength: Type.Optional(Type.Integer()),
      minItems: Type.Optional(Type.Integer()),
      maxItems: Type.Optional(Type.Integer()),
      maxProperties: Type.Optional(Type.Integer()),
      required: Type.Optional(Type.Array(Type.String())),
      properties: Type.Optional(Type.Record(Type.String(), Type.Ref('Node'))),
      additionalProperties: Type.Optional(Type.Union([Type.Boolean(), Type.Ref('Node')])),
      items: Type.Optional(Type.Ref('Node')),
      'x-kubernetes-list-map-keys': Type.Optional(Type.Array(Type.String())),
      'x-kubernetes-validations': Type.Optional(Type.Array(Type.Object({ message: Type.String() }))),
    }),
  },
  'Node',
);

/** The part of a JSON schema that a page shows. */
export type SchemaNode = Static<typeof SchemaNode>;

/** Reads a schema, as TypeBox or as the CRD has it. Throws if it is not one. */
export const readSchema = (schema: unknown): SchemaNode =>
  Value.Parse(SchemaNode, JSON.parse(JSON.stringify(schema)));

const code = (value: unknown): string => `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;

/** `a`, `b` or `c`. */
const alternatives = (values: readonly string[]): string =>
  values.map(code).join(', ').replace(/, ([^,]*)$/, ' or $1');

const between = (low: number | undefined, high: number | undefined): string =>
  low === undefined || low === 0 ? `at most ${high}` : low === high ? `${low}` : `${low} to ${high}`;

function typeOf(node: SchemaNode): string {
  if (node.enum !== undefined) return alternatives(node.enum);
  switch (node.type) {
    case 'string':
      if (node.format === 'date-time') return 'time (RFC 3339)';
      return node.maxLength === undefined ? 'string' : `string, at most ${node.maxLength} characters`;
    case 'integer':
      return node.maximum === undefined ? 'integer' : `integer, ${between(node.minimum, node.maximum)}`;
    case 'array': {
      const keys = node['x-kubernetes-list-map-keys'];
      const size = node.maxItems === undefined ? '' : `, ${between(node.minItems, node.maxItems)}`;
      const items = node.items?.type === 'object' ? 'objects' : `strings`;
      return `list of ${items}${size}${keys === undefined ? '' : `, one for each ${keys.map(code).join(' and ')}`}`;
    }
    case 'object':
      return node.properties === undefined || Object.keys(node.properties).length === 0
        ? `map of strings${node.maxProperties === undefined ? '' : `, ${between(0, node.maxProperties)}`}`
        : 'object';
    default:
      return node.type ?? 'any';
  }
}

const hasFields = (node: SchemaNode): boolean => Object.keys(node.properties ?? {}).length > 0;
const messages = (node: SchemaNode): string[] =>
  (node['x-kubernetes-validations'] ?? []).map(({ message }) => message);

/** A section for an object and for each object in it: its fields with type, default, meaning, and what they are refused with. */
export function describeObject(path: string, node: SchemaNode, level = 2): string[] {
  const required = new Set(node.required);
  const nested: string[] = [];
  const fields = Object.entries(node.properties ?? {}).map(([name, field]) => {
    const object = hasFields(field) ? field : field.items !== undefined && hasFields(field.items) ? field.items : undefined;
    if (object !== undefined) {
      const fieldPath = `${path}.${name}${field.type === 'array' ? '[]' : ''}`;
      nested.push(...describeObject(fieldPath, object, Math.min(level + 1, 4)));
    }
    const rules = [...(hasFields(field) ? [] : messages(field)), ...(field.items === undefined || hasFields(field.items) ? [] : messages(field.items))];
    const facts = [
      typeOf(field),
      ...(required.has(name) ? ['required'] : []),
      ...(field.default === undefined || hasFields(field) ? [] : [`default ${code(field.default)}`]),
    ];
    const refusals = rules.map((message) => `\n  - refused with: ${message}`).join('');
    return `- **\`${name}\`** (${facts.join('; ')}). ${field.description ?? ''}${refusals}`.trimEnd();
  });
  const rules = messages(node).map((message) => `- ${message}`);
  return [
    `${'#'.repeat(level)} ${path}`,
    ...(node.description === undefined ? [] : [node.description]),
    fields.join('\n'),
    ...(rules.length === 0 ? [] : [`Rules:\n\n${rules.join('\n')}`]),
    ...nested,
  ];
}

/** A page, formatted as `npm run format` formats it. */
export async function page(path: string, source: string, blocks: readonly string[]): Promise<string> {
  const [title = '', ...rest] = blocks;
  const notice = `<!-- Generated by \`npm run generate\` from ${source}. Do not edit. -->`;
  const configuration: unknown = JSON.parse(await readFile(join(root, '.oxfmtrc.json'), 'utf8'));
  const { printWidth } = Value.Parse(Type.Object({ printWidth: Type.Integer() }), configuration);
  const { code: text, errors } = await format(path, `${[title, notice, ...rest].join('\n\n')}\n`, { printWidth });
  if (errors.length > 0) throw new Error(`${path}: ${errors.map(({ message }) => message).join('; ')}`);
  return text;
}

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
export const readSchema = (schema: unknown): SchemaNode => Value.Parse(SchemaNode, JSON.parse(JSON.stringify(schema)));

const code = (value: unknown): string => `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;

/** `a`, `b` or `c`. */
const alternatives = (values: readonly string[]): string =>
  values
    .map(code)
    .join(', ')
    .replace(/, ([^,]*)$/, ' or $1');

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
      if (isReference(node)) return 'reference: `name`';
      return node.properties === undefined || Object.keys(node.properties).length === 0
        ? `map of strings${node.maxProperties === undefined ? '' : `, ${between(0, node.maxProperties)}`}`
        : 'object';
    case undefined:
      throw new Error('a field without a type');
    default:
      return node.type;
  }
}

/** An object that only names another one: its description says all. */
const isReference = (node: SchemaNode): boolean => Object.keys(node.properties ?? {}).join() === 'name';
const hasFields = (node: SchemaNode): boolean => Object.keys(node.properties ?? {}).length > 0 && !isReference(node);
const messages = (node: SchemaNode | undefined): string[] =>
  (node?.['x-kubernetes-validations'] ?? []).map(({ message }) => message);

function describeField(name: string, field: SchemaNode, required: boolean, note: string | undefined): string {
  const facts = [
    typeOf(field),
    ...(required && field.default === undefined ? ['required'] : []),
    ...(field.default === undefined || hasFields(field) ? [] : [`default ${code(field.default)}`]),
  ];
  const rules = [...messages(field), ...messages(field.items)].map((message) => `\n  - refused with: ${message}`);
  const remark = note === undefined ? '' : ` **In this version:** ${note}`;
  // The rules of an object stand in its own section.
  return `- **\`${name}\`** (${facts.join('; ')}). ${field.description ?? ''}${remark}${objectIn(field) === undefined ? rules.join('') : ''}`.trimEnd();
}

const objectIn = (field: SchemaNode): SchemaNode | undefined =>
  [field, field.items].find((node) => node !== undefined && hasFields(node));

/** What is to be said of a field beside what its schema says, by the path of the field. */
export type NoteOf = (path: string) => string | undefined;

/** A section for an object and for each object in it: its fields with type, default, meaning, and what they are refused with. */
export function describeObject(
  paths: readonly string[],
  node: SchemaNode,
  noteOf: NoteOf = () => undefined,
  level = 2,
): string[] {
  const nested = new Map<string, { paths: string[]; object: SchemaNode }>();
  for (const [name, field] of Object.entries(node.properties ?? {})) {
    const object = objectIn(field);
    if (object === undefined) continue;
    const below = paths.map((path) => `${path}.${name}${field.type === 'array' ? '[]' : ''}`);
    const key = JSON.stringify(field);
    nested.set(key, { paths: [...(nested.get(key)?.paths ?? []), ...below], object });
  }
  const rules = messages(node).map((message) => `- ${message}`);
  return [
    `${'#'.repeat(level)} ${paths.join(', ')}`,
    ...(node.description === undefined ? [] : [node.description]),
    Object.entries(node.properties ?? {})
      .map(([name, field]) =>
        describeField(name, field, node.required?.includes(name) === true, noteOf(`${paths[0]}.${name}`)),
      )
      .join('\n'),
    ...(rules.length === 0 ? [] : [`Rules:\n\n${rules.join('\n')}`]),
    ...[...nested.values()].flatMap(({ paths: below, object }) =>
      describeObject(below, object, noteOf, Math.min(level + 1, 4)),
    ),
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

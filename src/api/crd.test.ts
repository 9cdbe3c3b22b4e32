import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { describe, expect, test } from 'vitest';
import { registrationCrd, sweepCrd } from './crd.ts';
import { reasons } from './reasons.ts';

const Node = Type.Record(Type.String(), Type.Unknown());
type Node = Record<string, unknown>;
const crd = registrationCrd();
const [version] = crd.spec.versions;
const root: unknown = version?.schema.openAPIV3Schema;

/** Every schema in the CRD, with where it stands. */
function* schemas(schema: unknown, path: string): Generator<[string, Node]> {
  if (!Value.Check(Node, schema)) return;
  yield [path, schema];
  const { properties, items } = schema;
  if (Value.Check(Node, properties))
    for (const [name, child] of Object.entries(properties)) yield* schemas(child, `${path}.${name}`);
  yield* schemas(items, `${path}[]`);
}
const all = [...schemas(root, '')];
const at = (path: string) => all.find(([where]) => where === path)?.[1];

describe('a structural schema', () => {
  test('every field has one type and a description', () => {
    const bare = all.filter(([path, { type }]) => typeof type !== 'string' && path !== '');
    expect(bare.map(([path]) => path)).toEqual([]);
    const undescribed = all.filter(
      ([path, { description }]) =>
        typeof description !== 'string' && !/^(\.(apiVersion|kind|metadata))?$|\[\]/.test(path),
    );
    expect(undescribed.map(([path]) => path)).toEqual([]);
  });
  test('no keyword that the API server refuses', () => {
    const refused = [
      '$ref',
      '$id',
      'const',
      'anyOf',
      'allOf',
      'oneOf',
      'definitions',
      'uniqueItems',
      '~kind',
      '~optional',
    ];
    expect(
      all.flatMap(([path, schema]) => refused.filter((keyword) => keyword in schema).map((keyword) => path + keyword)),
    ).toEqual([]);
  });
  test('lists and texts are bounded, so that the rules stay affordable', () => {
    const unbounded = all.filter(
      ([path, { type, maxItems, maxLength, enum: values, format }]) =>
        path.startsWith('.spec') &&
        ((type === 'array' && maxItems === undefined) ||
          (type === 'string' && maxLength === undefined && values === undefined && format === undefined)),
    );
    expect(unbounded.map(([path]) => path)).toEqual([]);
  });
  test('a field with a default need not be written, any other without one must be', () => {
    for (const [path, { required = [], properties }] of all) {
      if (!Array.isArray(required) || !Value.Check(Node, properties)) continue;
      const withDefault = Object.entries(properties).flatMap(([name, schema]) =>
        Value.Check(Node, schema) && 'default' in schema ? [name] : [],
      );
      expect(withDefault.filter((name) => required.includes(name)).map((name) => `${path}.${name}`)).toEqual([]);
    }
    expect(at('.spec')?.['required']).toEqual(['azure', 'nodes']);
    expect(at('.spec.azure')?.['required']).toEqual(['tenantId', 'subscriptionId', 'region', 'identity']);
  });
});

const rules = all.flatMap(([path, schema]) => {
  const list = schema['x-kubernetes-validations'];
  return Array.isArray(list) ? list.map((rule: unknown) => ({ path, rule: Value.Parse(Node, rule) })) : [];
});
/** Which member each type of a union requires. */
const members = (path: string) =>
  rules
    .filter((rule) => rule.path === path)
    .map(({ rule }) => /'(\w+)' \? has\(self\.(\w+)/.exec(String(rule['rule']))?.slice(1));

describe('rules', () => {
  test('each says in words what to do', () => {
    expect(rules.length).toBeGreaterThan(15);
    for (const { rule } of rules) expect(String(rule['message']).length).toBeGreaterThan(20);
  });
  test('what is fixed once registered is compared without regard to case, and the way out is told', () => {
    const fixed = rules.find(({ path, rule }) => path === '' && String(rule['rule']).includes('oldSelf'))?.rule ?? {};
    for (const field of ['spec.azure.cloud', 'spec.azure.tenantId', 'spec.azure.subscriptionId', 'spec.azure.region'])
      expect(fixed['rule']).toContain(`oldSelf.${field}.lowerAscii()`);
    for (const field of ['status.azure.resourceGroup', 'status.azure.resourceName'])
      expect(fixed['rule']).toContain(`oldSelf.${field}.lowerAscii()`);
    expect(fixed['rule']).toMatch(/^!has\(oldSelf\.status\) \|\|/);
    expect(fixed['messageExpression']).toContain('oldSelf.status.azure.resourceId');
    expect(fixed).toMatchObject({ fieldPath: '.spec.azure' });
  });
  test('of each union exactly the member that type names', () => {
    expect(members('.spec.azure.identity')).toEqual([
      ['WorkloadIdentity', 'workloadIdentity'],
      ['ManagedIdentity', 'managedIdentity'],
      ['ClientSecret', 'clientSecret'],
      ['ClientCertificate', 'clientCertificate'],
    ]);
    expect(members('.spec.nodes.transport')).toEqual([
      ['SSH', 'ssh'],
      ['WinRM', 'winRM'],
    ]);
    for (const path of ['.spec.azure.identity', '.spec.nodes.transport'])
      expect(members(path).map((pair) => pair?.[0])).toEqual(at(`${path}.type`)?.['enum']);
  });
});

test('names and columns', () => {
  expect(crd.metadata.name).toBe(`${crd.spec.names.plural}.${crd.spec.group}`);
  const columns = version?.additionalPrinterColumns ?? [];
  expect(columns.filter(({ priority }) => priority === undefined).map(({ name }) => name)).toEqual([
    'Ready',
    'Reason',
    'Registered',
    'Connected',
    'Arc',
    'Cred-Expires',
    'Age',
  ]);
  const known = new Set(['.metadata.creationTimestamp', ...all.map(([path]) => path)]);
  for (const { jsonPath } of [...columns, ...(version?.selectableFields ?? [])])
    expect(known).toContain(jsonPath.replace(/\[\?\(.*?\)\]/, '[]'));
});

test('every reason is one word that a condition may carry, with a meaning and an action', () => {
  for (const [reason, { meaning, action }] of Object.entries(reasons)) {
    expect(reason).toMatch(/^[A-Z][A-Za-z]+$/);
    expect(meaning).toMatch(/\.$/);
    expect(action).toMatch(/\.$/);
  }
});

describe('the CRD of sweeps', () => {
  const sweep = sweepCrd();
  const [only] = sweep.spec.versions;
  const fields = [...schemas(only?.schema.openAPIV3Schema, '')];

  test('every field has one type and a description, and what a user writes is bounded', () => {
    const bare = fields.filter(([path, { type }]) => typeof type !== 'string' && path !== '');
    expect(bare.map(([path]) => path)).toEqual([]);
    const undescribed = fields.filter(
      ([path, { description }]) =>
        typeof description !== 'string' && !/^(\.(apiVersion|kind|metadata))?$|\[\]/.test(path),
    );
    expect(undescribed.map(([path]) => path)).toEqual([]);
    const unbounded = fields.filter(
      ([path, { type, maxItems, maxLength, enum: values, format }]) =>
        path.startsWith('.spec') &&
        ((type === 'array' && maxItems === undefined) ||
          (type === 'string' && maxLength === undefined && values === undefined && format === undefined)),
    );
    expect(unbounded.map(([path]) => path)).toEqual([]);
  });

  test('its columns show what is there; by default nothing is deleted', () => {
    const known = new Set(['.metadata.creationTimestamp', ...fields.map(([path]) => path)]);
    for (const { jsonPath } of [...(only?.additionalPrinterColumns ?? []), ...(only?.selectableFields ?? [])])
      expect(known).toContain(jsonPath.replace(/\[\?\(.*?\)\]/, '[]'));
    expect(fields.find(([path]) => path === '.spec.mode')?.[1]['default']).toBe('Report');
    expect(fields.find(([path]) => path === '.spec')?.[1]['required']).toEqual(['azure']);
  });
});

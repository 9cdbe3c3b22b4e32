import { describe, expect, test } from 'vitest';
import { buildRegistration } from '../registration/testing/builders.ts';
import { parseRegistration } from './registration.ts';

const valid = buildRegistration();
const problems = (value: unknown) => {
  const parsed = parseRegistration(value);
  return parsed.understood ? [] : parsed.problems;
};
const { spec } = valid;

test('an object as the API server returns it is understood', () => {
  expect(parseRegistration(valid)).toEqual({ understood: true, registration: valid });
});

test('fields of a newer version are let through where they change nothing', () => {
  const newer = { ...valid, metadata: { ...valid.metadata, managedFields: [] }, spec: { ...spec, later: true } };
  expect(parseRegistration(newer)).toEqual({ understood: true, registration: newer });
});

describe('what this version does not know makes it do nothing, and say what', () => {
  test.each<[string, object, RegExp]>([
    ['an unknown enum', { ...spec, managementPolicy: 'Pretend' }, /^spec\.managementPolicy /],
    ['an unknown enum, deep', { ...spec, arc: { ...spec.arc, state: 'Paused' } }, /^spec\.arc\.state /],
    [
      'an unknown union member',
      { ...spec, azure: { ...spec.azure, identity: { type: 'Magic' } } },
      /^spec\.azure\.identity\.type /,
    ],
    ['another type', { ...spec, suspend: 'false' }, /^spec\.suspend /],
    ['a missing field', { ...spec, azure: { ...spec.azure, tenantId: undefined } }, /^spec\.azure.*/],
    ['a missing part', { ...spec, nodes: undefined }, /^spec.*/],
    [
      'too many hosts',
      { ...spec, nodes: { ...spec.nodes, hosts: Array.from({ length: 17 }, () => spec.nodes.hosts[0]) } },
      /^spec\.nodes\.hosts /,
    ],
    [
      'a name that is too long',
      { ...spec, azure: { ...spec.azure, resourceName: 'x'.repeat(261) } },
      /^spec\.azure\.resourceName /,
    ],
  ])('%s', (_, changed, problem) => {
    const found = problems({ ...valid, spec: changed });
    expect(found).toContainEqual(expect.stringMatching(problem));
    expect(parseRegistration({ ...valid, spec: changed })).toMatchObject({
      understood: false,
      metadata: valid.metadata,
    });
  });
  test('a missing field is named', () => {
    const { tenantId: _, ...azure } = spec.azure;
    expect(problems({ ...valid, spec: { ...spec, azure } }).join()).toContain('tenantId');
  });
  test('another version or kind', () => {
    expect(problems({ ...valid, apiVersion: 'azurestackhci.io/v2' })).toHaveLength(1);
    expect(problems({ ...valid, kind: 'HciOrphanSweep' })).toHaveLength(1);
  });
  test('a status that somebody broke', () => {
    expect(problems({ ...valid, status: { conditions: [{ type: 'Ready' }] } }).join()).toContain('status.conditions.0');
  });
});

test('what has no metadata is no object', () => {
  for (const value of [{ ...valid, metadata: { name: 'x' } }, {}, null])
    expect(() => parseRegistration(value)).toThrow(expect.any(Error));
});

import { describe, expect, test } from 'vitest';
import type { HciClusterRegistration } from '../api/registration.ts';
import type { RegistrationSpec } from '../api/spec.ts';
import { resolveTarget, withArcSettings } from './target.ts';
import {
  buildRegistration,
  buildSpec,
  buildTarget,
  endpoints,
  instanceId,
  subscriptionId,
} from './testing/builders.ts';

const base = buildSpec();
const resolve = (
  changes: { azure?: Partial<RegistrationSpec['azure']>; arcGroup?: string; status?: HciClusterRegistration['status'] },
  clusterName?: string,
  resourceUris: string[] = [],
) =>
  resolveTarget(
    buildRegistration({
      spec: buildSpec({
        azure: { ...base.azure, ...changes.azure },
        arc: { ...base.arc, ...(changes.arcGroup === undefined ? {} : { resourceGroup: changes.arcGroup }) },
      }),
      status: changes.status,
    }),
    { clusterName, resourceUris },
    endpoints,
    instanceId,
  );
const names = (target: ReturnType<typeof resolve>) => [
  target?.resourceName,
  target?.resourceGroup,
  target?.arcResourceGroup,
];
const first = { resourceName: 'first', resourceGroup: 'first-rg', arcResourceGroup: 'first-arc' };
const resolved = { azure: { ...first, resourceId: '/first' } };

test('defaults are those of Register-AzStackHCI', () => {
  expect(names(resolve({}, 'hci001'))).toEqual(['hci001', 'hci001-rg', 'hci001-rg']);
  expect(names(resolve({ azure: { resourceName: 'mine' } }))).toEqual(['mine', 'mine-rg', 'mine-rg']);
  expect(names(resolve({ azure: { resourceGroup: 'group' }, arcGroup: 'arc' }, 'hci001'))).toEqual([
    'hci001',
    'group',
    'arc',
  ]);
});

test('without a name there is no target', () => {
  expect(resolve({})).toBeUndefined();
});

test('once registered, what was resolved wins over a default, and what the spec says wins over both', () => {
  expect(names(resolve({ status: resolved }, 'renamed'))).toEqual(['first', 'first-rg', 'first-arc']);
  expect(names(resolve({ status: resolved }))).toEqual(['first', 'first-rg', 'first-arc']);
  expect(names(resolve({ status: { azure: first } }, 'renamed'))).toEqual(['renamed', 'renamed-rg', 'renamed-rg']);
  const spec = { azure: { resourceName: 'a', resourceGroup: 'b' }, arcGroup: 'c' };
  expect(names(resolve({ ...spec, status: resolved }, 'renamed'))).toEqual(['a', 'b', 'c']);
});

const uri = (subscription: string, group: string, name: string) =>
  `/Subscriptions/${subscription}/resourceGroups/${group}/providers/Microsoft.AzureStackHCI/clusters/${name}`;

describe('what the nodes are registered as', () => {
  const held = [uri(subscriptionId.toUpperCase(), 'Retail.RG', 'store-7')];

  test('is the default for name and group, as in Register-AzStackHCI', () => {
    expect(names(resolve({}, 'hci001', held))).toEqual(['store-7', 'Retail.RG', 'Retail.RG']);
    expect(names(resolve({ azure: { resourceGroup: 'mine' } }, 'hci001', held))).toEqual(['store-7', 'mine', 'mine']);
    expect(names(resolve({ azure: { resourceName: 'mine' } }, 'hci001', held))).toEqual([
      'mine',
      'Retail.RG',
      'Retail.RG',
    ]);
    expect(names(resolve({}, undefined, held))).toEqual(['store-7', 'Retail.RG', 'Retail.RG']);
  });
  test('counts for less than what was resolved once', () => {
    expect(names(resolve({ status: resolved }, 'hci001', held))).toEqual(['first', 'first-rg', 'first-arc']);
  });
  test.each([
    ['of another subscription', uri('99999999-9999-4999-8999-999999999999', 'a', 'b')],
    ['with more behind it', `${held[0]}/arcSettings/default`],
    ['that climbs', uri(subscriptionId, '..', '../../victim')],
    ['of another kind', held[0]?.replace('clusters', 'machines') ?? ''],
  ])('is no default where it is an id %s', (_, odd) => {
    expect(names(resolve({}, 'hci001', [odd]))).toEqual(['hci001', 'hci001-rg', 'hci001-rg']);
  });
});

test('the group of Arc settings that are there is the default, and the spec wins over it', () => {
  const target = buildTarget();
  const spec = buildSpec();
  expect(withArcSettings(target, spec, 'fleet-arc').arcResourceGroup).toBe('fleet-arc');
  expect(withArcSettings(target, spec, '')).toEqual(target);
  const asked = { ...spec, arc: { ...spec.arc, resourceGroup: 'mine' } };
  expect(withArcSettings(buildTarget(asked), asked, 'fleet-arc').arcResourceGroup).toBe('mine');
});

test('the mark says whose the resource is, and cannot be set by a tag in the spec', () => {
  const target = resolve(
    { azure: { tags: { cost: '1', HciClusterRegistration: 'forged' }, region: 'West  Europe' } },
    'x',
  );
  expect(target).toMatchObject({
    mark: 'test-instance/edge/hci001',
    tags: { cost: '1', HciClusterRegistration: 'test-instance/edge/hci001' },
    region: 'westeurope',
    resourceId: `/Subscriptions/${subscriptionId}/resourceGroups/x-rg/providers/Microsoft.AzureStackHCI/clusters/x`,
  });
});

import { expect, test } from 'vitest';
import type { HciClusterRegistration } from '../api/registration.ts';
import type { RegistrationSpec } from '../api/spec.ts';
import { resolveTarget } from './target.ts';
import { buildRegistration, buildSpec, endpoints, instanceId, subscriptionId } from './testing/builders.ts';

const base = buildSpec();
const resolve = (
  changes: { azure?: Partial<RegistrationSpec['azure']>; arcGroup?: string; status?: HciClusterRegistration['status'] },
  clusterName?: string,
) =>
  resolveTarget(
    buildRegistration({
      spec: buildSpec({
        azure: { ...base.azure, ...changes.azure },
        arc: { ...base.arc, ...(changes.arcGroup === undefined ? {} : { resourceGroup: changes.arcGroup }) },
      }),
      status: changes.status,
    }),
    clusterName,
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

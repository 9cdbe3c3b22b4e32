import { describe, expect, test } from 'vitest';
import { unknown, buildObserved, buildSpec, buildTarget, present } from './testing/builders.ts';
import {
  grantedTo,
  grants,
  missingActions,
  neededActions,
  permissionScopeId,
  type NeededAction,
  type NotThereYet,
} from './permissions.ts';

const write = 'Microsoft.AzureStackHCI/clusters/write';
const read = 'Microsoft.AzureStackHCI/clusters/read';
const permission = (actions: string[], notActions: string[] = []) => ({ actions, notActions });

test.each([
  ['nothing', [], [read, write]],
  ['everything', [permission(['*'])], []],
  ['a wildcard in the middle', [permission(['Microsoft.AzureStackHCI/*/write'])], [read]],
  ['a wildcard in front', [permission(['*/read'])], [write]],
  ['another case', [permission(['microsoft.azurestackhci/CLUSTERS/*'])], []],
  ['a dot that stands for itself', [permission(['MicrosoftxAzureStackHCI/*'])], [read, write]],
  ['a whole match only', [permission(['Microsoft.AzureStackHCI/clusters'])], [read, write]],
  ['what notActions take away', [permission(['*'], ['*/write'])], [write]],
  ['what one role takes away and another grants', [permission(['*'], ['*/write']), permission([write])], []],
])('%s', (_, permissions, missing) => {
  expect([read, write].filter((action) => !grants(permissions, action))).toEqual(missing);
});

const allThere: NotThereYet = { groups: false, providers: [], roles: false };
const names = (needed: NeededAction[]) => needed.map(({ action }) => action);
const arc = (state: 'Enabled' | 'Unmanaged', missing = allThere) =>
  names(neededActions(buildSpec({ arc: { state, onboarding: { type: 'ResourceProvider' } } }), missing));

describe('what is needed', () => {
  test('rights for Arc where Arc is asked for', () => {
    expect(arc('Enabled')).toContain('Microsoft.AzureStackHCI/clusters/arcSettings/generatePassword/action');
    expect(arc('Unmanaged', { ...allThere, roles: true }).filter((one) => /arcSettings|roleAssign/.test(one))).toEqual(
      [],
    );
    expect(arc('Unmanaged')).toContain(write);
  });
  test('rights to make what is not there yet, and only then', () => {
    const groups = 'Microsoft.Resources/subscriptions/resourceGroups/write';
    const provider = 'Microsoft.HybridCompute/register/action';
    const roles = 'Microsoft.Authorization/roleAssignments/write';
    expect(names(neededActions(buildSpec(), allThere))).not.toEqual(expect.arrayContaining([groups]));
    expect(arc('Enabled')).not.toContain(roles);
    expect(arc('Enabled', { groups: true, providers: ['Microsoft.HybridCompute'], roles: true })).toEqual(
      expect.arrayContaining([groups, provider, roles]),
    );
  });
  test('no more than the most restricted role of the page, with providers and groups there', () => {
    const role = permission([
      'Microsoft.Resources/subscriptions/resourceGroups/read',
      'Microsoft.AzureStackHCI/clusters/*',
      'Microsoft.Authorization/roleAssignments/write',
      'Microsoft.Authorization/roleAssignments/read',
    ]);
    const spec = buildSpec({ arc: { ...buildSpec().arc, defaultExtensions: 'Consent' } });
    const needed = names(neededActions(spec, { ...allThere, roles: true }));
    expect(needed.filter((action) => !grants([role], action))).toEqual([]);
  });
});

describe('where it is granted', () => {
  const needed: NeededAction[] = [
    { action: write, at: 'resourceGroup' },
    { action: 'Microsoft.HybridCompute/register/action', at: 'subscription' },
  ];
  const missing = (changes: Parameters<typeof buildObserved>[0]) =>
    names(missingActions(needed, grantedTo(buildObserved(changes))));
  test('at the subscription it counts in the group too', () => {
    expect(missing({ permissions: present([permission(['*'])]) })).toEqual([]);
  });
  test('at the group it counts there only', () => {
    const changes = { permissions: present([]), groupPermissions: { resourceGroup: present([permission(['*'])]) } };
    expect(missing(changes)).toEqual(['Microsoft.HybridCompute/register/action']);
  });
  test('what could not be read is not missing', () => {
    expect(missing({ permissions: unknown('ActionsMissing') })).toEqual([]);
  });
  test('scopes have ids', () => {
    const target = { ...buildTarget(), arcResourceGroup: 'arc-rg' };
    expect(permissionScopeId(target, 'arcResourceGroup')).toMatch(/^\/subscriptions\/[-0-9]+\/resourceGroups\/arc-rg$/);
  });
});

import { expect, test } from 'vitest';
import { missingActions, neededActions } from './permissions.ts';
import { buildSpec } from './testing/builders.ts';

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
  expect(missingActions([read, write], permissions)).toEqual(missing);
});

const arc = (state: 'Enabled' | 'Unmanaged') =>
  neededActions(buildSpec({ arc: { state, onboarding: { type: 'ResourceProvider' } } }), {
    group: false,
    providers: [],
  });

test('rights for Arc are needed where Arc is asked for', () => {
  expect(arc('Enabled')).toContain('Microsoft.Authorization/roleAssignments/write');
  expect(arc('Unmanaged').filter((action) => /arcSettings|roleAssignments/.test(action))).toEqual([]);
  expect(arc('Unmanaged')).toContain('Microsoft.AzureStackHCI/clusters/write');
});

test('what is not there yet needs the rights to make it', () => {
  const needed = neededActions(buildSpec(), { group: true, providers: ['Microsoft.HybridCompute'] });
  expect(needed).toEqual(
    expect.arrayContaining([
      'Microsoft.Resources/subscriptions/resourceGroups/write',
      'Microsoft.HybridCompute/register/action',
    ]),
  );
});

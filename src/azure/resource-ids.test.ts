import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  clusterResourceId,
  normalizeRegion,
  roleAssignmentName,
  roleDefinitionId,
  roles,
  sameId,
  type RoleName,
} from './resource-ids.ts';

const role: RoleName = 'Azure Connected Machine Onboarding';
const roleNames = Object.keys(roles).filter((name): name is RoleName => name in roles);
const text = fc.stringMatching(/^[A-Za-z0-9/-]{1,60}$/);

test('ids are the same whatever their case, and nothing is the same as nothing', () => {
  expect(sameId('/Subscriptions/A', '/subscriptions/a')).toBe(true);
  expect(sameId('/subscriptions/a', '/subscriptions/b')).toBe(false);
  expect(sameId(undefined, undefined)).toBe(false);
  expect(sameId(null, null)).toBe(false);
});

test('the id of a cluster has the capital S of Az.StackHCI', () => {
  const id = clusterResourceId({ subscriptionId: 's', resourceGroup: 'g', resourceName: 'c' });
  expect(id).toBe('/Subscriptions/s/resourceGroups/g/providers/Microsoft.AzureStackHCI/clusters/c');
});

test('regions', () => {
  expect(['East US', 'eastus', ' East  US '].map(normalizeRegion)).toEqual(['eastus', 'eastus', 'eastus']);
});

test('one assignment has one name, whatever the case of what it is made of', () => {
  fc.assert(
    fc.property(text, text, fc.constantFrom(...roleNames), (scope, principal, name) => {
      const made = roleAssignmentName(scope, principal, name);
      expect(made).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      expect(roleAssignmentName(scope.toUpperCase(), principal.toUpperCase(), name)).toBe(made);
      expect(roleAssignmentName(`${scope}x`, principal, name)).not.toBe(made);
      expect(roleAssignmentName(scope, `${principal}x`, name)).not.toBe(made);
    }),
  );
  const names = roleNames.map((name) => roleAssignmentName('/s', 'p', name));
  expect(new Set(names).size).toBe(3);
});

test('the name never changes from one version of the controller to the next', () => {
  expect(roleAssignmentName('/subscriptions/s/resourceGroups/g', 'p', role)).toBe(
    '43822403-1d57-5b0c-9da3-a594860be238',
  );
});

test('role definitions', () => {
  expect(roleDefinitionId('s', role)).toBe(
    '/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions/b64e21ea-ac4e-4cdf-9dc9-5b892992bee7',
  );
});

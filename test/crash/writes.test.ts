import { expect, test } from 'vitest';
import { roles } from '../../src/azure/resource-ids.ts';
import type { Exchange } from '../simulators/shared/admin.ts';
import { compareWrites, externalWrite } from './writes.ts';

const scope = {
  clientId: 'controller',
  resourceManager: 'https://arm:1',
  graph: 'https://graph:1',
  nodes: new Map([['127.1.1.2', 'NODE2']]),
};
const exchange = (
  method: string,
  url: string,
  { principal = 'controller', body = null }: { principal?: string; body?: unknown } = {},
): Exchange => ({
  time: '',
  principal,
  request: { method, url, headers: {}, body },
  response: { status: 200, headers: {}, body: null },
});
const arm = 'https://arm:1/Subscriptions/8a9c26cc-3350-480a-9257-e5c4561b3569';
const assignment = `${arm}/resourceGroups/g/providers/Microsoft.Authorization/roleAssignments/11111111-2222-3333-4444-555555555555?api-version=1`;
const role = { properties: { roleDefinitionId: `/x/${roles['Azure Connected Machine Onboarding']}` } };

test.each([
  [exchange('PUT', `${arm}/resourcegroups/g?api-version=1`), 'PUT resourcegroups/g'],
  [exchange('POST', `${arm}/providers/Microsoft.HybridCompute/register`), 'POST Microsoft.HybridCompute/register'],
  [
    exchange('PUT', `${arm}/resourceGroups/g/providers/Microsoft.AzureStackHCI/clusters/c/arcSettings/default`),
    'PUT clusters/c/arcSettings/default',
  ],
  [
    exchange('PUT', assignment, { body: role }),
    'PUT Microsoft.Authorization/roleAssignments/<id> (Azure Connected Machine Onboarding)',
  ],
  [exchange('DELETE', 'https://graph:1/v1.0/applications/a'), 'DELETE /v1.0/applications/a'],
  [
    exchange('EXEC', 'ssh://127.1.1.2:22/newRegistrationCertificate', { principal: 'hcireg' }),
    'NODE2 newRegistrationCertificate',
  ],
])('an external write: %#', (given, words) => {
  expect(externalWrite(given, scope)).toBe(words);
});

test.each([
  ['a read', exchange('GET', `${arm}/resourcegroups/g`)],
  ['a sign-in', exchange('POST', 'https://login:1/t/oauth2/v2.0/token')],
  [
    'what a node sends',
    exchange('PUT', `${arm}/resourceGroups/g/providers/Microsoft.HybridCompute/machines/m`, { principal: 'arc' }),
  ],
  ['a probe', exchange('EXEC', 'ssh://127.1.1.2:22/probe')],
  ['a command that is no operation', exchange('EXEC', 'ssh://127.1.1.2:22/toString')],
])('no external write: %s', (_, given) => {
  expect(externalWrite(given, scope)).toBeUndefined();
});

test('writes that a run made more or fewer times', () => {
  expect(compareWrites(['a', 'b', 'b', 'c'], ['c', 'b', 'a', 'a', 'a', 'd'])).toEqual([
    '2 more: a',
    '1 fewer: b',
    '1 more: d',
  ]);
  expect(compareWrites(['a', 'b'], ['b', 'a'])).toEqual([]);
});

import { expect, test } from 'vitest';
import { roles } from '../../src/azure/resource-ids.ts';
import type { Exchange } from '../simulators/shared/admin.ts';
import { isView, kubernetesWrite } from './kube-writes.ts';
import { compareWrites, createNumbering, externalWrite, occurrence } from './writes.ts';

const scope = {
  clientId: 'controller',
  resourceManager: 'https://arm:1',
  graph: 'https://graph:1',
  nodes: new Map([['127.1.1.2', { cluster: 'c', node: 'NODE2' }]]),
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
  expect(externalWrite(given, scope)?.words).toBe(words);
});

test.each([
  ['a read', exchange('GET', `${arm}/resourcegroups/g`)],
  [
    'a query of Resource Graph',
    exchange('POST', 'https://arm:1/providers/Microsoft.ResourceGraph/resources?api-version=2024-04-01'),
  ],
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

test('a fault finds a write again in a run with other ids, and no other write', () => {
  const { match } = externalWrite(exchange('PUT', assignment, { body: role }), scope) ?? {};
  if (match?.series !== 'azure') throw new Error('it is a write to Azure');
  const { path, body = '' } = match.fault;
  const elsewhere = assignment.replace('11111111-2222', '99999999-8888').replace('https://arm:1', '');
  expect(new RegExp(path, 'i').test(elsewhere)).toBe(true);
  expect(new RegExp(path, 'i').test(elsewhere.replace('?', '/other?'))).toBe(false);
  expect(new RegExp(body, 'i').test(JSON.stringify(role))).toBe(true);
  expect(new RegExp(body, 'i').test(JSON.stringify({ properties: { roleDefinitionId: '/x/other' } }))).toBe(false);
  const group = externalWrite(exchange('PUT', `${arm}/resourcegroups/g.1?api-version=1`), scope)?.match;
  if (group?.series !== 'azure') throw new Error('it is a write to Azure');
  expect(new RegExp(group.fault.path).test('/x/resourcegroups/g.1?api-version=1')).toBe(true);
  expect(new RegExp(group.fault.path).test('/x/resourcegroups/gx1?api-version=1')).toBe(false);
  expect(externalWrite(exchange('EXEC', 'ssh://127.1.1.2:22/newRegistrationCertificate'), scope)?.match).toEqual({
    series: 'nodes',
    fault: { cluster: 'c', node: 'NODE2', operation: 'newRegistrationCertificate' },
  });
});

test('the same words again are told apart by their count', () => {
  const name = createNumbering();
  expect(['a', 'b', 'a', 'a'].map(name)).toEqual(['a', 'b', 'a #2', 'a #3']);
  expect(['a', 'a #2', 'PUT x #12'].map(occurrence)).toEqual([1, 2, 12]);
});

const kube = '/apis/azurestackhci.io/v1alpha1/namespaces/n/hciclusterregistrations';
const submitted = { status: { submissions: [{ step: 'UploadCertificate', target: 'c' }] } };
test.each([
  ['PATCH', `${kube}/c/status`, submitted, 'PATCH registration status c (intent UploadCertificate c)'],
  ['PATCH', `${kube}/c`, { metadata: { finalizers: ['f'] } }, 'PATCH registration c (finalizers 1)'],
  [
    'PATCH',
    '/api/v1/namespaces/n/secrets/s',
    { metadata: { annotations: { 'x/key-id': 'k' } }, data: { clientSecret: 'dGV4dA==' } },
    'PATCH secret s (key-id, clientSecret)',
  ],
  ['DELETE', '/api/v1/namespaces/n/secrets/s', undefined, 'DELETE secret s'],
  ['GET', `${kube}/c`, undefined, undefined],
  ['POST', '/apis/events.k8s.io/v1/namespaces/n/events', {}, undefined],
  ['POST', '/api/v1/namespaces/n/serviceaccounts/a/token', {}, undefined],
  ['PUT', '/apis/coordination.k8s.io/v1/namespaces/n/leases/l', {}, undefined],
])('a write to Kubernetes: %s %s', (method, path, body, words) => {
  expect(kubernetesWrite(method, path, body)).toBe(words);
});

test('what is a view that can be old: lists and watches of registrations and Secrets', () => {
  expect([kube, '/api/v1/namespaces/n/secrets', '/api/v1/secrets'].map((path) => isView('GET', path))).toEqual([
    true,
    true,
    true,
  ]);
  expect(
    [`${kube}/c`, '/api/v1/namespaces/n/secrets/s', '/api/v1/namespaces'].some((path) => isView('GET', path)),
  ).toBe(false);
});

import { expect, test } from 'vitest';
import type { Exchange } from '../simulators/shared/admin.ts';
import { emptyState } from '../simulators/azure/state.ts';
import { apiServerCalls, azureCalls, nodeCalls } from './calls.ts';
import { parseResources, resourcesOf } from './resources.ts';
import { summary, table } from './table.ts';

const since = new Date('2026-01-01T10:00:00Z');
const lines = (...values: unknown[]) => values.map((value) => `${JSON.stringify(value)}\n`).join('');

test('resources: memory of status, processor time of stat, whatever the program is called', () => {
  const status = 'Name:\tnode\nVmPeak:\t 999 kB\nVmHWM:\t  3072 kB\nVmRSS:\t  2048 kB\nRssFile:\t  1024 kB\n';
  const stat = '7 (no) de (x) S 1 7 7 0 -1 4194304 100 0 0 0 150 25 0 0 20 0 11 0 12345 1 1';
  expect(parseResources(status, stat)).toEqual({ residentMiB: 2, peakMiB: 3, fileMiB: 1, cpuSeconds: 1.75 });
  expect(() => parseResources('Name:\tnode\n', stat)).toThrow(/VmRSS/);
});

test('resources: of a real process', async () => {
  const { residentMiB, peakMiB, cpuSeconds } = await resourcesOf(process.pid);
  expect(residentMiB).toBeGreaterThan(10);
  expect(peakMiB).toBeGreaterThanOrEqual(residentMiB);
  expect(cpuSeconds).toBeGreaterThan(0);
});

const call = (principal: string | null, method: string, url: string): Exchange => ({
  time: since.toISOString(),
  principal,
  request: { method, url, headers: {}, body: null },
  response: { status: 200, headers: {}, body: null },
});

test('calls to Azure: those of the controller, by method and host', () => {
  const azure = {
    resourceManager: 'https://arm',
    login: 'https://login',
    graph: 'https://graph',
    state: emptyState('t', 's', 'p'),
  };
  azure.state.clusters['c'] = {
    id: 'c',
    name: 'c',
    location: 'eastus',
    etag: '',
    systemData: {
      createdBy: '',
      createdByType: '',
      createdAt: '',
      lastModifiedBy: '',
      lastModifiedByType: '',
      lastModifiedAt: '',
    },
    properties: {
      provisioningState: 'Succeeded',
      status: 'Connected',
      connectivityStatus: 'Connected',
      cloudId: '',
      aadClientId: 'of-the-nodes',
      softwareAssuranceProperties: { softwareAssuranceStatus: '', softwareAssuranceIntent: '' },
      desiredProperties: { windowsServerSubscription: '', diagnosticLevel: '' },
      trialDaysRemaining: 0,
      billingModel: '',
      serviceEndpoint: '',
    },
  };
  const calls = azureCalls(
    [
      call('controller', 'GET', 'https://arm/subscriptions/s'),
      call('controller', 'GET', 'https://arm/subscriptions/s?again'),
      call('controller', 'POST', 'https://login/t/oauth2/v2.0/token'),
      call('controller', 'POST', 'https://arm/providers/Microsoft.ResourceGraph/resources?api-version=x'),
      call(null, 'GET', 'https://login/t/v2.0/.well-known/openid-configuration'),
      call('of-the-nodes', 'POST', 'https://login/t/oauth2/v2.0/token'),
      call('of-the-nodes', 'POST', 'https://data-plane/clusters/c/sync'),
    ],
    azure,
  );
  expect(calls).toEqual({
    'GET Resource Manager': 2,
    'GET sign-in': 1,
    'POST sign-in': 1,
    'query Resource Graph': 1,
  });
});

const event = (auditID: string, verb: string, more: object = {}) => ({
  auditID,
  verb,
  requestURI: '/apis/x?y=z',
  user: { username: 'controller' },
  requestReceivedTimestamp: '2026-01-01T10:00:01.000000Z',
  objectRef: { resource: 'hciclusterregistrations' },
  ...more,
});

test('calls to the API server: of one user, since then, a watch once', () => {
  const log = lines(
    event('1', 'watch', { stage: 'ResponseStarted' }),
    event('1', 'watch', { stage: 'ResponseComplete' }),
    event('2', 'patch', { objectRef: { resource: 'hciclusterregistrations', subresource: 'status' } }),
    event('3', 'patch', { objectRef: { resource: 'hciclusterregistrations', subresource: 'status' } }),
    event('4', 'get', { objectRef: undefined }),
    event('5', 'get', { user: { username: 'somebody' } }),
    event('6', 'get', { requestReceivedTimestamp: '2026-01-01T09:59:59.999999Z' }),
  );
  expect(apiServerCalls(log, 'controller', since)).toEqual({
    'watch hciclusterregistrations': 1,
    'patch hciclusterregistrations/status': 2,
    'get /apis/x': 1,
  });
  expect(() => apiServerCalls(lines({ verb: 'get' }), 'controller', since)).toThrow('Parse');
});

const exec = (time: string, operation: string) => ({
  time,
  request: { method: 'EXEC', url: `ssh://127.1.1.1:22/${operation}` },
});

test('operations on nodes: by name, since then', () => {
  const log = lines(
    exec('2026-01-01T09:00:00Z', 'sync'),
    exec('2026-01-01T10:00:00Z', 'probe'),
    exec('2026-01-01T10:01:00Z', 'probe'),
  );
  expect(nodeCalls(log, since)).toEqual({ probe: 2 });
});

test('the table says what it is in an hour', () => {
  const before = { residentMiB: 90, peakMiB: 120, fileMiB: 40, cpuSeconds: 2 };
  const after = { residentMiB: 80, peakMiB: 120, fileMiB: 40, cpuSeconds: 3.5 };
  const figures = {
    minutes: 10,
    before,
    after,
    azure: { 'GET Resource Manager': 3 },
    apiServer: {},
    nodes: { probe: 4 },
  };
  const text = table(figures);
  expect(text).toMatch(/Memory, resident +80\.0 MiB\n/);
  expect(text).toMatch(/Processor time +1\.50 s +9\.00 s\n/);
  expect(text).toMatch(/GET Resource Manager +3 +18\n/);
  expect(text).toMatch(/Calls to the API server +0 +0\n/);
  expect(text).toMatch(/probe +4 +24$/);
  expect(summary(figures)).toBe('80 MiB, 3 calls to Azure, 0 to the API server, 4 to nodes in 10 minutes');
});

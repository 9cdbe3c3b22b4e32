import { expect, test } from 'vitest';
import type { Exchange } from '../simulators/shared/admin.ts';
import { describeFinding, validateTraffic } from './oav.ts';
import { expectAsPublished } from './published.ts';
import { hasRecordedTruth } from './recordedTruth.ts';

const subscription = '/subscriptions/3f6a1b52-7f0e-4d51-9c58-0a2d7c1f3a10';
const cluster = `${subscription}/resourceGroups/hci001-rg/providers/Microsoft.AzureStackHCI/clusters/hci001`;

const exchange = (method: string, path: string, sent: unknown, status: number, answered: unknown): Exchange => ({
  time: '2026-01-01T00:00:00.000Z',
  principal: null,
  request: { method, url: `https://127.0.0.1${path}`, headers: { 'content-type': 'application/json' }, body: sent },
  response: { status, headers: { 'content-type': 'application/json; charset=utf-8' }, body: answered },
});

const answered = { id: cluster, name: 'hci001', type: 'microsoft.azurestackhci/clusters', location: 'eastus' };
const put = (sent: object, got: object) =>
  exchange('PUT', `${cluster}?api-version=2024-04-01`, { location: 'eastus', ...sent }, 200, { ...answered, ...got });

const found = async (...exchanges: Exchange[]) => {
  const { validated, findings } = await validateTraffic(exchanges);
  return { validated, found: findings.map(describeFinding).join('\n') };
};

test.skipIf(!hasRecordedTruth())('traffic is held against the OpenAPI files, in both directions', async () => {
  expect(await found(put({}, {}))).toEqual({ validated: 1, found: '' });
  expect((await found(put({ size: 1 }, {}))).found).toMatch(/request .*ADDITIONAL_PROPERTIES.*size/);
  expect((await found(put({}, { size: 1 }))).found).toMatch(/response .*ADDITIONAL_PROPERTIES.*size/);
  expect((await found(put({ properties: { status: 'Error' } }, {}))).found).toMatch(/request .*READONLY.*status/);
  expect((await found(put({}, { properties: { trialDaysRemaining: 'many' } }))).found).toMatch(
    /response .*INVALID_TYPE/,
  );
  const noObject = (sent: unknown, got: unknown) =>
    found(exchange('PUT', `${cluster}?api-version=2024-04-01`, sent, 200, got));
  expect((await noObject('location: eastus', answered)).found).toMatch(/request .*BODY_IS_NO_OBJECT.*location/);
  expect((await noObject({ location: 'eastus' }, [])).found).toMatch(/response .*BODY_IS_NO_OBJECT/);
  await expect(expectAsPublished([put({ size: 1 }, {})])).rejects.toThrow('not as Azure');
  await expect(expectAsPublished([put({}, {})])).resolves.toBeUndefined();
});

test.skipIf(!hasRecordedTruth())(
  'what no file describes is a finding, a fault and what is not Resource Manager are not',
  async () => {
    const unknown = exchange(
      'GET',
      `${subscription}/providers/Microsoft.Compute/disks?api-version=2024-03-02`,
      null,
      200,
      {},
    );
    expect((await found(unknown)).found).toContain('OPERATION_NOT_FOUND');
    const older = exchange('GET', `${cluster}?api-version=2019-01-01`, null, 200, answered);
    expect((await found(older)).found).toContain('OPERATION_NOT_FOUND');
    expect(await found({ ...unknown, fault: true })).toEqual({ validated: 0, found: '' });
    const elsewhere = ['/v1.0/applications', '/tenant/oauth2/v2.0/token', '/health', '/clusters/x/sync'];
    const { validated, findings, notPublished } = await validateTraffic(
      elsewhere.map((path) => exchange('GET', path, 'text', 200, ['text'])),
    );
    expect({ validated, findings }).toEqual({ validated: 0, findings: [] });
    expect(notPublished.map(({ exchanges }) => exchanges)).toEqual([1, 1, 2]);
    expect((await found(exchange('GET', '/elsewhere', null, 200, {}))).found).toContain('GET /elsewhere');
    const group = exchange('GET', `${subscription}/resourcegroups/rg?api-version=2025-04-01`, null, 200, {
      id: `${subscription}/resourceGroups/rg`,
      name: 'rg',
      type: 'Microsoft.Resources/resourceGroups',
      location: 7,
    });
    expect(await found(group)).toMatchObject({ validated: 1, found: expect.stringContaining('INVALID_TYPE') });
  },
);

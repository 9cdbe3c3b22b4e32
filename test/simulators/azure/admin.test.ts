import { randomUUID } from 'node:crypto';
import { fetch } from 'undici';
import { expect, test } from 'vitest';
import { at, fixture } from './testing.ts';

const lab = fixture();

async function logged(): Promise<unknown[]> {
  const response = await fetch(`${lab().azure.admin}/log`);
  const lines = (await response.text()).split('\n').filter((line) => line !== '');
  return lines.map((line): unknown => JSON.parse(line));
}

const group = (name: string) => `/subscriptions/${lab().azure.subscriptionId}/resourceGroups/${name}`;

test('the state can be read, replaced and patched', async () => {
  const { azure, arm, admin, givenGroup } = lab();
  await givenGroup('state-rg');
  const saved = await admin('GET', '/state');
  expect(saved).toEqual(azure.state);
  await arm('PUT', group('extra-rg'), { body: { location: 'eastus' } });
  expect(azure.state.counters.resourceGroups.created).toBe(2);
  await admin('PUT', '/state', saved);
  expect((await arm('GET', group('extra-rg'))).status).toBe(404);
  expect(azure.state).toEqual(saved);
  await admin('PATCH', '/state', { resourceGroups: { [group('state-rg').toLowerCase()]: { tags: { a: 'b' } } } });
  expect(at((await arm('GET', group('state-rg'))).body, 'tags')).toEqual({ a: 'b' });
  await expect(admin('PATCH', '/state', { nonsense: 1 })).rejects.toThrow(/400/);
  await expect(admin('PUT', '/settings', { latencySeconds: -1 })).rejects.toThrow(/400/);
  expect(at(await admin('GET', '/settings'), 'latencySeconds')).toBe(0);
});

test('the log names the principal and holds what went over the wire', async () => {
  const { azure, arm, client, admin } = lab();
  await admin('DELETE', '/log');
  const { clientId } = azure.principals.reader;
  await client.signIn({ client_id: clientId, client_secret: 'wrong' });
  await arm('PUT', group('log-rg'), { as: 'reader', body: { location: 'eastus' } });
  const entries = await logged();
  expect(entries).toContainEqual(
    expect.objectContaining({
      principal: clientId,
      request: expect.objectContaining({ method: 'POST', body: expect.stringContaining('client_secret=wrong') }),
      response: expect.objectContaining({ status: 401 }),
    }),
  );
  expect(entries.at(-1)).toMatchObject({
    time: expect.stringMatching(/^\d{4}-/),
    principal: clientId,
    request: { method: 'PUT', url: expect.stringContaining('/resourceGroups/log-rg?'), body: { location: 'eastus' } },
    response: { status: 403, body: { error: { code: 'AuthorizationFailed' } } },
  });
});

test('faults: an answer instead, after some and for some times', async () => {
  const { arm, admin } = lab();
  const respond = {
    status: 503,
    headers: { 'retry-after': '7' },
    body: { error: { code: 'ServerBusy', message: 'x' } },
  };
  await admin('PUT', '/faults', [
    { method: 'GET', path: '/resourcegroups/f-rg', host: 'arm', after: 1, times: 1, effect: { respond } },
  ]);
  const read = () => arm('GET', group('f-rg'));
  expect((await read()).status).toBe(404);
  const faulty = await read();
  expect(faulty).toMatchObject({ status: 503, code: 'ServerBusy' });
  expect(faulty.headers.get('retry-after')).toBe('7');
  expect((await read()).status).toBe(404);
  await admin('PUT', '/faults', []);
  await expect(admin('PUT', '/faults', [{ path: '(', effect: { hang: true } }])).rejects.toThrow(/400/);
  await expect(admin('PUT', '/faults', [{ path: '.', effect: { explode: true } }])).rejects.toThrow(/400/);
});

test('faults: a cut before and a cut after the effect', async () => {
  const { azure, arm, admin } = lab();
  const exists = (name: string) => group(name).toLowerCase() in azure.state.resourceGroups;
  await admin('PUT', '/faults', [
    { path: 'before-rg', effect: { dropRequest: true } },
    { path: 'after-rg', effect: { dropResponse: true } },
  ]);
  const body = { location: 'eastus' };
  await expect(arm('PUT', group('before-rg'), { body })).rejects.toThrow('fetch failed');
  await expect(arm('PUT', group('after-rg'), { body })).rejects.toThrow('fetch failed');
  await admin('PUT', '/faults', []);
  expect([exists('before-rg'), exists('after-rg')]).toEqual([false, true]);
  expect((await logged()).slice(-2).map((entry) => at(entry, 'response', 'status'))).toEqual([null, null]);
});

test('the clock of Azure', async () => {
  const { arm, settings } = lab();
  await settings({ clockOffsetSeconds: -86_400 });
  const answer = await arm('GET', '/tenants');
  const ahead = Date.now() - Date.parse(answer.headers.get('date') ?? '');
  expect(Math.round(ahead / 3_600_000)).toBe(24);
});

test('an unknown admin call', async () => {
  await expect(lab().admin('GET', `/${randomUUID()}`)).rejects.toThrow(/404/);
});

import { afterEach, describe, expect, test } from 'vitest';
import { fixture } from '../../test/simulators/azure/testing.ts';
import { graphFor } from './testing/clients.ts';

const lab = fixture();
const { signal } = new AbortController();
afterEach(() => lab().admin('PUT', '/faults', []));

const principal = (name: 'controller' | 'reader') => {
  const { clientId, clientSecret } = lab().azure.principals[name];
  return { type: 'ClientSecret', clientId, clientSecret } as const;
};

describe('Microsoft Graph', () => {
  test('answers, and an empty answer has no body', async () => {
    const graph = graphFor(lab().azure);
    const made = await graph.send({ method: 'POST', path: '/applications', body: { displayName: 'one' }, signal });
    expect(made).toMatchObject({ status: 201, body: { displayName: 'one' } });
    const query = { $filter: "displayName eq 'one'", $select: 'id' };
    const found = await graph.send({ method: 'GET', path: '/applications', query, signal });
    expect(found.body).toMatchObject({ value: [{}] });
    const [application] = Object.values(lab().azure.state.applications).filter(
      ({ displayName }) => displayName === 'one',
    );
    const path = `/applications/${application?.id}`;
    expect(await graph.send({ method: 'DELETE', path, signal })).toEqual({ status: 204, body: undefined });
    await expect(graph.send({ method: 'GET', path, signal })).rejects.toMatchObject({
      status: 404,
      code: 'Request_ResourceNotFound',
    });
  });

  test('a missing permission is retried slowly', async () => {
    const graph = graphFor(lab().azure, principal('reader'));
    await expect(graph.send({ method: 'GET', path: '/applications', signal })).rejects.toMatchObject({
      code: 'Authorization_RequestDenied',
      errorClass: 'RetrySlowly',
    });
  });

  test('nothing is sent twice, and nothing is written without leave', async () => {
    await lab().admin('PUT', '/faults', [
      { host: 'graph', path: '/applications', effect: { respond: { status: 503 } } },
    ]);
    const before = lab().azure.log.length;
    const body = { displayName: 'two' };
    const make = { method: 'POST', path: '/applications', body, signal } as const;
    await expect(graphFor(lab().azure).send(make)).rejects.toMatchObject({ status: 503 });
    const sent = lab().azure.log.slice(before);
    expect(sent.filter(({ request }) => request.url.endsWith('/applications'))).toHaveLength(1);
    const fenced = graphFor(lab().azure, undefined, () => {
      throw new Error('not the leader');
    });
    await expect(fenced.send(make)).rejects.toThrow('not the leader');
  });

  test('its token goes nowhere else', () => {
    expect(() => graphFor(lab().azure).follow('https://example.com/v1.0/applications?$skiptoken=1', signal)).toThrow(
      'must lead back',
    );
  });
});

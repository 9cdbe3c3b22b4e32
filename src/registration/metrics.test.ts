import { Registry } from '@prometheus-io/client';
import { expect, test } from 'vitest';
import type { KubeObject } from '../kube/schema.ts';
import type { NodeTransport } from '../nodes/transport.ts';
import { createRegistrationMetrics } from './metrics.ts';
import { buildRegistration } from './testing/builders.ts';

const { metadata } = buildRegistration();

function given(objects: KubeObject[] = []) {
  const registry = new Registry();
  const registrations = [...objects];
  let heardAt: number | undefined;
  const metrics = createRegistrationMetrics(registry, {
    registrations: () => registrations,
    lastHeardAt: () => heardAt,
  });
  return {
    metrics,
    registrations,
    hear: () => {
      heardAt = performance.now();
    },
    /** Those lines that are no comments. */
    lines: async (prefix: string) =>
      (await registry.metrics()).split('\n').filter((line) => line.startsWith(prefix) && !line.startsWith('#')),
  };
}

const registration = (name: string, status?: unknown): KubeObject => {
  const object = { metadata: { ...metadata, name }, status };
  return object;
};

test('shows readiness, nodes and expiry of each registration', async () => {
  const { lines } = given([
    registration('good', {
      conditions: [{ type: 'Ready', status: 'True' }],
      nodes: { total: 4, registered: 4, arcConnected: 3 },
      credentials: [{ name: 'SignIn', notAfter: '2028-01-31T00:00:00Z' }, { name: 'ArcServicePrincipal' }],
    }),
  ]);
  const of = 'namespace="edge",name="good"';
  expect(await lines('hci_registration')).toEqual([
    `hci_registration_ready{${of},condition="True"} 1`,
    `hci_registration_ready{${of},condition="False"} 0`,
    `hci_registration_ready{${of},condition="Unknown"} 0`,
    `hci_registration_nodes{${of},state="total"} 4`,
    `hci_registration_nodes{${of},state="registered"} 4`,
    `hci_registration_nodes{${of},state="arc_connected"} 3`,
    `hci_registration_credential_expiration_timestamp_seconds{${of},credential="SignIn"} ${Date.UTC(2028, 0, 31) / 1000}`,
  ]);
});

test('what has no status yet, or one of another shape, is not known to be ready', async () => {
  const { lines } = given([registration('new'), registration('odd', { conditions: 'many' })]);
  for (const name of ['new', 'odd']) {
    expect(await lines(`hci_registration_ready{namespace="edge",name="${name}",condition="Unknown"}`)).toEqual([
      expect.stringMatching(/ 1$/),
    ]);
    expect(await lines(`hci_registration_nodes{namespace="edge",name="${name}"`)).toEqual([]);
  }
});

test('an object that is gone leaves no series', async () => {
  const { registrations, lines } = given([registration('one'), registration('two')]);
  expect(await lines('hci_registration_ready')).toHaveLength(6);
  registrations.shift();
  const left = await lines('hci_registration');
  expect(left).toHaveLength(3);
  expect(left.join()).not.toContain('"one"');
});

test('counts requests to Azure and operations on nodes', async () => {
  const { metrics, lines } = given();
  metrics.onAzureExchange({ service: 'arm', method: 'PUT', status: 201, durationMs: 300 });
  metrics.onAzureExchange({ service: 'entra', method: 'POST', status: 0, durationMs: 10 });
  expect(await lines('hci_azure_requests_total')).toEqual([
    'hci_azure_requests_total{service="arm",method="PUT",code="201"} 1',
    'hci_azure_requests_total{service="entra",method="POST",code="0"} 1',
  ]);
  expect(await lines('hci_azure_request_duration_seconds_sum{service="arm"}')).toEqual([
    'hci_azure_request_duration_seconds_sum{service="arm"} 0.3',
  ]);

  const silent: NodeTransport = {
    run: async () => ({ kind: 'unreachable', cause: 'timeout', detail: 'no answer' }),
    scanHostKey: async () => ({ kind: 'unreachable', cause: 'timeout', detail: 'no answer' }),
    close: async () => {},
  };
  const node = {
    name: 'NODE1',
    address: 'node1',
    port: 22,
    user: 'a',
    execution: 'Inline',
    privateKeys: [],
    hostKeys: [],
  } as const;
  const options = { signal: new AbortController().signal, correlationId: 'a' };
  const outcome = await metrics.counted(silent).run(node, 'probe', {}, options);
  expect(outcome.kind).toBe('unreachable');
  expect(await lines('hci_node_operations_total{operation="probe",outcome="unreachable"}')).toEqual([
    expect.stringMatching(/ 1$/),
  ]);
  expect(await lines('hci_node_operations_total{operation="probe",outcome="ok"}')).toEqual([
    expect.stringMatching(/ 0$/),
  ]);
});

test('says when the watch was last heard of, once it was', async () => {
  const { hear, lines } = given();
  const seconds = async () => Number((await lines('hci_watch_last_event_timestamp_seconds'))[0]?.split(' ')[1] ?? 0);
  expect(await seconds()).toBe(0);
  hear();
  expect(Math.abs((await seconds()) - Date.now() / 1000)).toBeLessThan(60);
});

import { pino } from 'pino';
import { expect, test, vi } from 'vitest';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import type { KubeClient } from '../kube/client.ts';
import { KubeError } from '../kube/kube-error.ts';
import { createReferencedSecrets, namedSecrets } from './referenced-secrets.ts';
import { buildRegistration } from './testing/builders.ts';

const { metadata } = buildRegistration();
const withSpec = (azure: unknown, transport: unknown) => ({ metadata, spec: { azure, nodes: { transport } } });

test('a registration names the Secrets of its identity and of its transport', () => {
  const ssh = { secretRef: { name: 'hci001-ssh' } };
  const clientSecret = { clientId: 'a', secretRef: { name: 'hci001-azure' } };
  expect(namedSecrets(withSpec({ identity: { clientSecret } }, { ssh }))).toEqual([
    'edge/hci001-azure',
    'edge/hci001-ssh',
  ]);
  const clientCertificate = { clientId: 'a', secretRef: { name: 'hci001-certificate' } };
  expect(namedSecrets(withSpec({ identity: { clientCertificate } }, {}))).toEqual(['edge/hci001-certificate']);
  expect(namedSecrets(withSpec({ identity: { managedIdentity: {} } }, { ssh }))).toEqual(['edge/hci001-ssh']);
  const arc = { onboarding: { servicePrincipal: { secretRef: { name: 'hci001-arc' } } } };
  const withArc = { metadata, spec: { azure: { identity: {} }, nodes: { transport: { ssh } }, arc } };
  expect(namedSecrets(withArc)).toEqual(['edge/hci001-ssh', 'edge/hci001-arc']);
});

test('an object that is not understood names none', () => {
  expect(namedSecrets({ metadata })).toEqual([]);
  expect(namedSecrets(withSpec({ identity: { clientSecret: { secretRef: 'a' } } }, {}))).toEqual([]);
});

const LogLine = Type.Object({ level: Type.Integer(), msg: Type.String() });

/** Whose answer to every watch is this error. */
async function refusedWith(error: KubeError, tries: number): Promise<string[]> {
  const lines: string[] = [];
  const log = pino({ level: 'debug' }, { write: (line) => void lines.push(line) });
  const stop = new AbortController();
  let asked = 0;
  const client: KubeClient = {
    async request() {
      throw new Error('not expected: a call');
    },
    async stream({ path, query }) {
      asked += 1;
      expect([path, query?.['labelSelector']]).toEqual([
        '/api/v1/namespaces/edge/secrets',
        'azurestackhci.io/watch=true',
      ]);
      throw error;
    },
    close: async () => {},
  };
  const secrets = createReferencedSecrets({ client, namespace: 'edge', onChange: () => {}, log });
  const running = secrets.run(stop.signal);
  await vi.waitFor(() => expect(asked).toBeGreaterThanOrEqual(tries), { timeout: 20_000 });
  stop.abort();
  await running;
  return lines.map((line) => Value.Parse(LogLine, JSON.parse(line)).msg);
}

const refusal = (status: number) => new KubeError({ status, reason: '', message: 'no', retryable: true });

test('without the right to watch that is said once; other failures are said each time', async () => {
  const [forbidden, broken] = await Promise.all([refusedWith(refusal(403), 3), refusedWith(refusal(0), 3)]);
  expect(forbidden).toEqual(['not allowed to watch Secrets: their changes are noticed at the next sync']);
  expect(broken.length).toBeGreaterThanOrEqual(2);
});

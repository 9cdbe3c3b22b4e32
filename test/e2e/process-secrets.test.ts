import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually, startProcessLab, type ProcessLab } from './process-harness.ts';

let world: ProcessLab;
beforeAll(async () => {
  world = await startProcessLab(['labelled', 'plain', 'unwatched']);
});
afterAll(async () => {
  await world?.stop();
});

const kubectl = (...args: string[]) => world.lab.controlPlane.kubectl(...args);
const label = (namespace: string, secret: string) =>
  kubectl('label', 'secret', secret, '-n', namespace, 'azurestackhci.io/watch=true');
const patchSecret = (namespace: string, secret: string, stringData: Record<string, string>) =>
  kubectl('patch', 'secret', secret, '-n', namespace, '--type=merge', '-p', JSON.stringify({ stringData }));
const setClientSecret = (namespace: string, cluster: string, clientSecret: string) =>
  patchSecret(namespace, `${cluster}-azure`, { clientSecret });
const goodSecret = () => world.lab.azure.principals.controller.clientSecret;
const authenticated = (namespace: string, cluster: string) => world.condition(namespace, cluster, 'Authenticated');

it(
  'a changed Secret is noticed at once with the label, and at the next sync without it',
  { timeout: 150_000 },
  async () => {
    const namespace = 'secrets';
    const process = await world.start(namespace);
    await world.given(namespace, 'labelled');
    await world.given(namespace, 'plain', { spec: { syncInterval: '1m' } });
    await label(namespace, 'labelled-azure');
    await label(namespace, 'labelled-ssh');
    for (const cluster of ['labelled', 'plain'])
      await eventually(process, async () =>
        expect(await world.condition(namespace, cluster, 'Ready')).toBe('True/Ready'),
      );

    const { nextSyncTime } = await world.status(namespace, 'labelled');
    await setClientSecret(namespace, 'plain', 'wrong-1');
    await setClientSecret(namespace, 'labelled', 'wrong-2');
    await eventually(process, async () =>
      expect(await authenticated(namespace, 'labelled')).toBe('False/CredentialRejected'),
    );
    // With pauses after failures it would come back by itself after 15 s, and ever later.
    await setClientSecret(namespace, 'labelled', goodSecret());
    await eventually(process, async () =>
      expect(await world.condition(namespace, 'labelled', 'Ready')).toBe('True/Ready'),
    );
    expect(Date.parse(nextSyncTime ?? '')).toBeGreaterThan(Date.now());

    const good = await readFile(
      world.lab.nodes.clusters.find(({ name }) => name === 'labelled')?.ssh.privateKeyFile ?? '',
      'utf8',
    );
    await patchSecret(namespace, 'labelled-ssh', { 'ssh-privatekey': 'not a key' });
    await eventually(process, async () =>
      expect(await world.condition(namespace, 'labelled', 'NodesReachable')).toBe('False/NodeAuthFailed'),
    );
    await patchSecret(namespace, 'labelled-ssh', { 'ssh-privatekey': good });
    await eventually(process, async () =>
      expect(await world.condition(namespace, 'labelled', 'Ready')).toBe('True/Ready'),
    );

    await eventually(
      process,
      async () => expect(await authenticated(namespace, 'plain')).toBe('False/CredentialRejected'),
      90_000,
    );
    expect(await process.stop()).toBe(0);
  },
);

it('without the right to watch Secrets it works, and says so once', async () => {
  const namespace = 'unwatched';
  await kubectl('delete', '--ignore-not-found', 'clusterrolebinding', 'hci-registration-controller-secret-watch');
  const process = await world.start(namespace);
  await world.given(namespace, 'unwatched');
  await label(namespace, 'unwatched-azure');
  await eventually(process, async () =>
    expect(await world.condition(namespace, 'unwatched', 'Ready')).toBe('True/Ready'),
  );
  // It goes on asking, for the day on which it may.
  await eventually(process, async () =>
    expect(await process.metric('rest_client_requests_total{code="403",method="GET"}')).toBeGreaterThan(1),
  );
  const said = await process.logged('not allowed to watch Secrets: their changes are noticed at the next sync');
  expect(said).toMatchObject([{ level: 'warn' }]);
  expect(await process.logged('watching labelled Secrets')).toEqual([]);
  expect(await process.stop()).toBe(0);
});

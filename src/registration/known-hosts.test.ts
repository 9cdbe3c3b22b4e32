import { expect, test } from 'vitest';
import { finalizer } from '../api/group.ts';
import { buildHostKey as hostKey } from '../nodes/testing/host-key.ts';
import { buildRegistration, buildSpec, nodeNames } from './testing/builders.ts';
import { startReconciler } from './testing/reconciler.ts';

// Pins from the Secret of spec.nodes.transport.ssh.knownHostsRef.

const pinned = (name: string) => `${name.toLowerCase()}.corp.example.com ${hostKey(name).line}`;

function given(knownHosts: string | undefined, hostKeys: Record<string, string[]> = {}, listed = nodeNames) {
  const spec = buildSpec();
  const { ssh } = spec.nodes.transport;
  if (ssh !== undefined) spec.nodes.transport.ssh = { ...ssh, knownHostsRef: { name: 'known-hosts' } };
  spec.nodes.hosts = spec.nodes.hosts
    .filter(({ name }) => listed.includes(name))
    .map((host) => ({ ...host, hostKeys: hostKeys[host.name] ?? [] }));
  const { metadata, ...object } = buildRegistration({ spec });
  return startReconciler({
    object: { ...object, metadata: { ...metadata, finalizers: [finalizer] } },
    knownHosts,
    hostKeys: Object.fromEntries(nodeNames.map((name) => [name, hostKey(name).pin])),
  });
}

const items = ({ surroundings }: ReturnType<typeof given>) => surroundings.object.status?.nodes?.items;

test('a host is known by its line, beside the pins of the spec', async () => {
  const simulation = given(pinned('NODE1'), { NODE2: [hostKey('NODE2').pin] });
  await simulation.pass();
  expect(simulation.condition('NodesReachable')).toMatchObject({ status: 'True' });
  expect(simulation.count('NODE NODE1 probe') + simulation.count('NODE NODE2 probe')).toBe(2);
});

test('nothing is sent to one that has no line, and the fingerprint that it shows is told', async () => {
  const simulation = given(pinned('NODE1'));
  await simulation.pass();
  expect(simulation.count('NODE NODE2 probe')).toBe(0);
  expect(items(simulation)?.[1]).toMatchObject({ reason: 'HostKeyNotPinned', hostKey: hostKey('NODE2').pin });
});

test('a key that is revoked there is refused, also where the spec pins it', async () => {
  const text = `${pinned('NODE1')}\n${pinned('NODE2')}\n@revoked * ${hostKey('NODE2').line}`;
  const simulation = given(text, { NODE2: [hostKey('NODE2').pin] });
  await simulation.pass();
  expect(simulation.count('NODE NODE2 probe')).toBe(0);
  expect(items(simulation)?.[1]).toMatchObject({
    reason: 'HostKeyMismatch',
    message: expect.stringMatching(/revokes this key: do not pin it/),
  });
});

test('an authority is told as not supported', async () => {
  const simulation = given(`${pinned('NODE1')}\n@cert-authority *.corp.example.com ${hostKey('CA').line}`);
  await simulation.pass();
  expect(items(simulation)?.[1]).toMatchObject({
    reason: 'HostKeyNotPinned',
    message: expect.stringMatching(/@cert-authority.* not supported: pin the key itself/),
  });
});

test.each([
  ['has no key known_hosts', undefined, /no key known_hosts/],
  ['has a line that cannot be read', `${pinned('NODE1')}\n@revoked`, /known_hosts, line 2/],
])('where the Secret %s no node is connected to: it might revoke a key', async (_, text, message) => {
  const simulation = given(text, Object.fromEntries(nodeNames.map((name) => [name, [hostKey(name).pin]])));
  await simulation.pass();
  expect(simulation.count('NODE')).toBe(0);
  expect(simulation.condition('NodesReachable')).toMatchObject({
    status: 'False',
    reason: 'SecretNotFound',
    message: expect.stringMatching(message),
  });
});

test('a changed Secret is noticed: a new pin lets a node in, and one that is revoked is out', async () => {
  const simulation = given(pinned('NODE1'));
  await simulation.pass();
  simulation.surroundings.knownHosts = `${pinned('NODE1')}\n${pinned('NODE2')}`;
  simulation.secretChanged();
  await simulation.pass();
  expect(simulation.condition('NodesReachable')).toMatchObject({ status: 'True' });

  simulation.surroundings.knownHosts = `${pinned('NODE2')}\n@revoked * ${hostKey('NODE1').line}`;
  simulation.secretChanged();
  simulation.calls.length = 0;
  await simulation.pass();
  expect(simulation.calls).toContain('NODE NODE1 refused');
  expect(simulation.condition('NodesReachable')).toMatchObject({ status: 'False', reason: 'HostKeyMismatch' });
});

test('it pins nodes that are found from the cluster', async () => {
  const simulation = given(`${pinned('NODE1')}\n${pinned('NODE2')}`, {}, ['NODE1']);
  await simulation.pass();
  expect(simulation.count('NODE NODE2 probe')).toBe(1);
  expect(simulation.condition('NodesReachable')).toMatchObject({ status: 'True' });
});

test('it costs one read of a Secret in a pass', async () => {
  const simulation = given(`${pinned('NODE1')}\n${pinned('NODE2')}`);
  await simulation.pass();
  // SSH keys, known_hosts, the Arc service principal's; and at first, whether the three that the spec names are held.
  expect(simulation.count('KUBE GET secret')).toBe(6);
});

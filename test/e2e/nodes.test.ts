import { createHmac, randomBytes } from 'node:crypto';
import ssh2 from 'ssh2';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { applyManifests, condition, readEvents } from '../lab/registration.ts';
import { startEndToEnd, type EndToEnd, type Registration } from './harness.ts';
import { writesTo } from './observations.ts';

const Certificates = Type.Object({ properties: Type.Object({ certificates: Type.Array(Type.String()) }) });

/** The host key of a server, as known_hosts has it. Nothing but the key exchange is sent. */
const scanHostKey = (host: string, port: number): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const client = new ssh2.Client();
    client.on('error', reject);
    client.connect({
      host,
      port,
      username: 'nobody',
      hostVerifier: (key: Buffer) => {
        resolve(key);
        return false;
      },
    });
  });

/** A line of known_hosts with a hashed name. */
function hashedLine(host: string, port: number, key: Buffer): string {
  const salt = randomBytes(20);
  const hash = createHmac('sha1', salt).update(`[${host}]:${port}`).digest('base64');
  const type = key.toString('latin1', 4, 4 + key.readUInt32BE(0));
  return `|1|${salt.toString('base64')}|${hash} ${type} ${key.toString('base64')}`;
}

const reasonOf = (registration: Registration, node: string, reason: string) =>
  registration.eventually(
    `${node} is ${reason}`,
    ({ nodes }) => nodes?.items.find(({ name }) => name === node)?.reason === reason,
  );
const itemOf = async (registration: Registration, node: string) =>
  (await registration.status()).nodes?.items.find(({ name }) => name === node);

describe('nodes that come, go and are worked on', () => {
  let e2e: EndToEnd;
  beforeAll(async () => {
    e2e = await startEndToEnd(['added', 'evicted', 'replaced', 'paused', 'hanging'], {
      nodes: ['NODE1', 'NODE2', 'NODE3'],
    });
  });
  afterAll(async () => {
    await e2e?.stop();
  });
  const kubectl = (...args: string[]) => e2e.lab.controlPlane.kubectl(...args);

  const set = async (cluster: string, node: string, state: string) => {
    const body = JSON.stringify({ state });
    const response = await fetch(`${e2e.lab.nodes.admin}/nodes/${cluster}/${node}`, { method: 'PUT', body });
    expect(response.ok, await response.text()).toBe(true);
  };
  /** Hosts as the sample lists them, with the key that each node shows now. */
  const hosts = (cluster: string, names = ['NODE1', 'NODE2', 'NODE3']) =>
    Object.entries(e2e.lab.nodes.state().clusters[cluster]?.nodes ?? {})
      .filter(([name]) => names.includes(name))
      .map(([name, { address, hostKey }]) => ({ name, address, hostKeys: [hostKey] }));
  let pokes = 0;
  const poke = ({ namespace, name }: Registration) =>
    kubectl(
      'annotate',
      'hciregistration',
      name,
      '-n',
      namespace,
      '--overwrite',
      `azurestackhci.io/reconcile-requested-at=${(pokes += 1)}`,
    );
  const operationsOn = (cluster: string, node: string) => {
    const address = e2e.lab.nodes.state().clusters[cluster]?.nodes[node]?.address;
    return e2e.lab.nodes.log
      .map(({ request }) => new URL(request.url))
      .filter(({ hostname }) => hostname === address)
      .map(({ pathname }) => pathname.slice(1));
  };
  const machine = (cluster: string, node: string) =>
    Object.values(e2e.lab.azure.state.machines).find(({ id, name }) => name === node && id.includes(`/${cluster}-rg/`));

  it('a node that joins is told with its fingerprint, and onboarded once it is pinned', async () => {
    await set('added', 'NODE3', 'evicted');
    const registration = await e2e.given('added', {
      patch: { spec: { nodes: { hosts: hosts('added', ['NODE1', 'NODE2']) } } },
    });
    await registration.until('Ready', 'True');
    expect(await registration.status()).toMatchObject({ nodes: { total: 2, arcSummary: '2/2' } });

    await set('added', 'NODE3', 'joined');
    await poke(registration);
    await reasonOf(registration, 'NODE3', 'AddressNotAllowed');
    const before = writesTo(e2e.lab, 'added');
    const unpinned = hosts('added').map((host) => (host.name === 'NODE3' ? { ...host, hostKeys: [] } : host));
    await registration.patch({ spec: { nodes: { hosts: unpinned } } });
    await reasonOf(registration, 'NODE3', 'HostKeyNotPinned');
    const shown = e2e.lab.nodes.state().clusters['added']?.nodes['NODE3']?.hostKey ?? '';
    expect(await itemOf(registration, 'NODE3')).toMatchObject({
      hostKey: shown,
      message: expect.stringContaining(shown),
    });
    expect(operationsOn('added', 'NODE3')).toEqual([]);
    expect(writesTo(e2e.lab, 'added')).toEqual(before);

    await registration.patch({ spec: { nodes: { hosts: hosts('added') } } });
    await registration.until('Ready', 'True');
    expect(await registration.status()).toMatchObject({ nodes: { total: 3, registered: 3, arcSummary: '3/3' } });
    const later = writesTo(e2e.lab, 'added').slice(before.length);
    const ofNodes = later.filter((write) => write.startsWith('EXEC')).map((write) => write.replace('EXEC /', ''));
    expect(ofNodes.filter((operation) => operation !== 'sync')).toEqual([
      'newRegistrationCertificate',
      'setRegistrationCertificate',
      'setRegistration',
      'startArcRegistrationTask',
    ]);
    expect(later.filter((write) => !write.startsWith('EXEC'))).toEqual([
      expect.stringMatching(/^POST .*\/clusters\/added\/uploadCertificate$/),
    ]);
    const uploads = e2e.lab.azure.log.filter(({ request }) => /\/added\/uploadCertificate\?/.test(request.url));
    expect(
      uploads.map(({ request }) => Value.Parse(Certificates, request.body).properties.certificates.length),
    ).toEqual([2, 3]);
  });

  it('an evicted node is left out, and its Arc-enabled server goes when it is Disconnected', async () => {
    const registration = await e2e.given('evicted');
    await registration.until('Ready', 'True');
    const before = writesTo(e2e.lab, 'evicted');
    await set('evicted', 'NODE3', 'evicted');
    await poke(registration);
    await reasonOf(registration, 'NODE3', 'NodeNotMember');
    await registration.until('Ready', 'True');
    const seen = await registration.status();
    expect(seen.nodes).toMatchObject({ total: 2, arcSummary: '2/2' });
    expect(condition(seen, 'ArcConnected')?.message).toMatch(/NODE3 .* is Connected: run azcmagent disconnect on it/);
    expect(condition(seen, 'NodesReachable')).toMatchObject({
      status: 'True',
      message: expect.stringContaining('NODE3 is listed in spec.nodes.hosts'),
    });
    const told = (await readEvents(e2e.lab.controlPlane, registration.namespace)).filter(
      ({ reason }) => reason === 'NodeNotMember',
    );
    expect(told.map(({ note }) => note)).toEqual(
      expect.arrayContaining([expect.stringContaining('its Arc-enabled server is Connected')]),
    );
    expect(writesTo(e2e.lab, 'evicted')).toEqual(before);

    const left = machine('evicted', 'NODE3');
    if (left === undefined) throw new Error('the machine is gone already');
    left.properties['status'] = 'Disconnected';
    await poke(registration);
    await expect.poll(() => machine('evicted', 'NODE3'), { timeout: 30_000 }).toBeUndefined();
    await registration.eventually(
      'nothing is said of it any more',
      (status) => !/NODE3/.test(condition(status, 'ArcConnected')?.message ?? ''),
    );
    expect(machine('evicted', 'NODE2')).toBeDefined();
    expect(writesTo(e2e.lab, 'evicted').slice(before.length)).toEqual([
      expect.stringMatching(/^DELETE .*\/machines\/NODE3$/),
    ]);
  });

  it('a node that was installed anew under its name is taken back once its new key is pinned', async () => {
    const registration = await e2e.given('replaced');
    await registration.until('Ready', 'True');
    const before = writesTo(e2e.lab, 'replaced');
    await set('replaced', 'NODE2', 'reimaged');
    const node = e2e.lab.nodes.state().clusters['replaced']?.nodes['NODE2'];
    if (node === undefined) throw new Error('there is no such node');
    await poke(registration);
    await registration.until('NodesReachable', 'False', 'HostKeyMismatch');
    expect(await itemOf(registration, 'NODE2')).toMatchObject({ reason: 'HostKeyMismatch', hostKey: node.hostKey });
    expect(writesTo(e2e.lab, 'replaced')).toEqual(before);

    await registration.patch({ spec: { nodes: { hosts: hosts('replaced') } } });
    await registration.until('Ready', 'False', 'NodeFreshlyBooted');
    expect(writesTo(e2e.lab, 'replaced')).toEqual(before);
    node.bootTime = new Date(Date.now() - 3_600_000).toISOString(); // an hour later
    await poke(registration);
    await registration.until('Ready', 'True');
    expect(await registration.status()).toMatchObject({ nodes: { total: 3, registered: 3, arcSummary: '3/3' } });
    expect(Object.values(e2e.lab.azure.state.machines).filter(({ id }) => id.includes('/replaced-rg/'))).toHaveLength(
      3,
    );
  });

  it('a paused node is left alone and the rest waits for it; hosts are known by known_hosts alone', async () => {
    await set('paused', 'NODE2', 'paused');
    const cluster = e2e.lab.nodes.clusters.find(({ name }) => name === 'paused');
    const port = cluster?.ssh.port ?? 0;
    const lines = await Promise.all(
      (cluster?.nodes ?? []).map(async ({ address }) => hashedLine(address, port, await scanHostKey(address, port))),
    );
    const namespace = 'ns-paused';
    await kubectl('create', 'namespace', namespace);
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'known', namespace } };
    const manifest = JSON.stringify({ ...secret, stringData: { known_hosts: lines.join('\n') } });
    await applyManifests(e2e.lab.controlPlane, manifest, e2e.lab.directory);
    const withoutKeys = hosts('paused').map(({ name, address }) => ({ name, address }));
    const registration = await e2e.given('paused', {
      patch: { spec: { nodes: { hosts: withoutKeys, transport: { ssh: { knownHostsRef: { name: 'known' } } } } } },
    });
    const { message } = await registration.until('Ready', 'False', 'NodePaused');
    expect(message).toContain('NODE2 is paused in the cluster');
    expect(await itemOf(registration, 'NODE2')).toMatchObject({ reason: 'NodePaused' });
    expect(condition(await registration.status(), 'NodesReachable')).toMatchObject({ status: 'True' });
    expect([...new Set(operationsOn('paused', 'NODE2'))]).toEqual(['probe']);
    expect(operationsOn('paused', 'NODE1')).toContain('newRegistrationCertificate');

    await set('paused', 'NODE2', 'resumed');
    await poke(registration);
    await registration.until('Ready', 'True');
  });

  it('a node that takes connections and says nothing is told apart, and nothing waits for it for ever', async () => {
    await set('hanging', 'NODE2', 'hang');
    const registration = await e2e.given('hanging');
    await reasonOf(registration, 'NODE2', 'NodeNotAnswering');
    const told = await itemOf(registration, 'NODE2');
    expect(told?.message).toMatch(/The cluster says that NODE2 is down.*Timed out while waiting for handshake/);
    expect(condition(await registration.status(), 'NodesReachable')).toMatchObject({ reason: 'NodeNotAnswering' });
    await set('hanging', 'NODE2', 'up');
    await poke(registration);
    await registration.until('Ready', 'True');
  });
});

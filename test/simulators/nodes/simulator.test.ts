import ssh2 from 'ssh2';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { imdsKey } from './cmdlets/items.ts';
import { startNodesLab, type NodesLab } from './lab.ts';
import { newKeyPair } from './sshKeys.ts';

// What needs no Azure: the SSH server, the admin API, faults, and what a fresh node says.

let lab: NodesLab;
beforeAll(async () => {
  lab = await startNodesLab({
    clusters: [
      { name: 'hci001', dnsSuffix: 'corp.example.com', nodes: ['NODE1', 'NODE2'] },
      { name: 'old', dnsSuffix: 'corp.example.com', nodes: ['OLD1'], build: '20H2' },
      { name: 'inline', dnsSuffix: 'corp.example.com', nodes: ['INLINE1'], execution: 'Inline' },
    ],
  });
});
afterAll(() => lab.close());
afterEach(async () => {
  await lab.admin('PUT', '/faults', []);
  await lab.admin('PUT', '/nodes/hci001/NODE1', { state: 'up' });
});

/** A session of another SSH client: what it gets for a command, with no document unless one is given. */
const session = async (use: (client: ssh2.Client) => Promise<void>): Promise<void> => {
  const { address, port, user, privateKeys } = lab.endpoint('NODE1');
  const client = new ssh2.Client();
  const ready = Promise.withResolvers<void>();
  const closed = new Promise<void>((resolve) => {
    client.once('close', () => resolve());
  });
  client.once('ready', () => ready.resolve());
  client.once('error', ready.reject);
  client.connect({ host: address, port, username: user, privateKey: privateKeys[0] ?? '' });
  await ready.promise;
  try {
    await use(client);
  } finally {
    client.end();
    await closed;
  }
};

const exec = (client: ssh2.Client, command: string, stdin = ''): Promise<{ status: unknown; output: string }> =>
  new Promise((resolve, reject) => {
    client.exec(command, (error, channel) => {
      if (error !== undefined) {
        reject(error);
        return;
      }
      let output = '';
      channel.on('data', (chunk: Buffer) => {
        output += chunk.toString('utf8');
      });
      channel.stderr.on('data', (chunk: Buffer) => {
        output += chunk.toString('utf8');
      });
      channel.on('close', (status: unknown) => resolve({ status, output }));
      channel.end(stdin);
    });
  });

const refused = (start: (done: (error: Error | undefined) => void) => void): Promise<boolean> =>
  new Promise((resolve) => {
    start((error) => resolve(error !== undefined));
  });

describe('the SSH server', () => {
  test.each([
    ['whoami', 'only operations'],
    ['hcireg/1 probe; whoami', 'only operations'],
    ['powershell.exe -Command hcireg/1 probe', 'only operations'],
    ['hcireg/2 probe', 'version 2 of the operations was asked for. This node has version 1'],
    ['hcireg/1 constructor', 'no operation constructor'],
    ['hcireg/1 format', 'no operation format'],
  ])('refuses the command %s', async (command, message) => {
    await session(async (client) => {
      const { status, output } = await exec(client, command, '{}');
      expect(status).toBe(126);
      expect(output).toContain(message);
    });
  });

  test('runs the script that the caller sends along where none is installed, and no other command', async () => {
    const options = { signal: new AbortController().signal, correlationId: 'x' };
    const endpoint = lab.endpoint('INLINE1', 'inline');
    expect(await lab.transport.run(endpoint, 'probe', {}, options)).toMatchObject({
      kind: 'ok',
      value: { computerName: 'INLINE1', script: { execution: 'Inline' } },
    });
    expect(await lab.transport.run({ ...endpoint, execution: 'Dispatcher' }, 'probe', {}, options)).toMatchObject({
      kind: 'protocol',
      exitStatus: 1,
      detail: expect.stringContaining('not recognized as an internal or external command'),
    });
    const installed = { ...lab.endpoint('NODE1'), execution: 'Inline' as const };
    expect(await lab.transport.run(installed, 'newRegistrationCertificate', {}, options)).toMatchObject({
      kind: 'protocol',
      exitStatus: 126,
    });
    expect(await lab.admin('GET', '/log')).not.toContain('function Invoke-Probe');
  });

  test('runs nothing without a whole document', async () => {
    await session(async (client) => {
      for (const stdin of ['', '{"correlationId":"x","argu', '{}', '{"correlationId":"x","arguments":{"more":1}}']) {
        const { status } = await exec(client, 'hcireg/1 newRegistrationCertificate', stdin);
        expect(status).toBe(10);
      }
    });
    expect(lab.nodes.state().counters.certificatesCreated).toBe(0);
  });

  test('refuses a shell, a terminal, files and forwarding', async () => {
    await session(async (client) => {
      expect(await refused((done) => client.shell(done))).toBe(true);
      expect(await refused((done) => client.exec('hcireg/1 probe', { pty: true }, done))).toBe(true);
      expect(await refused((done) => client.sftp(done))).toBe(true);
      expect(await refused((done) => client.forwardOut('127.0.0.1', 1, '127.0.0.1', 1, done))).toBe(true);
      expect(await refused((done) => client.forwardIn('127.0.0.1', 0, done))).toBe(true);
    });
  });

  test('knows only the keys and the user that it was told of', async () => {
    const endpoint = lab.endpoint('NODE1');
    const run = { signal: new AbortController().signal, correlationId: 'x' };
    const stranger = newKeyPair();
    const strange = { ...endpoint, privateKeys: [stranger.privateKey] };
    expect(await lab.transport.run(strange, 'probe', {}, run)).toMatchObject({ kind: 'unreachable', cause: 'auth' });
    const other = { ...endpoint, user: 'administrator' };
    expect(await lab.transport.run(other, 'probe', {}, run)).toMatchObject({ kind: 'unreachable', cause: 'auth' });
    const authorizedKeys = [...(lab.nodes.state().clusters['hci001']?.authorizedKeys ?? []), stranger.publicKey];
    await lab.admin('PATCH', '/state', { clusters: { hci001: { authorizedKeys } } });
    expect((await lab.transport.run(strange, 'probe', {}, run)).kind).toBe('ok');
  });

  test('every node has its own address and host key, and a cluster has one port', () => {
    const [cluster] = lab.nodes.clusters;
    expect(new Set(cluster?.nodes.map(({ address }) => address)).size).toBe(2);
    expect(new Set(cluster?.nodes.map(({ hostKey }) => hostKey)).size).toBe(2);
    expect(lab.endpoint('NODE1').port).toBe(lab.endpoint('NODE2').port);
  });
});

describe('a fresh node', () => {
  test('says that nothing is registered', async () => {
    const probe = await lab.result('NODE1', 'probe', {});
    expect(probe).toMatchObject({
      computerName: 'NODE1',
      registration: {
        clusterStatus: 'Clustered',
        registrationStatus: 'NotYet',
        azureResourceUri: null,
        connectionStatus: null,
        diagnosticLevel: 'Basic',
        region: null,
      },
      certificate: { created: null, set: null },
      arcSecret: null,
      arc: { clusterArcStatus: 'Disabled', nodesArcStatus: { node1: 'Disabled', node2: 'Disabled' } },
      agent: null,
      arcRegistrationTask: null,
      os: { build: 20349, displayVersion: '22H2' },
      cloudManagementServices: ['HciClusterAgentSvc'],
      services: { hcisvc: 'Running' },
    });
    expect(probe.commands).toContain('Initialize-AzureStackHCIArcIntegration');
    expect(await lab.result('NODE2', 'clusterProbe', {})).toMatchObject({
      name: 'hci001',
      dnsSuffix: 'corp.example.com',
      nodes: [
        { name: 'NODE1', state: 'Up' },
        { name: 'NODE2', state: 'Up' },
      ],
      cloudManagement: null,
    });
  });

  test('of 20H2 has no Arc integration', async () => {
    const run = { signal: new AbortController().signal, correlationId: 'x' };
    const probe = await lab.transport.run(lab.endpoint('OLD1', 'old'), 'probe', {}, run);
    expect(probe).toMatchObject({
      kind: 'ok',
      value: { arc: null, registration: { nextSync: null, diagnosticLevel: null }, cloudManagementServices: [] },
    });
    expect(JSON.stringify(probe)).not.toContain('ArcIntegration');
  });

  test('says no to what comes too early', async () => {
    const arc = {
      appId: 'a',
      secret: 's',
      keyId: 'key-1',
      tenantId: 't',
      subscriptionId: 's',
      region: 'eastus',
      resourceGroup: 'r',
      cloud: 'AzureCloud',
    };
    expect(await lab.run('NODE1', 'sync', {})).toMatchObject({ kind: 'operationError' });
    expect(await lab.run('NODE1', 'initializeArcIntegration', arc)).toMatchObject({ kind: 'operationError' });
    expect(await lab.run('NODE1', 'startArcRegistrationTask', {})).toMatchObject({
      kind: 'operationError',
      error: { id: 'ArcRegistrationTaskNotFound' },
    });
    expect(await lab.run('NODE1', 'startCloudManagement', { serviceName: 'HciCloudManagementSvc' })).toMatchObject({
      kind: 'operationError',
    });
    expect(await lab.result('NODE1', 'clusterProbe', {})).toMatchObject({ cloudManagement: { state: 'Failed' } });
    await lab.result('NODE1', 'startCloudManagement', { serviceName: 'HciClusterAgentSvc' });
    await lab.result('NODE2', 'startCloudManagement', { serviceName: 'HciClusterAgentSvc' });
    expect(await lab.result('NODE1', 'clusterProbe', {})).toMatchObject({
      cloudManagement: { state: 'Online', serviceName: 'HciClusterAgentSvc' },
    });
    expect(lab.nodes.state().counters.cloudManagementStarts).toBe(1);
  });

  test('becomes out of policy when nobody registers it for 30 days', async () => {
    await lab.admin('PUT', '/settings', { clockOffsetSeconds: 31 * 24 * 3600 });
    expect((await lab.result('NODE1', 'probe', {})).registration.registrationStatus).toBe('OutOfPolicy');
    await lab.admin('PUT', '/settings', { clockOffsetSeconds: 0 });
    expect((await lab.result('NODE1', 'probe', {})).registration.registrationStatus).toBe('NotYet');
  });

  test('loses the custom IMDS address, and does not mind that it has none', async () => {
    await lab.admin('PATCH', '/state', {
      clusters: { hci001: { nodes: { NODE1: { registry: { [imdsKey]: { CustomIMDSHostAddress: '10.0.0.1' } } } } } },
    });
    expect((await lab.result('NODE1', 'probe', {})).customImdsHostAddress).toBe('10.0.0.1');
    for (let time = 0; time < 2; time += 1) await lab.result('NODE1', 'removeCustomImdsHostAddress', {});
    expect((await lab.result('NODE1', 'probe', {})).customImdsHostAddress).toBeNull();
  });
});

const set = (state: string) => lab.admin('PUT', '/nodes/hci001/NODE1', { state });

describe('states of a node', () => {
  test('down, then up again', async () => {
    await set('down');
    expect(await lab.run('NODE1', 'probe', {})).toMatchObject({ kind: 'unreachable', cause: 'refused' });
    expect((await lab.result('NODE2', 'clusterProbe', {})).nodes[0]).toMatchObject({ name: 'NODE1', state: 'Down' });
    await set('up');
    expect((await lab.run('NODE1', 'probe', {})).kind).toBe('ok');
  });

  test('a reboot cuts what is under way and ends by itself', async () => {
    const before = (await lab.result('NODE1', 'probe', {})).os.bootTime;
    await lab.admin('PUT', '/faults', [{ node: 'NODE1', effect: { hang: true } }]);
    const hanging = lab.run('NODE1', 'probe', {});
    await expect.poll(() => lab.admin('GET', '/log')).toContain('"status":null');
    await set('reboot');
    expect(await hanging).toMatchObject({ kind: 'unknown' });
    await lab.admin('PUT', '/faults', []);
    await expect.poll(async () => (await lab.run('NODE1', 'probe', {})).kind).toBe('ok');
    expect(Date.parse((await lab.result('NODE1', 'probe', {})).os.bootTime)).toBeGreaterThan(Date.parse(before));
  });

  test('a hung one says nothing at all', async () => {
    await set('hang');
    const outcome = await lab.transport.run(
      lab.endpoint('NODE1'),
      'probe',
      {},
      {
        signal: new AbortController().signal,
        correlationId: 'x',
        timeoutSeconds: 0.2,
      },
    );
    expect(['unknown', 'unreachable']).toContain(outcome.kind);
    await set('up');
    expect((await lab.run('NODE1', 'probe', {})).kind).toBe('ok');
  });

  test('garbage', async () => {
    await set('garbage');
    expect(await lab.run('NODE1', 'probe', {})).toMatchObject({ kind: 'protocol', sent: true });
  });

  test('paused and draining are told by the cluster, and hold a synchronisation', async () => {
    const states = async () =>
      (await lab.result('NODE2', 'clusterProbe', {})).nodes.flatMap(({ name, state, drainStatus }) =>
        name === 'NODE1' ? [`${state} ${drainStatus}`] : [],
      );
    await set('draining');
    expect(await states()).toEqual(['Paused InProgress']);
    await set('paused');
    expect(await states()).toEqual(['Paused Completed']);
    expect(await lab.run('NODE2', 'sync', {})).toMatchObject({ kind: 'operationError', error: { id: 'NodeNotUp' } });
    await set('resumed');
    expect(await states()).toEqual(['Up NotInitiated']);
  });

  test('an evicted one is in no cluster, whoever is asked, until it joins again', async () => {
    const members = async () => (await lab.result('NODE2', 'clusterProbe', {})).nodes.map(({ name }) => name);
    const all = await members();
    await set('evicted');
    expect(await members()).toEqual(all.filter((name) => name !== 'NODE1'));
    expect(await lab.run('NODE1', 'clusterProbe', {})).toMatchObject({
      kind: 'operationError',
      error: { message: expect.stringContaining('The cluster service is not running') },
    });
    expect((await lab.result('NODE1', 'probe', {})).registration).toMatchObject({
      clusterStatus: 'NotYet',
      azureResourceUri: null,
    });
    await set('joined');
    expect(await members()).toEqual(all);
  });

  test('a new host key is a mismatch, a re-imaged node has forgotten everything besides', async () => {
    const pinned = lab.endpoint('NODE1').hostKeys[0];
    await lab.result('NODE1', 'newRegistrationCertificate', {});
    await set('newHostKey');
    const changed = lab.nodes.state().clusters['hci001']?.nodes['NODE1']?.hostKey;
    expect(changed).not.toBe(pinned);
    expect(await lab.run('NODE1', 'probe', {})).toMatchObject({ cause: 'hostKey', seenHostKey: changed });
    await set('reimaged');
    const again = lab.nodes.state().clusters['hci001']?.nodes['NODE1']?.hostKey ?? '';
    expect(again).not.toBe(changed);
    const endpoint = { ...lab.endpoint('NODE1'), hostKeys: [again] };
    const run = { signal: new AbortController().signal, correlationId: 'x' };
    expect(await lab.transport.run(endpoint, 'probe', {}, run)).toMatchObject({
      kind: 'ok',
      value: { certificate: { created: null } },
    });
  });
});

describe('faults', () => {
  test.each([
    [
      { fail: { message: 'no', id: 'X', reason: 'Y' } },
      { kind: 'operationError', error: { message: 'no', id: 'X' } },
      0,
    ],
    [{ dropRequest: true }, { kind: 'unknown' }, 0],
    [{ dropResponse: true }, { kind: 'unknown' }, 1],
    [{ delaySeconds: 0.01 }, { kind: 'ok' }, 1],
    [{ raw: { stdout: 'x', stderr: 'y', exitStatus: 3 } }, { kind: 'protocol', exitStatus: 3 }, 0],
  ])('%j', async (effect, outcome, made) => {
    const before = lab.nodes.state().counters.certificatesCreated;
    await lab.admin('PUT', '/faults', [
      { cluster: 'hci001', node: 'NODE2', operation: 'newRegistrationCertificate', times: 1, effect },
    ]);
    expect(await lab.run('NODE2', 'newRegistrationCertificate', {})).toMatchObject(outcome);
    expect(lab.nodes.state().counters.certificatesCreated - before).toBe(made);
    expect((await lab.run('NODE2', 'newRegistrationCertificate', {})).kind).toBe('ok');
  });

  test('come after so many matches', async () => {
    await lab.admin('PUT', '/faults', [{ operation: 'probe', after: 1, times: 1, effect: { dropRequest: true } }]);
    const kinds: string[] = [];
    for (let time = 0; time < 3; time += 1) kinds.push((await lab.run('NODE2', 'probe', {})).kind);
    expect(kinds).toEqual(['ok', 'unknown', 'ok']);
  });
});

describe('the admin API', () => {
  test('logs every operation', async () => {
    await lab.admin('DELETE', '/log');
    await lab.run('NODE2', 'clusterProbe', {});
    const { address, port } = lab.endpoint('NODE2');
    const [line = ''] = (await lab.admin('GET', '/log')).split('\n');
    expect(JSON.parse(line)).toMatchObject({
      principal: 'hcireg',
      request: { method: 'EXEC', url: `ssh://${address}:${port}/clusterProbe`, body: { arguments: {} } },
      response: { status: 0, body: { ok: true, op: 'clusterProbe', result: { name: 'hci001' } } },
    });
  });

  test('keeps the created certificate in the probe, and takes the whole state back', async () => {
    const made = await lab.result('NODE2', 'newRegistrationCertificate', {});
    const state: unknown = JSON.parse(await lab.admin('GET', '/state'));
    await lab.admin('PATCH', '/state', {
      clusters: {
        hci001: { nodes: { NODE2: { registry: { 'HKLM:\\SOFTWARE\\HciRegistration': { Created: null } } } } },
      },
    });
    expect((await lab.result('NODE2', 'probe', {})).certificate.created).toBeNull();
    await lab.admin('PUT', '/state', state);
    expect((await lab.result('NODE2', 'probe', {})).certificate.created).toEqual(made);
  });

  test.each([
    ['PUT', '/state', { clusters: {} }],
    ['PATCH', '/state', { clusters: { hci001: { nodes: { NODE1: { power: 'asleep' } } } } }],
    ['PATCH', '/state', { clusters: { hci001: { nodes: { NODE1: null } } } }],
    ['PUT', '/faults', [{ effect: { explode: true } }]],
    ['PUT', '/settings', { latencySeconds: -1 }],
    ['PUT', '/settings', { unknown: 1 }],
    ['PUT', '/nodes/hci001/NODE9', { state: 'up' }],
    ['PUT', '/nodes/hci001/NODE1', { state: 'asleep' }],
  ])('%s %s refuses %j', async (method, path, body) => {
    await expect(lab.admin(method, path, body)).rejects.toThrow(/^400 /);
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { condition } from '../lab/registration.ts';
import { startEndToEnd, type EndToEnd } from './harness.ts';
import { writesTo } from './observations.ts';

const admin = async (url: string, path: string, body: unknown) => {
  const response = await fetch(`${url}${path}`, { method: 'PUT', body: JSON.stringify(body) });
  expect(response.ok, await response.text()).toBe(true);
};

describe('what the conditions say when something is wrong', () => {
  let e2e: EndToEnd;
  beforeAll(async () => {
    e2e = await startEndToEnd([
      'region',
      'secret',
      'rejected',
      'keys',
      'unpinned',
      'later',
      'suspended',
      'denied',
      'twins',
      'stranger',
      'deleted',
      'untouched',
      'down',
      'lost',
    ]);
  });
  afterAll(async () => {
    await e2e?.stop();
  });
  const kubectl = (...args: string[]) => e2e.lab.controlPlane.kubectl(...args);

  it('InvalidRegion lists the regions that the provider offers', async () => {
    const registration = await e2e.given('region', { patch: { spec: { azure: { region: 'northpole' } } } });
    const { message } = await registration.until('Stalled', 'True', 'InvalidRegion');
    expect(message).toContain('eastus');
    expect(message).toContain('westeurope');
    expect(writesTo(e2e.lab, 'region')).toEqual([]);
    await registration.patch({ spec: { azure: { region: 'West Europe' } } }); // not registered yet: a typo can be corrected
    await registration.until('Ready', 'True');
    expect(condition(await registration.status(), 'Stalled')).toBeUndefined();
  });

  it('SecretNotFound names the Secret, and goes when it is made', async () => {
    const namespace = 'ns-secret';
    const registration = await e2e.given('secret', {
      patch: { spec: { azure: { identity: { clientSecret: { secretRef: { name: 'later' } } } } } },
    });
    expect((await registration.until('Authenticated', 'False', 'SecretNotFound')).message).toBe(
      `Secret ${namespace}/later does not exist.`,
    );
    expect(condition(await registration.status(), 'Reconciling')).toMatchObject({ status: 'True' });
    await kubectl(
      'create',
      'secret',
      'generic',
      'later',
      '-n',
      namespace,
      `--from-literal=clientSecret=${e2e.lab.azure.principals.controller.clientSecret}`,
    );
    await registration.until('Authenticated', 'True');
  });

  it('CredentialRejected carries the code of Microsoft Entra and no secret', async () => {
    const registration = await e2e.given('rejected', {
      patch: { spec: { azure: { identity: { clientSecret: { secretRef: { name: 'wrong' } } } } } },
    });
    await kubectl(
      'create',
      'secret',
      'generic',
      'wrong',
      '-n',
      'ns-rejected',
      '--from-literal=clientSecret=canary-1234',
    );
    expect((await registration.until('Authenticated', 'False', 'CredentialRejected')).message).toContain(
      'AADSTS7000215',
    );
    expect(JSON.stringify(await registration.status())).not.toContain('canary-1234');
  });

  it('HostKeyMismatch and HostKeyNotPinned name the key that was seen, and nothing is sent to the node', async () => {
    const cluster = e2e.lab.nodes.clusters.find(({ name }) => name === 'keys');
    const [first, second] = cluster?.nodes ?? [];
    const other = `SHA256:${'A'.repeat(43)}`;
    const hosts = [
      { ...first, hostKey: undefined, hostKeys: [other] },
      { ...second, hostKey: undefined, hostKeys: undefined },
    ];
    const registration = await e2e.given('keys', { patch: { spec: { nodes: { hosts } } } });
    const seen = await registration.eventually(
      'both nodes told',
      ({ nodes }) => nodes?.items.every(({ reason }) => reason !== undefined) === true,
    );
    expect(seen.nodes?.items).toMatchObject([
      {
        name: 'NODE1',
        reason: 'HostKeyMismatch',
        hostKey: first?.hostKey,
        message: expect.stringContaining(first?.hostKey ?? ''),
      },
      {
        name: 'NODE2',
        reason: 'HostKeyNotPinned',
        hostKey: second?.hostKey,
        message: expect.stringContaining(second?.hostKey ?? ''),
      },
    ]);
    const addresses = cluster?.nodes.map(({ address }) => address) ?? [];
    expect(e2e.lab.nodes.log.filter(({ request }) => addresses.includes(new URL(request.url).hostname))).toEqual([]);
  });

  it('a node that is found from the cluster is used only once its key is pinned', async () => {
    const [first] = e2e.lab.nodes.clusters.find(({ name }) => name === 'unpinned')?.nodes ?? [];
    const registration = await e2e.given('unpinned', {
      patch: {
        spec: { nodes: { hosts: [{ name: first?.name, address: first?.address, hostKeys: [first?.hostKey] }] } },
      },
    });
    const { message } = await registration.until('NodesReachable', 'False');
    expect(message).toContain('NODE2');
    expect(message).toContain('spec.nodes.hosts');
    expect(writesTo(e2e.lab, 'unpinned').filter((write) => write.startsWith('EXEC'))).toEqual([]);
    expect(Object.values(e2e.lab.azure.state.clusters).some(({ name }) => name === 'unpinned')).toBe(false);
  });

  it('answers WinRM, which comes later, instead of ignoring it', async () => {
    const winRM = { secretRef: { name: 'a' }, caRef: { name: 'b' } };
    const spec = { nodes: { transport: { type: 'WinRM', ssh: null, winRM } } };
    const registration = await e2e.given('later', { namespace: 'later', patch: { spec } });
    const { message } = await registration.until('Stalled', 'True', 'NotSupportedYet');
    expect(message).toMatch(/WinRM is not supported/);
    expect(writesTo(e2e.lab, 'later')).toEqual([]);
  });

  it('does nothing while suspended', async () => {
    const registration = await e2e.given('suspended', { patch: { spec: { suspend: true } } });
    await registration.until('Suspended', 'True');
    expect(writesTo(e2e.lab, 'suspended')).toEqual([]);
    await registration.patch({ spec: { suspend: false } });
    await registration.until('Ready', 'True');
    expect(condition(await registration.status(), 'Suspended')).toBeUndefined();
  });

  it('tells a refused role assignment with the code and the correlation id, and goes on when it is granted', async () => {
    const body = {
      error: {
        code: 'AuthorizationFailed',
        message:
          'The client does not have authorization to perform action Microsoft.Authorization/roleAssignments/write.',
      },
    };
    await admin(e2e.lab.azure.admin, '/faults', [
      {
        method: 'PUT',
        path: 'resourceGroups/denied-rg/.*roleAssignments',
        host: 'arm',
        effect: { respond: { status: 403, body } },
      },
    ]);
    const registration = await e2e.given('denied');
    const { message } = await registration.until('ArcConnected', 'False', 'RpRoleMissing');
    expect(message).toContain('AuthorizationFailed');
    expect(condition(await registration.status(), 'Reconciling')).toMatchObject({
      reason: 'ProgressingWithRetry',
      message: expect.stringMatching(/Try \d+ at /),
    });
    expect(condition(await registration.status(), 'Stalled')).toBeUndefined();
    await admin(e2e.lab.azure.admin, '/faults', []);
    await kubectl('annotate', 'hcireg', 'denied', '-n', 'ns-denied', 'reconcile.fluxcd.io/requestedAt=now'); // a request clears the wait
    await registration.until('Ready', 'True');
  });

  it('two clusters of one name never share a resource', async () => {
    const first = await e2e.given('twins');
    await first.until('Ready', 'True');
    const before = writesTo(e2e.lab, 'twins');
    const second = await e2e.given('stranger', {
      patch: { spec: { azure: { resourceName: 'twins', resourceGroup: 'twins-rg' }, adoptionPolicy: 'Always' } },
    });
    const { message } = await second.until('Stalled', 'True', 'OwnershipConflict');
    expect(message).toContain('belongs to the cluster with id');
    expect(writesTo(e2e.lab, 'twins')).toEqual(before);
  });

  it('deletion: Detach releases and leaves Azure as it is', async () => {
    const registration = await e2e.given('deleted', { patch: { spec: { deletion: { policy: 'Detach' } } } });
    await registration.until('Ready', 'True');
    await kubectl('delete', 'hcireg', 'deleted', '-n', 'ns-deleted', '--timeout=20s');
    expect(Object.values(e2e.lab.azure.state.clusters).some(({ name }) => name === 'deleted')).toBe(true);
  });

  it('deletion of what was never registered needs no choice', async () => {
    await admin(e2e.lab.nodes.admin, '/nodes/untouched/NODE1', { state: 'down' });
    await admin(e2e.lab.nodes.admin, '/nodes/untouched/NODE2', { state: 'down' });
    const registration = await e2e.given('untouched');
    const { message } = await registration.until('NodesReachable', 'False', 'NodeUnreachable');
    expect(message).toContain('NODE1');
    await kubectl('delete', 'hcireg', 'untouched', '-n', 'ns-untouched', '--timeout=20s');
  });

  it('a node that is down holds the registration; once it is up it is left alone for as long as it is freshly booted', async () => {
    await admin(e2e.lab.nodes.admin, '/nodes/down/NODE2', { state: 'down' });
    const registration = await e2e.given('down');
    await registration.until('NodesReachable', 'False', 'NodeUnreachable');
    expect(Object.values(e2e.lab.azure.state.clusters).some(({ name }) => name === 'down')).toBe(false);
    await admin(e2e.lab.nodes.admin, '/nodes/down/NODE2', { state: 'up' });
    const { message } = await registration.until('Ready', 'False', 'NodeFreshlyBooted');
    expect(message).toContain('NODE2 has just booted');
    const node = e2e.lab.nodes.state().clusters['down']?.nodes['NODE2'];
    if (node !== undefined) node.bootTime = new Date(Date.parse(node.bootTime) - 3_600_000).toISOString();
    await kubectl('annotate', 'hcireg', 'down', '-n', 'ns-down', 'azurestackhci.io/reconcile-requested-at=now');
    await registration.until('Ready', 'True');
  });

  it('ResourceMissing: a registered cluster whose resource is gone is told, and nothing is created', async () => {
    const registration = await e2e.given('lost');
    await registration.until('Ready', 'True');
    const { state } = e2e.lab.azure;
    for (const id of Object.keys(state.clusters)) if (id.endsWith('/clusters/lost')) delete state.clusters[id];
    const before = writesTo(e2e.lab, 'lost');
    await kubectl('annotate', 'hcireg', 'lost', '-n', 'ns-lost', 'azurestackhci.io/reconcile-requested-at=now');
    await registration.until('Stalled', 'True', 'ResourceMissing');
    await registration.until('Registered', 'False', 'ResourceMissing');
    expect(writesTo(e2e.lab, 'lost')).toEqual(before);
  });
});

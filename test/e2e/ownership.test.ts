import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { condition } from '../lab/registration.ts';
import { startEndToEnd, type EndToEnd, type Registration } from './harness.ts';
import { writesTo } from './observations.ts';

const plugin = join(import.meta.dirname, '../../dist/kubectl-hci.js');

describe('whose a cluster resource is, and what is asked for by hand', () => {
  let e2e: EndToEnd;
  beforeAll(async () => {
    e2e = await startEndToEnd(['twin1', 'twin2', 'grouped', 'watched', 'asked']);
  });
  afterAll(async () => {
    await e2e?.stop();
  });
  const annotate = (name: string, annotation: string) =>
    e2e.lab.controlPlane.kubectl('annotate', 'hcireg', name, '-n', `ns-${name}`, '--overwrite', annotation);

  it('two clusters that describe one resource at the same moment do not share it', async () => {
    const patch = { spec: { azure: { resourceName: 'twin', resourceGroup: 'twin-rg' } } };
    const twins: Registration[] = await Promise.all(['twin1', 'twin2'].map((name) => e2e.given(name, { patch })));
    const ready = (name: string) =>
      e2e.lab.controlPlane.kubectl(
        'wait',
        '--for=condition=Ready',
        `hcireg/${name}`,
        '-n',
        `ns-${name}`,
        '--timeout=45s',
      );
    const winner = await Promise.any([ready('twin1').then(() => 'twin1'), ready('twin2').then(() => 'twin2')]);
    const loser = twins.find(({ name }) => name !== winner);
    const stalled = await loser?.until('Stalled', 'True', 'OwnershipConflict');
    expect(stalled?.message).toMatch(/set spec\.azure\.resourceName|Detach/i);

    const { clusters, applications } = e2e.lab.azure.state;
    expect(Object.values(clusters).filter(({ name }) => name === 'twin')).toHaveLength(1);
    expect(Object.values(applications).filter(({ displayName }) => displayName === 'twin')).toHaveLength(1);
    expect(e2e.lab.nodes.state().clusters[loser?.name ?? '']?.registration).toBeUndefined();

    await loser?.patch({ spec: { azure: { resourceName: 'twin-b', resourceGroup: null } } });
    await loser?.until('Ready', 'True');
    expect((await loser?.status())?.azure).toMatchObject({ resourceName: 'twin-b', resourceGroup: 'twin-b-rg' });
  });

  it('uses groups of their own for the cluster and for Arc', async () => {
    const registration = await e2e.given('grouped', {
      patch: { spec: { azure: { resourceGroup: 'retail' }, arc: { resourceGroup: 'fleet-arc' } } },
    });
    await registration.until('Ready', 'True');
    const { clusters, machines } = e2e.lab.azure.state;
    expect(Object.values(clusters).find(({ name }) => name === 'grouped')?.id).toContain('/retail/');
    const own = Object.values(machines).filter(({ id }) => id.toLowerCase().includes('/fleet-arc/'));
    expect(own.map(({ name }) => name).toSorted()).toEqual(['NODE1', 'NODE2']);
    expect((await registration.status()).azure).toMatchObject({
      resourceName: 'grouped',
      resourceGroup: 'retail',
      arcResourceGroup: 'fleet-arc',
    });
  });

  it('tells what it would do, in status and as text', async () => {
    const registration = await e2e.given('watched', { patch: { spec: { managementPolicy: 'Observe' } } });
    await registration.until('Ready', 'True');
    const run = (...args: string[]) =>
      promisify(execFile)(process.execPath, [plugin, ...args], {
        env: { PATH: process.env['PATH'], KUBECONFIG: e2e.lab.controlPlane.kubeconfig },
      });
    const { stdout } = await run('plan', 'watched', '-n', 'ns-watched');
    expect(stdout).toMatch(/^ns-watched\/watched \(managementPolicy Observe\)\nReady=True Ready: /);
    expect(stdout).toMatch(/\n1 +CreateResourceGroup +watched-rg +Ready +would be done now\n/);
    expect(stdout).toMatch(/\n\d+ +SetRegistration +watched +Waiting +after /);
    await expect(run('plan', 'nobody', '-n', 'ns-watched')).rejects.toMatchObject({
      code: 1,
      stderr: 'error: there is no HciClusterRegistration "nobody" in namespace "ns-watched"\n',
    });
    expect(writesTo(e2e.lab, 'watched')).toEqual([]);
  });

  it('synchronises when asked to, once, and not while a node has just booted', async () => {
    const registration = await e2e.given('asked');
    await registration.until('Ready', 'True');
    const before = writesTo(e2e.lab, 'asked').length;
    await annotate('asked', 'azurestackhci.io/sync-requested-at=1');
    await registration.eventually('the answer', ({ lastHandledSyncAt }) => lastHandledSyncAt === '1');
    expect(writesTo(e2e.lab, 'asked').slice(before)).toEqual([expect.stringMatching(/^EXEC \/sync$/)]);

    const node = e2e.lab.nodes.state().clusters['asked']?.nodes['NODE2'];
    if (node === undefined) throw new Error('there is a NODE2');
    node.bootTime = new Date().toISOString();
    await annotate('asked', 'azurestackhci.io/sync-requested-at=2');
    const status = await registration.eventually('the wait', ({ plan }) =>
      (plan?.steps ?? []).some(({ name, state }) => name === 'SyncOnRequest' && state === 'Waiting'),
    );
    expect(status.plan?.steps[0]?.message).toContain('NODE2 has just booted');
    expect(status.lastHandledSyncAt).toBe('1');
    expect(condition(status, 'Ready')?.status).toBe('True');
    expect(writesTo(e2e.lab, 'asked')).toHaveLength(before + 1);
  });

  it('rotates when asked to, and mends what is missing when asked to repair', async () => {
    const registration = await e2e.given('asked');
    const { roleAssignments, resourceProviderObjectId } = e2e.lab.azure.state;
    for (const [id, { principalId }] of Object.entries(roleAssignments))
      if (principalId === resourceProviderObjectId && id.includes('/asked-rg/')) delete roleAssignments[id];
    const before = writesTo(e2e.lab, 'asked').length;
    await annotate('asked', 'azurestackhci.io/rotate-requested-at=1');
    await annotate('asked', 'azurestackhci.io/repair-requested-at=1');
    await registration.eventually(
      'the answers',
      ({ lastHandledRepairAt, lastHandledRotateAt }) => lastHandledRepairAt === '1' && lastHandledRotateAt === '1',
    );
    await registration.until('InSync', 'True');
    // The certificates are younger than an hour: a repair does not make them anew.
    expect(writesTo(e2e.lab, 'asked').slice(before)).toEqual([
      expect.stringMatching(/^PUT .*roleAssignments/),
      expect.stringMatching(/^POST .*generatePassword/),
      'EXEC /initializeArcIntegration',
    ]);
  });
});

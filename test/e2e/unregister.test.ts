import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { condition } from '../lab/registration.ts';
import { startEndToEnd, type EndToEnd, type Registration } from './harness.ts';

const createdBy = { CreatedBy: '4C02703C-F5D0-44B0-ADC3-4ED5C2839E61' };

describe('a registration that is deleted', () => {
  let e2e: EndToEnd;
  beforeAll(async () => {
    e2e = await startEndToEnd(['whole', 'existing', 'shared', 'dead', 'locked', 'taken', 'spaced']);
  });
  afterAll(async () => {
    await e2e?.stop();
  });

  /** What there is of a cluster in Azure, and all of its nodes but what tells of the way there. */
  function traces(cluster: string) {
    const { clusters, arcSettings, machines, resourceGroups, roleAssignments, applications, servicePrincipals } =
      e2e.lab.azure.state;
    const ofCluster = (map: Record<string, unknown>) =>
      Object.keys(map)
        .filter((id) => new RegExp(`/${cluster}(-rg|-arc)?(/|$)`, 'i').test(id))
        .toSorted();
    const names = (map: Record<string, { displayName: string }>) =>
      Object.values(map)
        .map(({ displayName }) => displayName)
        .filter((name) => name === cluster || name.startsWith(`${cluster}.`));
    const { nodes = {}, ...rest } = structuredClone(e2e.lab.nodes.state().clusters[cluster]) ?? {};
    return {
      azure: [clusters, arcSettings, machines, resourceGroups, roleAssignments].map(ofCluster),
      principals: [names(applications), names(servicePrincipals)],
      cluster: rest,
      nodes: Object.fromEntries(
        Object.entries(nodes).map(([name, node]) => {
          const { eventLog: _, files: __, processes: ___, lastProcessId: ____, eventSources: _____, ...kept } = node;
          return [name, { ...kept, arcRegistrationTask: { running: false }, registry: registryOf(kept.registry) }];
        }),
      ),
    };
  }
  const remove = (registration: Registration) =>
    e2e.lab.controlPlane.kubectl('delete', 'hcireg', registration.name, '-n', registration.namespace, '--wait=false');
  const isGone = async ({ name, namespace }: Registration) => {
    const out = await e2e.lab.controlPlane.kubectl('get', 'hcireg', name, '-n', namespace, '--ignore-not-found');
    return out.trim() === '';
  };
  const gone = async (registration: Registration) => {
    const deadline = Date.now() + 60_000;
    while (!(await isGone(registration))) {
      if (Date.now() > deadline) {
        const { conditions, plan } = await registration.status();
        throw new Error(`still there: ${JSON.stringify({ conditions, plan }, undefined, 1)}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  };
  const events = (namespace: string) =>
    e2e.lab.controlPlane.kubectl('get', 'events.events.k8s.io', '-n', namespace, '-o', 'jsonpath={.items[*].reason}');
  const group = (name: string) =>
    Object.values(e2e.lab.azure.state.resourceGroups).find((each) => each.name.toLowerCase() === name);
  function makeGroup(name: string, tags?: Record<string, string>): void {
    const id = `/subscriptions/${e2e.lab.azure.subscriptionId}/resourceGroups/${name}`;
    e2e.lab.azure.state.resourceGroups[id.toLowerCase()] = {
      id,
      name,
      location: 'eastus',
      provisioningState: 'Succeeded',
      ...(tags === undefined ? {} : { tags }),
    };
  }

  it('leaves Azure and the nodes as they were before it was registered', async () => {
    const before = traces('whole');
    const registration = await e2e.given('whole', { patch: { spec: { arc: { resourceGroup: 'whole-arc' } } } });
    await registration.until('Ready', 'True');
    expect((await registration.status()).effective?.deletionPolicy).toBe('Unregister');
    await remove(registration);
    const deleting = await registration.until('Deleting', 'True', 'Unregistering');
    expect(deleting.message).not.toBe('');
    await gone(registration);
    expect(traces('whole')).toEqual(before);
    expect(await events(registration.namespace)).toContain('Unregistered');
  });

  it('leaves a group that was there before, and one that others use', async () => {
    makeGroup('existing-rg');
    makeGroup('shared-rg', createdBy);
    const before = [traces('existing'), traces('shared')];
    const both = await Promise.all([e2e.given('existing'), e2e.given('shared')]);
    await Promise.all(both.map((registration) => registration.until('Ready', 'True')));
    const { subscriptionId } = e2e.lab.azure;
    const id = `/subscriptions/${subscriptionId}/resourceGroups/shared-rg/providers/Microsoft.HybridCompute/machines/elsewhere`;
    e2e.lab.azure.state.machines[id.toLowerCase()] = {
      id,
      name: 'elsewhere',
      location: 'eastus',
      identity: { type: 'SystemAssigned', principalId: 'none', tenantId: e2e.lab.azure.tenantId },
      properties: { status: 'Connected' },
    };
    await Promise.all(both.map(remove));
    await Promise.all(both.map(gone));
    expect(group('shared-rg')).toBeDefined();
    delete e2e.lab.azure.state.machines[id.toLowerCase()];
    expect([traces('existing'), traces('shared')]).toEqual(before);
  });

  it('waits for a node that is down, and goes on without it when a person decides so', async () => {
    const registration = await e2e.given('dead');
    await registration.until('Ready', 'True');
    await fetch(`${e2e.lab.nodes.admin}/nodes/dead/NODE2`, { method: 'PUT', body: JSON.stringify({ state: 'down' }) });
    await remove(registration);
    const waits = await registration.eventually('it waits for NODE2', (status) =>
      /AzureOnly/.test(condition(status, 'Deleting')?.message ?? ''),
    );
    expect(condition(waits, 'Deleting')?.message).toContain('NODE2');
    expect(group('dead-rg')).toBeDefined();
    await registration.patch({ spec: { deletion: { whenNodesUnreachable: 'AzureOnly' } } });
    await gone(registration);
    expect(traces('dead').azure.flat()).toEqual([]);
    expect(e2e.lab.nodes.state().clusters['dead']?.nodes['NODE1']?.registered).toBe(false);
  });

  it('names the lock that holds it, and goes on when the lock is gone', async () => {
    const registration = await e2e.given('locked');
    await registration.until('Ready', 'True');
    const scope = `/subscriptions/${e2e.lab.azure.subscriptionId}/resourceGroups/locked-rg`;
    const id = `${scope}/providers/Microsoft.Authorization/locks/keep`;
    e2e.lab.azure.state.locks[id.toLowerCase()] = { id, name: 'keep', scope, level: 'CanNotDelete' };
    await remove(registration);
    const held = await registration.until('Deleting', 'True', 'ResourceLocked');
    expect(held.message).toContain('Remove the lock');
    delete e2e.lab.azure.state.locks[id.toLowerCase()];
    await registration.patch({ spec: { syncInterval: '16m' } });
    await gone(registration);
    expect(traces('locked').azure.flat()).toEqual([]);
  });

  it('does not delete what somebody else has taken over', async () => {
    const registration = await e2e.given('taken');
    await registration.until('Ready', 'True');
    const resource = Object.values(e2e.lab.azure.state.clusters).find(({ name }) => name === 'taken');
    if (resource?.tags !== undefined) resource.tags['HciClusterRegistration'] = 'other-fleet/edge/other';
    await remove(registration);
    const held = await registration.until('Deleting', 'True', 'OwnershipConflict');
    expect(held.message).toContain('spec.deletion.policy to Detach');
    await registration.patch({ spec: { deletion: { policy: 'Detach' } } });
    await gone(registration);
    expect(Object.values(e2e.lab.azure.state.clusters).some(({ name }) => name === 'taken')).toBe(true);
    expect(e2e.lab.nodes.state().clusters['taken']?.registration).toBeDefined();
  });

  it('is unregistered also when its namespace is deleted, with the Secrets that this needs', async () => {
    const before = traces('spaced');
    const registration = await e2e.given('spaced');
    await registration.until('Ready', 'True');
    await e2e.lab.controlPlane.kubectl('delete', 'namespace', registration.namespace, '--wait=true', '--timeout=60s');
    expect(traces('spaced')).toEqual(before);
  });
});

/** Keys that hold nothing are as good as none. */
const registryOf = (registry: Record<string, Record<string, unknown>>) =>
  Object.fromEntries(Object.entries(registry).filter(([, values]) => Object.keys(values).length > 0));

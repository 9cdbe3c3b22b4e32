import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { microsoftUpdateKey, stampKey } from '../simulators/nodes/cmdlets/items.ts';
import { condition } from '../lab/registration.ts';
import { startEndToEnd, type EndToEnd } from './harness.ts';
import { writesTo } from './observations.ts';

const proxy = 'http://proxy.corp.example.com:8080';

describe('Azure Arc on the nodes', () => {
  let e2e: EndToEnd;
  beforeAll(async () => {
    e2e = await startEndToEnd(['proxied', 'namesake', 'deployed', 'lost']);
  });
  afterAll(async () => {
    await e2e?.stop();
  });
  const nodesOf = (cluster: string) => Object.values(e2e.lab.nodes.state().clusters[cluster]?.nodes ?? {});
  const lookAgain = (name: string, value: string) =>
    e2e.lab.controlPlane.kubectl(
      'annotate',
      'hcireg',
      name,
      '-n',
      `ns-${name}`,
      '--overwrite',
      `azurestackhci.io/reconcile-requested-at=${value}`,
    );
  const machineIds = (cluster: string) =>
    Object.entries(e2e.lab.azure.state.machines).flatMap(([key, { id }]) =>
      id.toLowerCase().includes(`/${cluster}-rg/`) ? [key] : [],
    );

  it('gives the agents the proxy without which they cannot connect, keeps it, and takes none with a password', async () => {
    for (const node of nodesOf('proxied')) {
      node.requiredProxy = proxy;
      node.registry[microsoftUpdateKey] = { RegisteredWithAU: 1 };
    }
    const arc = { proxy: { url: proxy, bypass: ['ARM', 'Arc'] } };
    const registration = await e2e.given('proxied', { patch: { spec: { arc } } });
    await registration.until('Ready', 'True');
    const seen = nodesOf('proxied').map(({ agent }) => [agent?.proxyUrl, agent?.proxyBypass]);
    expect(seen).toEqual([
      [proxy, ['ARM', 'Arc']],
      [proxy, ['ARM', 'Arc']],
    ]);
    expect((await registration.status()).nodes?.items).toMatchObject([
      { name: 'NODE1', agentProxy: proxy, agentUpdates: 'MicrosoftUpdate' },
      { name: 'NODE2', agentProxy: proxy, agentUpdates: 'MicrosoftUpdate' },
    ]);

    const [first] = nodesOf('proxied');
    if (first?.agent === undefined) throw new Error('it has an agent');
    first.agent.proxyUrl = 'http://another:3128';
    await lookAgain('proxied', 'drift');
    await registration.eventually('the proxy is back', () => nodesOf('proxied')[0]?.agent?.proxyUrl === proxy);
    expect(writesTo(e2e.lab, 'proxied').filter((write) => write.includes('setAgentProxy'))).toHaveLength(3);

    await expect(
      registration.patch({ spec: { arc: { proxy: { url: 'http://user:canary@proxy:8080' } } } }),
    ).rejects.toThrow('without user and password');
    await expect(registration.patch({ spec: { arc: { proxy: { url: 'proxy:8080' } } } })).rejects.toThrow('http://');
  });

  it('registers a cluster whose nodes have namesakes in another one (9105), and goes on when they are gone', async () => {
    const { state, subscriptionId, tenantId } = e2e.lab.azure;
    const group = `/subscriptions/${subscriptionId}/resourceGroups/namesake-rg`;
    const id = `${group}/providers/Microsoft.HybridCompute/machines/NODE2`;
    state.resourceGroups[group.toLowerCase()] = {
      id: group,
      name: 'namesake-rg',
      location: 'eastus',
      provisioningState: 'Succeeded',
    };
    state.machines[id.toLowerCase()] = {
      id,
      name: 'NODE2',
      location: 'eastus',
      identity: { type: 'SystemAssigned', principalId: '', tenantId },
      properties: {
        status: 'Connected',
        parentClusterResourceId: `${group}/providers/Microsoft.AzureStackHCI/clusters/another`,
      },
    };
    const registration = await e2e.given('namesake');
    await registration.until('Stalled', 'True', 'ArcMachineOwnedElsewhere');
    expect(await registration.until('ArcConnected', 'False', 'ArcMachineOwnedElsewhere')).toMatchObject({
      message: expect.stringContaining('NODE2 of'),
    });
    expect(condition(await registration.status(), 'Registered')).toMatchObject({ status: 'True' });
    expect(condition(await registration.status(), 'Connected')).toMatchObject({ status: 'True' });
    const writes = writesTo(e2e.lab, 'namesake');
    expect(writes.filter((write) => /arcSettings|roleAssignments|Arc/.test(write))).toEqual([]);

    delete state.machines[id.toLowerCase()];
    await lookAgain('namesake', 'gone');
    await registration.until('Ready', 'True');
  });

  it('changes nothing of a cluster that Azure deployed', async () => {
    for (const node of nodesOf('deployed')) node.registry[stampKey] = { DeploymentLaunchType: 'CloudDeployment' };
    const registration = await e2e.given('deployed');
    await registration.until('Stalled', 'True', 'CloudDeployed');
    const status = await registration.status();
    expect(condition(status, 'NodesReachable')).toMatchObject({ status: 'True' });
    expect(status.nodes?.total).toBe(2);
    expect(writesTo(e2e.lab, 'deployed')).toEqual([]);
  });

  it('onboards a node anew whose machine is gone from Azure, and leaves one alone that is needed elsewhere', async () => {
    const registration = await e2e.given('lost');
    await registration.until('Ready', 'True');
    const before = machineIds('lost');
    expect(before).toHaveLength(2);
    const { machines } = e2e.lab.azure.state;
    const [first, second] = nodesOf('lost');
    if (first?.agent === undefined || second?.agent === undefined) throw new Error('they have agents');
    for (const key of before) if (machines[key]?.name === 'NODE1') delete machines[key];
    first.agent.status = 'Disconnected';
    await lookAgain('lost', 'lost');
    await registration.eventually('the machine is back', () => machineIds('lost').length === 2);
    await registration.until('Ready', 'True');
    expect(writesTo(e2e.lab, 'lost').filter((write) => write.includes('disconnectAgent'))).toHaveLength(1);

    const agent = nodesOf('lost')[1]?.agent;
    if (agent === undefined) throw new Error('it has an agent');
    Object.assign(agent, { status: 'Disconnected', resourceGroup: 'elsewhere' });
    await lookAgain('lost', 'conflict');
    const { message } = await registration.until('ArcConnected', 'False', 'ArcAgentConflict');
    expect(message).toContain('azcmagent disconnect --force-local-only on NODE2');
    expect(nodesOf('lost')[1]?.agent?.resourceGroup).toBe('elsewhere');
  });
});

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fixture } from '../../test/simulators/azure/testing.ts';
import { roleAssignmentName, roleDefinitionId } from '../azure/resource-ids.ts';
import { buildRegistration } from '../registration/testing/builders.ts';
import { markOf } from './testing/builders.ts';
import { createPass, givenSilentCluster, givenSilentMachine, givenTaggedGroup, longAgo } from './testing/pass.ts';

const lab = fixture({ settings: { resourceGraphQuota: { limit: 10_000, seconds: 5 }, operationSeconds: 0 } });
const registrations = [buildRegistration({})];

let empty: unknown;
beforeEach(async () => {
  empty ??= structuredClone(lab().azure.state);
  await lab().admin('PUT', '/state', empty);
});
afterEach(() => lab().admin('PUT', '/faults', []));

const deletesOf = () =>
  lab()
    .azure.log.filter(({ request }) => request.method === 'DELETE')
    .map(({ request }) => request.url.split('?')[0]?.split('/').slice(-2).join('/'));

/** What is deleted by `what`, in its order. */
async function deletionsDuring(what: () => Promise<unknown>) {
  await lab().admin('DELETE', '/log');
  await what();
  return deletesOf();
}

async function givenEverything() {
  const group = await lab().givenGroup('rg');
  const { id } = await givenSilentCluster(lab(), group, 'gone', markOf('gone'));
  const { id: server } = await givenSilentMachine(lab(), group, 'GONE1', id);
  expect((await lab().arm('PUT', `${id}/arcSettings/default`, { body: {} })).status).toBe(200);
  await givenSilentCluster(lab(), group, 'foreign', markOf('foreign', 'another'));
  const { id: unmarked } = await givenSilentCluster(lab(), group, 'unmarked', undefined);
  const { cluster: live } = await givenSilentCluster(lab(), group, 'live', markOf('live'));
  live.properties.lastSyncTimestamp = new Date().toISOString();
  const { cluster: young } = await givenSilentCluster(lab(), group, 'young', markOf('young'));
  delete young.properties.lastSyncTimestamp;
  delete young.properties.registrationTimestamp;
  young.systemData.createdAt = new Date().toISOString();
  const lost = `${group}/providers/Microsoft.AzureStackHCI/clusters/lost`;
  const { id: lostServer } = await givenSilentMachine(lab(), group, 'LOST1', lost);
  const tagged = await givenTaggedGroup(lab(), 'tagged-rg');
  const { azure } = lab();
  const principalId = '99999999-9999-4999-8999-999999999999';
  const role = 'Azure Connected Machine Onboarding';
  const name = roleAssignmentName(group, principalId, role);
  const assignment = `${group}/providers/Microsoft.Authorization/roleAssignments/${name}`;
  azure.state.roleAssignments[assignment.toLowerCase()] = {
    id: assignment,
    name,
    scope: group,
    roleDefinitionId: roleDefinitionId(azure.subscriptionId, role),
    principalId,
    principalType: 'ServicePrincipal',
    description: null,
    condition: null,
    createdOn: longAgo,
    createdBy: principalId,
    updatedOn: longAgo,
    updatedBy: principalId,
    effectiveAt: longAgo,
  };
  return { id, server, unmarked, lostServer, tagged, name };
}
/** As a sweep has left it that found the group and the role assignment two days ago. */
const known = (ids: string[]) => ({
  orphans: ids.map((id) => ({
    id,
    kind: 'ResourceGroup' as const,
    evidence: '',
    firstSeenTime: new Date(Date.now() - 48 * 3_600_000).toISOString(),
    action: 'Wait' as const,
    message: '',
  })),
});

describe('a subscription with everything in it', () => {
  test('mode Report lists and deletes nothing', async () => {
    await givenEverything();
    const pass = createPass(lab(), { registrations, spec: { mode: 'Report' } });
    expect(await deletionsDuring(() => pass.sweep())).toEqual([]);
    expect(pass.actions()).toMatchObject({
      gone: 'Report',
      GONE1: 'Report',
      foreign: 'Leave',
      unmarked: 'Approve',
      LOST1: 'Approve',
      'tagged-rg': 'Wait',
    });
    expect(Object.keys(pass.actions())).toHaveLength(7);
    expect(pass.status().summary).toEqual({
      clusters: 3,
      machines: 2,
      applications: 0,
      roleAssignments: 1,
      resourceGroups: 1,
    });
    expect(pass.status().conditions?.map(({ type, status, reason }) => `${type} ${status} ${reason}`)).toEqual([
      'Ready True Succeeded',
      'Authenticated True Succeeded',
      'OrphansFound True OrphansFound',
    ]);
    expect(pass.events).toMatchObject([{ type: 'Warning', reason: 'OrphansFound' }]);
  });

  test('mode Delete deletes exactly the right ones, servers and Arc settings before their cluster', async () => {
    const { tagged, name } = await givenEverything();
    const assignment = Object.values(lab().azure.state.roleAssignments).find((one) => one.name === name)?.id ?? '';
    const pass = createPass(lab(), { registrations, status: known([tagged, assignment]) });
    const deleted = await deletionsDuring(() => pass.settle());
    expect(deleted).toEqual([
      'machines/GONE1',
      'resourceGroups/tagged-rg',
      `roleAssignments/${name}`,
      'arcSettings/default',
      'clusters/gone',
    ]);
    expect(pass.actions()).toEqual({ foreign: 'Leave', unmarked: 'Approve', LOST1: 'Approve' });
    const left = Object.values(lab().azure.state.clusters).map((cluster) => cluster.name);
    expect(left.toSorted()).toEqual(['foreign', 'live', 'unmarked', 'young']);
  });

  test('approved ids go too', async () => {
    const { unmarked, lostServer } = await givenEverything();
    const approved = [unmarked, lostServer.toLowerCase(), '/subscriptions/none'];
    const pass = createPass(lab(), { registrations, spec: { approved } });
    const deleted = await deletionsDuring(() => pass.settle());
    expect(deleted).toEqual(expect.arrayContaining(['clusters/unmarked', 'machines/LOST1', 'clusters/gone']));
    expect(pass.actions()).toMatchObject({ foreign: 'Leave' });
  });

  test('a controller for one namespace deletes nothing, not even what is approved', async () => {
    const { unmarked } = await givenEverything();
    const pass = createPass(lab(), { registrations, namespace: 'edge', spec: { approved: [unmarked] } });
    expect(await deletionsDuring(() => pass.sweep())).toEqual([]);
    expect(pass.actions()).toMatchObject({ gone: 'Hold', unmarked: 'Hold' });
    expect(pass.status().conditions?.[0]).toMatchObject({
      type: 'Ready',
      status: 'False',
      reason: 'DeletionHeld',
      message: expect.stringContaining('the namespace edge only'),
    });
  });

  test('a clock that is wrong deletes nothing', async () => {
    await givenEverything();
    await lab().settings({ clockOffsetSeconds: -600 });
    const pass = createPass(lab(), { registrations });
    expect(await deletionsDuring(() => pass.sweep())).toEqual([]);
    expect(pass.status().conditions?.map(({ type }) => type)).toContain('ClockSkew');
  });

  test('only what lies in the groups that are asked for is found', async () => {
    await givenEverything();
    const { azure } = lab();
    const pass = createPass(lab(), { registrations });
    const azureSpec = {
      cloud: 'AzureCloud' as const,
      tenantId: azure.tenantId,
      subscriptionId: azure.subscriptionId,
      identity: { type: 'ManagedIdentity' as const, managedIdentity: {} },
      resourceGroups: ['TAGGED-rg'],
    };
    const narrow = createPass(lab(), { registrations, spec: { azure: azureSpec, mode: 'Report' } });
    await narrow.sweep();
    expect(Object.keys(narrow.actions())).toEqual(['tagged-rg']);
    expect(pass.status()).toEqual({});
  });

  test('what it costs: bulk reads, one list for each type, and the reads of what is suspicious', async () => {
    const group = await lab().givenGroup('rg');
    for (const name of ['a', 'b', 'c', 'd']) {
      const { cluster } = await givenSilentCluster(lab(), group, name, markOf(name));
      cluster.properties.lastSyncTimestamp = new Date().toISOString();
    }
    const pass = createPass(lab(), { registrations });
    await lab().admin('DELETE', '/log');
    await pass.sweep();
    const asked = lab().azure.log.map(({ request }) => new URL(request.url, 'https://azure').pathname);
    expect(asked.filter((path) => path.endsWith('/providers/Microsoft.ResourceGraph/resources'))).toHaveLength(3);
    expect(asked.filter((path) => path.includes('/clusters/'))).toEqual([]);
    expect(pass.lists()).toBe(1);
  });
});

describe('a bulk answer that is', () => {
  test('missing deletes nothing, and is told', async () => {
    const group = await lab().givenGroup('rg');
    await givenSilentCluster(lab(), group, 'gone', markOf('gone'));
    await lab().admin('PUT', '/faults', [{ path: 'ResourceGraph', effect: { respond: { status: 503 } } }]);
    const pass = createPass(lab(), { registrations });
    expect(await deletionsDuring(() => pass.sweep())).toEqual([]);
    expect(pass.status().conditions?.[0]).toMatchObject({ type: 'Ready', status: 'False', reason: 'SweepIncomplete' });
    expect(pass.status().conditions?.find(({ type }) => type === 'OrphansFound')).toMatchObject({ status: 'Unknown' });
  });

  test('late deletes nothing that lives by now', async () => {
    const group = await lab().givenGroup('rg');
    const { cluster } = await givenSilentCluster(lab(), group, 'back', markOf('back'));
    await givenSilentMachine(lab(), group, 'BACK1', cluster.id);
    await lab().settings({ resourceGraphLagSeconds: 3600 });
    await lab().admin('PATCH', '/state', {}); // the index takes note of what there was
    const back = lab().azure.state.clusters[cluster.id.toLowerCase()];
    if (back !== undefined) back.properties.lastSyncTimestamp = new Date().toISOString();
    const pass = createPass(lab(), { registrations });
    expect(await deletionsDuring(() => pass.sweep())).toEqual([]);
    expect(pass.actions()).toEqual({});
  });

  test('partial deletes no server of a cluster that it leaves out', async () => {
    const group = await lab().givenGroup('rg');
    const { cluster, id } = await givenSilentCluster(lab(), group, 'hidden', markOf('hidden'));
    cluster.properties.lastSyncTimestamp = new Date().toISOString();
    const { id: server } = await givenSilentMachine(lab(), group, 'HIDDEN1', id);
    await lab().settings({ resourceGraphHidden: [id] });
    const pass = createPass(lab(), { registrations, spec: { approved: [server] } });
    expect(await deletionsDuring(() => pass.sweep())).toEqual([]);
    expect(pass.actions()).toEqual({});
  });

  test('wrong about a group: what lies in it is not of our kind, or a server has come back', async () => {
    const group = await givenTaggedGroup(lab(), 'used-rg');
    await givenSilentCluster(lab(), group, 'hidden', undefined);
    await lab().settings({ resourceGraphHidden: [`${group}/providers`] });
    const pass = createPass(lab(), { registrations, spec: { approved: [group] } });
    expect(await deletionsDuring(() => pass.sweep())).toEqual([]);
    expect(pass.actions()).toEqual({});
  });
});

describe('a deletion that Azure refuses', () => {
  test('for a lock is told, with the lock, and tried again', async () => {
    const group = await lab().givenGroup('rg');
    const { id } = await givenSilentCluster(lab(), group, 'gone', markOf('gone'));
    const lock = `${group}/providers/Microsoft.Authorization/locks/keep`;
    await lab().arm('PUT', lock, {
      as: 'owner',
      apiVersion: '2016-09-01',
      body: { properties: { level: 'CanNotDelete' } },
    });
    const pass = createPass(lab(), { registrations });
    await pass.sweep();
    expect(pass.status().orphans).toMatchObject([
      { id, action: 'Delete', message: expect.stringMatching(/locked.*rg.*Next try at/) },
    ]);
    expect(pass.status().conditions?.[0]).toMatchObject({ status: 'False', reason: 'OrphanNotDeleted' });
    expect(pass.events.at(0)).toMatchObject({ type: 'Warning', reason: 'OrphanNotDeleted' });
    await lab().arm('DELETE', lock, { as: 'owner', apiVersion: '2016-09-01' });
    pass.clock.ms += 3_600_000;
    await pass.settle();
    expect(lab().azure.state.clusters).toEqual({});
  });

  test('for want of a right is told, with the action', async () => {
    const group = await lab().givenGroup('rg');
    await givenSilentCluster(lab(), group, 'gone', markOf('gone'));
    const pass = createPass(lab(), { registrations, signIn: 'reader' });
    await pass.sweep();
    expect(pass.status().orphans?.[0]?.message).toMatch(/Microsoft\.AzureStackHCI\/clusters\/delete/i);
  });
});

describe('the directory', () => {
  test('without a right to read it, role assignments are not judged, and the rest is', async () => {
    const group = await lab().givenGroup('rg');
    await givenSilentCluster(lab(), group, 'gone', markOf('gone'));
    const { azure } = lab();
    const role = 'Azure Connected Machine Onboarding';
    await lab().arm(
      'PUT',
      `${group}/providers/Microsoft.Authorization/roleAssignments/11111111-2222-4333-8444-555555555555`,
      {
        body: {
          properties: {
            roleDefinitionId: roleDefinitionId(azure.subscriptionId, role),
            principalId: azure.principals.owner.objectId,
            principalType: 'ServicePrincipal',
          },
        },
      },
    );
    const pass = createPass(lab(), { registrations, signIn: 'reader', spec: { mode: 'Report' } });
    await pass.sweep();
    expect(pass.actions()).toEqual({ gone: 'Report' });
    expect(pass.status().conditions?.[0]).toMatchObject({
      reason: 'SweepIncomplete',
      message: expect.stringContaining('RoleAssignment, Application not searched'),
    });
  });

  test('an application of a cluster that is gone is found by its roles, and deleted when that is approved', async () => {
    const group = await lab().givenGroup('rg');
    const { azure } = lab();
    const [application] = Object.values(azure.state.applications).filter(({ displayName }) => displayName === 'owner');
    if (application === undefined) throw new Error('there is no application');
    const [principalId, id, appId] = [
      '66666666-6666-4666-8666-666666666666',
      '77777777-7777-4777-8777-777777777777',
      '88888888-8888-4888-8888-888888888888',
    ];
    const common = {
      appId,
      displayName: 'gone.arc',
      createdDateTime: longAgo,
      owners: [azure.principals.controller.objectId],
    };
    azure.state.applications[id] = { ...structuredClone(application), ...common, id };
    azure.state.servicePrincipals[principalId] = {
      ...common,
      id: principalId,
      servicePrincipalType: 'Application',
      accountEnabled: true,
      appRoles: [],
      passwordCredentials: [],
      other: {},
    };
    await lab().arm(
      'PUT',
      `${group}/providers/Microsoft.Authorization/roleAssignments/11111111-2222-4333-8444-555555555555`,
      {
        body: {
          properties: {
            roleDefinitionId: roleDefinitionId(azure.subscriptionId, 'Azure Connected Machine Onboarding'),
            principalId,
            principalType: 'ServicePrincipal',
          },
        },
      },
    );
    const orphan = `/applications/${id}`;
    const pass = createPass(lab(), { registrations });
    await pass.sweep();
    expect(pass.actions()).toEqual({ [id]: 'Approve' });
    const approving = createPass(lab(), { registrations, spec: { approved: [orphan] } });
    expect(await deletionsDuring(() => approving.settle())).toEqual([`applications/${id}`]);
    expect(approving.status().total).toBe(0);
  });
});

test('a spec that is changed during the pass ends its deletions', async () => {
  const group = await lab().givenGroup('rg');
  await givenSilentCluster(lab(), group, 'gone', markOf('gone'));
  const pass = createPass(lab(), { registrations, onList: (change) => change() });
  expect(await deletionsDuring(() => pass.sweep())).toEqual([]);
});

test('between sweeps nothing is read; a request is answered at once', async () => {
  const pass = createPass(lab(), { registrations });
  await pass.sweep();
  await lab().admin('DELETE', '/log');
  await pass.sweep();
  expect(lab().azure.log).toEqual([]);
  expect(pass.lists()).toBe(1);
  expect(pass.status().nextSweepTime).toBeDefined();
});

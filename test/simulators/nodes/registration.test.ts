import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { SimulatedAzure } from '../azure/azure.ts';
import { azureByHand, register, type AzureByHand } from './azureByHand.ts';
import { defaultCluster, startAzureLab, startNodesLab, type NodesLab } from './lab.ts';

// Simulated nodes against the simulated Azure, through the shipped SSH client.

const { name, nodes: nodeNames } = defaultCluster;

let azure: SimulatedAzure;
let hand: AzureByHand;
let lab: NodesLab;
const closing: (() => Promise<void>)[] = [];

beforeEach(async () => {
  const azureLab = await startAzureLab();
  closing.push(azureLab.close);
  azure = azureLab.azure;
  hand = await azureByHand(azure);
  closing.push(hand.close);
  lab = await startNodesLab({ azure });
  closing.push(lab.close);
});
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

const probeAll = () => Promise.all(nodeNames.map((node) => lab.result(node, 'probe', {})));
const statuses = async () => (await probeAll()).map(({ registration }) => registration.connectionStatus);
const waitFor = { timeout: 20_000 };

const enableArc = async (arc: { appId: string; secret: string }): Promise<void> => {
  await lab.result('NODE1', 'initializeArcIntegration', hand.arcArguments(name, arc));
  await lab.result('NODE1', 'registerArcRegistrationTask', {});
  await Promise.all(nodeNames.map((node) => lab.result(node, 'startArcRegistrationTask', {})));
};

test('a cluster of four nodes goes from nothing to connected and Arc-connected', async () => {
  const cluster = await hand.createCluster(name);
  const made = await Promise.all(nodeNames.map((node) => lab.result(node, 'newRegistrationCertificate', {})));
  expect(new Set(made.map(({ thumbprint }) => thumbprint)).size).toBe(4);
  await hand.uploadCertificates(
    name,
    made.map(({ certificate }) => certificate),
  );
  await Promise.all(
    nodeNames.map((node) => lab.result(node, 'setRegistrationCertificate', hand.setCertificateArguments(cluster))),
  );
  expect((await probeAll()).map(({ registration }) => registration.registrationStatus)).toEqual(
    nodeNames.map(() => 'NotYet'),
  );

  await lab.result('NODE1', 'setRegistration', hand.setRegistrationArguments(cluster, name));
  const registered = await probeAll();
  for (const [index, { registration, certificate }] of registered.entries()) {
    expect(registration).toMatchObject({
      registrationStatus: 'Registered',
      connectionStatus: null,
      azureResourceUri: cluster.id,
      azureResourceName: name,
    });
    expect(certificate.set).toEqual({
      ...made[index],
      appId: cluster.properties.aadClientId,
      cloudId: cluster.properties.cloudId,
    });
  }

  await lab.result('NODE1', 'startCloudManagement', { serviceName: 'HciClusterAgentSvc' });
  await lab.result('NODE2', 'sync', {});
  expect(await statuses()).toEqual(nodeNames.map(() => 'Connected'));
  expect((await hand.getCluster(name)).properties.status).toBe('ConnectedRecently');

  await enableArc(await hand.createArc(name));
  await expect
    .poll(async () => (await probeAll()).map(({ agent }) => agent?.status ?? ''), waitFor)
    .toEqual(nodeNames.map(() => 'Connected'));
  await expect.poll(async () => (await hand.getArcSettings(name)).properties.aggregateState, waitFor).toBe('Connected');
  const probes = await probeAll();
  expect(probes[0]?.arc).toMatchObject({
    clusterArcStatus: 'Enabled',
    nodesArcStatus: { node1: 'Enabled', node2: 'Enabled', node3: 'Enabled', node4: 'Enabled' },
  });
  expect(probes[3]?.agent).toMatchObject({ resourceName: 'NODE4', resourceGroup: `${name}-rg`, errorCode: null });
  const states = async () =>
    (await Promise.all(nodeNames.map((node) => lab.result(node, 'probe', {})))).map(
      ({ arcRegistrationTask }) => arcRegistrationTask,
    );
  await expect
    .poll(states, waitFor)
    .toEqual(nodeNames.map(() => expect.objectContaining({ state: 'Ready', lastTaskResult: 0 })));
  expect(lab.nodes.state().counters).toEqual({
    certificatesCreated: 4,
    certificatesSet: 4,
    registrationsSet: 1,
    // The one that was asked for: onboarding does not synchronise.
    syncs: 1,
    cloudManagementStarts: 1,
    arcInitializations: 1,
    arcRegistrationTasksRegistered: 1,
    arcRegistrationTaskStarts: 4,
    machinesCreated: 4,
    certificatesRemoved: 0,
    registrationsRemoved: 0,
    cloudManagementRemovals: 0,
    arcClears: 0,
    arcDisables: 0,
    arcRegistrationTasksUnregistered: 0,
    machinesDeleted: 0,
  });
  expect(azure.state.counters.machines).toEqual({ created: 4, deleted: 0 });
}, 60_000);

describe('says no', () => {
  test('to a certificate that Azure does not know, with Azure’s words', async () => {
    const cluster = await hand.createCluster(name);
    const given = hand.setCertificateArguments(cluster);
    expect(await lab.run('NODE1', 'setRegistrationCertificate', given)).toMatchObject({
      kind: 'operationError',
      error: { message: expect.stringContaining('There is no registration certificate') },
    });
    await lab.result('NODE1', 'newRegistrationCertificate', {});
    expect(await lab.run('NODE1', 'setRegistrationCertificate', given)).toMatchObject({
      kind: 'operationError',
      error: { message: expect.stringContaining('AADSTS700027') },
    });
    expect(await lab.run('NODE1', 'setRegistrationCertificate', { ...given, appId: given.tenantId })).toMatchObject({
      kind: 'operationError',
      error: { message: expect.stringContaining('AADSTS700016') },
    });
    expect(await lab.run('NODE1', 'setRegistrationCertificate', { ...given, cloudId: '' })).toMatchObject({
      kind: 'operationError',
      error: { reason: 'ParameterBindingValidationException' },
    });
    const nobody = { ...given, aadAuthority: 'https://127.0.0.1:1' };
    expect(await lab.run('NODE1', 'setRegistrationCertificate', nobody)).toMatchObject({
      kind: 'operationError',
      error: { message: expect.stringContaining('could not be reached') },
    });
    expect((await lab.result('NODE1', 'probe', {})).certificate.set).toBeNull();
  });

  test('to a registration before its certificate is set, with another cloud id, and to a second resource', async () => {
    const cluster = await hand.createCluster(name);
    const given = hand.setRegistrationArguments(cluster, name);
    const made = await lab.result('NODE1', 'newRegistrationCertificate', {});
    await hand.uploadCertificates(name, [made.certificate]);
    expect(await lab.run('NODE1', 'setRegistration', given)).toMatchObject({ kind: 'operationError' });
    const wrongCloudId = { ...hand.setCertificateArguments(cluster), cloudId: 'nothing' };
    await lab.result('NODE1', 'setRegistrationCertificate', wrongCloudId);
    expect(await lab.run('NODE1', 'setRegistration', { ...given, cloudId: 'nothing' })).toMatchObject({
      kind: 'operationError',
      error: { message: expect.stringContaining("no cluster 'nothing'") },
    });
    await lab.result('NODE1', 'setRegistrationCertificate', hand.setCertificateArguments(cluster));
    await lab.result('NODE1', 'setRegistration', given);
    const other = { ...given, resourceArmId: `${cluster.id}-other` };
    expect(await lab.run('NODE1', 'setRegistration', other)).toMatchObject({
      kind: 'operationError',
      error: { message: expect.stringContaining('already registered') },
    });
    const [first, ...others] = await probeAll();
    expect(first?.registration.registrationStatus).toBe('Registered');
    for (const { registration } of others) {
      expect(registration).toMatchObject({ registrationStatus: 'NotYet', azureResourceUri: null });
    }
    expect(await lab.run('NODE2', 'sync', {})).toMatchObject({ kind: 'operationError' });
  });

  test('to Arc without roles (AZCM0042) and with a wrong secret (AZCM0041), and heals', async () => {
    await lab.admin('PUT', '/settings', {
      scriptSleepSeconds: 0.01,
      arcOnboardingSeconds: 0.05,
    });
    await register(lab, hand, name, nodeNames);
    const arc = await hand.createArc(name, 'withoutRoles');
    const errorCodes = async () => (await probeAll()).map(({ agent }) => agent?.errorCode ?? '');
    const results = async () =>
      (await probeAll()).map(({ arcRegistrationTask }) => arcRegistrationTask?.lastTaskResult);

    await enableArc({ ...arc, secret: 'wrong' });
    await expect.poll(errorCodes, waitFor).toEqual(nodeNames.map(() => 'AZCM0041'));
    await expect.poll(results, waitFor).toEqual(nodeNames.map(() => 1));

    await enableArc(arc);
    await expect.poll(errorCodes, waitFor).toEqual(nodeNames.map(() => 'AZCM0042'));
    await expect.poll(results, waitFor).toEqual(nodeNames.map(() => 1));
    const [failed] = await probeAll();
    expect(failed?.agent).toMatchObject({
      status: 'Disconnected',
      resourceName: null,
      errorDetails: expect.stringContaining('AuthorizationFailed'),
    });
    expect(failed?.arc?.nodesArcStatus).toMatchObject({ node1: 'Disabled' });

    await hand.assignArcRoles(name, arc.objectId);
    await enableArc(arc);
    await expect.poll(results, waitFor).toEqual(nodeNames.map(() => 0));
    await expect
      .poll(async () => (await hand.getArcSettings(name)).properties.aggregateState, waitFor)
      .toBe('Connected');
  }, 60_000);
});

const takeToEnabled = async (): Promise<void> => {
  await lab.admin('PUT', '/settings', { arcOnboardingSeconds: 0.05, scriptSleepSeconds: 0.01 });
  await register(lab, hand, name, nodeNames);
  await lab.result('NODE1', 'startCloudManagement', { serviceName: 'HciClusterAgentSvc' });
  await enableArc(await hand.createArc(name));
  await expect
    .poll(async () => (await probeAll()).map(({ arcRegistrationTask }) => arcRegistrationTask?.lastTaskResult), waitFor)
    .toEqual(nodeNames.map(() => 0));
};
const disableEverywhere = () => Promise.all(nodeNames.map((node) => lab.run(node, 'disableArcIntegration', {})));

describe('undoing', () => {
  test('takes everything back in Microsoft’s order, and each step can be repeated', async () => {
    await takeToEnabled();
    for (let time = 0; time < 2; time += 1) {
      await lab.result('NODE2', 'clearArcIntegration', { setDisableInProgress: true });
      await lab.result('NODE2', 'unregisterArcRegistrationTask', {});
      expect((await disableEverywhere()).map(({ kind }) => kind)).toEqual(nodeNames.map(() => 'ok'));
    }
    expect(await Promise.all(nodeNames.map((node) => hand.machineStatus(name, node)))).toEqual(
      nodeNames.map(() => 404),
    );
    for (let time = 0; time < 2; time += 1) {
      await lab.result('NODE2', 'clearArcIntegration', { setDisableInProgress: false });
      await lab.result('NODE2', 'removeCloudManagement', {});
      await lab.result('NODE2', 'removeRegistration', {});
      await Promise.all(nodeNames.map((node) => lab.result(node, 'removeRegistrationCertificate', {})));
    }
    for (const probe of await probeAll()) {
      expect(probe).toMatchObject({
        registration: { registrationStatus: 'NotYet', azureResourceUri: null, connectionStatus: null },
        certificate: { created: null, set: null },
        arcSecret: null,
        arc: { clusterArcStatus: 'Disabled' },
        agent: null,
        arcRegistrationTask: null,
      });
    }
    expect(lab.nodes.state().counters).toMatchObject({
      machinesDeleted: 4,
      arcDisables: 4,
      arcClears: 1,
      registrationsRemoved: 1,
      certificatesRemoved: 4,
      cloudManagementRemovals: 1,
      arcRegistrationTasksUnregistered: 1,
    });
  }, 60_000);

  test('says why a machine cannot be deleted, and keeps the agent: the Arc service principal is gone', async () => {
    await takeToEnabled();
    await lab.admin('PATCH', '/state', { clusters: { [name]: { arc: { secret: 'gone' } } } });
    await lab.result('NODE1', 'clearArcIntegration', { setDisableInProgress: true });
    for (const outcome of await disableEverywhere()) {
      expect(outcome).toMatchObject({
        kind: 'operationError',
        error: { message: expect.stringContaining('AZCM0041') },
      });
    }
    expect((await probeAll()).map(({ agent }) => agent?.status)).toEqual(nodeNames.map(() => 'Connected'));
    expect(await lab.run('NODE1', 'clearArcIntegration', { setDisableInProgress: false })).toMatchObject({
      kind: 'operationError',
      error: { message: expect.stringContaining('still enabled') },
    });
  }, 60_000);
});

describe('a registered cluster', () => {
  test('whose node reboots loses what ran on it', async () => {
    await lab.admin('PUT', '/settings', { arcOnboardingSeconds: 30, rebootSeconds: 0.05 });
    await register(lab, hand, name, nodeNames);
    await enableArc(await hand.createArc(name));
    await lab.admin('PUT', `/nodes/${name}/NODE1`, { state: 'reboot' });
    const task = async () => {
      const outcome = await lab.run('NODE1', 'probe', {});
      return outcome.kind === 'ok' ? outcome.value.arcRegistrationTask : undefined;
    };
    await expect.poll(task, waitFor).toMatchObject({ state: 'Ready', lastTaskResult: 0x41306 });
    expect((await lab.result('NODE2', 'probe', {})).arcRegistrationTask).toMatchObject({ state: 'Running' });
  }, 60_000);

  test('shows each node whose certificate Azure no longer accepts, and its own synchronization goes on', async () => {
    await register(lab, hand, name, nodeNames);
    // An upload that replaces: only NODE1's certificate is left.
    const { certificate } = (await lab.result('NODE1', 'probe', {})).certificate.created ?? { certificate: '' };
    for (const application of Object.values(azure.state.applications)) {
      if (application.keyCredentials.some(({ key }) => key === certificate)) {
        application.keyCredentials = application.keyCredentials.filter(({ key }) => key === certificate);
      }
    }
    const before = lab.nodes.state().clusters[name]?.nodes['NODE1']?.lastConnected;
    await lab.admin('PUT', '/settings', { syncIntervalSeconds: 1 });
    await expect.poll(statuses, waitFor).toEqual(['Connected', 'Disconnected', 'Disconnected', 'Disconnected']);
    // Its nodes synchronize one after the other: NODE1 may be the last.
    await expect.poll(() => lab.nodes.state().clusters[name]?.nodes['NODE1']?.lastConnected, waitFor).not.toBe(before);
  }, 60_000);

  test('is out of policy after 30 days without Azure', async () => {
    await register(lab, hand, name, nodeNames);
    await azure.close();
    await lab.admin('PUT', '/settings', { clockOffsetSeconds: 31 * 24 * 3600 });
    expect((await lab.result('NODE1', 'probe', {})).registration).toMatchObject({
      registrationStatus: 'OutOfPolicy',
      connectionStatus: 'OutOfPolicy',
      azureResourceName: name,
    });
    expect((await lab.run('NODE1', 'sync', {})).kind).toBe('operationError');
  });

  test('loses the Arc resource of a freshly booted node when it is synchronized', async () => {
    await lab.admin('PUT', '/settings', { arcOnboardingSeconds: 0.05, rebootSeconds: 0.05 });
    await register(lab, hand, name, nodeNames);
    await enableArc(await hand.createArc(name));
    await expect
      .poll(async () => (await probeAll()).map(({ agent }) => agent?.status ?? ''), waitFor)
      .toEqual(nodeNames.map(() => 'Connected'));
    await lab.result('NODE1', 'sync', {});
    expect(await hand.machineStatus(name, 'NODE3')).toBe(200);

    await lab.admin('PUT', `/nodes/${name}/NODE3`, { state: 'reboot' });
    await expect.poll(async () => (await lab.run('NODE3', 'probe', {})).kind, waitFor).toBe('ok');
    await lab.result('NODE1', 'sync', {});
    expect((await probeAll()).map(({ agent }) => agent?.status)).toEqual([
      'Connected',
      'Connected',
      'Disconnected',
      'Connected',
    ]);
    await expect.poll(() => hand.machineStatus(name, 'NODE3'), waitFor).toBe(404);
  }, 60_000);

  test('keeps RepairRegistrationRequired until it is registered anew', async () => {
    const cluster = await register(lab, hand, name, nodeNames);
    await lab.admin('PATCH', '/state', {
      clusters: {
        [name]: { nodes: { NODE2: { connectionStatus: 'RepairRegistrationRequired' }, NODE3: { outOfPolicy: true } } },
      },
    });
    await lab.result('NODE1', 'sync', {});
    expect(await statuses()).toEqual(['Connected', 'RepairRegistrationRequired', 'OutOfPolicy', 'Connected']);
    await lab.result('NODE1', 'setRegistration', hand.setRegistrationArguments(cluster, name));
    await lab.result('NODE1', 'sync', {});
    expect(await statuses()).toEqual(nodeNames.map(() => 'Connected'));
  });
});

import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { join } from 'node:path';
import { agreement } from '../lab/agreement.ts';
import { workloadAccount } from '../lab/lab.ts';
import { condition, readEvents } from '../lab/registration.ts';
import { usedPermissions, writesTo } from './observations.ts';
import { startEndToEnd, type EndToEnd } from './harness.ts';

describe('registration, from YAML to Ready', () => {
  let e2e: EndToEnd;
  beforeAll(async () => {
    e2e = await startEndToEnd(['happy', 'federated', 'certified', 'restarted', 'observed', 'adopted', 'unmanaged']);
  });
  afterAll(async () => {
    await e2e?.stop();
  });
  const kubectl = (...args: string[]) => e2e.lab.controlPlane.kubectl(...args);

  it('registers a cluster and Arc-enables its nodes, and Azure and the nodes agree', async () => {
    const registration = await e2e.given('happy');
    const { namespace, name } = registration;
    await kubectl('wait', '--for=condition=Ready', `hciregistration/${name}`, '-n', namespace, '--timeout=45s');
    expect(agreement(e2e.lab, 'happy')).toEqual(
      agreement(e2e.lab, 'happy').map((check) => ({ ...check, holds: true })),
    );

    const seen = await registration.status();
    expect(condition(seen, 'Reconciling')).toBeUndefined();
    expect(condition(seen, 'Stalled')).toBeUndefined();
    for (const type of [
      'Authenticated',
      'PermissionsSatisfied',
      'NodesReachable',
      'Registered',
      'Connected',
      'ArcConnected',
      'CredentialsCurrent',
      'InSync',
    ]) {
      expect(condition(seen, type), type).toMatchObject({ status: 'True', observedGeneration: 1 });
    }
    expect(seen.azure).toMatchObject({
      resourceGroup: 'happy-rg',
      resourceName: 'happy',
      arcResourceGroup: 'happy-rg',
      adopted: false,
    });
    expect(seen.nodes).toMatchObject({ total: 2, registered: 2, arcConnected: 2, arcSummary: '2/2' });
    expect(seen.submissions).toEqual([]);
    expect(await kubectl('get', 'hciregistrations', '-n', namespace)).toMatch(
      /happy +True +Ready +True +True +2\/2 +\d{4}-\d\d-\d\d/,
    );
    const steps = (await readEvents(e2e.lab.controlPlane, namespace)).map(({ reason }) => reason);
    expect(steps).toEqual(
      expect.arrayContaining([
        'CreateCluster',
        'SetRegistration',
        'GeneratePassword',
        'StartArcRegistrationTask',
        'Ready',
      ]),
    );
  });

  it('keeps the secret of the Arc service principal no longer than needed, and tells its expiry', async () => {
    const secret = JSON.parse(
      await kubectl('get', 'secret', 'happy-arc-service-principal', '-n', 'ns-happy', '-o', 'json'),
    );
    expect(secret.data).toBeUndefined();
    expect(secret.metadata.ownerReferences).toMatchObject([{ kind: 'HciClusterRegistration', name: 'happy' }]);
    expect(Object.keys(secret.metadata.annotations)).toEqual(
      expect.arrayContaining(['azurestackhci.io/key-id', 'azurestackhci.io/not-after']),
    );
  });

  it('writes nothing more once all is well, also when asked to look again', async () => {
    const before = writesTo(e2e.lab, 'happy');
    await kubectl(
      'annotate',
      'hciregistration',
      'happy',
      '-n',
      'ns-happy',
      'azurestackhci.io/reconcile-requested-at=now',
    );
    const registration = await e2e.given('happy');
    await registration.eventually(
      'the request answered',
      ({ lastHandledReconcileAt }) => lastHandledReconcileAt === 'now',
    );
    await registration.until('InSync', 'True');
    expect(writesTo(e2e.lab, 'happy')).toEqual(before);
  });

  it('signs in with a federated token of a ServiceAccount of the namespace of the object', async () => {
    const { clientId } = e2e.lab.azure.principals.controller;
    await kubectl('create', 'namespace', workloadAccount.namespace);
    await kubectl('create', 'serviceaccount', workloadAccount.name, '-n', workloadAccount.namespace);
    const identity = {
      type: 'WorkloadIdentity',
      clientSecret: null,
      workloadIdentity: { clientId, serviceAccountName: workloadAccount.name },
    };
    const registration = await e2e.given('federated', {
      namespace: workloadAccount.namespace,
      patch: { spec: { azure: { identity } } },
    });
    await registration.until('Ready', 'True');
  });

  it('signs in with a certificate', async () => {
    const { clientId, certificateFile, privateKeyFile } = e2e.lab.azure.principals.controller;
    await kubectl('create', 'namespace', 'ns-certified');
    await kubectl(
      'create',
      'secret',
      'tls',
      'sign-in',
      '-n',
      'ns-certified',
      `--cert=${certificateFile}`,
      `--key=${privateKeyFile}`,
    );
    const identity = {
      type: 'ClientCertificate',
      clientSecret: null,
      clientCertificate: { clientId, secretRef: { name: 'sign-in' } },
    };
    const registration = await e2e.given('certified', { patch: { spec: { azure: { identity } } } });
    await registration.until('Authenticated', 'True');
    await registration.until('Ready', 'True');
  });

  it('goes on after a restart in the middle, and is quiet after a restart at rest', async () => {
    const registration = await e2e.given('restarted');
    await registration.eventually('the cluster resource', ({ azure }) => azure?.resourceId !== undefined);
    await e2e.restart();
    await registration.until('Ready', 'True');
    const { clusters, applications } = e2e.lab.azure.state;
    expect(Object.values(clusters).filter(({ name }) => name === 'restarted')).toHaveLength(1);
    expect(Object.values(applications).filter(({ displayName }) => displayName.startsWith('restarted'))).toHaveLength(
      2,
    );

    // All others are Ready too: nothing is due before the next sync, so a restarted controller asks Azure and nodes nothing.
    const log = async () =>
      (await (await fetch(`${e2e.lab.azure.admin}/log`)).text()).length +
      (await (await fetch(`${e2e.lab.nodes.admin}/log`)).text()).length;
    const quiet = await log();
    await e2e.restart();
    await expect
      .poll(async () => (await readFile(e2e.controller.logFile, 'utf8')).match(/"msg":"started"/g)?.length, {
        timeout: 15_000,
      })
      .toBe(3);
    const { namespace, name } = await e2e.given('restarted', { patch: { metadata: { labels: { touched: 'again' } } } });
    await kubectl('get', 'hciregistration', name, '-n', namespace);
    expect(await log()).toBe(quiet);
  });

  it('with managementPolicy Observe changes nothing and says what it would do', async () => {
    const registration = await e2e.given('observed', { patch: { spec: { managementPolicy: 'Observe' } } });
    await registration.until('Ready', 'True');
    expect(condition(await registration.status(), 'InSync')).toMatchObject({
      status: 'False',
      reason: 'DriftDetected',
    });
    const { plan } = await registration.status();
    expect(plan?.steps.map(({ name, state }) => `${name} ${state}`)).toEqual(
      expect.arrayContaining(['CreateResourceGroup Ready', 'CreateCluster Waiting', 'Sync Waiting']),
    );
    expect(writesTo(e2e.lab, 'observed')).toEqual([]);
    expect(
      JSON.parse(await kubectl('get', 'hcireg', 'observed', '-n', 'ns-observed', '-o', 'json')).metadata.finalizers,
    ).toBeUndefined();
    await registration.patch({ spec: { managementPolicy: 'Manage' } });
    await registration.until('InSync', 'True');
  });

  it('takes over a registered cluster with exactly one write, the mark', async () => {
    const first = await e2e.given('adopted', { patch: { spec: { deletion: { policy: 'Detach' } } } });
    await first.until('Ready', 'True');
    await kubectl('delete', 'hciregistration', 'adopted', '-n', first.namespace, '--timeout=20s');
    const resource = Object.values(e2e.lab.azure.state.clusters).find(({ name }) => name === 'adopted');
    delete resource?.tags?.['HciClusterRegistration']; // as Register-AzStackHCI would have left it
    const before = writesTo(e2e.lab, 'adopted');
    const second = await e2e.given('adopted', { namespace: 'ns-adopted-again' });
    await second.until('Ready', 'True');
    expect(writesTo(e2e.lab, 'adopted').slice(before.length)).toEqual([
      expect.stringMatching(/^PATCH .*\/clusters\/adopted$/),
    ]);
    expect(await second.status()).toMatchObject({ azure: { adopted: true }, effective: { deletionPolicy: 'Detach' } });
  });

  it('leaves Arc alone where it is Unmanaged', async () => {
    const registration = await e2e.given('unmanaged', {
      patch: { spec: { arc: { state: 'Unmanaged', defaultExtensions: null } } },
    });
    await registration.until('Ready', 'True');
    expect(condition(await registration.status(), 'ArcConnected')).toMatchObject({
      status: 'Unknown',
      reason: 'NotRequested',
    });
    expect(Object.keys(e2e.lab.azure.state.arcSettings).filter((id) => id.includes('/unmanaged/'))).toEqual([]);
  });

  it('uses exactly the rights that it ships with', async () => {
    const documents = parseAllDocuments(
      await readFile(join(import.meta.dirname, '../../deploy/controller.yaml'), 'utf8'),
    ).map((document): unknown => document.toJS());
    const { used, refused, granted } = await usedPermissions(e2e.lab, documents);
    expect(refused).toEqual([]);
    const seldomUsed = [
      // An API server that cannot stream a list.
      'list /secrets',
      'list azurestackhci.io/hciclusterregistrations',
      'list azurestackhci.io/hciorphansweeps',
      // There is no sweep here.
      'patch azurestackhci.io/hciorphansweeps/status',
      // An event that is repeated.
      'patch events.k8s.io/events',
    ];
    expect([...new Set([...used, ...seldomUsed])].toSorted()).toEqual(granted);
  });
});

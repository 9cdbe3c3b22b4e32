import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEndToEnd, type EndToEnd } from './harness.ts';
import { writesTo } from './observations.ts';
import { createOwner, type Owner } from './principals.ts';

describe('the own service principal for Arc onboarding', () => {
  let e2e: EndToEnd;
  let owner: Owner;
  beforeAll(async () => {
    e2e = await startEndToEnd(['own', 'late']);
    owner = createOwner(e2e.lab.azure);
  });
  afterAll(async () => {
    await owner?.close();
    await e2e?.stop();
  });
  const kubectl = (...args: string[]) => e2e.lab.controlPlane.kubectl(...args);
  const patch = {
    spec: { arc: { onboarding: { type: 'ServicePrincipal', servicePrincipal: { secretRef: { name: 'arc' } } } } },
  };
  const makeSecret = async (namespace: string, content: Record<string, string>) => {
    const literals = Object.entries(content).map(([key, value]) => `--from-literal=${key}=${value}`);
    await kubectl('create', 'secret', 'generic', 'arc', '-n', namespace, ...literals);
    await kubectl('label', 'secret', 'arc', '-n', namespace, 'azurestackhci.io/watch=true');
  };
  const setClientSecret = (namespace: string, clientSecret: string) =>
    kubectl('patch', 'secret', 'arc', '-n', namespace, '-p', JSON.stringify({ stringData: { clientSecret } }));
  const held = (cluster: string) => e2e.lab.nodes.state().clusters[cluster]?.arc;
  const handovers = (cluster: string) =>
    writesTo(e2e.lab, cluster).filter((write) => write.endsWith('/initializeArcIntegration')).length;

  it('onboards the nodes; the provider makes none; a changed Secret is handed over at once', async () => {
    const { azure } = e2e.lab;
    const { clientId, objectId, clientSecret } = owner.principal('arc of own');
    await kubectl('create', 'namespace', 'ns-own');
    await makeSecret('ns-own', { clientId, clientSecret, expiresOn: '2099-12-31T00:00:00Z' });
    const registration = await e2e.given('own', { patch });
    await registration.until('Ready', 'True');

    expect(held('own')).toMatchObject({ applicationId: clientId, secret: clientSecret });
    expect(writesTo(e2e.lab, 'own').filter((write) => /createArcIdentity|generatePassword/.test(write))).toEqual([]);
    const assigned = Object.values(azure.state.roleAssignments).filter(({ principalId }) => principalId === objectId);
    expect(assigned.map(({ roleDefinitionId }) => roleDefinitionId.split('/').at(-1) ?? '').toSorted()).toEqual([
      'b64e21ea-ac4e-4cdf-9dc9-5b892992bee7',
      'cd570a14-e51a-42ad-bac8-bafd67325302',
    ]);
    expect(assigned.every(({ scope }) => scope.endsWith('/resourceGroups/own-rg'))).toBe(true);
    const { credentials } = await registration.status();
    expect(credentials).toContainEqual(
      expect.objectContaining({ name: 'ArcServicePrincipal', notAfter: '2099-12-31T00:00:00Z' }),
    );
    const ours: unknown = JSON.parse(
      await kubectl('get', 'secret', 'own-arc-onboarding', '-n', 'ns-own', '-o', 'json'),
    );
    expect(ours).not.toHaveProperty('data');

    // A second secret, as its owner would make it; not one word of it before Microsoft Entra knows it.
    const application = Object.values(azure.state.applications).find(({ appId }) => appId === clientId);
    const [first] = application?.passwordCredentials ?? [];
    if (first === undefined) throw new Error('it has a secret');
    const before = handovers('own');
    await setClientSecret('ns-own', 'second-secret');
    await registration.until('Ready', 'False');
    expect(handovers('own')).toBe(before);
    application?.passwordCredentials.push({ ...first, keyId: crypto.randomUUID(), secretText: 'second-secret' });
    await registration.until('Ready', 'True');
    expect(held('own')).toMatchObject({ applicationId: clientId, secret: 'second-secret' });
    expect(handovers('own')).toBe(before + 1);

    // A repair hands it over once more.
    await kubectl('annotate', 'hcireg', 'own', '-n', 'ns-own', 'azurestackhci.io/repair-requested-at=1');
    await registration.eventually('the repair', (status) => status.lastHandledRepairAt === '1');
    expect(handovers('own')).toBe(before + 2);

    // Its application is deleted: nothing that works is touched, and the reason is told.
    if (application !== undefined) delete azure.state.applications[application.id];
    await kubectl('annotate', 'hcireg', 'own', '-n', 'ns-own', 'azurestackhci.io/reconcile-requested-at=1');
    expect((await registration.until('Ready', 'False', 'ArcIdentityMissing')).message).toContain('AADSTS700016');
    await registration.until('ArcConnected', 'True');
    expect(handovers('own')).toBe(before + 2);
  });

  it('without its Secret, and with a wrong one, the cluster is registered all the same and Arc says why it waits', async () => {
    const { clientId, clientSecret } = owner.principal('arc of late');
    const registration = await e2e.given('late', { patch });
    const missing = await registration.until('ArcConnected', 'False', 'SecretNotFound');
    expect(missing.message).toContain('ns-late/arc');
    await registration.until('Registered', 'True');
    await makeSecret('ns-late', { clientId, clientSecret: 'wrong' });
    expect((await registration.until('ArcConnected', 'False', 'CredentialRejected')).message).toContain(
      'AADSTS7000215',
    );
    expect(held('late')).toBeUndefined();
    await setClientSecret('ns-late', clientSecret);
    await registration.until('Ready', 'True');
    // Its Secret does not tell when it expires; Microsoft Graph does.
    const { credentials } = await registration.status();
    expect(credentials).toContainEqual(
      expect.objectContaining({ name: 'ArcServicePrincipal', source: 'Graph', notAfter: '2099-12-31T00:00:00Z' }),
    );
  });
});

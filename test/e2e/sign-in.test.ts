import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { managedIdentityNamespace } from '../lab/lab.ts';
import { condition } from '../lab/registration.ts';
import { startEndToEnd, type EndToEnd } from './harness.ts';
import { createOwner } from './principals.ts';
import { writesTo } from './observations.ts';

describe('signing in', () => {
  let e2e: EndToEnd;
  beforeAll(async () => {
    e2e = await startEndToEnd(['managed', 'unlisted', 'tenant', 'moved', 'changed', 'tenant1', 'tenant2']);
  });
  afterAll(async () => {
    await e2e?.stop();
  });
  const kubectl = (...args: string[]) => e2e.lab.controlPlane.kubectl(...args);
  const managedIdentity = () => ({
    type: 'ManagedIdentity',
    clientSecret: null,
    managedIdentity: { clientId: e2e.lab.azure.managedIdentity.clientId },
  });

  it("registers with the identity of the controller's host where the configuration allows it", async () => {
    const registration = await e2e.given('managed', {
      namespace: managedIdentityNamespace,
      patch: { spec: { azure: { identity: managedIdentity() } } },
    });
    await registration.until('Ready', 'True');
    expect(writesTo(e2e.lab, 'managed').filter((write) => !write.startsWith('EXEC'))).toEqual([]); // none as `controller`
    const made = Object.values(e2e.lab.azure.state.clusters).find(({ name }) => name === 'managed');
    expect(made?.systemData.createdBy).toBe(e2e.lab.azure.managedIdentity.clientId);
  });

  it('and refuses it to every other namespace', async () => {
    const registration = await e2e.given('unlisted', { patch: { spec: { azure: { identity: managedIdentity() } } } });
    const { message } = await registration.until('Authenticated', 'False', 'NamespaceNotAllowed');
    expect(message).toContain('ns-unlisted');
  });

  it('WrongTenant: a tenant that does not exist, until the spec is corrected', async () => {
    const registration = await e2e.given('tenant', { patch: { spec: { azure: { tenantId: randomUUID() } } } });
    const { message } = await registration.until('Authenticated', 'False', 'WrongTenant');
    expect(message).toContain('AADSTS90002');
    expect(writesTo(e2e.lab, 'tenant')).toEqual([]);
    await registration.patch({ spec: { azure: { tenantId: e2e.lab.azure.tenantId } } });
    await registration.until('Ready', 'True');
  });

  it('WrongTenant: a subscription of another tenant', async () => {
    const subscriptionId = randomUUID();
    e2e.lab.azure.state.subscriptions[subscriptionId] = {
      displayName: 'Elsewhere',
      state: 'Enabled',
      providers: {},
      tenantId: randomUUID(),
    };
    const registration = await e2e.given('moved', { patch: { spec: { azure: { subscriptionId } } } });
    const { message } = await registration.until('Authenticated', 'False', 'WrongTenant');
    expect(message).toContain('InvalidAuthenticationTokenTenant');
  });

  it('two tenants stand side by side, each with its own application, subscription and cluster', async () => {
    const { state, tenantId } = e2e.lab.azure;
    const [other, subscriptionId] = [randomUUID(), randomUUID()];
    state.subscriptions[subscriptionId] = {
      displayName: 'Other tenant',
      state: 'Enabled',
      providers: {},
      tenantId: other,
    };
    const owner = createOwner(e2e.lab.azure);
    await owner.close();
    const principal = owner.principal('controller of the other tenant');
    for (const application of Object.values(state.applications))
      if (application.appId === principal.clientId) application.tenantId = other;
    for (const role of ['b24988ac-6180-42a0-ab88-20f7382dd24c', '18d7d88d-d35e-4fb5-a5c3-7773c20a72d9']) {
      const [template] = Object.values(state.roleAssignments);
      if (template === undefined) throw new Error('roles are assigned');
      const [name, scope] = [randomUUID(), `/subscriptions/${subscriptionId}`];
      const id = `${scope}/providers/Microsoft.Authorization/roleAssignments/${name}`;
      const roleDefinitionId = `${scope}/providers/Microsoft.Authorization/roleDefinitions/${role}`;
      state.roleAssignments[id.toLowerCase()] = {
        ...template,
        id,
        name,
        scope,
        roleDefinitionId,
        principalId: principal.objectId,
      };
    }
    await kubectl('create', 'namespace', 'ns-tenant2');
    await kubectl(
      'create',
      'secret',
      'generic',
      'own',
      '-n',
      'ns-tenant2',
      `--from-literal=clientSecret=${principal.clientSecret}`,
    );
    const identity = { clientSecret: { clientId: principal.clientId, secretRef: { name: 'own' } } };
    const registrations = await Promise.all([
      e2e.given('tenant1'),
      e2e.given('tenant2', { patch: { spec: { azure: { tenantId: other, subscriptionId, identity } } } }),
    ]);
    await Promise.all(registrations.map((registration) => registration.until('Ready', 'True')));
    const tenants = ['tenant1', 'tenant2'].map(
      (name) => Object.values(state.clusters).find((cluster) => cluster.name === name)?.properties.aadTenantId,
    );
    expect(tenants).toEqual([tenantId, other]);

    // The one's application is not known in the other's tenant.
    const { clientId } = e2e.lab.azure.principals.controller;
    await registrations[1].patch({ spec: { azure: { identity: { clientSecret: { clientId } } } } });
    const { message } = await registrations[1].until('Authenticated', 'False', 'WrongTenant');
    expect(message).toContain('AADSTS700016');
    expect(condition(await registrations[0].status(), 'Ready')).toMatchObject({ status: 'True' });
  });

  it('a changed Secret is used, and nothing stays of what the former one was refused', async () => {
    const namespace = 'ns-changed';
    await kubectl('create', 'namespace', namespace);
    await kubectl('create', 'secret', 'generic', 'own', '-n', namespace, '--from-literal=clientSecret=wrong');
    const registration = await e2e.given('changed', {
      patch: { spec: { azure: { identity: { clientSecret: { secretRef: { name: 'own' } } } } } },
    });
    await registration.until('Authenticated', 'False', 'CredentialRejected');
    const { clientSecret } = e2e.lab.azure.principals.controller;
    await kubectl('patch', 'secret', 'own', '-n', namespace, '-p', JSON.stringify({ stringData: { clientSecret } }));
    await registration.until('Authenticated', 'True');
    await registration.until('Ready', 'True');
    expect(condition(await registration.status(), 'Reconciling')).toBeUndefined();

    await kubectl('patch', 'secret', 'own', '-n', namespace, '-p', '{"stringData":{"clientSecret":"wrong again"}}');
    await kubectl('annotate', 'hcireg', 'changed', '-n', namespace, 'azurestackhci.io/reconcile-requested-at=now');
    await registration.until('Authenticated', 'False', 'CredentialRejected');
  });
});

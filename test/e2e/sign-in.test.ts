import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { managedIdentityNamespace } from '../lab/lab.ts';
import { condition } from '../lab/registration.ts';
import { startEndToEnd, type EndToEnd } from './harness.ts';
import { writesTo } from './observations.ts';

describe('signing in', () => {
  let e2e: EndToEnd;
  beforeAll(async () => {
    e2e = await startEndToEnd(['managed', 'unlisted', 'tenant', 'moved', 'changed']);
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

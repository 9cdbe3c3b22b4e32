import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { condition } from '../lab/registration.ts';
import { startEndToEnd, type EndToEnd, type Registration } from './harness.ts';
import { createOwner, type Owner } from './principals.ts';

const namespaces = [
  'Microsoft.AzureStackHCI',
  'Microsoft.HybridCompute',
  'Microsoft.GuestConfiguration',
  'Microsoft.HybridConnectivity',
];

// The roles of Microsoft's page, action by action as it has them.
const full = [
  'Microsoft.Resources/subscriptions/resourceGroups/read',
  'Microsoft.Resources/subscriptions/resourceGroups/write',
  'Microsoft.Resources/subscriptions/resourceGroups/delete',
  'Microsoft.AzureStackHCI/register/action',
  'Microsoft.AzureStackHCI/Unregister/Action',
  'Microsoft.AzureStackHCI/clusters/*',
  'Microsoft.Authorization/roleAssignments/write',
  'Microsoft.Authorization/roleAssignments/read',
  'Microsoft.HybridCompute/register/action',
  'Microsoft.GuestConfiguration/register/action',
  'Microsoft.HybridConnectivity/register/action',
];
const restricted = [
  'Microsoft.Resources/subscriptions/resourceGroups/read',
  'Microsoft.AzureStackHCI/clusters/*',
  'Microsoft.Authorization/roleAssignments/write',
  'Microsoft.Authorization/roleAssignments/read',
];
/** For those who cannot get roleAssignments/write. */
const withoutAssigning = full.filter((action) => action !== 'Microsoft.Authorization/roleAssignments/write');

const managerRole = 'f5819b54-e033-4d82-ac66-4fec3cbf3f4c';
const roleGuids: Readonly<Record<string, string>> = {
  'Azure Connected Machine Onboarding': 'b64e21ea-ac4e-4cdf-9dc9-5b892992bee7',
  'Azure Connected Machine Resource Administrator': 'cd570a14-e51a-42ad-bac8-bafd67325302',
  'Azure Connected Machine Resource Manager': managerRole,
};

describe('with no more rights than Microsoft says are needed', () => {
  let e2e: EndToEnd;
  let owner: Owner;
  beforeAll(async () => {
    e2e = await startEndToEnd(['unprepared', 'full', 'restricted', 'unassignable', 'inherited', 'ingroup']);
    owner = createOwner(e2e.lab.azure);
  });
  afterAll(async () => {
    await owner?.close();
    await e2e?.stop();
  });
  const kubectl = (...args: string[]) => e2e.lab.controlPlane.kubectl(...args);

  /** A registration of the cluster that signs in as a principal of its own. */
  async function given(cluster: string, prepare: (objectId: string) => Promise<void>) {
    const { clientId, objectId, clientSecret } = owner.principal(cluster);
    await prepare(objectId);
    await kubectl('create', 'namespace', `ns-${cluster}`);
    await kubectl(
      'create',
      'secret',
      'generic',
      'own',
      '-n',
      `ns-${cluster}`,
      `--from-literal=clientSecret=${clientSecret}`,
    );
    const identity = { clientSecret: { clientId, secretRef: { name: 'own' } } };
    const registration = await e2e.given(cluster, { patch: { spec: { azure: { identity } } } });
    /** Requests of this principal that change something, without its api-version and subscription. */
    const writes = () =>
      e2e.lab.azure.log
        .filter(({ principal, request }) => principal === clientId && !/^(GET|HEAD)$/.test(request.method))
        .map(({ request }) => `${request.method} ${new URL(request.url).pathname.replace(owner.subscription, '')}`)
        .filter((write) => !write.includes('/oauth2/') && !write.includes('Microsoft.ResourceGraph'));
    return { registration, writes };
  }
  const withRole = (name: string, actions: readonly string[]) => async (objectId: string) =>
    owner.assign(owner.subscription, objectId, await owner.role(name, actions));
  const poke = ({ namespace, name }: Registration, value: string) =>
    kubectl(
      'annotate',
      'hcireg',
      name,
      '-n',
      namespace,
      '--overwrite',
      `azurestackhci.io/reconcile-requested-at=${value}`,
    );

  it('providers that it may not read are registered once something fails for want of them', async () => {
    const { registration, writes } = await given('unprepared', withRole('the full role, nothing prepared', full));
    await registration.until('Ready', 'True');
    expect(writes()).toContain('POST /providers/Microsoft.AzureStackHCI/register');
    expect(writes()).toContain('PUT /resourcegroups/unprepared-rg');
  });

  it.each([
    ['full', full],
    ['restricted', restricted],
  ])('the %s role: Ready without registering a provider or writing a group that is there', async (name, actions) => {
    await owner.register(...namespaces);
    await owner.group(`${name}-rg`);
    const { registration, writes } = await given(name, withRole(`the ${name} role`, actions));
    await registration.until('Ready', 'True');
    expect(writes().filter((write) => /\/register$/i.test(write))).toEqual([]);
    expect(writes().filter((write) => /PUT \/resourcegroups\/[^/]+$/i.test(write))).toEqual([]);
    expect(writes().length).toBeGreaterThan(5);
    const seen = await registration.status();
    expect(condition(seen, 'PermissionsSatisfied')).toMatchObject({ status: 'Unknown', reason: 'CheckNotAllowed' });
    expect(condition(seen, 'ArcConnected')).toMatchObject({ status: 'True' });
    expect(condition(seen, 'InSync')).toMatchObject({ status: 'True' });
  });

  it('roles that it may not assign: registered and connected, and the commands for an owner are all that is missing', async () => {
    await owner.group('unassignable-rg');
    const { registration, writes } = await given('unassignable', withRole('no assigning', withoutAssigning));
    const { message } = await registration.until('ArcConnected', 'False', 'RpRoleMissing');
    expect(message).toContain('AuthorizationFailed');
    expect(message).toContain(e2e.lab.azure.state.resourceProviderObjectId);
    await registration.until('Registered', 'True');
    await registration.until('Connected', 'True');
    expect(condition(await registration.status(), 'Stalled')).toBeUndefined();
    expect(await registration.until('Ready', 'False')).toMatchObject({ reason: 'RpRoleMissing' });

    // Both kinds of roles are told: that of the provider, and those of the Arc service principal.
    const told = await registration.eventually(
      'three commands',
      (status) => commandsIn(condition(status, 'ArcConnected')?.message ?? '').length === 3,
    );
    for (const { principalId, role, scope } of commandsIn(condition(told, 'ArcConnected')?.message ?? ''))
      await owner.assign(scope, principalId, owner.roleId(roleGuids[role] ?? ''));
    await poke(registration, 'roles-are-there');
    await registration.until('Ready', 'True');
    const refused = writes().filter((write) => write.includes('roleAssignments'));
    expect(refused.length).toBeGreaterThan(2); // tried, and refused each time
  });

  it('a role of the provider that is inherited counts', async () => {
    await owner.group('inherited-rg');
    await owner.assign(owner.subscription, e2e.lab.azure.state.resourceProviderObjectId, owner.roleId(managerRole));
    const { registration, writes } = await given('inherited', withRole('the restricted role, again', restricted));
    await registration.until('Ready', 'True');
    const assigned = writes().filter((write) => write.includes('roleAssignments'));
    expect(assigned).toHaveLength(2); // those of the Arc service principal
  });

  it('rights at the group alone are enough where group and providers are there, and are seen as such', async () => {
    const group = await owner.group('ingroup-rg');
    const { registration } = await given('ingroup', async (objectId) => {
      for (const guid of ['b24988ac-6180-42a0-ab88-20f7382dd24c', '18d7d88d-d35e-4fb5-a5c3-7773c20a72d9'])
        await owner.assign(group, objectId, owner.roleId(guid)); // Contributor, User Access Administrator
    });
    await registration.until('Ready', 'True');
    expect(condition(await registration.status(), 'PermissionsSatisfied')).toMatchObject({ status: 'True' });
  });
});

const commandsIn = (message: string) =>
  [
    ...message.matchAll(
      /az role assignment create --assignee-object-id (\S+) --assignee-principal-type ServicePrincipal --role "([^"]+)" --scope (\S+)/g,
    ),
  ].map(([, principalId = '', role = '', scope = '']) => ({ principalId, role, scope }));

import { mayRead } from '../authorization.ts';
import type { Reply } from '../listener.ts';
import type { State } from '../state.ts';
import type { World } from '../world.ts';
import { apiVersionsOf } from './apiVersions.ts';
import { allLocations, hciLocations } from './common.ts';
import { ArmError } from './errors.ts';
import { operationReply, schedule } from './operations.ts';
import { route, type Context, type Route } from './routing.ts';

// Subscriptions, tenants, resource providers, and the status of the HCI provider's operations.

interface Provider {
  readonly namespace: string;
  readonly applicationId?: string;
  /** With where they are offered. */
  readonly resourceTypes: Readonly<Record<string, 'nowhere' | 'everywhere' | 'where HCI is'>>;
  readonly alwaysRegistered?: true;
}

const providers: readonly Provider[] = [
  {
    namespace: 'Microsoft.AzureStackHCI',
    applicationId: '1412d89f-b8a8-4111-b4fd-e82905cbd85d',
    resourceTypes: {
      operations: 'nowhere',
      locations: 'nowhere',
      'locations/operationstatuses': 'where HCI is',
      clusters: 'where HCI is',
      'clusters/arcSettings': 'where HCI is',
      'clusters/arcSettings/extensions': 'where HCI is',
    },
  },
  {
    namespace: 'Microsoft.HybridCompute',
    resourceTypes: { machines: 'everywhere', 'machines/extensions': 'everywhere' },
  },
  { namespace: 'Microsoft.GuestConfiguration', resourceTypes: { guestConfigurationAssignments: 'nowhere' } },
  { namespace: 'Microsoft.HybridConnectivity', resourceTypes: { endpoints: 'nowhere' } },
  {
    namespace: 'Microsoft.Authorization',
    resourceTypes: { roleAssignments: 'nowhere', roleDefinitions: 'nowhere', permissions: 'nowhere', locks: 'nowhere' },
    alwaysRegistered: true,
  },
  {
    namespace: 'Microsoft.PolicyInsights',
    resourceTypes: { checkPolicyRestrictions: 'nowhere' },
    alwaysRegistered: true,
  },
  { namespace: 'Microsoft.ResourceGraph', resourceTypes: { resources: 'nowhere' }, alwaysRegistered: true },
  {
    namespace: 'Microsoft.Resources',
    resourceTypes: { subscriptions: 'nowhere', resourceGroups: 'nowhere', 'subscriptions/resourceGroups': 'nowhere' },
    alwaysRegistered: true,
  },
];

/** Registration state of a namespace in a subscription; undefined for a namespace nobody knows. */
export function registrationState(state: State, subscription: string, namespace: string): string | undefined {
  const provider = providers.find((candidate) => candidate.namespace.toLowerCase() === namespace.toLowerCase());
  if (provider === undefined) return undefined;
  if (provider.alwaysRegistered === true) return 'Registered';
  return state.subscriptions[subscription.toLowerCase()]?.providers[namespace.toLowerCase()] ?? 'NotRegistered';
}

const subscription = '/subscriptions/{subscription}';
const subscriptionType = 'Microsoft.Resources/subscriptions';
const providerType = 'Microsoft.Resources/subscriptions/providers';

export const providerRoutes: readonly Route[] = [
  route(
    'GET',
    '/tenants',
    'Microsoft.Resources/tenants',
    ({ world: { state } }) => ({
      status: 200,
      body: { value: [{ id: `/tenants/${state.tenantId}`, tenantId: state.tenantId, tenantCategory: 'Home' }] },
    }),
    null,
  ),
  route('GET', '/subscriptions', subscriptionType, listSubscriptions, null),
  route('GET', subscription, subscriptionType, ({ world, part }) => ({
    status: 200,
    body: subscriptionView(world, part('subscription')),
  })),
  route('GET', `${subscription}/providers`, providerType, (context) => ({
    status: 200,
    body: { value: providers.map((provider) => view(context, provider)) },
  })),
  route('GET', `${subscription}/providers/{namespace}`, providerType, (context) => ({
    status: 200,
    body: view(context, getProvider(context)),
  })),
  route(
    'POST',
    `${subscription}/providers/{namespace}/register`,
    providerType,
    register,
    (part) => `${part('namespace')}/register/action`,
  ),
  route(
    'POST',
    `${subscription}/providers/{namespace}/unregister`,
    providerType,
    unregister,
    (part) => `${part('namespace')}/unregister/action`,
  ),
  route(
    'GET',
    '/providers/Microsoft.AzureStackHCI/locations/{location}/operationStatuses/{operation}',
    'Microsoft.AzureStackHCI/locations/operationStatuses',
    operationStatus,
    null,
  ),
];

function listSubscriptions({ world, caller }: Context): Reply {
  const value = Object.keys(world.state.subscriptions)
    .filter((id) => mayRead(world, caller.objectId, `/subscriptions/${id}`))
    .map((id) => subscriptionView(world, id));
  return { status: 200, body: { value, count: { type: 'Total', value: value.length } } };
}

function subscriptionView({ state }: World, id: string) {
  const found = state.subscriptions[id.toLowerCase()];
  return {
    id: `/subscriptions/${id}`,
    authorizationSource: 'RoleBased',
    managedByTenants: [],
    subscriptionId: id.toLowerCase(),
    tenantId: state.tenantId,
    displayName: found?.displayName,
    state: found?.state,
    subscriptionPolicies: {
      locationPlacementId: 'Public_2014-09-01',
      quotaId: 'PayAsYouGo_2014-09-01',
      spendingLimit: 'Off',
    },
  };
}

function getProvider({ part }: Context): Provider {
  const provider = providers.find((candidate) => candidate.namespace.toLowerCase() === part('namespace').toLowerCase());
  if (provider === undefined) {
    throw new ArmError(404, 'InvalidResourceNamespace', `The resource namespace '${part('namespace')}' is invalid.`, {
      gateway: true,
    });
  }
  return provider;
}

function view({ world, part }: Context, provider: Provider) {
  return {
    id: `/subscriptions/${part('subscription')}/providers/${provider.namespace}`,
    namespace: provider.namespace,
    ...(provider.applicationId === undefined ? {} : { authorizations: [{ applicationId: provider.applicationId }] }),
    resourceTypes: Object.entries(provider.resourceTypes).map(([resourceType, locations]) => ({
      resourceType,
      locations: { nowhere: () => [], everywhere: allLocations, 'where HCI is': hciLocations }[locations](world),
      apiVersions: apiVersionsOf(`${provider.namespace}/${resourceType}`).toReversed(),
      capabilities: 'None',
    })),
    registrationState: registrationState(world.state, part('subscription'), provider.namespace),
    registrationPolicy: provider.alwaysRegistered === true ? 'RegistrationFree' : 'RegistrationRequired',
  };
}

function register(context: Context): Reply {
  return change(context, 'Registering', 'registerProvider', ['Registered', 'Registering']);
}

function unregister(context: Context): Reply {
  return change(context, 'Unregistering', 'unregisterProvider', ['NotRegistered', 'Unregistered', 'Unregistering']);
}

function change(
  context: Context,
  meanwhile: string,
  kind: 'registerProvider' | 'unregisterProvider',
  already: readonly string[],
): Reply {
  const { world, part } = context;
  const provider = getProvider(context);
  const current = registrationState(world.state, part('subscription'), provider.namespace) ?? '';
  const key = part('subscription').toLowerCase();
  const namespace = provider.namespace.toLowerCase();
  const registrations = world.state.subscriptions[key]?.providers;
  if (provider.alwaysRegistered !== true && registrations !== undefined && !already.includes(current)) {
    registrations[namespace] = meanwhile;
    schedule(world, kind, `${key}/${namespace}`, world.settings.providerRegistrationSeconds);
  }
  return { status: 200, body: view(context, provider) };
}

/** Signed and at tenant level: who holds the URL may read it. */
function operationStatus({ world, part, apiVersion }: Context): Reply {
  const operation = world.state.operations[part('operation')];
  if (operation === undefined) {
    throw new ArmError(404, 'OperationNotFound', `The operation '${part('operation')}' was not found.`);
  }
  return operationReply(world, operation, apiVersion);
}

import type { SimulatedAzure } from '../../../test/simulators/azure/azure.ts';
import { createRequestBudget } from '../budget.ts';
import { cloudEndpoints, type CloudEndpoints } from '../clouds.ts';
import { createCredential, type Authority, type SignIn } from '../credentials.ts';
import { createGraph, type Graph } from '../graph.ts';
import { createResourceManager, type ResourceManager } from '../resource-manager.ts';

export const endpointsOf = ({ resourceManager, login, graph }: SimulatedAzure): CloudEndpoints =>
  cloudEndpoints('AzureCloud', { resourceManager, login, graph });

export const authorityOf = (azure: SimulatedAzure, tenantId = azure.tenantId): Authority => ({
  tenantId,
  endpoints: endpointsOf(azure),
  certificateAuthorities: [azure.caPem],
  onExchange: () => {},
});

/** The principal that the simulated Azure lets do everything that a registration needs. */
export const controllerSecret = ({ principals }: SimulatedAzure): SignIn => ({
  type: 'ClientSecret',
  clientId: principals.controller.clientId,
  clientSecret: principals.controller.clientSecret,
});

export const credentialFor = (azure: SimulatedAzure, signIn: SignIn, tenantId?: string) =>
  createCredential(signIn, authorityOf(azure, tenantId));

export const resourceManagerFor = (
  azure: SimulatedAzure,
  signIn = controllerSecret(azure),
  beforeWrite = () => {},
): ResourceManager =>
  createResourceManager({
    credential: credentialFor(azure, signIn),
    subscriptionId: azure.subscriptionId,
    endpoints: endpointsOf(azure),
    certificateAuthorities: [azure.caPem],
    budgets: {
      ofSubscription: createRequestBudget(() => Date.now()),
      ofPrincipal: createRequestBudget(() => Date.now()),
    },
    userAgent: 'test',
    beforeWrite,
    onExchange: () => {},
  });

export const graphFor = (azure: SimulatedAzure, signIn = controllerSecret(azure), beforeWrite = () => {}): Graph =>
  createGraph({
    credential: credentialFor(azure, signIn),
    endpoints: endpointsOf(azure),
    certificateAuthorities: [azure.caPem],
    budget: createRequestBudget(() => Date.now()),
    userAgent: 'test',
    beforeWrite,
    onExchange: () => {},
  });

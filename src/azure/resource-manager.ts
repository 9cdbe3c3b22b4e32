import { AzureStackHCIClient } from '@azure/arm-azurestackhci';
import { ResourceManagementClient } from '@azure/arm-resources';
import type { TokenCredential } from '@azure/core-auth';
import {
  bearerTokenAuthenticationPolicy,
  createPipelineFromOptions,
  type HttpMethods,
  type PipelinePolicy,
} from '@azure/core-rest-pipeline';
import { budgetPolicy, type RequestBudget } from './budget.ts';
import type { CloudEndpoints } from './clouds.ts';
import { createHttpClient, type OnAzureExchange } from './http-client.ts';
import { deadlinePolicy, exchange, guarded } from './pipeline.ts';

export interface ArmAnswer {
  status: number;
  body: unknown;
  /** Where the state of a started long-running operation can be read. Signed: never log its query. */
  operationUrl: string | undefined;
}

/**
 * Azure Resource Manager for one principal and subscription.
 *
 * Which way a request goes: resource groups and resource providers through `resources` (@azure/arm-resources), generatePassword through
 * `stackHci` (@azure/arm-azurestackhci), all else through `send`: those SDKs drop the fields that matter here (identity,
 * resourceProviderObjectId, connectivityStatus, defaultExtensions, parentClusterResourceId) and hide long-running operations in pollers. So
 * does the deletion of a group go, and the list of what lies in it.
 */
export interface ResourceManager {
  subscriptionId: string;
  send(request: {
    method: HttpMethods;
    path: string;
    apiVersion: string;
    query?: Record<string, string>;
    body?: unknown;
    signal: AbortSignal;
  }): Promise<ArmAnswer>;
  /** Follows a URL that Azure gave: of a long-running operation, or of the next page of a list. */
  follow(url: string, signal: AbortSignal): Promise<ArmAnswer>;
  /** Azure's clock minus ours, by the Date of the newest answer; undefined before the first. */
  clockSkewMs(): number | undefined;
  resources: ResourceManagementClient;
  stackHci: AzureStackHCIClient;
}

export function createResourceManager(options: {
  credential: TokenCredential;
  subscriptionId: string;
  endpoints: CloudEndpoints;
  certificateAuthorities: string[] | undefined;
  /** Of this subscription and principal, and of the principal alone. */
  budgets: { ofSubscription: RequestBudget; ofPrincipal: RequestBudget };
  userAgent: string;
  /** Called right before a request that is no read is sent; what it throws is thrown instead. */
  beforeWrite: () => void;
  onExchange: OnAzureExchange;
}): ResourceManager {
  const { credential, subscriptionId, endpoints } = options;
  const httpClient = guarded(createHttpClient('arm', options.onExchange), options);
  let clockSkewMs: number | undefined;
  const clockPolicy: PipelinePolicy = {
    name: 'clockPolicy',
    async sendRequest(request, next) {
      const response = await next(request);
      const date = Date.parse(response.headers.get('date') ?? '');
      if (!Number.isNaN(date)) clockSkewMs = date - Date.now();
      return response;
    },
  };
  const common = {
    httpClient,
    retryOptions: { maxRetries: 0 }, // a POST that makes a secret must not be sent twice; the work queue retries
    userAgentOptions: { userAgentPrefix: options.userAgent },
    ...(options.certificateAuthorities === undefined ? {} : { tlsOptions: { ca: options.certificateAuthorities } }),
    additionalPolicies: [
      {
        policy: budgetPolicy(options.budgets.ofSubscription, options.budgets.ofPrincipal),
        position: 'perRetry' as const,
      },
      { policy: clockPolicy, position: 'perRetry' as const },
      { policy: deadlinePolicy, position: 'perCall' as const },
    ],
  };
  const pipeline = createPipelineFromOptions(common);
  for (const { policy } of common.additionalPolicies) pipeline.addPolicy(policy);
  pipeline.addPolicy(bearerTokenAuthenticationPolicy({ credential, scopes: endpoints.resourceManagerScope }), {
    phase: 'Sign',
  });

  const send = async (method: HttpMethods, url: string, body: unknown, signal: AbortSignal): Promise<ArmAnswer> => {
    const answer = await exchange(pipeline, httpClient, { method, url, body, signal });
    const operationUrl = answer.header('azure-asyncoperation') ?? answer.header('location');
    return { status: answer.status, body: answer.body, operationUrl };
  };

  return {
    subscriptionId,
    clockSkewMs: () => clockSkewMs,
    send({ method, path, apiVersion, query, body, signal }) {
      const url = new URL(endpoints.resourceManager + path);
      url.searchParams.set('api-version', apiVersion);
      for (const [name, value] of Object.entries(query ?? {})) url.searchParams.set(name, value);
      return send(method, url.href, body, signal);
    },
    follow(url, signal) {
      if (new URL(url).origin !== new URL(endpoints.resourceManager).origin) {
        throw new Error('an operation URL must lead back to Azure Resource Manager: it would receive a token');
      }
      return send('GET', url, undefined, signal);
    },
    resources: new ResourceManagementClient(credential, subscriptionId, {
      ...common,
      endpoint: endpoints.resourceManager,
      credentials: { scopes: [endpoints.resourceManagerScope] },
    }),
    stackHci: new AzureStackHCIClient(credential, subscriptionId, {
      ...common,
      endpoint: endpoints.resourceManager,
      credentialScopes: endpoints.resourceManagerScope,
    }),
  };
}

import { createDefaultHttpClient, type HttpClient } from '@azure/core-rest-pipeline';

/** `arm`: Resource Manager. `graph`: Microsoft Graph. `entra`: sign-in. `imds`: sign-in with the controller's own identity. */
export type AzureService = 'arm' | 'graph' | 'entra' | 'imds';

/** One request that was sent. */
export interface AzureExchange {
  service: AzureService;
  method: string;
  /** 0: no answer came. */
  status: number;
  durationMs: number;
}

/** For metrics. Called synchronously; must not throw. */
export type OnAzureExchange = (exchange: AzureExchange) => void;

/** Sends requests, each of which is told when it is over. What was never sent, for want of budget or of a token, is not told. */
export function createHttpClient(service: AzureService, onExchange: OnAzureExchange): HttpClient {
  const client = createDefaultHttpClient();
  return {
    async sendRequest(request) {
      const startedAt = performance.now();
      let status = 0;
      try {
        const response = await client.sendRequest(request);
        ({ status } = response);
        return response;
      } finally {
        onExchange({ service, method: request.method, status, durationMs: performance.now() - startedAt });
      }
    },
  };
}

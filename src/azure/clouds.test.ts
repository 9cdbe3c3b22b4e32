import { describe, expect, test } from 'vitest';
import { clouds } from '../api/spec.ts';
import { cloudEndpoints, type CloudName } from './clouds.ts';

// What Az.StackHCI has in its own table, cloud by cloud.
test.each<[CloudName, Partial<ReturnType<typeof cloudEndpoints>>]>([
  [
    'AzureCloud',
    {
      resourceManager: 'https://management.azure.com',
      login: 'https://login.microsoftonline.com',
      graph: 'https://graph.microsoft.com',
      graphScope: 'https://graph.microsoft.com/.default',
      billingServiceApiScope: 'https://azurestackhci-usage.trafficmanager.net/.default',
      arcEnvironment: 'AzurePublicCloud',
      portal: 'https://portal.azure.com',
    },
  ],
  [
    'AzureChinaCloud',
    {
      resourceManager: 'https://management.chinacloudapi.cn',
      login: 'https://login.partner.microsoftonline.cn',
      graph: 'https://microsoftgraph.chinacloudapi.cn',
      graphScope: 'https://microsoftgraph.chinacloudapi.cn/.default',
      billingServiceApiScope: '1322e676-dee7-41ee-a874-ac923822781c/.default',
      arcEnvironment: 'AzureChinaCloud',
      portal: 'https://portal.azure.cn',
    },
  ],
  [
    'AzureUSGovernment',
    {
      resourceManager: 'https://management.usgovcloudapi.net',
      login: 'https://login.microsoftonline.us',
      graph: 'https://graph.microsoft.us',
      graphScope: 'https://graph.microsoft.us/.default',
      billingServiceApiScope: 'https://dp.azurestackhci.azure.us/.default',
      arcEnvironment: 'AzureUSGovernmentCloud',
      portal: 'https://portal.azure.us',
    },
  ],
])('%s', (cloud, expected) => {
  expect(cloudEndpoints(cloud)).toMatchObject(expected);
  expect(cloudEndpoints(cloud).resourceManagerScope).toBe(`${expected.resourceManager}/.default`);
});

test('every cloud of the API has its endpoints', () => {
  for (const cloud of clouds) expect(cloudEndpoints(cloud).resourceProviders).toContain('Microsoft.AzureStackHCI');
});

describe('endpoints that the configuration overrides', () => {
  const overridden = cloudEndpoints('AzureChinaCloud', {
    resourceManager: 'https://arm.corp.example.com/',
    portal: 'https://portal.corp.example.com//',
  });
  test('are used, with or without slashes at their end', () => {
    expect(overridden.resourceManager).toBe('https://arm.corp.example.com');
    expect(overridden.portal).toBe('https://portal.corp.example.com');
  });
  test('also in what tokens are asked for', () => {
    const scope = 'https://arm.corp.example.com/11111111-1111-4111-8111-111111111111/.default';
    const given = cloudEndpoints('AzureCloud', { resourceManagerScope: scope });
    expect(given).toEqual({ ...cloudEndpoints('AzureCloud'), resourceManagerScope: scope });
  });
  test('change no other endpoint, and not what tokens are for', () => {
    const { login, graph, resourceManagerScope, graphScope } = cloudEndpoints('AzureChinaCloud');
    expect(overridden).toMatchObject({ login, graph, resourceManagerScope, graphScope });
  });
});

/** Where a cloud is and what its registration constants are. Sources: Az.StackHCI's own table, by cloud (research: registration-flow 1.2). */
export interface CloudEndpoints {
  resourceManager: string;
  login: string;
  graph: string;
  resourceManagerScope: string;
  graphScope: string;
  /** Given to the nodes: scope of the usage service. */
  billingServiceApiScope: string;
  /** What Initialize-AzureStackHCIArcIntegration calls this cloud. */
  arcEnvironment: string;
  portal: string;
  /** Resource providers that Register-AzStackHCI registers in this cloud. */
  resourceProviders: readonly string[];
}

export type CloudName = 'AzureCloud' | 'AzureChinaCloud' | 'AzureUSGovernment';

const everywhere = ['Microsoft.AzureStackHCI', 'Microsoft.HybridCompute', 'Microsoft.GuestConfiguration'] as const;

const publicClouds: Record<CloudName, CloudEndpoints> = {
  AzureCloud: {
    resourceManager: 'https://management.azure.com',
    login: 'https://login.microsoftonline.com',
    graph: 'https://graph.microsoft.com',
    resourceManagerScope: 'https://management.azure.com/.default',
    graphScope: 'https://graph.microsoft.com/.default',
    billingServiceApiScope: 'https://azurestackhci-usage.trafficmanager.net/.default',
    arcEnvironment: 'AzurePublicCloud',
    portal: 'https://portal.azure.com',
    resourceProviders: [...everywhere, 'Microsoft.HybridConnectivity'],
  },
  AzureChinaCloud: {
    resourceManager: 'https://management.chinacloudapi.cn',
    login: 'https://login.partner.microsoftonline.cn',
    graph: 'https://microsoftgraph.chinacloudapi.cn',
    resourceManagerScope: 'https://management.chinacloudapi.cn/.default',
    graphScope: 'https://microsoftgraph.chinacloudapi.cn/.default',
    billingServiceApiScope: '1322e676-dee7-41ee-a874-ac923822781c/.default',
    arcEnvironment: 'AzureChinaCloud',
    portal: 'https://portal.azure.cn',
    resourceProviders: everywhere,
  },
  AzureUSGovernment: {
    resourceManager: 'https://management.usgovcloudapi.net',
    login: 'https://login.microsoftonline.us',
    graph: 'https://graph.microsoft.us',
    resourceManagerScope: 'https://management.usgovcloudapi.net/.default',
    graphScope: 'https://graph.microsoft.us/.default',
    billingServiceApiScope: 'https://dp.azurestackhci.azure.us/.default',
    arcEnvironment: 'AzureUSGovernmentCloud',
    portal: 'https://portal.azure.us',
    resourceProviders: everywhere,
  },
};

export type EndpointOverrides = Partial<
  Pick<CloudEndpoints, 'resourceManager' | 'login' | 'graph' | 'portal' | 'resourceManagerScope' | 'graphScope'>
>;

/** The endpoints of a cloud. Hosts and scopes may be overridden (private clouds, the lab); another host alone changes no scope. */
export function cloudEndpoints(cloud: CloudName, overrides: EndpointOverrides = {}): CloudEndpoints {
  const endpoints = { ...publicClouds[cloud], ...overrides };
  for (const host of ['resourceManager', 'login', 'graph', 'portal'] as const)
    endpoints[host] = endpoints[host].replace(/\/+$/, '');
  return endpoints;
}

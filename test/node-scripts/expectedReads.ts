import type { OperationName } from '../../src/nodes/operations.ts';
import type { NodeExecution } from '../../src/nodes/transport.ts';
import { effectiveProxy } from '../simulators/nodes/agentConfig.ts';
import { optionalEndpoint } from '../simulators/nodes/azcmagent.ts';
import { builds } from '../simulators/nodes/builds.ts';
import { findCmdlet } from '../simulators/nodes/cmdlets/index.ts';
import { fileAt, imdsKey, keyValues, microsoftUpdateKey, stampKey } from '../simulators/nodes/cmdlets/items.ts';
import { DateTime, Hashtable, isEnumValue, isPlainObject } from '../simulators/nodes/powershell/values.ts';
import { clusterOf, isUp, nodeOf, nodesOf, type NodeContext } from '../simulators/nodes/world.ts';

// What reading operations must answer, worked out from the node's state beside the script.

const records = 'HKLM:\\SOFTWARE\\HciRegistration';
const serviceFiles: Readonly<Record<string, string>> = {
  HciClusterAgentSvc: 'C:\\Windows\\System32\\azshci\\HciClusterAgentSvc.exe',
  HciCloudManagementSvc: 'C:\\Windows\\System32\\azshci\\cloudmanagement\\HciCloudManagementSvc.exe',
};
const longestText = 4096;
const neverBefore = Date.UTC(2000, 0, 1);

const textOrNull = (value: unknown): string | null => {
  if (isEnumValue(value)) return value.name;
  return typeof value === 'string' && value !== '' ? value.slice(0, longestText) : null;
};

const instantOrNull = (value: unknown): string | null => {
  const time =
    value instanceof DateTime ? value.milliseconds : typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return time > neverBefore ? new Date(time).toISOString() : null;
};

/** Members of what a cmdlet answers; null where the release does not have the cmdlet. */
const ask = async (context: NodeContext, name: string): Promise<Readonly<Record<string, unknown>> | null> => {
  const found = findCmdlet(context, name);
  if (found === undefined) return null;
  const answer = await found.invoke(context, new AbortController().signal, {}, []);
  if (!isPlainObject(answer)) throw new Error(`${name} answered no object`);
  return answer;
};

const registration = async (context: NodeContext): Promise<unknown> => {
  const found = (await ask(context, 'Get-AzureStackHCI')) ?? {};
  return {
    clusterStatus: textOrNull(found['ClusterStatus']),
    registrationStatus: textOrNull(found['RegistrationStatus']),
    registrationDate: instantOrNull(found['RegistrationDate']),
    azureResourceName: textOrNull(found['AzureResourceName']),
    azureResourceUri: textOrNull(found['AzureResourceUri']),
    connectionStatus: textOrNull(found['ConnectionStatus']),
    lastConnected: instantOrNull(found['LastConnected']),
    nextSync: instantOrNull(found['NextSync']),
    region: textOrNull(found['Region']),
    imdsAttestation: textOrNull(found['IMDSAttestation']),
    diagnosticLevel: textOrNull(found['DiagnosticLevel']),
  };
};

const arc = async (context: NodeContext): Promise<unknown> => {
  const found = await ask(context, 'Get-AzureStackHCIArcIntegration');
  if (found === null) return null;
  const statuses = found['NodesArcStatus'];
  if (!(statuses instanceof Hashtable)) throw new Error('NodesArcStatus is no dictionary');
  return {
    clusterArcStatus: textOrNull(found['ClusterArcStatus']),
    nodesArcStatus: Object.fromEntries(statuses.keys.map((name) => [name, textOrNull(statuses.get(name))])),
    applicationId: textOrNull(found['ApplicationId']),
  };
};

const unknownAgent = {
  version: '',
  status: 'Unknown',
  resourceName: null,
  resourceGroup: null,
  subscriptionId: null,
  tenantId: null,
  location: null,
  lastHeartbeat: null,
  errorCode: null,
  proxyUrl: null,
  proxyBypass: [],
};

const agent = (context: NodeContext): unknown => {
  const { agent: found, himds } = nodeOf(context);
  if (found === undefined) return null;
  if (himds === 'Stopped') return { ...unknownAgent, errorDetails: expectAny };
  return {
    version: found.version,
    status: found.status,
    resourceName: textOrNull(found.resourceName),
    resourceGroup: textOrNull(found.resourceGroup),
    subscriptionId: textOrNull(found.subscriptionId),
    tenantId: textOrNull(found.tenantId),
    location: textOrNull(found.location),
    // The agent writes more digits than a [datetime] takes: the script keeps whole seconds.
    lastHeartbeat: instantOrNull(found.lastHeartbeat?.replace(/\.\d+/, '')),
    errorCode: textOrNull(found.errorCode),
    errorDetails: textOrNull(found.errorDetails.replace(/\/\/\S*@/, '//***@')),
    proxyUrl: textOrNull(effectiveProxy(context, found).replace(/\/\/.*@/, '//***@')),
    proxyBypass: found.proxyBypass ?? [],
  };
};

const record = (context: NodeContext, name: string): unknown => {
  const value = keyValues(context, records)?.[name];
  return typeof value === 'string' ? JSON.parse(value) : null;
};

const task = (context: NodeContext): unknown => {
  if (clusterOf(context).arcRegistrationTask === undefined) return null;
  const { running, lastRunTime, lastTaskResult } = nodeOf(context).arcRegistrationTask;
  return {
    state: running ? 'Running' : 'Ready',
    lastRunTime: lastRunTime ?? null,
    lastTaskResult: lastRunTime === undefined ? null : running ? 0x41301 : (lastTaskResult ?? null),
  };
};

const commandsOf = (context: NodeContext): readonly string[] => {
  const { arcIntegration } = builds[nodeOf(context).build];
  const arcCommands = ['Clear', 'Disable', 'Enable', 'Get', 'Initialize'].map(
    (verb) => `${verb}-AzureStackHCIArcIntegration`,
  );
  return [
    ...(arcIntegration ? arcCommands : []),
    'Get-AzureStackHCI',
    'Get-AzureStackHCIBillingRecord',
    'Get-AzureStackHCIRegistrationCertificate',
    'Get-AzureStackHCISubscriptionStatus',
    'New-AzureStackHCIRegistrationCertificate',
    'Remove-AzureStackHCIRegistration',
    'Remove-AzureStackHCIRegistrationCertificate',
    'Set-AzureStackHCIRegistration',
    'Set-AzureStackHCIRegistrationCertificate',
    'Sync-AzureStackHCI',
    'Update-AzureStackHCIRegistrationCertificate',
  ].toSorted((a, b) => a.localeCompare(b));
};

const probe = async (context: NodeContext, execution: NodeExecution): Promise<unknown> => {
  const node = nodeOf(context);
  const { number, updateRevision } = builds[node.build];
  return {
    script: { release: expectAny, execution },
    computerName: context.nodeName,
    registration: await registration(context),
    certificate: { created: record(context, 'Created'), set: record(context, 'Set') },
    arcSecret: record(context, 'ArcSecret'),
    arc: await arc(context),
    agent: agent(context),
    arcRegistrationTask: task(context),
    deploymentLaunchType: textOrNull(keyValues(context, stampKey)?.['DeploymentLaunchType']),
    microsoftUpdate: keyValues(context, microsoftUpdateKey)?.['RegisteredWithAU'] === 1,
    customImdsHostAddress: textOrNull(keyValues(context, imdsKey)?.['CustomIMDSHostAddress']),
    os: {
      build: number,
      ubr: updateRevision,
      displayVersion: node.build,
      bootTime: node.bootTime,
      currentTime: expectAny,
      languageMode: node.languageMode,
    },
    bios: {
      manufacturer: node.bios.manufacturer,
      version: node.bios.version,
      releaseDate: node.bios.releaseDate,
      secureBoot:
        node.bios.firmware === 'UEFI' && !node.missingCommands.includes('Confirm-SecureBootUEFI')
          ? node.bios.secureBoot
          : null,
    },
    commands: commandsOf(context),
    cloudManagementServices: Object.keys(serviceFiles).filter(
      (name) => fileAt(context, serviceFiles[name] ?? '') !== undefined,
    ),
    services: { hcisvc: node.hcisvc, ...(node.agent === undefined ? {} : { himds: node.himds }) },
  };
};

const clusterProbe = (context: NodeContext): unknown => {
  const { id, dnsSuffix, cloudManagement } = clusterOf(context);
  const states: Readonly<Record<number, string>> = { 0: 'Up', 2: 'Paused', 3: 'Joining' };
  return {
    name: context.clusterName,
    id,
    functionalLevel: Math.min(...nodesOf(context).map((each) => builds[nodeOf(each).build].clusterFunctionalLevel)),
    dnsName: context.clusterName,
    dnsSuffix,
    nodes: nodesOf(context).map((each) => {
      const { clusterNodeState, statusInformation, drainStatus } = nodeOf(each);
      const state = isUp(nodeOf(each)) ? states[clusterNodeState] : 'Down';
      return { name: each.nodeName, state, statusInformation, drainStatus };
    }),
    cloudManagement:
      cloudManagement === undefined
        ? null
        : {
            state: ['Online', 'Offline', 'Failed', 'PartialOnline', 'Pending'][cloudManagement.state],
            serviceName: textOrNull(cloudManagement.serviceName),
          },
  };
};

const wanted = [585, 591, 592, 594];

const events = (context: NodeContext): unknown => ({
  events: nodeOf(context)
    .eventLog.filter(({ logName, id }) => logName === 'Microsoft-AzureStack-HCI/Admin' && wanted.includes(id))
    .toReversed()
    .slice(0, 50)
    .map(({ id, level, time, message }) => ({ id, time, level, message: message.slice(0, 1024) })),
});

const connectivity = (context: NodeContext, given: object): unknown => {
  const { cloud } = context.world;
  const url = 'serviceEndpoint' in given ? String(given.serviceEndpoint) : '';
  const endpoints = [cloud.login, cloud.resourceManager, optionalEndpoint].map((endpoint) => ({
    endpoint,
    reachable: endpoint !== optionalEndpoint,
    required: endpoint !== optionalEndpoint,
  }));
  const health = url.startsWith(unreachable)
    ? { reachable: false, statusCode: null, error: expectAny }
    : url.endsWith(unknownPage)
      ? { reachable: true, statusCode: 404, error: expectAny }
      : { reachable: true, statusCode: 200, error: null };
  const { agent: installed } = nodeOf(context);
  if (installed === undefined) return { health, agent: null };
  if (installed.version.startsWith('1.0.')) return { health, agent: { endpoints: [], error: expectAny } };
  return { health, agent: { endpoints, error: null } };
};

/** Nothing listens there. */
export const unreachable = 'https://127.0.0.1:1';
export const unknownPage = '/nothing/here';

/** Any text that is not empty. */
export const expectAny = Symbol('any text');

/** What a reading operation must answer; undefined for one that changes something. Instants may be in any precision. */
export const expectedAnswer = async (
  context: NodeContext,
  execution: NodeExecution,
  operation: OperationName,
  given: object,
): Promise<unknown> => {
  if (operation === 'probe') return probe(context, execution);
  if (operation === 'clusterProbe') return clusterProbe(context);
  if (operation === 'events') return events(context);
  return operation === 'connectivity' ? connectivity(context, given) : undefined;
};

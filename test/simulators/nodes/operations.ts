import { createHash, X509Certificate } from 'node:crypto';
import { Value } from 'typebox/value';
import {
  operations,
  type OperationArguments,
  type OperationName,
  type OperationResult,
} from '../../../src/nodes/operations.ts';
import { builds } from './builds.ts';
import {
  azcmagentShow,
  getAzureStackHCIArcIntegration,
  initializeAzureStackHCIArcIntegration,
} from './cmdlets/arcIntegration.ts';
import { CmdletError } from './cmdlets/cmdlet.ts';
import {
  addClusterGroup,
  addClusterResource,
  getCluster,
  getClusterGroup,
  getClusterNameParameters,
  getClusterNode,
  getClusterResource,
  setClusterParameter,
  startClusterGroup,
} from './cmdlets/failoverClusters.ts';
import { moduleCommands } from './cmdlets/index.ts';
import {
  getAzureStackHCI,
  newAzureStackHCIRegistrationCertificate,
  setAzureStackHCIRegistration,
  setAzureStackHCIRegistrationCertificate,
  syncAzureStackHCI,
} from './cmdlets/registration.ts';
import {
  cloudManagementPaths,
  confirmSecureBootUEFI,
  getBios,
  getClusteredScheduledTask,
  getDate,
  getItemProperty,
  getOperatingSystem,
  getScheduledTask,
  getScheduledTaskInfo,
  getService,
  registerClusteredScheduledTask,
  registryPaths,
  removeItemProperty,
  startScheduledTask,
  testPath,
} from './cmdlets/windows.ts';
import { nodeOf, type NodeContext } from './world.ts';

// What the node script does: calls cmdlets, and projects what they give to the contract of src/nodes/operations.ts.

type Implementations = {
  readonly [N in OperationName]: (context: NodeContext, given: OperationArguments<N>) => Promise<OperationResult<N>>;
};

const taskName = 'ArcRegistrationTask';
const groupName = 'Cloud Management';

const iso = (date: Date | null | undefined): string | null => date?.toISOString() ?? null;
const orNull = (value: string | null | undefined): string | null =>
  value === undefined || value === '' ? null : value;

/** `null` where the thing does not exist; any other failure goes on. */
const unlessMissing = async <T>(wanted: Promise<T>, id: RegExp): Promise<T | null> => {
  try {
    return await wanted;
  } catch (error) {
    if (error instanceof CmdletError && id.test(error.fullyQualifiedErrorId)) return null;
    throw error;
  }
};
const noCommand = /^CommandNotFoundException/;
const noTask = /^CmdletizationQuery_NotFound/;
const noClusterObject = /^ObjectNotFound/;

const registration = async (context: NodeContext): Promise<OperationResult<'probe'>['registration']> => {
  const found = await getAzureStackHCI.run(context, {});
  return {
    clusterStatus: found.ClusterStatus.name,
    registrationStatus: found.RegistrationStatus.name,
    registrationDate: iso(found.RegistrationDate),
    azureResourceName: orNull(found.AzureResourceName),
    azureResourceUri: orNull(found.AzureResourceUri),
    connectionStatus: orNull(found.ConnectionStatus),
    lastConnected: iso(found.LastConnected),
    nextSync: iso(found.NextSync),
    region: orNull(found.Region),
    imdsAttestation: orNull(found.IMDSAttestation),
    diagnosticLevel: found.DiagnosticLevel?.name ?? null,
  };
};

const arc = async (context: NodeContext): Promise<OperationResult<'probe'>['arc']> => {
  const found = await unlessMissing(getAzureStackHCIArcIntegration.run(context, {}), noCommand);
  if (found === null) return null;
  return {
    clusterArcStatus: found.ClusterArcStatus.name,
    nodesArcStatus: Object.fromEntries(
      Object.entries(found.NodesArcStatus).map(([name, status]) => [name, status.name]),
    ),
    applicationId: orNull(found.ApplicationId),
  };
};

const agent = async (context: NodeContext): Promise<OperationResult<'probe'>['agent']> => {
  const shown = await unlessMissing(azcmagentShow.run(context, {}), noCommand);
  if (shown === null) return null;
  return {
    version: shown.agentVersion,
    status: shown.status,
    resourceName: orNull(shown.resourceName),
    resourceGroup: orNull(shown.resourceGroup),
    subscriptionId: orNull(shown.subscriptionId),
    tenantId: orNull(shown.tenantId),
    location: orNull(shown.location),
    lastHeartbeat: orNull(shown.lastHeartbeat),
    errorCode: orNull(shown.agentErrorCode),
    errorDetails: orNull(shown.agentErrorDetails),
  };
};

const arcRegistrationTask = async (context: NodeContext): Promise<OperationResult<'probe'>['arcRegistrationTask']> => {
  const task = await unlessMissing(getScheduledTask.run(context, { TaskName: taskName }), noTask);
  if (task === null) return null;
  const { LastRunTime, LastTaskResult } = await getScheduledTaskInfo.run(context, { TaskName: taskName });
  // Windows says "never" with a date in 1999.
  const hasRun = LastRunTime.getUTCFullYear() > 2000;
  return {
    state: task.State.name,
    lastRunTime: hasRun ? iso(LastRunTime) : null,
    lastTaskResult: hasRun ? LastTaskResult : null,
  };
};

const presentServices = async (context: NodeContext): Promise<string[]> => {
  const present = await Promise.all(
    cloudManagementPaths.map(async (Path) =>
      (await testPath.run(context, { Path })) ? [Path.replace(/^.*\\|\.exe$/g, '')] : [],
    ),
  );
  return present.flat();
};

const implementations: Implementations = {
  probe: async (context) => {
    const system = await getOperatingSystem.run(context, {});
    const version = await getItemProperty.run(context, { Path: registryPaths.version });
    const imds = await getItemProperty.run(context, { Path: registryPaths.imds });
    const bios = await getBios.run(context, {});
    const services = await getService.run(context, { Name: ['hcisvc', 'himds'] });
    const { created, set } = nodeOf(context).scriptRecords;
    const custom = imds['CustomIMDSHostAddress'];
    return {
      computerName: context.nodeName,
      registration: await registration(context),
      certificate: { created: created ?? null, set: set ?? null },
      arc: await arc(context),
      agent: await agent(context),
      arcRegistrationTask: await arcRegistrationTask(context),
      customImdsHostAddress: custom === undefined ? null : String(custom),
      os: {
        build: Number(system.BuildNumber),
        ubr: Number(version['UBR']),
        displayVersion: String(version['DisplayVersion']),
        bootTime: system.LastBootUpTime.toISOString(),
        currentTime: (await getDate.run(context, {})).toISOString(),
        languageMode: 'FullLanguage',
      },
      bios: {
        manufacturer: bios.Manufacturer,
        version: bios.SMBIOSBIOSVersion,
        releaseDate: iso(bios.ReleaseDate),
        secureBoot: await confirmSecureBootUEFI.run(context, {}),
      },
      commands: moduleCommands(builds[nodeOf(context).build]),
      cloudManagementServices: await presentServices(context),
      services: Object.fromEntries(services.map(({ Name, Status }) => [Name, Status])),
    };
  },

  clusterProbe: async (context) => {
    const cluster = await getCluster.run(context, {});
    const { DnsName, DnsSuffix } = await getClusterNameParameters.run(context, {});
    const nodes = await getClusterNode.run(context, {});
    const group = await unlessMissing(getClusterGroup.run(context, { Name: groupName }), noClusterObject);
    const [resource] = await getClusterResource.run(context, { Group: groupName });
    return {
      name: cluster.Name,
      id: cluster.Id,
      functionalLevel: cluster.ClusterFunctionalLevel,
      dnsName: DnsName,
      dnsSuffix: DnsSuffix,
      nodes: nodes.map(({ Name, State, StatusInformation, DrainStatus }) => ({
        name: Name,
        state: State.name,
        statusInformation: orNull(StatusInformation),
        drainStatus: orNull(DrainStatus),
      })),
      cloudManagement: group === null ? null : { state: group.State.name, serviceName: orNull(resource?.ServiceName) },
    };
  },

  newRegistrationCertificate: async (context) => {
    const certificate = await newAzureStackHCIRegistrationCertificate.run(context, {});
    const der = Buffer.from(certificate, 'base64');
    const created = {
      certificate,
      thumbprint: createHash('sha1').update(der).digest('hex').toUpperCase(),
      notAfter: new Date(new X509Certificate(der).validTo).toISOString(),
    };
    nodeOf(context).scriptRecords.created = created;
    return created;
  },

  setRegistrationCertificate: async (context, given) => {
    await setAzureStackHCIRegistrationCertificate.run(context, {
      ServiceEndpoint: given.serviceEndpoint,
      BillingServiceApiScope: given.billingServiceApiScope,
      GraphServiceApiScope: given.graphServiceApiScope,
      AADAuthority: given.aadAuthority,
      AppId: given.appId,
      TenantId: given.tenantId,
      CloudId: given.cloudId,
      CertificateThumbprint: given.certificateThumbprint,
    });
    const { scriptRecords } = nodeOf(context);
    const thumbprint =
      given.certificateThumbprint === '' ? scriptRecords.created?.thumbprint : given.certificateThumbprint;
    if (thumbprint !== undefined) scriptRecords.set = { thumbprint, appId: given.appId, cloudId: given.cloudId };
    return {};
  },

  setRegistration: async (context, given) => {
    await setAzureStackHCIRegistration.run(context, {
      ServiceEndpoint: given.serviceEndpoint,
      BillingServiceApiScope: given.billingServiceApiScope,
      GraphServiceApiScope: given.graphServiceApiScope,
      AADAuthority: given.aadAuthority,
      AppId: given.appId,
      TenantId: given.tenantId,
      CloudId: given.cloudId,
      SubscriptionId: given.subscriptionId,
      ObjectId: given.objectId,
      ResourceName: given.resourceName,
      ProviderNamespace: given.providerNamespace,
      ResourceArmId: given.resourceArmId,
      ServicePrincipalClientId: given.servicePrincipalClientId,
      CertificateThumbprint: given.certificateThumbprint,
    });
    return {};
  },

  startCloudManagement: async (context, { serviceName }) => {
    const group = await unlessMissing(getClusterGroup.run(context, { Name: groupName }), noClusterObject);
    if (group === null) await addClusterGroup.run(context, { Name: groupName });
    const [resource] = await getClusterResource.run(context, { Group: groupName });
    if (resource === undefined) {
      await addClusterResource.run(context, { Name: groupName, ResourceType: 'Generic Service', Group: groupName });
    }
    if (resource?.ServiceName !== serviceName)
      await setClusterParameter.run(context, { Name: 'ServiceName', Value: serviceName });
    await startClusterGroup.run(context, { Name: groupName });
    return {};
  },

  sync: async (context) => {
    await syncAzureStackHCI.run(context, {});
    return {};
  },

  removeCustomImdsHostAddress: async (context) => {
    const values = await getItemProperty.run(context, { Path: registryPaths.imds });
    if (values['CustomIMDSHostAddress'] !== undefined) {
      await removeItemProperty.run(context, { Path: registryPaths.imds, Name: 'CustomIMDSHostAddress' });
    }
    return {};
  },

  initializeArcIntegration: async (context, given) => {
    await initializeAzureStackHCIArcIntegration.run(context, {
      ApplicationId: given.appId,
      ServicePrincipalSecret: given.secret,
      TenantId: given.tenantId,
      SubscriptionId: given.subscriptionId,
      Location: given.region,
      ResourceGroup: given.resourceGroup,
      Cloud: given.cloud,
    });
    return {};
  },

  registerArcRegistrationTask: async (context) => {
    const registered = await getClusteredScheduledTask.run(context, { TaskName: taskName });
    if (registered.length === 0)
      await registerClusteredScheduledTask.run(context, { TaskName: taskName, TaskType: 'ClusterWide' });
    return {};
  },

  startArcRegistrationTask: async (context) => {
    await startScheduledTask.run(context, { TaskName: taskName });
    return {};
  },
};

/** `undefined` when the arguments do not fit the contract. Rejects with what the cmdlets throw. */
export const runOperation = async <N extends OperationName>(
  context: NodeContext,
  operationName: N,
  given: unknown,
): Promise<OperationResult<N> | undefined> => {
  const schema: (typeof operations)[N]['arguments'] = operations[operationName].arguments;
  return Value.Check(schema, given) ? implementations[operationName](context, given) : undefined;
};

import { Type } from 'typebox';
import type { BuildFeatures } from '../builds.ts';
import { clusterOf, count, nodeOf, nodesOf } from '../world.ts';
import { cmdlet, CmdletError, enumeration, type EnumValue } from './cmdlet.ts';

// The Arc half of the module AzureStackHCI, absent on 20H2, and the agent's own program.

const module = 'AzureStackHCI';
const exists = (features: BuildFeatures): boolean => features.arcIntegration;
const arcStatus = enumeration('ArcStatus', { Unknown: 0, Enabled: 1, Disabled: 2, DisableInProgress: 3 });

export interface ArcIntegration {
  readonly ClusterArcStatus: EnumValue;
  /** By lower-case node name. */
  readonly NodesArcStatus: Readonly<Record<string, EnumValue>>;
  readonly ApplicationId: string | null;
}

export const getAzureStackHCIArcIntegration = cmdlet({
  name: 'Get-AzureStackHCIArcIntegration',
  module,
  exists,
  parameters: {},
  run: (context): ArcIntegration => {
    const { arc } = clusterOf(context);
    return {
      ClusterArcStatus: arcStatus(arc?.status ?? 2),
      NodesArcStatus: Object.fromEntries(
        nodesOf(context).map((each) => [each.nodeName.toLowerCase(), arcStatus(nodeOf(each).arcStatus)]),
      ),
      ApplicationId: arc?.applicationId ?? null,
    };
  },
});

const refuse = (message: string): CmdletError =>
  new CmdletError(message, `${message},Microsoft.AzureStack.HCI.InitializeArcIntegration`, 'InvalidOperationException');

const mandatory = Type.String({ minLength: 1 });

export const initializeAzureStackHCIArcIntegration = cmdlet({
  name: 'Initialize-AzureStackHCIArcIntegration',
  module,
  exists,
  parameters: {
    ApplicationId: mandatory,
    ServicePrincipalSecret: mandatory,
    ResourceGroup: mandatory,
    TenantId: mandatory,
    Location: mandatory,
    SubscriptionId: mandatory,
    Cloud: mandatory,
  },
  aliases: { AppId: 'ApplicationId', Secret: 'ServicePrincipalSecret', Region: 'Location' },
  run: (context, parameters): void => {
    const cluster = clusterOf(context);
    if (cluster.registration === undefined || !nodeOf(context).registered) {
      throw refuse('The cluster is not registered with Azure. Register it before Arc integration is initialized.');
    }
    if (cluster.arc?.status === 3) throw refuse('Arc integration is being disabled. Finish that first.');
    cluster.arc = {
      status: 1,
      applicationId: parameters.ApplicationId,
      secret: parameters.ServicePrincipalSecret,
      tenantId: parameters.TenantId,
      subscriptionId: parameters.SubscriptionId,
      region: parameters.Location,
      resourceGroup: parameters.ResourceGroup,
      cloud: parameters.Cloud,
    };
    count(context.world, 'arcInitializations');
  },
});

/** `azcmagent show -j`, as far as the node script reads it. */
export interface AzcmagentShow {
  readonly agentVersion: string;
  readonly status: string;
  readonly resourceName: string;
  readonly resourceGroup: string;
  readonly subscriptionId: string;
  readonly tenantId: string;
  readonly location: string;
  readonly cloud: string;
  readonly lastHeartbeat: string;
  readonly agentErrorCode: string;
  readonly agentErrorDetails: string;
}

/** A program, not a cmdlet: where the agent is not installed it does not exist. */
export const azcmagentShow = cmdlet({
  name: 'azcmagent.exe',
  module: '',
  parameters: {},
  run: (context): AzcmagentShow => {
    const { agent } = nodeOf(context);
    if (agent === undefined) {
      throw new CmdletError(
        "The term 'C:\\Program Files\\AzureConnectedMachineAgent\\azcmagent.exe' is not recognized as the name of a cmdlet, function, script file, or operable program.",
        'CommandNotFoundException',
        'CommandNotFoundException',
      );
    }
    return {
      agentVersion: agent.version,
      status: agent.status,
      resourceName: agent.resourceName,
      resourceGroup: agent.resourceGroup,
      subscriptionId: agent.subscriptionId,
      tenantId: agent.tenantId,
      location: agent.location,
      cloud: agent.cloud,
      lastHeartbeat: agent.lastHeartbeat ?? '',
      agentErrorCode: agent.errorCode,
      agentErrorDetails: agent.errorDetails,
    };
  },
});

/** Exist where Arc integration does, and are not simulated. */
export const otherCommands: readonly string[] = [
  'Clear-AzureStackHCIArcIntegration',
  'Disable-AzureStackHCIArcIntegration',
  'Enable-AzureStackHCIArcIntegration',
];

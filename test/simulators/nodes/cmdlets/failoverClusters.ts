import { Type } from 'typebox';
import { builds } from '../builds.ts';
import { clusterOf, count, isUp, nodeOf, nodesOf } from '../world.ts';
import { cmdlet, CmdletError, enumeration, type EnumValue } from './cmdlet.ts';

// The module FailoverClusters, as far as registration needs it.

const module = 'FailoverClusters';
const nodeState = enumeration('ClusterNodeState', { Unknown: -1, Up: 0, Down: 1, Paused: 2, Joining: 3 });
const groupState = enumeration('ClusterGroupState', { Online: 0, Offline: 1, Failed: 2 });
/** The only group that is simulated. */
const cloudManagementGroup = 'Cloud Management';

const notFound = (kind: 'group' | 'resource', name: string, command: string): CmdletError =>
  new CmdletError(
    `No matching cluster ${kind} was found with the name '${name}'.`,
    `ObjectNotFound,Microsoft.FailoverClusters.PowerShell.${command}`,
    'ClusterObjectNotFoundException',
  );

export interface Cluster {
  readonly Name: string;
  readonly Domain: string;
  readonly Id: string;
  readonly ClusterFunctionalLevel: number;
  readonly ClusterUpgradeVersion: number;
}

export const getCluster = cmdlet({
  name: 'Get-Cluster',
  module,
  parameters: {},
  run: (context): Cluster => {
    const cluster = clusterOf(context);
    return {
      Name: context.clusterName,
      Domain: cluster.dnsSuffix,
      Id: cluster.id,
      ClusterFunctionalLevel: Math.min(
        ...nodesOf(context).map((each) => builds[nodeOf(each).build].clusterFunctionalLevel),
      ),
      ClusterUpgradeVersion: 8,
    };
  },
});

export interface ClusterNode {
  readonly Name: string;
  readonly Id: string;
  readonly State: EnumValue;
  readonly StatusInformation: string;
  readonly DrainStatus: string;
}

export const getClusterNode = cmdlet({
  name: 'Get-ClusterNode',
  module,
  parameters: {},
  run: (context): readonly ClusterNode[] =>
    nodesOf(context).map((each) => {
      const node = nodeOf(each);
      return {
        Name: each.nodeName,
        Id: String(node.id),
        State: nodeState(isUp(node) ? node.clusterNodeState : 'Down'),
        StatusInformation: node.statusInformation,
        DrainStatus: node.drainStatus,
      };
    }),
});

/** `Get-ClusterResource 'Cluster Name' | Get-ClusterParameter`: the two values that are read. */
export const getClusterNameParameters = cmdlet({
  name: 'Get-ClusterParameter',
  module,
  parameters: {},
  run: (context): { readonly DnsName: string; readonly DnsSuffix: string } => ({
    DnsName: context.clusterName,
    DnsSuffix: clusterOf(context).dnsSuffix,
  }),
});

export interface ClusterGroup {
  readonly Name: string;
  readonly State: EnumValue;
}

const group = { Name: Type.String({ minLength: 1 }) };

export const getClusterGroup = cmdlet({
  name: 'Get-ClusterGroup',
  module,
  parameters: group,
  run: (context, { Name }): ClusterGroup => {
    const { cloudManagement } = clusterOf(context);
    if (Name !== cloudManagementGroup || cloudManagement === undefined)
      throw notFound('group', Name, 'GetClusterGroupCommand');
    return { Name, State: groupState(cloudManagement.state) };
  },
});

export const addClusterGroup = cmdlet({
  name: 'Add-ClusterGroup',
  module,
  parameters: group,
  run: (context, { Name }): ClusterGroup => {
    const cluster = clusterOf(context);
    if (Name === cloudManagementGroup && cluster.cloudManagement !== undefined) {
      throw new CmdletError(
        `The cluster group '${Name}' already exists.`,
        'Add-ClusterGroup,Microsoft.FailoverClusters.PowerShell.AddClusterGroupCommand',
        'ClusterCmdletException',
      );
    }
    if (Name === cloudManagementGroup) cluster.cloudManagement = { state: 1, hasResource: false };
    return { Name, State: groupState('Offline') };
  },
});

export interface ClusterResource {
  readonly Name: string;
  readonly ResourceType: string;
  /** The private property ServiceName, once it is set. */
  readonly ServiceName: string | null;
}

/** The resources of a group: none, or the one Generic Service. */
export const getClusterResource = cmdlet({
  name: 'Get-ClusterResource',
  module,
  parameters: { Group: Type.String({ minLength: 1 }) },
  run: (context, { Group }): readonly ClusterResource[] => {
    const { cloudManagement } = clusterOf(context);
    if (Group !== cloudManagementGroup || cloudManagement?.hasResource !== true) return [];
    return [
      { Name: cloudManagementGroup, ResourceType: 'Generic Service', ServiceName: cloudManagement.serviceName ?? null },
    ];
  },
});

export const addClusterResource = cmdlet({
  name: 'Add-ClusterResource',
  module,
  parameters: {
    Name: Type.String({ minLength: 1 }),
    ResourceType: Type.Literal('Generic Service'),
    Group: Type.String({ minLength: 1 }),
  },
  run: (context, { Group }): void => {
    const { cloudManagement } = clusterOf(context);
    if (cloudManagement === undefined) throw notFound('group', Group, 'AddClusterResourceCommand');
    cloudManagement.hasResource = true;
  },
});

/** `Get-ClusterResource … | Set-ClusterParameter -Name ServiceName -Value …` */
export const setClusterParameter = cmdlet({
  name: 'Set-ClusterParameter',
  module,
  parameters: { Name: Type.Literal('ServiceName'), Value: Type.String({ minLength: 1 }) },
  run: (context, { Value }): void => {
    const { cloudManagement } = clusterOf(context);
    if (cloudManagement?.hasResource !== true)
      throw notFound('resource', cloudManagementGroup, 'SetClusterParameterCommand');
    cloudManagement.serviceName = Value;
  },
});

/** Waits for the group and throws when a resource in it does not come up. */
export const startClusterGroup = cmdlet({
  name: 'Start-ClusterGroup',
  module,
  parameters: group,
  run: (context, { Name }): ClusterGroup => {
    const { cloudManagement } = clusterOf(context);
    if (Name !== cloudManagementGroup || cloudManagement === undefined)
      throw notFound('group', Name, 'StartClusterGroupCommand');
    const { serviceName } = cloudManagement;
    const exists = nodesOf(context).some(
      (each) => isUp(nodeOf(each)) && nodeOf(each).cloudManagementServices.includes(serviceName ?? ''),
    );
    if (!exists) {
      cloudManagement.state = 2;
      throw new CmdletError(
        `An error occurred while starting the cluster group '${Name}'. The specified service does not exist as an installed service.`,
        'Start-ClusterGroup,Microsoft.FailoverClusters.PowerShell.StartClusterGroupCommand',
        'ClusterCmdletException',
      );
    }
    if (cloudManagement.state !== 0) count(context.world, 'cloudManagementStarts');
    cloudManagement.state = 0;
    return { Name, State: groupState('Online') };
  },
});

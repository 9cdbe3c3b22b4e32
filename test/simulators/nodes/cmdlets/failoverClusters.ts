import { Type } from 'typebox';
import { builds } from '../builds.ts';
import { clusterOf, count, isUp, nodeOf, nodesOf, type NodeContext } from '../world.ts';
import {
  cmdlet,
  CmdletError,
  enumeration,
  mandatory,
  optional,
  toggle,
  type Cmdlet,
  type EnumValue,
} from './cmdlet.ts';
import { clusterNameResource, same } from './items.ts';

// The module FailoverClusters, as far as registration needs it. Its objects know what they are by their type name alone, so a
// script that hands one over by -InputObject hands over what is looked up again by name.

const module = 'FailoverClusters';
const nodeState = enumeration('Microsoft.FailoverClusters.PowerShell.ClusterNodeState', {
  Unknown: -1,
  Up: 0,
  Down: 1,
  Paused: 2,
  Joining: 3,
});
const groupState = enumeration('Microsoft.FailoverClusters.PowerShell.ClusterGroupState', {
  Online: 0,
  Offline: 1,
  Failed: 2,
  Pending: 4,
});
const resourceState = enumeration('Microsoft.FailoverClusters.PowerShell.ClusterResourceState', {
  Online: 2,
  Offline: 3,
  Failed: 4,
  Pending: 129,
});
/** The group every cluster has, and the only other one that is simulated. */
const clusterGroup = 'Cluster Group';
const cloudManagementGroup = 'Cloud Management';

const failed = (message: string, command: string, reason = 'ClusterCmdletException'): CmdletError =>
  new CmdletError(
    message,
    `${command},Microsoft.FailoverClusters.PowerShell.${command.replace('-', '')}Command`,
    reason,
    {
      terminating: false,
    },
  );

const notFound = (kind: 'group' | 'resource', name: string, command: string): CmdletError =>
  new CmdletError(
    `No matching cluster ${kind} was found with the name '${name}'.`,
    `ObjectNotFound,Microsoft.FailoverClusters.PowerShell.${command.replace('-', '')}Command`,
    'ClusterObjectNotFoundException',
    { terminating: false },
  );

/** On a computer that is in no cluster. */
const requireMember = (context: NodeContext, command: string): void => {
  if (nodeOf(context).evicted)
    throw failed(
      'The cluster service is not running. Make sure that the service is running on all nodes in the cluster.',
      command,
    );
};

const getCluster = cmdlet({
  name: 'Get-Cluster',
  module,
  parameters: {},
  run: ({ context }) => {
    requireMember(context, 'Get-Cluster');
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

const statusInformation = enumeration('Microsoft.FailoverClusters.PowerShell.ClusterNodeStatusInformation', {
  Normal: 0,
  Isolated: 1,
  Quarantined: 2,
});
const drainStatus = enumeration('Microsoft.FailoverClusters.PowerShell.ClusterNodeDrainStatus', {
  NotInitiated: 0,
  InProgress: 1,
  Completed: 2,
  Failed: 3,
});

const getClusterNode = cmdlet({
  name: 'Get-ClusterNode',
  module,
  parameters: { Name: optional },
  run: ({ context, parameters: { Name } }) => {
    requireMember(context, 'Get-ClusterNode');
    return nodesOf(context)
      .filter(({ nodeName }) => Name === undefined || same(Name, nodeName))
      .map((each) => {
        const node = nodeOf(each);
        return {
          Name: each.nodeName,
          Id: String(node.id),
          State: nodeState(isUp(node) ? node.clusterNodeState : 'Down'),
          NodeWeight: 1,
          DynamicWeight: 1,
          StatusInformation: statusInformation(node.statusInformation),
          DrainStatus: drainStatus(node.drainStatus),
        };
      });
  },
});

interface Group {
  readonly Name: string;
  readonly State: EnumValue;
}

const groups = (context: NodeContext): readonly Group[] => {
  const { cloudManagement } = clusterOf(context);
  return [
    { Name: clusterGroup, State: groupState('Online') },
    ...(cloudManagement === undefined
      ? []
      : [{ Name: cloudManagementGroup, State: groupState(cloudManagement.state) }]),
  ];
};

const named = Type.Optional(Type.Object({ Name: Type.String() }));
const groupParameters = { Name: optional, InputObject: named };
type GroupParameters = { readonly Name?: string; readonly InputObject?: { readonly Name: string } };

const groupOf = (context: NodeContext, given: GroupParameters, command: string): Group => {
  const name = given.InputObject?.Name ?? given.Name ?? '';
  const found = groups(context).find((each) => same(each.Name, name));
  if (found === undefined) throw notFound('group', name, command);
  return found;
};

/** The group of Cloud Management as state; changing the cluster's own group is a defect of the script. */
const cloudManagementOf = (context: NodeContext, given: GroupParameters, command: string) => {
  const { Name } = groupOf(context, given, command);
  const { cloudManagement } = clusterOf(context);
  if (Name !== cloudManagementGroup || cloudManagement === undefined)
    throw new Error(`${command} on the group ${Name}`);
  return cloudManagement;
};

const getClusterGroup = cmdlet({
  name: 'Get-ClusterGroup',
  module,
  parameters: { Name: optional },
  run: ({ context, parameters }) =>
    parameters.Name === undefined ? groups(context) : groupOf(context, parameters, 'Get-ClusterGroup'),
});

const addClusterGroup = cmdlet({
  name: 'Add-ClusterGroup',
  module,
  parameters: { Name: mandatory },
  run: ({ context, parameters: { Name } }): Group => {
    const cluster = clusterOf(context);
    if (groups(context).some((each) => same(each.Name, Name)))
      throw failed(`The cluster group '${Name}' already exists.`, 'Add-ClusterGroup');
    if (Name !== cloudManagementGroup) throw new Error(`the cluster group ${Name} is not simulated`);
    cluster.cloudManagement = { state: 1, hasResource: false };
    return { Name, State: groupState('Offline') };
  },
});

interface Resource {
  readonly Name: string;
  readonly Id: string;
  readonly ResourceType: { readonly Name: string };
  readonly OwnerGroup: { readonly Name: string };
  readonly State: EnumValue;
}

const resources = (context: NodeContext): readonly Resource[] => {
  const { cloudManagement } = clusterOf(context);
  const state = groupState(cloudManagement?.state ?? 1).name;
  return [
    {
      Name: 'Cluster Name',
      Id: clusterNameResource(context),
      ResourceType: { Name: 'Network Name' },
      OwnerGroup: { Name: clusterGroup },
      State: resourceState('Online'),
    },
    ...(cloudManagement?.hasResource === true
      ? [
          {
            Name: cloudManagementGroup,
            Id: `${clusterOf(context).id.slice(0, -12)}00000000c1a1`,
            ResourceType: { Name: 'Generic Service' },
            OwnerGroup: { Name: cloudManagementGroup },
            State: resourceState(state),
          },
        ]
      : []),
  ];
};

const resourceNamed = (context: NodeContext, name: string, command: string): Resource => {
  const found = resources(context).find((each) => same(each.Name, name) || same(each.Id, name));
  if (found === undefined) throw notFound('resource', name, command);
  return found;
};

/** By name or id, or those of a group. */
const getClusterResource = cmdlet({
  name: 'Get-ClusterResource',
  module,
  parameters: { Name: optional, InputObject: named },
  run: ({ context, parameters: { Name, InputObject } }) => {
    if (InputObject !== undefined) {
      const { Name: group } = groupOf(context, { InputObject }, 'Get-ClusterResource');
      return resources(context).filter(({ OwnerGroup }) => OwnerGroup.Name === group);
    }
    return Name === undefined ? resources(context) : resourceNamed(context, Name, 'Get-ClusterResource');
  },
});

const addClusterResource = cmdlet({
  name: 'Add-ClusterResource',
  module,
  parameters: { Name: mandatory, ResourceType: Type.Literal('Generic Service'), Group: mandatory },
  run: ({ context, parameters: { Name, Group } }) => {
    const cloudManagement = cloudManagementOf(context, { Name: Group }, 'Add-ClusterResource');
    if (resources(context).some((each) => same(each.Name, Name)))
      throw failed(`The cluster resource '${Name}' already exists.`, 'Add-ClusterResource');
    cloudManagement.hasResource = true;
    return resourceNamed(context, Name, 'Add-ClusterResource');
  },
});

const resourceParameters = { InputObject: Type.Object({ Name: Type.String() }), Name: optional };

const getClusterParameter = cmdlet({
  name: 'Get-ClusterParameter',
  module,
  parameters: resourceParameters,
  run: ({ context, parameters: { InputObject, Name } }) => {
    const resource = resourceNamed(context, InputObject.Name, 'Get-ClusterParameter');
    const values =
      resource.OwnerGroup.Name === clusterGroup
        ? {
            Name: context.clusterName.toUpperCase(),
            DnsName: context.clusterName,
            DnsSuffix: clusterOf(context).dnsSuffix,
          }
        : { ServiceName: clusterOf(context).cloudManagement?.serviceName ?? '', StartupParameters: '' };
    return Object.entries(values)
      .filter(([name]) => Name === undefined || same(Name, name))
      .map(([name, value]) => ({ ClusterObject: resource.Name, Name: name, Value: value, ParameterType: 'String' }));
  },
});

const setClusterParameter = cmdlet({
  name: 'Set-ClusterParameter',
  module,
  parameters: {
    InputObject: Type.Object({ Name: Type.String() }),
    Name: Type.Literal('ServiceName'),
    Value: mandatory,
  },
  run: ({ context, parameters: { InputObject, Value } }) => {
    const resource = resourceNamed(context, InputObject.Name, 'Set-ClusterParameter');
    cloudManagementOf(context, resource.OwnerGroup, 'Set-ClusterParameter').serviceName = Value;
  },
});

const wait = Type.Optional(Type.Integer({ minimum: 0 }));

/** Waits for the group and throws when a resource in it does not come up. */
const startClusterGroup = cmdlet({
  name: 'Start-ClusterGroup',
  module,
  parameters: { ...groupParameters, Wait: wait },
  run: ({ context, parameters }): Group => {
    const cloudManagement = cloudManagementOf(context, parameters, 'Start-ClusterGroup');
    const { serviceName = '', hasResource } = cloudManagement;
    const exists = nodesOf(context).some(
      (each) => isUp(nodeOf(each)) && nodeOf(each).cloudManagementServices.includes(serviceName),
    );
    if (!hasResource || !exists) {
      cloudManagement.state = 2;
      throw failed(
        `An error occurred while starting the cluster group '${cloudManagementGroup}'. The specified service does not exist as an installed service.`,
        'Start-ClusterGroup',
      );
    }
    if (cloudManagement.state !== 0) count(context.world, 'cloudManagementStarts');
    cloudManagement.state = clusterOf(context).cloudManagementStartsTo;
    return groupOf(context, parameters, 'Start-ClusterGroup');
  },
});

const stopClusterGroup = cmdlet({
  name: 'Stop-ClusterGroup',
  module,
  parameters: { ...groupParameters, Wait: wait },
  run: ({ context, parameters }): Group => {
    cloudManagementOf(context, parameters, 'Stop-ClusterGroup').state = 1;
    return groupOf(context, parameters, 'Stop-ClusterGroup');
  },
});

const removeClusterGroup = cmdlet({
  name: 'Remove-ClusterGroup',
  module,
  parameters: { ...groupParameters, RemoveResources: toggle, Force: toggle },
  run: ({ context, parameters }) => {
    const { hasResource, state } = cloudManagementOf(context, parameters, 'Remove-ClusterGroup');
    if (parameters.Force !== true) {
      throw new CmdletError(
        'Windows PowerShell is in NonInteractive mode. Read and Prompt functionality is not available.',
        'InvalidOperation,Microsoft.FailoverClusters.PowerShell.RemoveClusterGroupCommand',
        'PSInvalidOperationException',
      );
    }
    if (hasResource && parameters.RemoveResources !== true)
      throw failed('The group cannot be deleted because it is not empty.', 'Remove-ClusterGroup');
    if (state === 0) throw failed('The operation cannot be completed on an online group.', 'Remove-ClusterGroup');
    delete clusterOf(context).cloudManagement;
    count(context.world, 'cloudManagementRemovals');
  },
});

export const failoverClusterCmdlets: readonly Cmdlet[] = [
  getCluster,
  getClusterNode,
  getClusterGroup,
  addClusterGroup,
  getClusterResource,
  addClusterResource,
  getClusterParameter,
  setClusterParameter,
  startClusterGroup,
  stopClusterGroup,
  removeClusterGroup,
];

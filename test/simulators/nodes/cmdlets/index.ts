import { builds } from '../builds.ts';
import { Hashtable } from '../powershell/values.ts';
import { nodeOf, type NodeContext } from '../world.ts';
import { arcIntegrationCmdlets } from './arcIntegration.ts';
import { cmdlet, CmdletError, enumeration, optional, type Cmdlet } from './cmdlet.ts';
import { failoverClusterCmdlets } from './failoverClusters.ts';
import { same } from './items.ts';
import { managementCmdlets } from './management.ts';
import { otherCommands, registrationCmdlets } from './registration.ts';
import { scheduledTaskCmdlets } from './scheduledTasks.ts';
import { systemCmdlets } from './system.ts';

// All commands of a node.

const commandType = enumeration('System.Management.Automation.CommandTypes', { Cmdlet: 8 });

/** What Get-Command shows of a command: its parameters are keyed by name. */
const commandInfo = (Name: string, module: string, parameterNames: readonly string[]) => ({
  Name,
  CommandType: commandType('Cmdlet'),
  ModuleName: module,
  Source: module,
  Parameters: new Hashtable(parameterNames.map((each) => [each, { Name: each }])),
});

const isThere = (context: NodeContext, { name, exists }: Cmdlet): boolean =>
  exists(builds[nodeOf(context).build]) && !nodeOf(context).missingCommands.includes(name);

const existing = (context: NodeContext): readonly Cmdlet[] => cmdlets.filter((each) => isThere(context, each));

const getCommand = cmdlet({
  name: 'Get-Command',
  module: 'Microsoft.PowerShell.Core',
  parameters: { Name: optional, Module: optional },
  run: ({ context, parameters: { Name, Module } }) => {
    const features = builds[nodeOf(context).build];
    const known = [
      ...existing(context).map((each) => commandInfo(each.name, each.module, each.parameterNames(features))),
      ...otherCommands.map((name) => commandInfo(name, 'AzureStackHCI', [])),
    ].toSorted((a, b) => a.Name.localeCompare(b.Name));
    const found = known.filter(
      (each) =>
        (Name === undefined || same(each.Name, Name)) && (Module === undefined || same(each.ModuleName, Module)),
    );
    if (found.length > 0 || Name === undefined) return found;
    throw new CmdletError(
      `The term '${Name}' is not recognized as the name of a cmdlet, function, script file, or operable program. Check the spelling of the name, or if a path was included, verify that the path is correct and try again.`,
      'CommandNotFoundException,Microsoft.PowerShell.Commands.GetCommandCommand',
      'CommandNotFoundException',
      { terminating: false },
    );
  },
});

const cmdlets: readonly Cmdlet[] = [
  ...registrationCmdlets,
  ...arcIntegrationCmdlets,
  ...failoverClusterCmdlets,
  ...scheduledTaskCmdlets,
  ...managementCmdlets,
  ...systemCmdlets,
  getCommand,
];

const byName = new Map(cmdlets.map((each) => [each.name.toLowerCase(), each]));

/** What a test ordered to fail, fails before it does anything. */
const failing = (found: Cmdlet, message: string): Cmdlet => ({
  ...found,
  invoke: () =>
    Promise.reject(
      new CmdletError(message, `Failing,${found.name}`, 'UnauthorizedAccessException', { terminating: false }),
    ),
});

/** By its name in any case, where the node has it. */
export const findCmdlet = (context: NodeContext, name: string): Cmdlet | undefined => {
  const found = byName.get(name.toLowerCase());
  if (found === undefined || !isThere(context, found)) return undefined;
  const message = nodeOf(context).failingCommands[found.name];
  return message === undefined ? found : failing(found, message);
};

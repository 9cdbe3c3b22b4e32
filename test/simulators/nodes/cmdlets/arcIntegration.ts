import { setTimeout as sleep } from 'node:timers/promises';
import { connect, disconnect, install } from '../arcAgent.ts';
import type { BuildFeatures } from '../builds.ts';
import { Hashtable } from '../powershell/values.ts';
import { clusterOf, count, nodeOf, nodesOf, type NodeContext } from '../world.ts';
import { cmdlet, CmdletError, enumeration, mandatory, optional, toggle, type Cmdlet } from './cmdlet.ts';
import { exists, fileAt, parentOf, parsePath, writeFile } from './items.ts';

// The Arc half of the module AzureStackHCI, absent on 20H2.

const module = 'AzureStackHCI';
const onRelease = (features: BuildFeatures): boolean => features.arcIntegration;
const arcStatus = enumeration('Microsoft.AzureStack.HCI.ArcStatus', {
  Unknown: 0,
  Enabled: 1,
  Disabled: 2,
  DisableInProgress: 3,
});

const refuse = (message: string, command: string, detail?: string): CmdletError =>
  new CmdletError(
    message,
    `${message},Microsoft.AzureStack.HCI.${command}`,
    'InvalidOperationException',
    detail === undefined ? {} : { detail },
  );

/** NodesArcStatus is keyed by lower-case node names. */
const getAzureStackHCIArcIntegration = cmdlet({
  name: 'Get-AzureStackHCIArcIntegration',
  module,
  exists: onRelease,
  parameters: {},
  run: ({ context }) => {
    const arc = nodeOf(context).evicted ? undefined : clusterOf(context).arc;
    return {
      ClusterArcStatus: arcStatus(arc?.status ?? 2),
      NodesArcStatus: new Hashtable(
        nodesOf(context).map((each) => [each.nodeName.toLowerCase(), arcStatus(nodeOf(each).arcStatus)]),
      ),
      ApplicationId: arc?.applicationId ?? null,
    };
  },
});

const initializeAzureStackHCIArcIntegration = cmdlet({
  name: 'Initialize-AzureStackHCIArcIntegration',
  module,
  exists: onRelease,
  lacks: (features) => (features.arcCloud ? [] : ['Cloud']),
  parameters: {
    ApplicationId: mandatory,
    ServicePrincipalSecret: mandatory,
    ResourceGroup: mandatory,
    TenantId: mandatory,
    Location: mandatory,
    SubscriptionId: mandatory,
    Cloud: optional,
  },
  aliases: { AppId: 'ApplicationId', Secret: 'ServicePrincipalSecret', Region: 'Location' },
  run: ({ context, parameters }): void => {
    const command = 'InitializeArcIntegration';
    const cluster = clusterOf(context);
    if (/\s/.test(parameters.ServicePrincipalSecret)) {
      // Windows PowerShell's own validation repeats what it refuses.
      throw new CmdletError(
        `Cannot validate argument on parameter 'ServicePrincipalSecret'. The argument "${parameters.ServicePrincipalSecret}" does not match the "^\\S+$" pattern.`,
        'ParameterArgumentValidationError,Initialize-AzureStackHCIArcIntegration',
        'ParameterBindingValidationException',
      );
    }
    if (cluster.registration === undefined || !nodeOf(context).registered) {
      throw refuse(
        'The cluster is not registered with Azure. Register it before Arc integration is initialized.',
        command,
      );
    }
    if (cluster.arc?.status === 3) throw refuse('Arc integration is being disabled. Finish that first.', command);
    cluster.arc = {
      status: 1,
      applicationId: parameters.ApplicationId,
      secret: parameters.ServicePrincipalSecret,
      tenantId: parameters.TenantId,
      subscriptionId: parameters.SubscriptionId,
      region: parameters.Location,
      resourceGroup: parameters.ResourceGroup,
      cloud: parameters.Cloud ?? 'AzureCloud',
    };
    count(context.world, 'arcInitializations');
  },
});

const clearAzureStackHCIArcIntegration = cmdlet({
  name: 'Clear-AzureStackHCIArcIntegration',
  module,
  exists: onRelease,
  parameters: { SetDisableInProgress: toggle },
  run: ({ context, parameters: { SetDisableInProgress } }): void => {
    const command = 'ClearArcIntegration';
    const cluster = clusterOf(context);
    if (cluster.arc === undefined) throw refuse('Arc integration is not enabled on this cluster.', command);
    if (SetDisableInProgress === true) {
      cluster.arc.status = 3;
      return;
    }
    const enabled = nodesOf(context).filter((each) => nodeOf(each).arcStatus === 1);
    if (enabled.length > 0) {
      const names = enabled.map(({ nodeName }) => nodeName).join(', ');
      throw refuse(`Arc integration is still enabled on ${names}. Disable it there first.`, command);
    }
    delete cluster.arc;
    count(context.world, 'arcClears');
  },
});

/** The installer is put where its name says; the folder has to be there. */
const requireFolder = (context: NodeContext, path: string | undefined, command: string): void => {
  if (path === undefined || !path.includes('\\')) return;
  const folder = parsePath(parentOf(path), command);
  if (exists(context, folder)) return;
  throw new CmdletError(
    `Could not find a part of the path '${path}'.`,
    `Could not find a part of the path,Microsoft.AzureStack.HCI.${command}`,
    'DirectoryNotFoundException',
  );
};

/** All of these are optional by the documented syntax; what they default to is not documented, so none may be left out here. */
const requireAll = (parameters: Readonly<Record<string, unknown>>, names: readonly string[], command: string): void => {
  const missing = names.find((each) => parameters[each] === undefined);
  if (missing !== undefined) throw refuse(`${missing} was not given.`, command);
};

const logTo = (context: NodeContext, path: string | undefined, text: string): void => {
  if (path === undefined || !path.includes('\\')) return;
  const content = `${fileAt(context, path)?.content ?? ''}${text}\r\n`;
  writeFile(context, path, { content });
};

/** Says what the agent says, also when the agent was refused: only the status tells whether it worked. */
const enableAzureStackHCIArcIntegration = cmdlet({
  name: 'Enable-AzureStackHCIArcIntegration',
  module,
  exists: onRelease,
  parameters: {
    AgentInstallerWebLink: optional,
    AgentInstallerLogFile: optional,
    AgentInstallerName: optional,
    AgentExecutablePath: optional,
  },
  run: async ({ context, signal, parameters }): Promise<string> => {
    const command = 'EnableArcIntegration';
    if (clusterOf(context).arc?.status !== 1) throw refuse('Arc integration is not enabled on this cluster.', command);
    requireAll(
      parameters,
      ['AgentInstallerWebLink', 'AgentInstallerName', 'AgentInstallerLogFile', 'AgentExecutablePath'],
      command,
    );
    requireFolder(context, parameters.AgentInstallerName, command);
    requireFolder(context, parameters.AgentInstallerLogFile, command);
    if (nodeOf(context).agent === undefined) {
      await sleep(context.world.settings.arcOnboardingSeconds * 1000, undefined, { signal, ref: false });
      install(context);
      logTo(context, parameters.AgentInstallerLogFile, 'Installation completed successfully.');
    }
    const { exitCode, text } = await connect(context);
    if (exitCode === 0) nodeOf(context).arcStatus = 1;
    return exitCode === 0 ? `INFO    ${text}` : `ERROR   ${text}`;
  },
});

/** Deletes the machine's resource, then the agent. */
const disableAzureStackHCIArcIntegration = cmdlet({
  name: 'Disable-AzureStackHCIArcIntegration',
  module,
  exists: onRelease,
  parameters: { AgentUninstallerLogFile: optional, AgentInstallerName: optional, AgentExecutablePath: optional },
  run: async ({ context, parameters }): Promise<void> => {
    const command = 'DisableArcIntegration';
    if (clusterOf(context).arc === undefined) throw refuse('Arc integration is not enabled on this cluster.', command);
    requireAll(parameters, ['AgentInstallerName', 'AgentUninstallerLogFile', 'AgentExecutablePath'], command);
    requireFolder(context, parameters.AgentInstallerName, command);
    requireFolder(context, parameters.AgentUninstallerLogFile, command);
    const { exitCode, text } = await disconnect(context);
    if (exitCode !== 0)
      throw refuse(`Arc integration of node ${context.nodeName} could not be disabled.`, command, text);
    const node = nodeOf(context);
    if (node.arcStatus === 1) count(context.world, 'arcDisables');
    delete node.agent;
    node.arcStatus = 2;
    logTo(context, parameters.AgentUninstallerLogFile, 'Removal completed successfully.');
  },
});

export const arcIntegrationCmdlets: readonly Cmdlet[] = [
  getAzureStackHCIArcIntegration,
  initializeAzureStackHCIArcIntegration,
  clearAzureStackHCIArcIntegration,
  enableAzureStackHCIArcIntegration,
  disableAzureStackHCIArcIntegration,
];

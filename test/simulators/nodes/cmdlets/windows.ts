import { Type } from 'typebox';
import { builds } from '../builds.ts';
import { clusterOf, count, nodeOf, type NodeContext } from '../world.ts';
import { cmdlet, CmdletError, enumeration, type EnumValue } from './cmdlet.ts';

// Scheduled tasks, the registry, services and the rest of Windows that the node script asks.

const taskName = 'ArcRegistrationTask';
const taskState = enumeration('StateEnum', { Unknown: 0, Disabled: 1, Queued: 2, Ready: 3, Running: 4 });
const never = new Date('1999-11-30T00:00:00Z');
const taskRunning = 0x41301;
const taskHasNotRun = 0x41303;

const task = { TaskName: Type.String({ minLength: 1 }) };

const isRegistered = (context: NodeContext, name: string): boolean =>
  name === taskName && clusterOf(context).arcRegistrationTask;

const noTask = (name: string, command: string): CmdletError =>
  new CmdletError(
    `No MSFT_ScheduledTask objects found with property 'TaskName' equal to '${name}'. Verify the value of the property and retry.`,
    `CmdletizationQuery_NotFound_TaskName,${command}`,
    'CimJobException',
  );

export const getScheduledTask = cmdlet({
  name: 'Get-ScheduledTask',
  module: 'ScheduledTasks',
  parameters: task,
  run: (context, { TaskName }): { readonly TaskName: string; readonly State: EnumValue } => {
    if (!isRegistered(context, TaskName)) throw noTask(TaskName, 'Get-ScheduledTask');
    return { TaskName, State: taskState(nodeOf(context).arcRegistrationTask.running ? 'Running' : 'Ready') };
  },
});

/** A task that never ran says so with a date in 1999 and a result of its own. */
export const getScheduledTaskInfo = cmdlet({
  name: 'Get-ScheduledTaskInfo',
  module: 'ScheduledTasks',
  parameters: task,
  run: (context, { TaskName }): { readonly LastRunTime: Date; readonly LastTaskResult: number } => {
    if (!isRegistered(context, TaskName)) throw noTask(TaskName, 'Get-ScheduledTaskInfo');
    const { running, lastRunTime, lastTaskResult } = nodeOf(context).arcRegistrationTask;
    return {
      LastRunTime: lastRunTime === undefined ? never : new Date(lastRunTime),
      LastTaskResult: running ? taskRunning : (lastTaskResult ?? taskHasNotRun),
    };
  },
});

export const startScheduledTask = cmdlet({
  name: 'Start-ScheduledTask',
  module: 'ScheduledTasks',
  parameters: task,
  run: (context, { TaskName }): void => {
    if (!isRegistered(context, TaskName)) {
      throw new CmdletError(
        'The system cannot find the file specified.',
        'HRESULT 0x80070002,Start-ScheduledTask',
        'CimException',
      );
    }
    context.world.arcRegistrationTasks.start(context);
  },
});

export const getClusteredScheduledTask = cmdlet({
  name: 'Get-ClusteredScheduledTask',
  module: 'ScheduledTasks',
  parameters: task,
  run: (context, { TaskName }): readonly { readonly TaskName: string }[] =>
    isRegistered(context, TaskName) ? [{ TaskName }] : [],
});

export const registerClusteredScheduledTask = cmdlet({
  name: 'Register-ClusteredScheduledTask',
  module: 'ScheduledTasks',
  parameters: { ...task, TaskType: Type.Literal('ClusterWide') },
  run: (context, { TaskName }): void => {
    if (isRegistered(context, TaskName)) {
      throw new CmdletError(
        'Cannot create a file when that file already exists.',
        'HRESULT 0x800700b7,Register-ClusteredScheduledTask',
        'CimException',
      );
    }
    if (TaskName !== taskName) return;
    clusterOf(context).arcRegistrationTask = true;
    count(context.world, 'arcRegistrationTasksRegistered');
  },
});

const imdsPath = 'HKLM:\\SOFTWARE\\Microsoft\\Windows Azure\\CurrentVersion\\IMDS';
const versionPath = 'HKLM:\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion';
export const registryPaths = { imds: imdsPath, version: versionPath } as const;

/** The values of a key: one that does not exist is an empty object, as with -ErrorAction SilentlyContinue. */
export const getItemProperty = cmdlet({
  name: 'Get-ItemProperty',
  module: 'Microsoft.PowerShell.Management',
  parameters: { Path: Type.String({ minLength: 1 }) },
  run: (context, { Path }): Readonly<Record<string, string | number>> => {
    const node = nodeOf(context);
    if (Path === versionPath) return { UBR: builds[node.build].updateRevision, DisplayVersion: node.build };
    if (Path === imdsPath && node.customImdsHostAddress !== undefined)
      return { CustomIMDSHostAddress: node.customImdsHostAddress };
    return {};
  },
});

export const removeItemProperty = cmdlet({
  name: 'Remove-ItemProperty',
  module: 'Microsoft.PowerShell.Management',
  parameters: { Path: Type.String({ minLength: 1 }), Name: Type.String({ minLength: 1 }) },
  run: (context, { Path, Name }): void => {
    const node = nodeOf(context);
    if (Path !== imdsPath || Name !== 'CustomIMDSHostAddress' || node.customImdsHostAddress === undefined) {
      throw new CmdletError(
        `Property ${Name} does not exist at path ${Path}.`,
        'System.Management.Automation.PSArgumentException,Microsoft.PowerShell.Commands.RemoveItemPropertyCommand',
        'PSArgumentException',
      );
    }
    delete node.customImdsHostAddress;
  },
});

/** `Get-CimInstance CIM_OperatingSystem` and `Win32_BIOS`, as far as they are read. */
export interface OperatingSystem {
  readonly BuildNumber: string;
  readonly LastBootUpTime: Date;
}

export const getOperatingSystem = cmdlet({
  name: 'Get-CimInstance CIM_OperatingSystem',
  module: 'CimCmdlets',
  parameters: {},
  run: (context): OperatingSystem => ({
    BuildNumber: String(builds[nodeOf(context).build].number),
    LastBootUpTime: new Date(nodeOf(context).bootTime),
  }),
});

export const getBios = cmdlet({
  name: 'Get-CimInstance Win32_BIOS',
  module: 'CimCmdlets',
  parameters: {},
  run: (context): { readonly Manufacturer: string; readonly SMBIOSBIOSVersion: string; readonly ReleaseDate: Date } => {
    const { bios } = nodeOf(context);
    return {
      Manufacturer: bios.manufacturer,
      SMBIOSBIOSVersion: bios.version,
      ReleaseDate: new Date(bios.releaseDate),
    };
  },
});

export const confirmSecureBootUEFI = cmdlet({
  name: 'Confirm-SecureBootUEFI',
  module: 'SecureBoot',
  parameters: {},
  run: (context): boolean => nodeOf(context).bios.secureBoot,
});

export const getDate = cmdlet({
  name: 'Get-Date',
  module: 'Microsoft.PowerShell.Utility',
  parameters: {},
  run: (context): Date => context.world.now(),
});

/** Services that do not exist are left out, as with -ErrorAction SilentlyContinue. */
export const getService = cmdlet({
  name: 'Get-Service',
  module: 'Microsoft.PowerShell.Management',
  parameters: { Name: Type.Array(Type.String()) },
  run: (context, { Name }): readonly { readonly Name: string; readonly Status: string }[] => {
    const { hcisvc, agent } = nodeOf(context);
    const all = [
      { Name: 'hcisvc', Status: hcisvc },
      ...(agent === undefined ? [] : [{ Name: 'himds', Status: 'Running' }]),
    ];
    return all.filter((each) => Name.includes(each.Name));
  },
});

const servicePaths: Readonly<Record<string, string>> = {
  'C:\\Windows\\System32\\azshci\\HciClusterAgentSvc.exe': 'HciClusterAgentSvc',
  'C:\\Windows\\System32\\azshci\\cloudmanagement\\HciCloudManagementSvc.exe': 'HciCloudManagementSvc',
};
export const cloudManagementPaths = Object.keys(servicePaths);

export const testPath = cmdlet({
  name: 'Test-Path',
  module: 'Microsoft.PowerShell.Management',
  parameters: { Path: Type.String({ minLength: 1 }) },
  run: (context, { Path }): boolean => nodeOf(context).cloudManagementServices.includes(servicePaths[Path] ?? ''),
});

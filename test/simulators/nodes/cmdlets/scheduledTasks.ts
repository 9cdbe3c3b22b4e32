import { Type } from 'typebox';
import { localTime, makeObject } from '../powershell/values.ts';
import { clusterOf, count, nodeOf, type NodeContext } from '../world.ts';
import { cmdlet, CmdletError, enumeration, mandatory, optional, toggle, type Cmdlet } from './cmdlet.ts';

// The module ScheduledTasks, with the one clustered task that is simulated.

const module = 'ScheduledTasks';
const onlyTask = 'ArcRegistrationTask';
const taskState = enumeration('Microsoft.PowerShell.Cmdletization.GeneratedTypes.ScheduledTask.StateEnum', {
  Unknown: 0,
  Disabled: 1,
  Queued: 2,
  Ready: 3,
  Running: 4,
});
const taskType = enumeration('Microsoft.PowerShell.Cmdletization.GeneratedTypes.ScheduledTask.ClusterTaskTypeEnum', {
  ResourceSpecific: 1,
  AnyNode: 2,
  ClusterWide: 3,
});
const never = new Date('1999-11-30T00:00:00Z');
const taskRunning = 0x41301;
const taskHasNotRun = 0x41303;

const isRegistered = (context: NodeContext, name: string): boolean =>
  name.toLowerCase() === onlyTask.toLowerCase() && clusterOf(context).arcRegistrationTask !== undefined;

const noTask = (name: string, command: string): CmdletError =>
  new CmdletError(
    `No MSFT_ScheduledTask objects found with property 'TaskName' equal to '${name}'. Verify the value of the property and retry.`,
    `CmdletizationQuery_NotFound_TaskName,${command}`,
    'CimJobException',
    { terminating: false },
  );

const cimError = (message: string, code: string, command: string): CmdletError =>
  new CmdletError(message, `HRESULT ${code},${command}`, 'CimException', { terminating: false });

/** A task by its name, or as Get-ScheduledTask gave it. */
const taskParameters = { TaskName: optional, InputObject: Type.Optional(Type.Object({ TaskName: Type.String() })) };
const nameOf = (given: { readonly TaskName?: string; readonly InputObject?: { readonly TaskName: string } }): string =>
  given.InputObject?.TaskName ?? given.TaskName ?? '';

const getScheduledTask = cmdlet({
  name: 'Get-ScheduledTask',
  module,
  parameters: { TaskName: mandatory },
  run: ({ context, parameters: { TaskName } }) => {
    if (!isRegistered(context, TaskName)) throw noTask(TaskName, 'Get-ScheduledTask');
    const State = taskState(nodeOf(context).arcRegistrationTask.running ? 'Running' : 'Ready');
    return { TaskName: onlyTask, TaskPath: '\\', State };
  },
});

/** A task that never ran says so with a date in 1999 and a result of its own. */
const getScheduledTaskInfo = cmdlet({
  name: 'Get-ScheduledTaskInfo',
  module,
  parameters: taskParameters,
  run: ({ context, parameters }) => {
    const name = nameOf(parameters);
    if (!isRegistered(context, name)) throw noTask(name, 'Get-ScheduledTaskInfo');
    const { running, lastRunTime, lastTaskResult } = nodeOf(context).arcRegistrationTask;
    return {
      TaskName: onlyTask,
      LastRunTime: localTime(lastRunTime === undefined ? never : new Date(lastRunTime)),
      LastTaskResult: running ? taskRunning : (lastTaskResult ?? taskHasNotRun),
    };
  },
});

const startScheduledTask = cmdlet({
  name: 'Start-ScheduledTask',
  module,
  parameters: taskParameters,
  run: ({ context, parameters }) => {
    if (!isRegistered(context, nameOf(parameters)))
      throw cimError('The system cannot find the file specified.', '0x80070002', 'Start-ScheduledTask');
    context.world.startArcRegistrationTask(context);
  },
});

const newScheduledTaskAction = cmdlet({
  name: 'New-ScheduledTaskAction',
  module,
  parameters: { Execute: mandatory, Argument: optional, WorkingDirectory: optional },
  run: ({ parameters: { Execute, Argument = '' } }) =>
    makeObject([
      ['Execute', Execute],
      ['Arguments', Argument],
    ]),
});

/** A [datetime] or [timespan] is taken as it is. */
const instant = Type.Unknown();

const newScheduledTaskTrigger = cmdlet({
  name: 'New-ScheduledTaskTrigger',
  module,
  parameters: {
    Daily: toggle,
    Once: toggle,
    At: instant,
    RepetitionInterval: Type.Optional(instant),
    RepetitionDuration: Type.Optional(instant),
  },
  run: ({ parameters: { Daily, Once, RepetitionInterval, RepetitionDuration } }) => {
    const repeats = RepetitionInterval !== undefined || RepetitionDuration !== undefined;
    // Parameter sets: a daily trigger takes no repetition.
    if (Daily === Once || (Daily === true && repeats)) {
      throw new CmdletError(
        'Parameter set cannot be resolved using the specified named parameters.',
        'AmbiguousParameterSet,New-ScheduledTaskTrigger',
        'ParameterBindingException',
      );
    }
    const Repetition = repeats ? { Interval: 'PT1H', Duration: 'PT23H55M' } : null;
    return makeObject([
      ['Enabled', true],
      ['Repetition', Repetition],
    ]);
  },
});

const clusteredTasks = (context: NodeContext): readonly unknown[] =>
  clusterOf(context).arcRegistrationTask === undefined
    ? []
    : [{ TaskName: onlyTask, TaskType: taskType('ClusterWide'), ClusterName: context.clusterName }];

const getClusteredScheduledTask = cmdlet({
  name: 'Get-ClusteredScheduledTask',
  module,
  parameters: { TaskName: optional },
  run: ({ context, parameters: { TaskName } }) => {
    if (TaskName !== undefined && !isRegistered(context, TaskName))
      throw cimError('The system cannot find the file specified.', '0x80070002', 'Get-ClusteredScheduledTask');
    return clusteredTasks(context);
  },
});

const Action = Type.Object({ Execute: Type.String(), Arguments: Type.String() });
const Trigger = Type.Object({
  Enabled: Type.Boolean(),
  Repetition: Type.Union([Type.Null(), Type.Object({ Interval: Type.String() })]),
});

/** What Windows starts for a task's action may be at most so long. */
const longestCommandLine = 32_767;

const registerClusteredScheduledTask = cmdlet({
  name: 'Register-ClusteredScheduledTask',
  module,
  parameters: {
    TaskName: mandatory,
    TaskType: Type.Literal('ClusterWide'),
    Action: Type.Array(Action, { minItems: 1, maxItems: 1 }),
    Trigger: Type.Array(Trigger, { minItems: 1, maxItems: 1 }),
    Description: optional,
  },
  run: ({ context, parameters }) => {
    const [action] = parameters.Action;
    const [trigger] = parameters.Trigger;
    if (action === undefined) throw new Error('a task has an action');
    if (parameters.TaskName !== onlyTask) throw new Error(`the task ${parameters.TaskName} is not simulated`);
    if (isRegistered(context, onlyTask)) {
      throw cimError(
        'Cannot create a file when that file already exists.',
        '0x800700b7',
        'Register-ClusteredScheduledTask',
      );
    }
    if (`${action.Execute} ${action.Arguments}`.length > longestCommandLine)
      throw cimError('The filename or extension is too long.', '0x800700ce', 'Register-ClusteredScheduledTask');
    const interval = trigger?.Repetition?.Interval;
    clusterOf(context).arcRegistrationTask = {
      execute: action.Execute,
      arguments: action.Arguments,
      ...(interval === undefined ? {} : { repetitionInterval: interval }),
    };
    count(context.world, 'arcRegistrationTasksRegistered');
    return clusteredTasks(context);
  },
});

const unregisterClusteredScheduledTask = cmdlet({
  name: 'Unregister-ClusteredScheduledTask',
  module,
  parameters: { TaskName: mandatory },
  run: ({ context, parameters: { TaskName } }) => {
    if (!isRegistered(context, TaskName))
      throw cimError('The system cannot find the file specified.', '0x80070002', 'Unregister-ClusteredScheduledTask');
    delete clusterOf(context).arcRegistrationTask;
    for (const node of Object.values(clusterOf(context).nodes))
      node.arcRegistrationTask = { running: node.arcRegistrationTask.running };
    count(context.world, 'arcRegistrationTasksUnregistered');
  },
});

export const scheduledTaskCmdlets: readonly Cmdlet[] = [
  getScheduledTask,
  getScheduledTaskInfo,
  startScheduledTask,
  newScheduledTaskAction,
  newScheduledTaskTrigger,
  getClusteredScheduledTask,
  registerClusteredScheduledTask,
  unregisterClusteredScheduledTask,
];

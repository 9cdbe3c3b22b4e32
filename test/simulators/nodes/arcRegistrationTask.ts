import { parseCommandLine, runPowerShellProcess } from './powershellProcess.ts';
import { ProcessEnded } from './processes.ts';
import { clusterOf, count, instant, isUp, nodeOf, type NodeContext } from './world.ts';

// Runs of the clustered task: its action as it was registered, on one node, as SYSTEM.

const terminated = 0x41306;

const run = async (context: NodeContext): Promise<number> => {
  const task = clusterOf(context).arcRegistrationTask;
  const command = task === undefined ? undefined : parseCommandLine(`${task.execute} ${task.arguments}`);
  if (command === undefined) throw new Error('the action of ArcRegistrationTask cannot be run');
  const { exitCode } = await runPowerShellProcess(context, command, '', { USERNAME: `${context.nodeName}$` });
  return exitCode;
};

/** Returns at once. A run that is under way goes on, as MultipleInstances IgnoreNew says. */
export const startArcRegistrationTask = (context: NodeContext, onDefect: (error: unknown) => void): void => {
  const { arcRegistrationTask } = nodeOf(context);
  if (arcRegistrationTask.running || !isUp(nodeOf(context))) return;
  arcRegistrationTask.running = true;
  arcRegistrationTask.lastRunTime = instant(context.world);
  count(context.world, 'arcRegistrationTaskStarts');
  const ended = (lastTaskResult: number): void => {
    Object.assign(nodeOf(context).arcRegistrationTask, { running: false, lastTaskResult });
  };
  run(context).then(ended, (error: unknown) => {
    ended(terminated);
    if (!(error instanceof ProcessEnded)) onDefect(error);
  });
};

import { commandLine, encodeRequest, readAnswer, secretsOf } from '../../src/nodes/frame.ts';
import type { OperationName } from '../../src/nodes/operations.ts';
import type { NodeExecution, Outcome } from '../../src/nodes/transport.ts';
import { scriptPath } from '../simulators/nodes/cmdlets/items.ts';
import { parseCommandLine, runPowerShellProcess } from '../simulators/nodes/powershellProcess.ts';
import type { Ran } from '../simulators/nodes/powershell/run.ts';
import type { NodeContext } from '../simulators/nodes/world.ts';

// One operation of a node script, as the shipped client asks and judges it, without the network in between.

export const correlationId = 'node-scripts';

export interface Asked {
  readonly ran: Ran;
  readonly outcome: Outcome<unknown>;
}

/** The document that the client sends, with this script in the place of its own. */
export const documentFor = (
  script: string,
  execution: NodeExecution,
  operation: OperationName,
  given: unknown,
): string => {
  const document = encodeRequest(execution, operation, correlationId, given);
  if (execution === 'Dispatcher') return document;
  const parsed: unknown = JSON.parse(document);
  return JSON.stringify(Object.assign({}, parsed, { script }));
};

/** Rejects with UnsupportedPowerShell for a script outside the subset. */
export const ask = async (
  context: NodeContext,
  script: string,
  execution: NodeExecution,
  operation: OperationName,
  given: object,
  command = commandLine(execution, operation),
  stdin = documentFor(script, execution, operation, given),
): Promise<Asked> => {
  const started = execution === 'Dispatcher' ? { text: script, scriptPath } : parseCommandLine(command);
  if (started === undefined) throw new Error('the command line cannot be run');
  const environment = execution === 'Dispatcher' ? { SSH_ORIGINAL_COMMAND: command } : {};
  const ran = await runPowerShellProcess(context, started, stdin, environment);
  const asked = { nodeName: context.nodeName, execution, operationName: operation, secrets: secretsOf(given) };
  const outcome = readAnswer(asked, { ...ran, exitStatus: ran.exitCode }, 0);
  return { ran, outcome };
};

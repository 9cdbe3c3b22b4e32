import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { frame, operations, operationsVersion } from '../../../src/nodes/operations.ts';
import { nodeScript } from '../../../src/nodes/script/script.ts';
import type { Exchange, OnExchange } from '../shared/admin.ts';
import { scriptPath } from './cmdlets/items.ts';
import type { FaultEffect, Faults } from './faults.ts';
import { parseCommandLine, runPowerShellProcess } from './powershellProcess.ts';
import { ProcessEnded } from './processes.ts';
import { clusterOf, instant, nodeOf, pause, type NodeContext } from './world.ts';

// One command of one node: what sshd starts for it (the dispatcher behind ForceCommand, or cmd.exe), with the faults that were ordered.

export interface Ran {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitStatus: number;
}

/** What the SSH server does with a command: answer, cut the connection, or never answer. */
export type Reaction = ({ readonly kind: 'answer' } & Ran) | { readonly kind: 'cut' } | { readonly kind: 'silence' };

/** As the script frames its answers. */
const failed = (op: string, message: string, id: string, reason: string): Ran => {
  const error = { message, id, reason, position: '' };
  const json = JSON.stringify({ v: operationsVersion, op, ok: false, error });
  return { stdout: `${frame.open}${json}${frame.close}\r\n`, stderr: '', exitStatus: 10 };
};

const InlineDocument = Type.Object({ script: Type.String(), command: Type.String() });

/** The operation that is asked for, if it is one; only faults and the log want to know. */
const operationIn = (command: string, document: unknown): string | undefined => {
  const asked = Value.Check(InlineDocument, document) ? document.command : command;
  const [, name = ''] = /^hcireg\/\d+ ([A-Za-z]+)$/.exec(asked) ?? [];
  return Object.hasOwn(operations, name) ? name : undefined;
};

/** The log of a script that the caller brought along would be that script, over and over. */
const withoutScript = (document: unknown): unknown =>
  Value.Check(InlineDocument, document) ? { ...document, script: '(the node script)' } : document;

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** cmd.exe takes no longer one. */
const longestCommandLine = 8191;
const installedScript = nodeScript();

const cmdFailure = (stderr: string): Ran => ({ stdout: '', stderr: `${stderr}\r\n`, exitStatus: 1 });

const runCommand = async (context: NodeContext, user: string, command: string, stdin: string): Promise<Ran> => {
  const dispatched = clusterOf(context).execution === 'Dispatcher';
  if (!dispatched && command.length > longestCommandLine) return cmdFailure('The command line is too long.');
  const started = dispatched ? { text: installedScript, scriptPath } : parseCommandLine(command);
  if (started === undefined) {
    const [program = ''] = command.split(' ');
    return cmdFailure(
      `'${program}' is not recognized as an internal or external command,\r\noperable program or batch file.`,
    );
  }
  const environment = { USERNAME: user, ...(dispatched ? { SSH_ORIGINAL_COMMAND: command } : {}) };
  const { stdout, stderr, exitCode } = await runPowerShellProcess(context, started, stdin, environment);
  return { stdout, stderr, exitStatus: exitCode };
};

/** The frame's JSON, for the log. */
const frameOf = (stdout: string): unknown => {
  const start = stdout.lastIndexOf(frame.open);
  if (start === -1) return stdout === '' ? null : stdout;
  return parse(stdout.slice(start + frame.open.length, stdout.lastIndexOf(frame.close))) ?? stdout;
};

/** What a fault that only delays, by nothing, would be. */
const noEffect: FaultEffect = { delaySeconds: 0 };

export interface Executor {
  /** `principal` is the SSH user, `authority` the address and port that were connected to. */
  execute(
    context: NodeContext,
    principal: string,
    authority: string,
    command: string,
    stdin: string,
  ): Promise<Reaction>;
}

export const createExecutor = (faults: Faults, log: Exchange[], onExchange: OnExchange | undefined): Executor => ({
  execute: async (context, principal, authority, command, stdin) => {
    const { world, clusterName, nodeName } = context;
    const time = instant(world);
    const document = parse(stdin) ?? stdin;
    const operation = operationIn(command, document);
    const name = operation ?? command;
    const record = async (reaction: Reaction): Promise<Reaction> => {
      const exchange = {
        time,
        principal,
        request: { method: 'EXEC', url: `ssh://${authority}/${name}`, headers: {}, body: withoutScript(document) },
        response: {
          status: reaction.kind === 'answer' ? reaction.exitStatus : null,
          headers: {},
          body: reaction.kind === 'answer' ? frameOf(reaction.stdout) : null,
        },
      };
      log.push(exchange);
      await onExchange?.(exchange);
      return reaction;
    };
    if (nodeOf(context).power === 'garbage') {
      return record({
        kind: 'answer',
        stdout: 'Preparing modules for first use.\u0000\ufffd',
        stderr: '',
        exitStatus: 0,
      });
    }
    const effect = operation === undefined ? noEffect : (faults.take(clusterName, nodeName, operation) ?? noEffect);
    await pause(world, world.settings.latencySeconds + ('delaySeconds' in effect ? effect.delaySeconds : 0));
    if ('hang' in effect) return record({ kind: 'silence' });
    if ('dropRequest' in effect) return record({ kind: 'cut' });
    if ('fail' in effect) {
      return record({ kind: 'answer', ...failed(name, effect.fail.message, effect.fail.id, effect.fail.reason) });
    }
    if ('raw' in effect) {
      const { stdout = '', stderr = '', exitStatus = 0 } = effect.raw;
      return record({ kind: 'answer', stdout, stderr, exitStatus });
    }
    const ran = await runCommand(context, principal, command, stdin).catch((error: unknown) => {
      if (error instanceof ProcessEnded) return undefined;
      throw error;
    });
    if (ran === undefined || 'dropResponse' in effect) return record({ kind: 'cut' });
    return record(nodeOf(context).power === 'hang' ? { kind: 'silence' } : { kind: 'answer', ...ran });
  },
});

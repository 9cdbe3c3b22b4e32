import { Value } from 'typebox/value';
import { Type } from 'typebox';
import { frame, operations, operationsVersion, type OperationName } from '../../../src/nodes/operations.ts';
import type { Exchange, OnExchange } from '../shared/admin.ts';
import { CmdletError } from './cmdlets/cmdlet.ts';
import type { FaultEffect, Faults } from './faults.ts';
import { runOperation } from './operations.ts';
import { instant, nodeOf, pause, type NodeContext } from './world.ts';

// One command of one node: the dispatcher behind sshd's ForceCommand, then the node script, with the faults that were ordered.

export interface Ran {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitStatus: number;
}

/** What the SSH server does with a command: answer, cut the connection, or never answer. */
export type Reaction = ({ readonly kind: 'answer' } & Ran) | { readonly kind: 'cut' } | { readonly kind: 'silence' };

const refusedStatus = 126;

const Document = Type.Object(
  { correlationId: Type.String(), arguments: Type.Unknown() },
  { additionalProperties: false },
);

const refuse = (stderr: string): Ran => ({ stdout: '', stderr: `hcireg: ${stderr}\r\n`, exitStatus: refusedStatus });

/** As Windows PowerShell 5.1 writes JSON, made ASCII by the script. */
const framed = (answer: unknown): string => {
  const json = JSON.stringify(answer).replace(
    /[<>&'\u007f-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return `${frame.open}${json}${frame.close}\r\n`;
};

const failed = (op: string, message: string, id: string, reason: string): Ran => ({
  stdout: framed({
    v: operationsVersion,
    op,
    ok: false,
    error: { message, id, reason, position: 'At C:\\ProgramData\\hcireg\\hcireg.ps1' },
  }),
  stderr: '',
  exitStatus: 10,
});

const isOperation = (name: string): name is OperationName => Object.hasOwn(operations, name);

const readCommand = (command: string): { readonly operation: OperationName } | { readonly refusal: Ran } => {
  const [, version = '', name = ''] = /^hcireg\/(\d{1,9}) ([A-Za-z]{1,64})$/.exec(command) ?? [];
  if (version === '') return { refusal: refuse('only operations of hcireg may be run here') };
  if (Number(version) !== operationsVersion) {
    return {
      refusal: refuse(`version ${version} of the operations was asked for, this node has version ${operationsVersion}`),
    };
  }
  return isOperation(name) ? { operation: name } : { refusal: refuse(`there is no operation ${name}`) };
};

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

const runScript = async (context: NodeContext, operation: OperationName, stdin: string): Promise<Ran> => {
  const document = parse(stdin);
  if (!Value.Check(Document, document)) {
    return failed(operation, 'There is no document on standard input.', 'InvalidDocument', 'ArgumentException');
  }
  try {
    const result = await runOperation(context, operation, document.arguments);
    if (result === undefined)
      return failed(operation, 'The arguments do not fit the operation.', 'InvalidArguments', 'ArgumentException');
    return { stdout: framed({ v: operationsVersion, op: operation, ok: true, result }), stderr: '', exitStatus: 0 };
  } catch (error) {
    if (!(error instanceof CmdletError)) throw error;
    const message = error.detail === undefined ? error.message : `${error.message} ${error.detail}`;
    return failed(operation, message, error.fullyQualifiedErrorId, error.reason);
  }
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
    const read = readCommand(command);
    const name = 'operation' in read ? read.operation : command;
    const record = async (reaction: Reaction): Promise<Reaction> => {
      const exchange = {
        time,
        principal,
        request: { method: 'EXEC', url: `ssh://${authority}/${name}`, headers: {}, body: parse(stdin) ?? stdin },
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
    if ('refusal' in read) return record({ kind: 'answer', ...read.refusal });
    if (nodeOf(context).power === 'garbage') {
      return record({
        kind: 'answer',
        stdout: 'Preparing modules for first use.\u0000\ufffd',
        stderr: '',
        exitStatus: 0,
      });
    }
    const { operation } = read;
    const effect = faults.take(clusterName, nodeName, operation) ?? noEffect;
    await pause(world, world.settings.latencySeconds + ('delaySeconds' in effect ? effect.delaySeconds : 0));
    if ('hang' in effect) return record({ kind: 'silence' });
    if ('dropRequest' in effect) return record({ kind: 'cut' });
    if ('fail' in effect) {
      return record({ kind: 'answer', ...failed(operation, effect.fail.message, effect.fail.id, effect.fail.reason) });
    }
    if ('raw' in effect) {
      const { stdout = '', stderr = '', exitStatus = 0 } = effect.raw;
      return record({ kind: 'answer', stdout, stderr, exitStatus });
    }
    const ran = await runScript(context, operation, stdin);
    if ('dropResponse' in effect) return record({ kind: 'cut' });
    return record(nodeOf(context).power === 'hang' ? { kind: 'silence' } : { kind: 'answer', ...ran });
  },
});

import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { checkArguments, commandLine, encodeRequest, readAnswer, secretsOf } from './frame.ts';
import { operations, type OperationArguments, type OperationName, type OperationResult } from './operations.ts';
import { createSlots } from './slots.ts';
import {
  openConnection,
  resolveName,
  scanHostKey,
  unreachable,
  type SshConnection,
  type SshConnectionSettings,
} from './ssh-connection.ts';
import { execute, type Executed, type SshExecuteSettings } from './ssh-execute.ts';
import { unlessAborted } from './unless-aborted.ts';
import type { NodeEndpoint, NodeTransport, Outcome, RunOptions, Unreachable } from './transport.ts';

// The SSH transport: one pooled connection per node, and who may use it when.

export interface SshSettings extends SshConnectionSettings, SshExecuteSettings {
  /** An unused connection is closed after this time. */
  readonly idleSeconds: number;
  /** Called right before the command of an operation that mutates is sent, and before its input is; if it throws, that is not sent. */
  readonly beforeMutation: () => void;
}

export const defaultSshSettings: SshSettings = {
  allowLoopback: false,
  resolve: resolveName,
  handshakeSeconds: 15,
  keepaliveSeconds: 15,
  keepaliveCount: 3,
  idleSeconds: 90,
  beforeMutation: () => {},
  closeGraceSeconds: 5,
  outputBytes: 4 * 1024 * 1024,
};

// Three channels per node: sshd's own limit is 10, and a channel is free again only after the server saw our close.
const mutatingPerNode = 1;
const readingPerNode = 2;

const longestChannelDelayMilliseconds = 1000;

interface Pooled {
  readonly connecting: Promise<SshConnection | Unreachable>;
  users: number;
  idle: NodeJS.Timeout | undefined;
  retired: boolean;
}

/** Text credentials stay out of the key, which may be printed by a debugger. */
const poolKey = (node: NodeEndpoint): string =>
  createHash('sha256')
    .update(JSON.stringify([node.address, node.port, node.user, node.privateKeys, node.hostKeys]))
    .digest('base64');

const reasonOf = (signal: AbortSignal): string =>
  signal.reason instanceof Error ? signal.reason.message : String(signal.reason);

export const createSshTransport = (overrides: Partial<SshSettings> = {}): NodeTransport => {
  const settings = { ...defaultSshSettings, ...overrides };
  const pool = new Map<string, Pooled>();
  const living = new Set<SshConnection>();
  const slots = { mutating: createSlots(mutatingPerNode), reading: createSlots(readingPerNode) };
  const closing = new AbortController();

  const endWhenUnused = (pooled: Pooled): void => {
    if (pooled.users > 0) return;
    void pooled.connecting.then((connection) => connection.kind === 'connected' && connection.client.destroy());
  };

  const retire = (key: string, pooled: Pooled): void => {
    pooled.retired = true;
    clearTimeout(pooled.idle);
    if (pool.get(key) === pooled) pool.delete(key);
    endWhenUnused(pooled);
  };

  /** Keeps the pool to connections that are up. */
  const watch = async (key: string, pooled: Pooled): Promise<void> => {
    const connection = await pooled.connecting;
    if (connection.kind === 'connected') {
      living.add(connection);
      await connection.closed;
      living.delete(connection);
    }
    retire(key, pooled);
  };

  const connect = (node: NodeEndpoint, key: string): Pooled => {
    const pooled: Pooled = {
      connecting: openConnection(node, settings, closing.signal),
      users: 0,
      idle: undefined,
      retired: false,
    };
    pool.set(key, pooled);
    void watch(key, pooled);
    return pooled;
  };

  const leave = (key: string, pooled: Pooled): void => {
    pooled.users -= 1;
    if (pooled.users > 0) return;
    if (pooled.retired) endWhenUnused(pooled);
    else pooled.idle = setTimeout(() => retire(key, pooled), settings.idleSeconds * 1000).unref();
  };

  /** Tries until the server has a channel free: others may share the node's limit. */
  const executeWhenFree = async (
    connection: SshConnection,
    command: string,
    input: string,
    mutates: boolean,
    signal: AbortSignal,
  ): Promise<Executed> => {
    for (let wait = 50; ; wait = Math.min(wait * 2, longestChannelDelayMilliseconds)) {
      const executed = await execute(connection.client, command, input, settings, signal, () => {
        if (mutates) settings.beforeMutation();
      });
      if (executed.kind !== 'noChannel') return executed;
      await unlessAborted(delay(wait), signal);
      if (signal.aborted) return executed;
    }
  };

  const runOnce = async (
    node: NodeEndpoint,
    command: string,
    input: string,
    mutates: boolean,
    signal: AbortSignal,
  ): Promise<{ executed: Executed | Unreachable; hostKey?: string | undefined }> => {
    const key = poolKey(node);
    const pooled = pool.get(key) ?? connect(node, key);
    const reused = pooled.users > 0 || pooled.idle !== undefined;
    clearTimeout(pooled.idle);
    pooled.users += 1;
    try {
      const connection = await unlessAborted(pooled.connecting, signal);
      if (connection === undefined) return { executed: { kind: 'notSent', detail: reasonOf(signal) } };
      if (connection.kind === 'unreachable') return { executed: connection };
      const executed = await executeWhenFree(connection, command, input, mutates, signal);
      // An aborted or cut operation says the connection may be dead: the next one must not find that out again.
      if (executed.kind === 'lost' || executed.kind === 'notSent') retire(key, pooled);
      const because = connection.lostBecause();
      if (executed.kind === 'lost' && because !== undefined && !signal.aborted)
        return { executed: { kind: 'lost', detail: because } };
      // A connection that died while it lay idle shows it only now; nothing was sent, so a fresh one may try.
      if (executed.kind === 'notSent' && reused && !signal.aborted)
        return await runOnce(node, command, input, mutates, signal);
      return { executed, hostKey: connection.hostKey };
    } finally {
      leave(key, pooled);
    }
  };

  const run = async <N extends OperationName>(
    node: NodeEndpoint,
    operationName: N,
    operationArguments: OperationArguments<N>,
    options: RunOptions,
  ): Promise<Outcome<OperationResult<N>>> => {
    const what = `${operationName} on ${node.name}`;
    const misfit = checkArguments(operationName, operationArguments);
    if (misfit !== undefined) return { kind: 'protocol', detail: `${what}: ${misfit}`, sent: false };
    const definition = operations[operationName];
    const timeoutSeconds = options.timeoutSeconds ?? definition.timeoutSeconds;
    const stop = AbortSignal.any([options.signal, closing.signal]);
    const kindOfSlot = definition.mutates ? slots.mutating : slots.reading;
    const release = await kindOfSlot.take(`${node.address} ${node.port}`, stop).catch(() => undefined);
    if (release === undefined)
      return unreachable('aborted', `${what}: aborted while it waited for its turn: ${reasonOf(stop)}`);

    const timeout = new AbortController();
    const timer = setTimeout(
      () => timeout.abort(new Error(`no answer within ${timeoutSeconds} seconds`)),
      timeoutSeconds * 1000,
    );
    const startedAt = performance.now();
    try {
      const input = encodeRequest(node.execution, operationName, options.correlationId, operationArguments);
      const signal = AbortSignal.any([stop, timeout.signal]);
      const { executed, hostKey } = await runOnce(
        node,
        commandLine(node.execution, operationName),
        input,
        definition.mutates,
        signal,
      );
      switch (executed.kind) {
        case 'unreachable':
          return { ...executed, detail: `${what}: ${executed.detail}` };
        case 'forbidden':
        case 'notSent':
        case 'noChannel': {
          const cause =
            stop.aborted || executed.kind === 'forbidden' ? 'aborted' : timeout.signal.aborted ? 'timeout' : 'refused';
          return unreachable(cause, `${what}: not sent: ${executed.detail}`);
        }
        case 'lost': {
          const next = definition.mutates ? 'it may have run: probe the node before it is tried again' : 'try again';
          return { kind: 'unknown', detail: `${what}: sent and then lost: ${executed.detail}; ${next}` };
        }
        case 'tooLong':
          return {
            kind: 'protocol',
            detail: `${what}: more than ${settings.outputBytes} bytes came; find out what prints them on the node`,
            sent: true,
          };
        case 'completed': {
          const asked = {
            nodeName: node.name,
            execution: node.execution,
            operationName,
            secrets: secretsOf(operationArguments),
          };
          const outcome = readAnswer(asked, executed, (performance.now() - startedAt) / 1000);
          return outcome.kind === 'ok' && hostKey !== undefined ? { ...outcome, hostKey } : outcome;
        }
        default:
          return executed satisfies never;
      }
    } finally {
      clearTimeout(timer);
      release();
    }
  };

  return {
    run,
    scanHostKey: (address, port, signal) =>
      scanHostKey(address, port, settings, AbortSignal.any([signal, closing.signal])),
    close: async () => {
      closing.abort(new Error('the transport was closed'));
      await Promise.all([...pool.values()].map(({ connecting }) => connecting));
      const connections = [...living];
      for (const connection of connections) connection.client.destroy();
      await Promise.all(connections.map(({ closed }) => closed));
    },
  };
};

import type { OperationArguments, OperationFailure, OperationName, OperationResult } from './operations.ts';

// What every way of reaching a node (SSH now, WinRM later) offers to the rest of the controller.

/**
 * How the node script is run.
 * - `Dispatcher`: it is installed on the node, behind sshd's ForceCommand
 * - `Inline`: it is sent with each operation; the user's shell starts Windows PowerShell
 */
export type NodeExecution = 'Dispatcher' | 'Inline';

/** Where a node is and how it is known. */
export interface NodeEndpoint {
  /** NetBIOS name, for messages only. */
  readonly name: string;
  /** DNS name or IP address. */
  readonly address: string;
  readonly port: number;
  readonly user: string;
  readonly execution: NodeExecution;
  /** OpenSSH or PEM private keys, tried in this order: the current one, then the next one during a rotation. */
  readonly privateKeys: readonly string[];
  /** Pins, `SHA256:` and 43 base64 characters each. Empty: nothing is sent to the node. */
  readonly hostKeys: readonly string[];
}

/**
 * Why nothing was run on the node.
 * - `address`: the address is not allowed (`address.ts`), or is malformed
 * - `dns`: the name has no address
 * - `refused`: refused, reset, no route, no SSH server there, or the server gave no channel
 * - `timeout`: no connection in time
 * - `noAnswer`: connected, and no answer in time
 * - `hostKey`: the node's host key is not among the pins; `seenHostKey` is what it showed
 * - `auth`: the user or every private key was refused, or no private key could be read
 * - `aborted`: the caller's signal, or the transport was closed
 */
export type UnreachableCause = 'address' | 'dns' | 'refused' | 'timeout' | 'noAnswer' | 'hostKey' | 'auth' | 'aborted';

/** Nothing was run. `address`, `hostKey` and `auth` need a person; the others are retried. `detail` names no secret. */
export interface Unreachable {
  readonly kind: 'unreachable';
  readonly cause: UnreachableCause;
  readonly detail: string;
  readonly seenHostKey?: string;
}

/** Every `detail` is one line that names operation, node, cause and what to do next, and holds no secret argument. */
export type Outcome<T> =
  /** `hostKey` is the pinned key by which the node was known, where the transport tells it. */
  | { readonly kind: 'ok'; readonly value: T; readonly durationSeconds: number; readonly hostKey?: string }
  /** The script ran and reported `ok: false`. The cmdlet may have had part of its effect. */
  | { readonly kind: 'operationError'; readonly error: OperationFailure }
  /**
   * The arguments do not fit (`sent: false`), or the answer is too long, no usable frame, or does not fit: then it may have run.
   * With exit status 126 the node's dispatcher refused the command, another contract version for one, and nothing was run.
   */
  | { readonly kind: 'protocol'; readonly detail: string; readonly sent: boolean; readonly exitStatus?: number }
  | Unreachable
  /** The operation was sent and then lost: it may have run, or may still be running. Probe before any retry of one that mutates. */
  | { readonly kind: 'unknown'; readonly detail: string };

export interface RunOptions {
  readonly signal: AbortSignal;
  /** Goes to the node with the arguments, and into its own log. */
  readonly correlationId: string;
  /** From the moment the node is free for the operation, connecting included. Default: the operation's `timeoutSeconds`. */
  readonly timeoutSeconds?: number;
}

export interface NodeTransport {
  /** Runs one operation. Never rejects. At most one operation that mutates is under way per node; the others wait for it. */
  run<N extends OperationName>(
    node: NodeEndpoint,
    operationName: N,
    operationArguments: OperationArguments<N>,
    options: RunOptions,
  ): Promise<Outcome<OperationResult<N>>>;
  /** The fingerprint that the node shows. Nothing but the key exchange is sent. Never rejects. */
  scanHostKey(
    address: string,
    port: number,
    signal: AbortSignal,
  ): Promise<{ kind: 'seen'; hostKey: string } | Unreachable>;
  /** Ends every run (`aborted`, or `unknown` where something had been sent) and every connection. */
  close(): Promise<void>;
}

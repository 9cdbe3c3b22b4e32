import type { NodeEndpoint } from '../../src/nodes/transport.ts';

// What the cases of the SSH client need of a server, whichever it is.

/** One command under way, seen from the node. */
export interface Execution {
  readonly command: string;
  /** Resolves at the end of standard input; every byte is one character. */
  readonly stdin: Promise<string>;
  /** Resolves when more may be written: `false` when nobody reads any more. */
  readonly stdout: (text: string) => Promise<boolean>;
  readonly stderr: (text: string) => Promise<boolean>;
  readonly exit: (status: number) => void;
  /** Ends with that status while something it started still holds standard output. */
  readonly exitHoldingStdout: (status: number) => void;
  /** Ends by SIGKILL. */
  readonly kill: () => void;
}

export interface Counts {
  /** Connections since the first start. */
  readonly connections: number;
  /** Connections that are open. */
  readonly open: number;
  /** Times that a user name was sent. */
  readonly authenticationRequests: number;
  /** The most commands that were under way at once. */
  readonly mostExecuting: number;
}

export interface NodeServer {
  readonly endpoint: NodeEndpoint;
  /** All commands in the order they came. */
  readonly commands: readonly string[];
  readonly counts: () => Counts;
  /** Neither answers nor closes from now on, until it is stopped. */
  readonly freeze: () => void;
  /** Every open connection ends, without a word. */
  readonly cut: () => void;
  /** Replaces the authorized keys. */
  readonly authorize: (privateKeys: readonly string[]) => Promise<void>;
  /** As a power cut: connections and commands end, and connecting is refused. */
  readonly stop: () => Promise<void>;
  /** Up again on the same port, with other host keys where they are given. */
  readonly start: (hostKeys?: readonly string[]) => Promise<void>;
}

export interface NodeServerOptions {
  /** Private keys; the first is the pinned one. */
  readonly hostKeys?: readonly string[];
  /** Private keys whose public halves may sign in. */
  readonly authorized?: readonly string[];
  readonly maxSessions?: number;
  /** Sent before authentication. */
  readonly banner?: string;
  readonly onExec?: (execution: Execution) => void | Promise<void>;
}

export type StartNodeServer = (options?: NodeServerOptions) => Promise<NodeServer>;

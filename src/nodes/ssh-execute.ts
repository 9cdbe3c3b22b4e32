import type { Client, ClientChannel } from 'ssh2';
import type { Completed } from './frame.ts';

// One command on an open connection.

export interface SshExecuteSettings {
  /** stdout and stderr together. */
  readonly outputBytes: number;
  /** How long to wait for the channel to close after the exit status: a detached grandchild can hold it open for ever. */
  readonly closeGraceSeconds: number;
}

export type Executed =
  | ({ readonly kind: 'completed' } & Completed)
  | { readonly kind: 'tooLong' }
  /** The server gave no channel: too many are open. The connection is good. */
  | { readonly kind: 'noChannel'; readonly detail: string }
  /** `beforeSending` threw: nothing was sent. The connection is good. */
  | { readonly kind: 'forbidden'; readonly detail: string }
  /** Ended before stdin was written, so the script had no document to act on. */
  | { readonly kind: 'notSent'; readonly detail: string }
  /** stdin was written, then the channel ended without an exit status, or the signal aborted. */
  | { readonly kind: 'lost'; readonly detail: string };

const messageOf = (reason: unknown): string => (reason instanceof Error ? reason.message : String(reason));

/**
 * Runs a command with `input` as its stdin. Never rejects. An abort closes the channel; the remote process may go on.
 * @param beforeSending called right before the command is sent, and again right before `input` is: opening the channel takes its time
 */
export const execute = (
  client: Client,
  command: string,
  input: string,
  settings: SshExecuteSettings,
  signal: AbortSignal,
  beforeSending: () => void,
): Promise<Executed> =>
  new Promise((resolve) => {
    let sent = false;
    let channel: ClientChannel | undefined;
    let grace: NodeJS.Timeout | undefined;

    const finish = (result: Executed): void => {
      clearTimeout(grace);
      signal.removeEventListener('abort', abort);
      channel?.close();
      resolve(result);
    };
    const abort = (): void => {
      finish({ kind: sent ? 'lost' : 'notSent', detail: messageOf(signal.reason) });
    };
    const maySend = (): boolean => {
      try {
        beforeSending();
        return true;
      } catch (error) {
        finish({ kind: 'forbidden', detail: messageOf(error) });
        return false;
      }
    };

    const started = (opened: ClientChannel): void => {
      channel = opened;
      if (signal.aborted) {
        opened.close();
        return;
      }
      const output: Buffer[] = [];
      const diagnostics: Buffer[] = [];
      let length = 0;
      let exitStatus: number | undefined;
      let exitSignal: string | undefined;

      const collect = (into: Buffer[]) => (chunk: Buffer) => {
        length += chunk.length;
        if (length > settings.outputBytes) finish({ kind: 'tooLong' });
        else into.push(chunk);
      };
      const complete = (): void => {
        if (exitStatus === undefined) {
          const detail =
            exitSignal === undefined ? 'the channel closed without an exit status' : `ended by ${exitSignal}`;
          finish({ kind: 'lost', detail });
          return;
        }
        const stdout = Buffer.concat(output).toString('utf8');
        const stderr = Buffer.concat(diagnostics).toString('utf8');
        finish({ kind: 'completed', stdout, stderr, exitStatus });
      };

      opened.on('data', collect(output));
      opened.stderr.on('data', collect(diagnostics));
      opened.on('exit', (status: number | null, byWhat?: string) => {
        if (typeof status === 'number') exitStatus = status;
        else exitSignal = byWhat ?? 'a signal';
        grace = setTimeout(complete, settings.closeGraceSeconds * 1000);
      });
      opened.on('close', complete);
      opened.on('error', (error: Error) => finish({ kind: 'lost', detail: error.message }));
      if (!maySend()) return;
      sent = true;
      opened.end(input);
    };

    if (signal.aborted) {
      abort();
      return;
    }
    signal.addEventListener('abort', abort, { once: true });
    if (!maySend()) return;
    try {
      client.exec(command, (error, opened) => {
        if (error === undefined) started(opened);
        else if ('reason' in error) finish({ kind: 'noChannel', detail: error.message });
        else finish({ kind: 'notSent', detail: error.message });
      });
    } catch (error) {
      finish({ kind: 'notSent', detail: messageOf(error) });
    }
  });

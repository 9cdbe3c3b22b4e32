import { open, stat } from 'node:fs/promises';
import { apiServerCalls, type Calls } from '../calls.ts';

/** What a program asked of the API server in one phase, as the audit log has it. */
export interface Requests {
  /** By verb and resource, as `apiServerCalls` has it. */
  calls: Calls;
  writes: number;
  reads: number;
}

const reading = /^(get|list|watch) /;

export function requestsOf(calls: Calls): Requests {
  let [writes, reads] = [0, 0];
  for (const [call, count] of Object.entries(calls)) {
    if (reading.test(call)) reads += count;
    else writes += count;
  }
  return { calls, writes, reads };
}

/** Counts one user's requests from now on. @returns a function that tells what there were since, or since it was last called */
export async function countRequests(auditLog: string, username: string): Promise<() => Promise<Requests>> {
  let position = (await stat(auditLog)).size;
  return async () => {
    const end = (await stat(auditLog)).size;
    const file = await open(auditLog);
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(end - position), 0, end - position, position);
      const text = buffer.toString('utf8', 0, bytesRead);
      const complete = text.slice(0, text.lastIndexOf('\n') + 1);
      position += Buffer.byteLength(complete);
      return requestsOf(apiServerCalls(complete, username, new Date(0)));
    } finally {
      await file.close();
    }
  };
}

/** What a program asked for. */
export interface PhaseRequests {
  cold: Requests;
  restart: Requests;
  changes?: Requests;
}

const told = ({ calls }: Requests) => JSON.stringify(calls);

/**
 * What is not as it has to be: two writes for each object when all is new, none when nothing is to be done, at most one for each change.
 * Writes that the server refused count too.
 */
export function tooManyRequests(objects: number, changes: number, requests: PhaseRequests): string[] {
  const { cold, restart } = requests;
  const finalizers = cold.calls['patch widgets'] ?? 0;
  const statuses = cold.calls['patch widgets/status'] ?? 0;
  const isExact = finalizers === objects && statuses === objects && cold.writes === 2 * objects;
  return [
    ...(isExact ? [] : [`cold: not one patch and one apply for each of ${objects} objects: ${told(cold)}`]),
    ...(restart.writes === 0 ? [] : [`restart: writes, although nothing was to be done: ${told(restart)}`]),
    ...(requests.changes === undefined || requests.changes.writes <= changes
      ? []
      : [`changes: more writes than the ${changes} changes: ${told(requests.changes)}`]),
  ];
}

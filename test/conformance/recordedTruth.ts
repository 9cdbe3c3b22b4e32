import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** Recordings, and the OpenAPI files that Azure's APIs are published as: a folder beside the project. */
export const recordedTruth = join(import.meta.dirname, '../../../shared/azure-recordings');

/** Whether the folder is there. In CI it must be: throws. */
export function hasRecordedTruth(): boolean {
  if (existsSync(recordedTruth)) return true;
  if (process.env['CI'] === 'true')
    throw new Error('../shared/azure-recordings is missing: nothing can be compared with it');
  return false;
}

import { toText } from './convert.ts';
import { errorLines, PowerShellError, type ErrorRecord } from './errors.ts';
import { findVariable, type Runtime, type Scope } from './runtime.ts';
import type { At } from './syntax.ts';

// What happens to errors that by themselves end nothing.

const nowhere: At = { line: 0, column: 0, sourceLine: '', text: '' };

/** A preference variable as it is here, in lower case. */
export const preference = (name: string, scope: Scope, runtime: Runtime): string => {
  const variable = findVariable(scope, name);
  return variable === undefined ? 'continue' : toText(variable.value, runtime.conversion(nowhere)).toLowerCase();
};

export const errorPreference = (scope: Scope, runtime: Runtime): string =>
  preference('ErrorActionPreference', scope, runtime);

/** Kept in `$Error` and shown. */
export const report = (record: ErrorRecord, runtime: Runtime): void => {
  runtime.errors.unshift(record);
  runtime.succeeded = false;
  if (runtime.errorTarget === 'nothing') return;
  if (runtime.errorTarget === 'stderr')
    for (const line of errorLines(record)) runtime.stderr.push({ kind: 'error', text: line });
  else runtime.errorTarget.push(record);
};

/** A non-terminating error under -ErrorAction or, without it, `$ErrorActionPreference`. Throws for Stop. */
export const writeError = (
  record: ErrorRecord,
  errorAction: string | undefined,
  scope: Scope,
  runtime: Runtime,
): void => {
  runtime.succeeded = false;
  switch (errorAction ?? errorPreference(scope, runtime)) {
    case 'stop':
      throw new PowerShellError(record, 'script');
    case 'silentlycontinue':
      runtime.errors.unshift(record);
      return;
    case 'ignore':
      return;
    default:
      report(record, runtime);
  }
};

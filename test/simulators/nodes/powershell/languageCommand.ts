import type { Conversion } from './convert.ts';
import type { Runtime, Scope } from './runtime.ts';
import type { At } from './syntax.ts';

/** One call of a language cmdlet. */
export interface Call {
  readonly get: (parameter: string) => unknown;
  readonly has: (parameter: string) => boolean;
  /** What was piped in; undefined: nothing was. */
  readonly input: readonly unknown[] | undefined;
  /** In lower case. */
  readonly errorAction: string | undefined;
  readonly at: At;
  readonly conversion: Conversion;
  readonly scope: Scope;
  readonly output: unknown[];
  readonly runtime: Runtime;
}

export interface LanguageCommand {
  readonly name: string;
  /** Parameters that take a value. A parameter of the real cmdlet that is not listed is refused. */
  readonly values?: readonly string[];
  readonly switches?: readonly string[];
  /** The parameters that may stand without their names, in order. */
  readonly positions?: readonly string[];
  readonly run: (call: Call) => Promise<void> | void;
}

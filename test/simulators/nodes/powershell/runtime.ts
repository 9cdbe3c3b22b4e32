import type { Conversion } from './convert.ts';
import type { ErrorRecord } from './errors.ts';
import type { At, BlockSyntax, Expression, Statement } from './syntax.ts';

/** A cmdlet of the simulated node. */
export interface HostCommand {
  /** Rejects with `CmdletError`. Resolves with one value, an array (enumerated into the pipeline), or undefined: no output. */
  invoke(parameters: Readonly<Record<string, unknown>>, input: readonly unknown[]): Promise<unknown>;
}

export interface ProgramResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

/** The node that a script runs on. */
export interface Host {
  /** By a name in any case; undefined where there is no such command. */
  command(name: string): HostCommand | undefined;
  /** A native program by its full path. */
  program(path: string): ((args: readonly string[], input: string) => Promise<ProgramResult>) | undefined;
  /** `$env:X` */
  readonly environment: Readonly<Record<string, string>>;
  readonly culture: 'en-US' | 'de-DE';
  readonly languageMode: 'FullLanguage' | 'ConstrainedLanguage';
  /** `$PID` */
  readonly processId: number;
  readonly now: () => Date;
}

export interface Variable {
  value: unknown;
  /** A type that every later value is converted to: `[int]$x = 1`. */
  readonly type: string | undefined;
}

/** A scope sees what its caller sees (dynamic scoping) and writes into itself. */
export interface Scope {
  readonly variables: Map<string, Variable>;
  readonly functions: Map<string, { readonly name: string; readonly block: BlockSyntax }>;
  readonly parent: Scope | undefined;
}

export const createScope = (parent: Scope | undefined): Scope => ({
  variables: new Map(),
  functions: new Map(),
  parent,
});

/** Where error records that end nothing go: to stderr, nowhere, or (`2>&1`) into a pipeline. */
export type ErrorTarget = 'stderr' | 'nothing' | unknown[];

/** One process of powershell.exe. */
export interface Runtime {
  readonly host: Host;
  /** The scope of `$script:`. */
  readonly scriptScope: Scope;
  /** Newest first. */
  readonly errors: ErrorRecord[];
  /** What reaches stdout: the output of the script, and what the host prints in between. */
  readonly stdout: unknown[];
  readonly stderr: { readonly kind: 'error' | 'progress' | 'raw'; readonly text: string }[];
  /** How many `try` bodies enclose what runs now. */
  tryDepth: number;
  /** How many statements have run: a loop without an end would block everything else in this process. */
  statements: number;
  errorTarget: ErrorTarget;
  /** The script's path; undefined while text without one runs. */
  path: string | undefined;
  /** `$?` */
  succeeded: boolean;
  hasShownProgress: boolean;
  readonly conversion: (at: At) => Conversion;
  readonly evaluate: (expression: Expression, scope: Scope) => Promise<unknown>;
  readonly execute: (statements: readonly Statement[], scope: Scope, output: unknown[]) => Promise<void>;
  /** A pure expression gives its value as it is, everything else its collected output. */
  readonly valueOf: (statement: Statement, scope: Scope) => Promise<unknown>;
  /** Runs a block in this scope with `$_` set; `return` ends the block. */
  readonly runBlock: (block: BlockSyntax, scope: Scope, item: unknown, output: unknown[]) => Promise<void>;
  readonly runText: (text: string, scope: Scope, output: unknown[]) => Promise<void>;
}

export class ReturnSignal extends Error {}
export class BreakSignal extends Error {}
export class ContinueSignal extends Error {}
export class ExitSignal extends Error {
  readonly code: number;
  constructor(code: number) {
    super(`exit ${code}`);
    this.code = code;
  }
}

export const isSignal = (error: unknown): boolean =>
  error instanceof ReturnSignal ||
  error instanceof BreakSignal ||
  error instanceof ContinueSignal ||
  error instanceof ExitSignal;

export const findVariable = (scope: Scope, name: string): Variable | undefined => {
  const key = name.toLowerCase();
  for (let each: Scope | undefined = scope; each !== undefined; each = each.parent) {
    const variable = each.variables.get(key);
    if (variable !== undefined) return variable;
  }
  return undefined;
};

export const setLocal = (scope: Scope, name: string, value: unknown, type?: string): void => {
  scope.variables.set(name.toLowerCase(), { value, type });
};

/** Sets a variable for as long as `run` takes, as `$_` is. */
export const withLocal = async <R>(scope: Scope, name: string, value: unknown, run: () => Promise<R>): Promise<R> => {
  const key = name.toLowerCase();
  const before = scope.variables.get(key);
  scope.variables.set(key, { value, type: undefined });
  try {
    return await run();
  } finally {
    if (before === undefined) scope.variables.delete(key);
    else scope.variables.set(key, before);
  }
};

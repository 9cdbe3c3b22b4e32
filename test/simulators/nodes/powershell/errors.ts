import type { CmdletError } from '../cmdlets/cmdlet.ts';
import type { At } from './syntax.ts';

/** A .NET exception as `$_.Exception` shows it. */
export class PowerShellException {
  /** Full name of its type. */
  readonly type: string;
  readonly message: string;
  readonly inner: PowerShellException | undefined;
  /** What only exceptions of this type have: `Detail` of the registration cmdlets', `Response` of a web request's. */
  readonly properties: Readonly<Record<string, unknown>>;
  constructor(
    type: string,
    message: string,
    inner?: PowerShellException,
    properties: Readonly<Record<string, unknown>> = {},
  ) {
    this.type = type;
    this.message = message;
    this.inner = inner;
    this.properties = properties;
  }
}

/** `$_` in a catch block, and what `$Error` holds. */
export class ErrorRecord {
  readonly exception: PowerShellException;
  readonly fullyQualifiedErrorId: string;
  readonly category: string;
  /** The command that failed; empty for the language itself. */
  readonly activity: string;
  readonly target: unknown;
  readonly at: At;
  /** The script's path; undefined for text that has none. */
  readonly path: string | undefined;
  constructor(options: {
    readonly exception: PowerShellException;
    readonly fullyQualifiedErrorId: string;
    readonly category: string;
    readonly activity?: string;
    readonly target?: unknown;
    readonly at: At;
    readonly path: string | undefined;
  }) {
    this.exception = options.exception;
    this.fullyQualifiedErrorId = options.fullyQualifiedErrorId;
    this.category = options.category;
    this.activity = options.activity ?? '';
    this.target = options.target ?? null;
    this.at = options.at;
    this.path = options.path;
  }
  get positionMessage(): string {
    const { line, column, sourceLine, text } = this.at;
    const before = sourceLine.slice(0, column - 1);
    const where = this.path === undefined ? 'line' : this.path;
    const underline = ' '.repeat(before.trimStart().length) + '~'.repeat(Math.max(1, text.length));
    return `At ${where}:${line} char:${column}\r\n+ ${sourceLine.trim()}\r\n+ ${underline}`;
  }
}

/** What a .NET member or an operator raises, before it is known where. */
export class Raised extends Error {
  readonly exception: PowerShellException;
  readonly id: string;
  readonly category: string;
  constructor(exception: PowerShellException, id: string, category: string) {
    super(exception.message);
    this.exception = exception;
    this.id = id;
    this.category = category;
  }
}

/** An error on its way up. `statement`: ends its statement only, unless something catches it; `script`: ends the script. */
export class PowerShellError extends Error {
  readonly record: ErrorRecord;
  readonly ends: 'statement' | 'script';
  constructor(record: ErrorRecord, ends: 'statement' | 'script') {
    super(record.exception.message);
    this.record = record;
    this.ends = ends;
  }
}

const runtimeException = 'System.Management.Automation.RuntimeException';

/** An error of the language itself: its reason is RuntimeException. */
export const raise = (message: string, id: string, category = 'InvalidOperation'): Raised =>
  new Raised(new PowerShellException(runtimeException, message), id, category);

/** A value that does not convert; `id` is PowerShell's own. */
export const raiseInvalidCast = (message: string, id: string): Raised =>
  new Raised(
    new PowerShellException('System.Management.Automation.PSInvalidCastException', message),
    id,
    'InvalidArgument',
  );

/** A .NET method that threw. */
export const raiseFromMethod = (method: string, count: number, type: string, message: string): Raised =>
  new Raised(
    new PowerShellException(
      'System.Management.Automation.MethodInvocationException',
      `Exception calling "${method}" with "${count}" argument(s): "${message}"`,
      new PowerShellException(type, message),
    ),
    type.split('.').at(-1) ?? type,
    'NotSpecified',
  );

export const commandNotFound = (name: string): Raised =>
  new Raised(
    new PowerShellException(
      'System.Management.Automation.CommandNotFoundException',
      `The term '${name}' is not recognized as the name of a cmdlet, function, script file, or operable program. Check the spelling of the name, or if a path was included, verify that the path is correct and try again.`,
    ),
    'CommandNotFoundException',
    'ObjectNotFound',
  );

export const raiseBinding = (message: string, id: string): Raised =>
  new Raised(
    new PowerShellException('System.Management.Automation.ParameterBindingException', message),
    id,
    'InvalidArgument',
  );

const exceptionTypes: Readonly<Record<string, string>> = {
  ArgumentException: 'System.ArgumentException',
  CimException: 'Microsoft.Management.Infrastructure.CimException',
  CimJobException: 'Microsoft.PowerShell.Cmdletization.Cim.CimJobException',
  Exception: 'System.Exception',
  InvalidOperationException: 'System.InvalidOperationException',
  UnauthorizedAccessException: 'System.UnauthorizedAccessException',
};

/** What a host command rejected with. The inner exception carries what Azure said, as the registration cmdlets do it. */
export const fromCmdletError = (error: CmdletError): Raised => {
  const type = exceptionTypes[error.reason] ?? `System.Management.Automation.${error.reason}`;
  const inner =
    error.detail === undefined
      ? undefined
      : new PowerShellException('System.Exception', error.message, undefined, { Detail: { Error: error.detail } });
  return new Raised(
    new PowerShellException(type, error.message, inner, error.exceptionProperties),
    error.fullyQualifiedErrorId,
    /^(?:CommandNotFoundException|ItemNotFoundException)$/.test(error.reason) ? 'ObjectNotFound' : 'NotSpecified',
  );
};

/** Errors that end their statement whatever -ErrorAction says: the command never ran, or says so itself with `terminating`. */
export const endsStatement = (error: CmdletError): boolean => error.terminating;

/** CategoryInfo.Reason */
export const reasonOf = (exception: PowerShellException): string => exception.type.split('.').at(-1) ?? exception.type;

/** As the console shows an error; one line each. */
export const errorLines = (record: ErrorRecord): readonly string[] => {
  const { exception, activity, category, target, fullyQualifiedErrorId } = record;
  const targetText = typeof target === 'string' ? `${target}:String` : ':';
  return [
    ...`${activity === '' ? '' : `${activity} : `}${exception.message}`.split(/\r?\n/),
    ...record.positionMessage.split('\r\n'),
    `    + CategoryInfo          : ${category}: (${targetText}) [${activity}], ${reasonOf(exception)}`,
    `    + FullyQualifiedErrorId : ${fullyQualifiedErrorId}`,
    ' ',
  ];
};

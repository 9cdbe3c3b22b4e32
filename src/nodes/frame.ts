import { Value } from 'typebox/value';
import {
  frame,
  OperationAnswer,
  operations,
  operationsVersion,
  type OperationName,
  type OperationResult,
} from './operations.ts';
import { bootstrap, encodeCommand, nodeScript } from './script/script.ts';
import type { NodeExecution, Outcome } from './transport.ts';

// The bytes of one operation: what goes to stdin, and what is made of stdout, stderr and the exit status.

/** Read from files: once, and only where a node is run inline. */
const once = <T>(read: () => T): (() => T) => {
  let kept: { readonly value: T } | undefined;
  return () => (kept ??= { value: read() }).value;
};
const script = once(nodeScript);
const encodedBootstrap = once(() => encodeCommand(bootstrap()));

const asOperation = (operationName: OperationName): string => `hcireg/${operationsVersion} ${operationName}`;

/**
 * The whole command line. Nothing of a value ever stands in it. Inline: base64, as no character of it needs quotes in cmd.exe or
 * PowerShell, and short, as cmd.exe takes 8191 characters; the script itself goes to stdin.
 */
export const commandLine = (execution: NodeExecution, operationName: OperationName): string => {
  if (execution === 'Dispatcher') return asOperation(operationName);
  return `powershell.exe -NoLogo -NoProfile -NonInteractive -ExecutionPolicy Bypass -EncodedCommand ${encodedBootstrap()}`;
};

const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** Pure ASCII, so that no code page on the way can change it. */
const ascii = (json: string): string => json.replace(/[\u007f-\uffff]/g, escaped);

/** The document for stdin. */
export const encodeRequest = (
  execution: NodeExecution,
  operationName: OperationName,
  correlationId: string,
  operationArguments: unknown,
): string => {
  const inline = execution === 'Inline' ? { script: script(), command: asOperation(operationName) } : {};
  return ascii(JSON.stringify({ ...inline, correlationId, arguments: operationArguments }));
};

const maximumDiagnosticLength = 1000;
const successStatus = 0;
const failureStatus = 10;

const literally = (character: string): string => character.replace(/[\^$.*+?()[\]{}|\\/]/, '\\$&');

/** PowerShell breaks the lines of its error text anywhere, and quotes JSON that it cannot read. */
const occurrencesOf = (secret: string): readonly RegExp[] =>
  [secret, JSON.stringify(secret).slice(1, -1), ascii(JSON.stringify(secret)).slice(1, -1)].map(
    (form) => new RegExp(Array.from(form.replace(/\s+/g, ''), literally).join('\\s*'), 'gu'),
  );

/** One line, printable, bounded, without the secret arguments: fit for a condition, an event or a log. */
const printable = (text: string, secrets: readonly string[]): string => {
  const redacted = secrets
    .flatMap(occurrencesOf)
    .reduce((rest, occurrences) => rest.replaceAll(occurrences, '(redacted)'), text);
  const line = redacted.replace(/[\p{Cc}\s]+/gu, ' ').trim();
  return line.length > maximumDiagnosticLength ? `${line.slice(0, maximumDiagnosticLength)}…` : line;
};

const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };

/** The error text in what Windows PowerShell 5.1 writes to a redirected stderr; other text is left as it is. */
export const decodeCliXml = (stderr: string): string => {
  if (!stderr.includes('#< CLIXML')) return stderr;
  return [...stderr.matchAll(/<S S="Error">([^<]*)<\/S>/g)]
    .map(([, text = '']) =>
      text
        .replace(/&(lt|gt|quot|apos|amp);/g, (entity, name: string) => entities[name] ?? entity)
        .replace(/_x([0-9A-Fa-f]{4})_/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16))),
    )
    .join('');
};

/** Values of arguments that must not come back in any message. */
export const secretsOf = (operationArguments: object): readonly string[] =>
  Object.entries(operationArguments).flatMap(([name, value]) =>
    /secret/i.test(name) && typeof value === 'string' && value.trim() !== '' ? [value] : [],
  );

const lastFrame = (stdout: string): string | undefined => {
  const open = stdout.lastIndexOf(frame.open);
  if (open === -1) return undefined;
  const start = open + frame.open.length;
  const close = stdout.indexOf(frame.close, start);
  return close === -1 ? undefined : stdout.slice(start, close);
};

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** Where a value does not fit its schema, without the value itself: it comes from a node. */
const misfit = (errors: readonly { readonly instancePath: string; readonly message: string }[]): string =>
  errors
    .slice(0, 3)
    .map(({ instancePath, message }) => `${instancePath === '' ? 'the whole' : instancePath} ${message}`)
    .join(', ');

/** Why arguments cannot be sent; `undefined` when they can. */
export const checkArguments = (operationName: OperationName, operationArguments: unknown): string | undefined => {
  const schema = operations[operationName].arguments;
  return Value.Check(schema, operationArguments)
    ? undefined
    : `the arguments do not fit: ${misfit(Value.Errors(schema, operationArguments))}; this is a defect of the controller, report it`;
};

export interface Completed {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitStatus: number;
}

const refusedStatus = 126;
/** Of the bootstrap: what came on stdin is no document with a script. */
const unreadableStatus = 125;

/** What stands between the command and the script when no frame came, and what to do about it. */
const explainMissingFrame = (
  execution: NodeExecution,
  exitStatus: number,
  diagnostics: string,
): { readonly cause: string; readonly next: string } => {
  if (exitStatus === refusedStatus && execution === 'Inline')
    return {
      cause: 'the node runs only its installed script (ForceCommand) and refused the one that was sent',
      next: 'use execution Dispatcher, or uninstall the script from the node',
    };
  if (exitStatus === unreadableStatus && execution === 'Inline')
    return {
      cause: 'the document did not reach the script on the node whole',
      next: 'check that the default shell of OpenSSH on the node is cmd.exe: PowerShell takes standard input away',
    };
  if (exitStatus === refusedStatus)
    return {
      cause: `the script on the node refused; version ${operationsVersion} of the operations was asked for`,
      next: "install this controller's node script on the node",
    };
  // A name in the shell's own words, whatever its language: cmd.exe says 'hcireg', PowerShell and sh say hcireg/1.
  if (execution === 'Dispatcher' && exitStatus !== 0 && /(?<![\\/\w])hcireg(?:\/\d+)?(?![\w.\\])/i.test(diagnostics))
    return {
      cause: 'no forced command stands before the shell of this user, and the shell knows no hcireg',
      next: 'install the node script on the node, or use execution Inline',
    };
  if (execution === 'Dispatcher' && /hcireg\.ps1/i.test(diagnostics))
    return {
      cause: 'the forced command could not run the installed script',
      next: 'run Test-HciRegistrationNode.ps1 on the node and install the script anew',
    };
  if (execution === 'Inline' && exitStatus !== 0 && /(?<![\\/\w.])powershell(?:\.exe)?(?!\w)/i.test(diagnostics))
    return {
      cause: 'the shell of this user could not start powershell.exe',
      next: 'check that the address is the one of a node and that its PATH has Windows PowerShell',
    };
  return { cause: 'no complete frame came', next: 'run Test-HciRegistrationNode.ps1 on the node' };
};

/** What was asked of whom, for judging what a finished run left. */
export interface Asked<N extends OperationName> {
  readonly nodeName: string;
  readonly execution: NodeExecution;
  readonly operationName: N;
  readonly secrets: readonly string[];
}

/** Judges what a finished run left. */
export const readAnswer = <N extends OperationName>(
  { nodeName, execution, operationName, secrets }: Asked<N>,
  { stdout, stderr, exitStatus }: Completed,
  durationSeconds: number,
): Outcome<OperationResult<N>> => {
  const diagnostics = printable(decodeCliXml(stderr), secrets);
  const protocol = (cause: string, next = "install this controller's node script on the node"): Outcome<never> => {
    const said = diagnostics === '' ? '' : `: ${diagnostics}`;
    const detail = `${operationName} on ${nodeName}: ${printable(cause, secrets)} (exit status ${exitStatus})${said}; ${next}`;
    return { kind: 'protocol', detail, sent: true, exitStatus };
  };
  const text = lastFrame(stdout);
  if (text === undefined) {
    const { cause, next } = explainMissingFrame(execution, exitStatus, diagnostics);
    return protocol(cause, next);
  }
  const answer = parseJson(text);
  if (!Value.Check(OperationAnswer, answer))
    return protocol(`the frame is no answer of version ${operationsVersion} of the operations`);
  if (answer.op !== operationName) return protocol('the frame answers another operation');
  if (exitStatus !== (answer.ok ? successStatus : failureStatus))
    return protocol('the frame contradicts the exit status');
  if (!answer.ok) {
    const { message, id, reason, position } = answer.error;
    const error = {
      message: printable(message, secrets),
      id: printable(id, secrets),
      reason: printable(reason, secrets),
      position: printable(position, secrets),
    };
    return { kind: 'operationError', error };
  }
  const schema: (typeof operations)[N]['result'] = operations[operationName].result;
  const value: unknown = answer.result;
  if (!Value.Check(schema, value)) return protocol(`the result does not fit: ${misfit(Value.Errors(schema, value))}`);
  return { kind: 'ok', value, durationSeconds };
};

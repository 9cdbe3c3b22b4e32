import { Value } from 'typebox/value';
import {
  frame,
  OperationAnswer,
  operations,
  operationsVersion,
  type OperationName,
  type OperationResult,
} from './operations.ts';
import type { Outcome } from './transport.ts';

// The bytes of one operation: what goes to stdin, and what is made of stdout, stderr and the exit status.

/** The whole command line. Nothing of a value ever stands in it. */
export const operationCommand = (operationName: OperationName): string =>
  `hcireg/${operationsVersion} ${operationName}`;

/** Pure ASCII, so that no code page on the way can change it. */
export const encodeRequest = (correlationId: string, operationArguments: unknown): string =>
  JSON.stringify({ correlationId, arguments: operationArguments }).replace(
    /[\u007f-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

const maximumDiagnosticLength = 1000;
const successStatus = 0;
const failureStatus = 10;

/** One line, printable, bounded, without the secret arguments: fit for a condition, an event or a log. */
const printable = (text: string, secrets: readonly string[]): string => {
  const redacted = secrets.reduce((rest, secret) => rest.replaceAll(secret, '(redacted)'), text);
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
    /secret/i.test(name) && typeof value === 'string' && value !== '' ? [value] : [],
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
    : `the arguments of ${operationName} do not fit: ${misfit(Value.Errors(schema, operationArguments))}`;
};

export interface Completed {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitStatus: number;
}

/** Judges what a finished run left. */
export const readAnswer = <N extends OperationName>(
  operationName: N,
  { stdout, stderr, exitStatus }: Completed,
  secrets: readonly string[],
  durationSeconds: number,
): Outcome<OperationResult<N>> => {
  const protocol = (what: string): Outcome<never> => {
    const diagnostics = printable(decodeCliXml(stderr), secrets);
    const detail = `${operationName} ${what} (exit status ${exitStatus})${diagnostics === '' ? '' : `: ${diagnostics}`}`;
    return { kind: 'protocol', detail, sent: true, exitStatus };
  };
  const text = lastFrame(stdout);
  if (text === undefined) return protocol('gave no complete frame');
  const answer = parseJson(text);
  if (!Value.Check(OperationAnswer, answer)) return protocol('gave a frame that is no answer of this contract version');
  if (answer.op !== operationName) return protocol('was answered for another operation');
  if (exitStatus !== (answer.ok ? successStatus : failureStatus))
    return protocol('gave a frame that contradicts its exit status');
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
  if (!Value.Check(schema, value))
    return protocol(`gave a result that does not fit: ${misfit(Value.Errors(schema, value))}`);
  return { kind: 'ok', value, durationSeconds };
};

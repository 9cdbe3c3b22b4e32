import { Type } from 'typebox';
import { Compile } from 'typebox/compile';

/**
 * The one error of this folder. It never carries headers, tokens or an answer's body: `message` names the call and, when the API server
 * explained itself, its own explanation.
 */
export class KubeError extends Error {
  override readonly name = 'KubeError';
  /** HTTP status; 0 when there was no answer that could be used, so whether the call had an effect is unknown. */
  readonly status: number;
  /**
   * The API server's reason (`NotFound`, `Conflict`, `Expired`, …), or one of ours: `ConnectionFailed`, `RequestTimeout`, `Aborted`,
   * `InvalidAnswer`, `CredentialsUnavailable`, `WatchIdle`, `NoStatus` (an error answer without an explanation).
   */
  readonly reason: string;
  /** How long the server asked to wait. */
  readonly retryAfterSeconds: number | undefined;
  /** The API server's reasons in detail, such as `ResourceVersionTooLarge` or `FieldManagerConflict`. */
  readonly causes: readonly string[];
  /** The same call may succeed later without anybody changing anything. */
  readonly retryable: boolean;

  constructor(fields: {
    status: number;
    reason: string;
    message: string;
    retryable: boolean;
    retryAfterSeconds?: number | undefined;
    causes?: readonly string[];
    cause?: unknown;
  }) {
    super(fields.message, fields.cause === undefined ? undefined : { cause: fields.cause });
    this.status = fields.status;
    this.reason = fields.reason;
    this.retryAfterSeconds = fields.retryAfterSeconds;
    this.retryable = fields.retryable;
    this.causes = fields.causes ?? [];
  }
}

const Status = Compile(
  Type.Object({
    kind: Type.Literal('Status'),
    code: Type.Optional(Type.Integer()),
    reason: Type.Optional(Type.String()),
    message: Type.Optional(Type.String()),
    details: Type.Optional(
      Type.Object({
        retryAfterSeconds: Type.Optional(Type.Integer()),
        causes: Type.Optional(Type.Array(Type.Object({ reason: Type.Optional(Type.String()) }))),
      }),
    ),
  }),
);

const longestMessage = 1024;

/**
 * The error for an answer, or for an ERROR event of a watch, that should be a `Status`.
 * @param call what was asked, for the message
 * @param httpStatus of the answer; for a watch event, what to assume when the Status has no code
 * @param retryAfterHeader seconds, as the API server writes it
 */
export function errorFromStatus(
  call: string,
  httpStatus: number,
  answer: unknown,
  retryAfterHeader?: string,
): KubeError {
  const status = Status.Check(answer) ? answer : undefined;
  const code = status?.code ?? httpStatus;
  const explanation = status?.message ?? `HTTP ${httpStatus} without an explanation by the API server`;
  return new KubeError({
    status: code,
    reason: status?.reason ?? 'NoStatus',
    message: `${call}: ${explanation.slice(0, longestMessage)}`,
    retryAfterSeconds: seconds(retryAfterHeader) ?? status?.details?.retryAfterSeconds,
    causes: (status?.details?.causes ?? []).flatMap(({ reason }) => (reason === undefined ? [] : [reason])),
    retryable: code === 408 || code === 429 || code >= 500,
  });
}

/** An answer or object that is not what it has to be. */
export function invalidAnswer(message: string, retryable: boolean): KubeError {
  return new KubeError({ status: 0, reason: 'InvalidAnswer', message, retryable });
}

/** The resourceVersion is too old for the server: only a new list helps. */
export const isExpired = (error: unknown): boolean => error instanceof KubeError && error.status === 410;

function seconds(header: string | undefined): number | undefined {
  return header !== undefined && /^\d{1,6}$/.test(header) ? Number(header) : undefined;
}

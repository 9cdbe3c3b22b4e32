import { RestError } from '@azure/core-rest-pipeline';

/**
 * What a failure asks for. `RetrySoon`: passing, the next try may work. `RetrySlowly`: somebody may be about to change something (a
 * role, a quota, a lock). `NeedsPerson`: the same request will fail again until something is changed.
 */
export type ErrorClass = 'RetrySoon' | 'RetrySlowly' | 'NeedsPerson';

/** Every failure of Azure, in one shape. The message never holds a header, a query string or a body verbatim. */
export class AzureError extends Error {
  override readonly name = 'AzureError';
  readonly errorClass: ErrorClass;
  /** HTTP status; undefined when no answer came. */
  readonly status: number | undefined;
  /** Azure's error code, such as AuthorizationFailed or AADSTS7000222; `NoAnswer` when no answer came. */
  readonly code: string;
  /** x-ms-correlation-request-id: what Microsoft support asks for. */
  readonly correlationId: string | undefined;
  readonly retryAfterSeconds: number | undefined;
  /** The request was sent and no answer came: it may have been carried out. */
  readonly outcomeUnknown: boolean;

  constructor(fields: {
    message: string;
    code: string;
    status?: number | undefined;
    correlationId?: string | undefined;
    retryAfterSeconds?: number | undefined;
    outcomeUnknown?: boolean;
    cause?: unknown;
  }) {
    super(fields.message, { cause: fields.cause });
    this.code = fields.code;
    this.status = fields.status;
    this.correlationId = fields.correlationId;
    this.retryAfterSeconds = fields.retryAfterSeconds;
    this.outcomeUnknown = fields.outcomeUnknown ?? false;
    this.errorClass = classify(fields.status, fields.code);
  }
}

/**
 * Azure works on the same thing already, started by us or by somebody else, and takes this when that is done. 409 mostly; the 429 among
 * these are no quota, so that nobody else has to slow down.
 */
export const isBusy = ({ status, code }: AzureError): boolean =>
  (status === 409 && /^(Another)?OperationInProgress$|^Conflict$|^ConcurrentUpdateError$/.test(code)) ||
  /^(ResourceGroupBeingDeleted|RetryableError.*|ReferencedResourceNotProvisioned|NamespaceInTransition)$/.test(code);

const needsPerson =
  /^(RequestDisallowedByPolicy|InvalidResourceLocation|InvalidResourceGroupLocation|LocationNotAvailable|LocationRequired|NoRegisteredProviderFound|InvalidResourceType|SubscriptionNotFound|InvalidSubscriptionId)/;
const slowly =
  /^(AuthorizationFailed|LinkedAuthorizationFailed|ScopeLocked|QuotaExceeded|RoleAssignmentLimitExceeded|ResourceGroupQuotaExceeded|Authorization_RequestDenied|AADSTS|ManagedIdentityRefused)/;
const soon =
  /^(PrincipalNotFound|AnotherOperationInProgress|MissingSubscriptionRegistration|ResourceGroupBeingDeleted|NoAnswer|Throttled)/;

// Classes after what Azure Service Operator learnt: an unknown 400 stays wrong, anything else unknown is tried again.
function classify(status: number | undefined, code: string): ErrorClass {
  if (soon.test(code)) return 'RetrySoon';
  if (needsPerson.test(code)) return 'NeedsPerson';
  if (slowly.test(code) || status === 403 || status === 401) return 'RetrySlowly';
  if (status === 400 || status === 405) return 'NeedsPerson';
  return 'RetrySoon';
}

/** Turns what an SDK, the pipeline or @azure/identity threw into an AzureError. An abort of ours is thrown on as it is. */
export function toAzureError(error: unknown): AzureError {
  if (error instanceof AzureError) return error;
  if (error instanceof RestError && error.response !== undefined) {
    const { status, headers, bodyAsText, request } = error.response;
    // The newer SDKs have parsed the body away, and keep its code and message.
    const bodyText = bodyAsText ?? JSON.stringify({ code: error.code, message: error.message });
    return answerError({
      status,
      bodyText,
      method: request.method,
      url: request.url,
      header: (name) => headers.get(name),
    });
  }
  const text = messages(error);
  const code = /AADSTS\d+/.exec(text)?.[0];
  if (code !== undefined) {
    return new AzureError({ code, message: `Microsoft Entra refused the sign-in: ${refusal(text)}`, cause: error });
  }
  const managed = managedIdentityRefusal.exec(text)?.[1];
  if (managed !== undefined) {
    return new AzureError({
      code: 'ManagedIdentityRefused',
      message: `The identity service of the controller's host refused the sign-in: ${managed}`,
      cause: error,
    });
  }
  // MSAL drops the answer (AADSTS90002) to its question for the endpoints of the tenant.
  if (text.includes('endpoints_resolution_error')) {
    return new AzureError({
      code: 'EndpointsNotResolved',
      message:
        'Microsoft Entra does not tell the endpoints of this tenant: it does not exist there, or there is no answer',
      cause: error,
    });
  }
  const host =
    error instanceof RestError && error.request !== undefined ? ` from ${new URL(error.request.url).host}` : '';
  return new AzureError({
    code: 'NoAnswer',
    message: `no answer${host}: ${firstLine(text)}`,
    outcomeUnknown: true,
    cause: error,
  });
}

/** For the calls of an SDK: `.catch(throwAzureError)`. */
export function throwAzureError(error: unknown): never {
  throw toAzureError(error);
}

/** The error of an answer with a status of 400 or more. */
export function answerError(answer: {
  status: number;
  bodyText: string;
  method: string;
  url: string;
  header: (name: string) => string | undefined;
}): AzureError {
  const { code, message } = errorBody(answer.bodyText);
  return new AzureError({
    status: answer.status,
    code: code ?? `HTTP${answer.status}`,
    message: `${answer.method} ${new URL(answer.url).pathname}: ${firstLine(message)}`,
    correlationId: answer.header('x-ms-correlation-request-id') ?? answer.header('request-id'),
    retryAfterSeconds: retryAfterSeconds(answer.header('retry-after')),
  });
}

function errorBody(text: string): { code: string | undefined; message: string } {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    // Real 429s may be plain text: the message is the text.
    return { code: undefined, message: text.slice(0, 500) || 'no error body' };
  }
  const inner = field(body, 'error') ?? body;
  const code = field(inner, 'code') ?? field(inner, 'Code');
  const message = field(inner, 'message') ?? field(inner, 'Message');
  return {
    code: typeof code === 'string' ? code : undefined,
    message: typeof message === 'string' ? message : 'no error message',
  };
}

function field(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null
    ? Object.entries(value).find(([name]) => name === key)?.[1]
    : undefined;
}

function retryAfterSeconds(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  const seconds = Number(header);
  if (Number.isFinite(seconds)) return seconds;
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, Math.ceil((at - Date.now()) / 1000));
}

function messages(error: unknown): string {
  const parts: string[] = [];
  for (let current = error; current instanceof Error; current = current.cause) {
    const { message } = current; // often with that of its cause in it
    if (!parts.some((part) => part.includes(message))) parts.push(message);
  }
  return parts.length > 0 ? parts.join(': ') : String(error);
}

/** As MSAL words what the Instance Metadata Service, or what stands for it, refused. */
const managedIdentityRefusal =
  /ManagedIdentityCredential: Authentication failed\. Message (?:invalid_|unauthorized_).*? - Description: (.*?) - Correlation ID:/;

/** The sentence of Microsoft Entra, once: MSAL repeats it, with trace ids and time stamps around it. */
const refusal = (text: string): string =>
  firstLine(/AADSTS\d+:.*?(?=\s*(?:Trace ID:|Correlation ID:|Timestamp:|- \[|\r|\n|$))/.exec(text)?.[0] ?? text);

const firstLine = (text: string) => (text.split(/\r?\n/)[0] ?? '').slice(0, 600);

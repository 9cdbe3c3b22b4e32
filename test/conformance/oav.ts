import 'reflect-metadata';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { LiveValidator, type LiveValidationIssue } from 'oav';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import type { Exchange } from '../simulators/shared/admin.ts';
import { recordedTruth } from './recordedTruth.ts';
import { allowances, judgedBy, notPublished, type Allowance, type NotPublished } from './swagger.ts';

/** Where an exchange is not what the published OpenAPI says. */
export interface Finding {
  /** Operation id, or `METHOD path` where no operation is published for it. */
  readonly operation: string;
  readonly side: 'request' | 'response';
  readonly status: number;
  /** `UNKNOWN_PROPERTY` and the like, or why it could not be validated. */
  readonly code: string;
  /** Where in the body. */
  readonly path: string;
  readonly message: string;
}

export interface Verdict {
  /** Exchanges whose request and response were held against an OpenAPI file. */
  readonly validated: number;
  readonly findings: readonly Finding[];
  /** Exchanges that have no OpenAPI file here, by reason. */
  readonly notPublished: readonly { readonly entry: NotPublished; readonly exchanges: number }[];
  readonly usedAllowances: ReadonlySet<Allowance>;
}

const Body = Type.Record(Type.String(), Type.Unknown());
const specification = join(recordedTruth, 'swagger/specification');
// Files that only others refer to, and one that refers to files that are not there.
const notLoaded = /\/(common-types|hciCommon|common-types\.json|privatelinks|policyinsights|examples)/i;

let loading: Promise<LiveValidator> | undefined;

/** Loads the OpenAPI files once per process: some seconds, some 300 MB. */
function validator(): Promise<LiveValidator> {
  loading ??= load();
  return loading;
}

async function load(): Promise<LiveValidator> {
  const files = (await readdir(specification, { recursive: true }))
    .filter((name) => name.endsWith('.json') && !notLoaded.test(`/${name}`))
    .map((name) => join(specification, name));
  const loaded = new LiveValidator(
    {
      directory: specification,
      swaggerPaths: files,
      isPathCaseSensitive: false,
      git: { shouldClone: false },
      loadValidatorInInitialize: true,
    },
    () => undefined,
  );
  await loaded.initialize();
  return loaded;
}

/** Holds exchanges against the published OpenAPI, requests and responses. What a fault answered, and what was cut, is left out. */
export async function validateTraffic(exchanges: readonly Exchange[]): Promise<Verdict> {
  const live = await validator();
  const findings: Finding[] = [];
  const unpublished = new Map<NotPublished, number>();
  const usedAllowances = new Set<Allowance>();
  let validated = 0;
  for (const exchange of exchanges) {
    const { status } = exchange.response;
    const url = new URL(exchange.request.url);
    if (exchange.fault === true || status === null) continue;
    const without = notPublished.find(
      ({ method, path }) => method.test(exchange.request.method) && path.test(url.pathname),
    );
    if (without !== undefined) {
      unpublished.set(without, (unpublished.get(without) ?? 0) + 1);
      continue;
    }
    const { request, response } = await judge(live, exchange, url, status);
    const operation = request.operationInfo.operationId;
    const failure = request.runtimeException ?? response.runtimeException;
    if (failure !== undefined) {
      const title = `${exchange.request.method} ${url.pathname}?api-version=${url.searchParams.get('api-version')}`;
      findings.push({
        operation: title,
        side: 'request',
        status,
        code: failure.code,
        path: '',
        message: failure.message,
      });
      continue;
    }
    validated += 1;
    const all = [
      ...notHeld(operation, 'request', status, exchange.request.body),
      ...notHeld(operation, 'response', status, exchange.response.body),
      ...request.errors.map((issue) => toFinding(operation, 'request', status, issue)),
      ...response.errors.map((issue) => toFinding(operation, 'response', status, issue)),
    ];
    for (const finding of all) {
      const allowance = allowances.find((candidate) => allows(candidate, finding));
      if (allowance === undefined) findings.push(finding);
      else usedAllowances.add(allowance);
    }
  }
  const counted = [...unpublished].map(([entry, count]) => ({ entry, exchanges: count }));
  return { validated, findings, notPublished: counted, usedAllowances };
}

async function judge(live: LiveValidator, { request, response }: Exchange, url: URL, status: number) {
  const target = new URL(url);
  const file = judgedBy.find(
    ({ path, from }) => path.test(url.pathname) && from.test(url.searchParams.get('api-version') ?? ''),
  );
  if (file !== undefined) {
    target.searchParams.set('api-version', file.to);
    target.pathname = file.lookUp?.(url.pathname) ?? url.pathname;
  }
  const result = await live.validateLiveRequestResponse({
    liveRequest: {
      method: request.method,
      url: target.pathname + target.search,
      headers: { ...request.headers },
      ...objectBody(request.body),
    },
    liveResponse: { statusCode: String(status), headers: { ...response.headers }, ...objectBody(response.body) },
  });
  return { request: result.requestValidationResult, response: result.responseValidationResult };
}

/** A copy: the validator changes what it is given. */
const objectBody = (body: unknown): { body?: Record<string, unknown> } =>
  Value.Check(Body, body) ? { body: structuredClone(body) } : {};

/** The validator takes objects alone, and takes what is none for no body at all. */
const notHeld = (operation: string, side: Finding['side'], status: number, body: unknown): Finding[] =>
  body === null || Value.Check(Body, body)
    ? []
    : [{ operation, side, status, code: 'BODY_IS_NO_OBJECT', path: '', message: JSON.stringify(body).slice(0, 80) }];

const toFinding = (operation: string, side: Finding['side'], status: number, issue: LiveValidationIssue): Finding => ({
  operation,
  side,
  status,
  code: issue.code,
  path: issue.pathsInPayload.join(' '),
  message: issue.message,
});

const allows = (allowance: Allowance, finding: Finding): boolean =>
  allowance.operation.test(finding.operation) &&
  allowance.side === finding.side &&
  allowance.code === finding.code &&
  allowance.path.test(finding.path);

export const describeFinding = ({ operation, side, status, code, path, message }: Finding): string =>
  `${operation} ${side} (${status}): ${code} ${path} ${message}`;

import { createHash } from 'node:crypto';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { mayRead, rightsOf } from '../authorization.ts';
import type { Reply } from '../listener.ts';
import { ArmError, errorReply } from '../resourceManager/errors.ts';
import { guid } from '../resourceManager/roles.ts';
import { anything, closed, parseBody, route, type Context, type Route } from '../resourceManager/routing.ts';
import { createWindows } from '../windows.ts';
import { isWithin, newId, type World } from '../world.ts';
import { evaluate, type Row } from './evaluate.ts';
import { parseQuery, QueryError } from './query.ts';
import { columns, type ResourceGraphIndex } from './tables.ts';

const type = 'Microsoft.ResourceGraph/resources';

const QueryBody = closed({
  subscriptions: Type.Optional(Type.Array(Type.String())),
  managementGroups: Type.Optional(Type.Array(Type.String())),
  query: Type.String(),
  options: Type.Optional(
    closed({
      $skipToken: Type.Optional(Type.String()),
      $top: Type.Optional(Type.Integer()),
      $skip: Type.Optional(Type.Integer({ minimum: 0 })),
      resultFormat: Type.Optional(Type.Union([Type.Literal('table'), Type.Literal('objectArray')])),
      allowPartialScopes: Type.Optional(Type.Boolean()),
      authorizationScopeFilter: anything,
    }),
  ),
  facets: anything,
});

/** `POST /providers/Microsoft.ResourceGraph/resources`: answers from the index, with its own quota per caller. */
export function resourceGraphRoutes(world: World, index: ResourceGraphIndex): Route[] {
  const quota = createWindows(world);
  return [
    route(
      'POST',
      `/providers/${type}`,
      type,
      (context) => {
        const taken = quota.take(context.caller.objectId, 1, world.settings.resourceGraphQuota);
        const headers = {
          'x-ms-user-quota-remaining': String(taken.remaining),
          'x-ms-user-quota-resets-after': new Date(taken.resetsAfterSeconds * 1000).toISOString().slice(11, 19),
          'x-ms-resource-graph-request-duration': '0:00:00:00.0138132',
        };
        try {
          if (!taken.allowed) throw throttled(context);
          const { headers: _, ...reply } = answer(context, index);
          return { ...reply, headers };
        } catch (error) {
          if (!(error instanceof ArmError)) throw error;
          const reply = errorReply(error);
          return { ...reply, headers: { ...reply.headers, ...headers } };
        }
      },
      null,
    ),
  ];
}

function refusal(
  context: Context,
  status: number,
  code: string,
  details: readonly { code: string; message: string }[],
) {
  const message = `Please provide below info when asking for support: timestamp = ${context.world.now().toISOString().replace('Z', '0000Z')}, correlationId = ${newId()}.`;
  return new ArmError(status, code, message, { details });
}

const throttled = (context: Context) =>
  refusal(context, 429, 'RateLimiting', [
    {
      code: 'RateLimiting',
      message:
        'Client application has been throttled and should not attempt to repeat the request until an amount of time has elapsed. Please see https://aka.ms/resourcegraph-throttling for help.',
    },
  ]);

const invalid = (context: Context, detail: { code: string; message: string }) => {
  const first = {
    code: 'InvalidQuery',
    message:
      'Query is invalid. Please refer to the documentation for the Azure Resource Graph service and fix the error before retrying.',
  };
  return refusal(context, 400, 'BadRequest', [first, detail]);
};

const Detail = Type.Object({ code: Type.String(), message: Type.String() });

function answer(context: Context, index: ResourceGraphIndex): Reply {
  const { world } = context;
  const body = parseBody(QueryBody, context.body);
  const options = body.options ?? {};
  const subscriptions = scope(context, body.subscriptions);
  const top = options.$top ?? world.settings.resourceGraphPageSize;
  if (top < 1 || top > 1000) {
    throw refusal(context, 400, 'BadRequest', [
      { code: 'InvalidTopParameter', message: `The value '${top}' of $top is not between 1 and 1000.` },
    ]);
  }
  const { found: all, limited } = rows(context, index, subscriptions, body.query);
  // A query that limits its rows itself is neither paged nor skipped in.
  const skip = limited ? 0 : (options.$skip ?? 0);
  const from = start(context, options.$skipToken, body.query) ?? { offset: skip, size: top };
  const size = Math.min(from.size, world.settings.resourceGraphPageSize);
  const page = all.slice(from.offset, from.offset + size);
  const more = all.length > from.offset + size;
  // Pages need the id of each row; without it the rest is cut off.
  const paged = more && !limited && all.every((row) => 'id' in row);
  const next = { offset: from.offset + size, size, query: hash(body.query) };
  return {
    status: 200,
    body: {
      totalRecords: all.length,
      count: page.length,
      data: options.resultFormat === 'table' ? table(page) : page,
      facets: [],
      resultTruncated: String(more && !paged),
      ...(paged ? { $skipToken: Buffer.from(JSON.stringify(next)).toString('base64') } : {}),
    },
  };
}

const hash = (query: string): string => createHash('sha256').update(query).digest('hex').slice(0, 16);

const Token = Type.Object({ offset: Type.Integer(), size: Type.Integer(), query: Type.String() });

/** Where a page begins; its token is good for the query that gave it only. */
function start(context: Context, token: string | undefined, query: string) {
  if (token === undefined) return undefined;
  const read = (): unknown => {
    try {
      return JSON.parse(Buffer.from(token, 'base64').toString('utf8'));
    } catch {
      return undefined;
    }
  };
  const value = read();
  if (Value.Check(Token, value) && value.query === hash(query)) return value;
  throw refusal(context, 400, 'BadRequest', [
    { code: 'InvalidSkipToken', message: 'The $skipToken is not valid for this query.' },
  ]);
}

/** The subscriptions that the query runs over: those of the ones asked for that the caller can see anything of. */
function scope(context: Context, asked: readonly string[] | undefined): string[] {
  const { world, caller } = context;
  const malformed = asked?.filter((id) => !guid.test(id)) ?? [];
  if (malformed.length > 0) {
    throw refusal(context, 400, 'BadRequest', [
      {
        code: 'SubscriptionsContainInvalidGuids',
        message: `Subscriptions list contains invalid guids: '${malformed.join(', ')}'.`,
      },
    ]);
  }
  const readable = Object.keys(world.state.subscriptions).filter(
    (id) =>
      world.state.subscriptions[id]?.tenantId === undefined && mayRead(world, caller.objectId, `/subscriptions/${id}`),
  );
  const eligible =
    asked === undefined ? readable : readable.filter((id) => asked.some((one) => one.toLowerCase() === id));
  if (eligible.length > 0) return eligible;
  throw refusal(context, 400, 'BadRequest', [
    {
      code: 'NoValidSubscriptionsInQueryRequest',
      message: `There must be at least one subscription that is eligible to contain resources. Given: '${asked?.join(', ') ?? ''}'.`,
    },
  ]);
}

/** The rows that the caller may read; the others are left out without a word. */
function rows(
  context: Context,
  index: ResourceGraphIndex,
  subscriptions: readonly string[],
  query: string,
): { found: Row[]; limited: boolean } {
  const { world, caller } = context;
  const { resourceGraphHidden } = world.settings;
  const mayDo = rightsOf(world, caller.objectId);
  try {
    const parsed = parseQuery(query);
    const visible = index
      .rows()
      .filter(({ table: name }) => name === parsed.table)
      .filter(({ id }) => subscriptions.some((subscription) => isWithin(`/subscriptions/${subscription}`, id)))
      .filter(({ id }) => !resourceGraphHidden.some((hidden) => isWithin(hidden, id)))
      .filter(({ id, action }) => mayDo(action, id));
    const found = evaluate(
      visible.map(({ row }) => row),
      parsed.operators,
      columns,
    );
    return { found, limited: parsed.operators.some(({ kind }) => kind === 'limit') };
  } catch (error) {
    if (error instanceof QueryError && Value.Check(Detail, error.detail)) throw invalid(context, error.detail);
    throw error;
  }
}

function table(page: readonly Row[]) {
  const names = Object.keys(page[0] ?? {});
  return {
    columns: names.map((name) => ({ name, type: 'object' })),
    rows: page.map((row) => names.map((name) => row[name])),
  };
}

import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { temporaryFolder } from '../lab/command.ts';
import type { Exchange } from '../simulators/shared/admin.ts';
import { startSimulatedAzure, type SimulatedAzure } from '../simulators/azure/azure.ts';
import { createClient, graphScope, type Client } from '../simulators/azure/client.ts';
import { compareAnswers, type Comparison, type Difference } from './compare.ts';
import type { Explainer } from './explanations.ts';
import { createIds, type Ids } from './ids.ts';
import { prepare } from './prepare.ts';
import type { Answer, RecordedExchange, Recording } from './recordings.ts';

// A recorded session, sent again to a simulated Azure of its own. Time is the simulator's clock: an operation lasts an
// hour of it, and the clock is moved where the recording shows that time has passed.

export interface Case {
  /** `METHOD path`, with the recording's own ids. */
  readonly title: string;
  readonly differences: readonly Difference[];
  readonly failed: readonly Difference[];
  /** Not sent at all, and why. */
  readonly skipped: string | undefined;
}

export interface Replayed {
  readonly cases: readonly Case[];
  /** What the simulator saw and answered. */
  readonly traffic: readonly Exchange[];
}

const hour = 3600;
export const recordedHosts = { resourceManager: 'https://management.azure.com', graph: 'https://graph.microsoft.com' };

export async function replay(recording: Recording, explainer: Explainer): Promise<Replayed> {
  return withSimulatedAzure(async (azure, client) => {
    const session = await createSession(recording, azure, client);
    const cases: Case[] = [];
    for (const [index, exchange] of recording.exchanges.entries()) {
      const title = titleOf(exchange);
      const skipped = explainer.skip(recording.name, title)?.reason;
      const differences = skipped === undefined ? await session.send(exchange, recording.exchanges[index - 1]) : [];
      cases.push({ title, differences, skipped, failed: explainer.unexplained(recording.name, title, differences) });
    }
    return { cases, traffic: [...azure.log] };
  });
}

/** With an owner's rights, operations that last an hour, and tokens that outlive all clocks that are moved. */
export async function withSimulatedAzure<T>(use: (azure: SimulatedAzure, client: Client) => Promise<T>): Promise<T> {
  const { path: directory, remove } = await temporaryFolder('conformance-');
  try {
    const azure = await startSimulatedAzure({
      directory,
      settings: { operationSeconds: hour, groupDeletionSeconds: hour, tokenLifetimeSeconds: 1000 * hour },
    });
    const client = createClient(azure);
    try {
      return await use(azure, client);
    } finally {
      await client.close();
      await azure.close();
    }
  } finally {
    await remove();
  }
}

interface Session {
  readonly send: (exchange: RecordedExchange, previous: RecordedExchange | undefined) => Promise<Difference[]>;
}

async function createSession(recording: Recording, azure: SimulatedAzure, client: Client): Promise<Session> {
  const ids = createIds({ '00000000-0000-0000-0000-000000000000': [azure.subscriptionId, azure.tenantId] });
  const comparison = comparisonFor(recording, azure, ids);
  const { clientId, clientSecret } = azure.principals.owner;
  const tokens = {
    resourceManager: await client.token(clientId, clientSecret),
    graph: await client.token(clientId, clientSecret, graphScope),
  };
  await prepare(recording, azure, ids);
  // The simulator's URL of each recorded long-running operation.
  const operations = new Map<string, string>();

  const call = async (method: string, url: string, body: string): Promise<Answer> => {
    const token = url.startsWith(azure.graph) ? tokens.graph : tokens.resourceManager;
    const answer = await client.send(method, url, { token, ...(body === '' ? {} : { body }) });
    return { status: answer.status, body: answer.body, headers: Object.fromEntries(answer.headers) };
  };
  const passAnHour = () => {
    azure.settings.clockOffsetSeconds += hour + 1;
  };
  return {
    send: async (exchange, previous) => {
      const operation = exchange.method === 'GET' ? operations.get(pathOf(exchange.url)) : undefined;
      const again = previous !== undefined && isSameRequest(exchange, previous);
      if (operation === undefined) {
        if (again && previous.answer.status >= 400 && exchange.answer.status < 400) passAnHour();
      } else if (!isRunning(exchange.answer)) passAnHour();
      const url = operation ?? toSimulatedUrl(exchange.url, azure, ids);
      const answer = await call(exchange.method, url, ids.toSimulated(exchange.body));
      for (const name of ['azure-asyncoperation', 'location']) {
        const theirs = exchange.answer.headers[name];
        const ours = answer.headers[name];
        if (theirs !== undefined && ours !== undefined && answer.status === 202) operations.set(pathOf(theirs), ours);
      }
      return compareAnswers(exchange.answer, answer, comparison);
    },
  };
}

export function comparisonFor(recording: Recording, azure: SimulatedAzure, ids: Ids): Comparison {
  return {
    recorder: recording.recorder,
    ids,
    recordedHosts: (text) =>
      text
        .replaceAll(recordedHosts.resourceManager, '<resourceManager>')
        .replaceAll(recordedHosts.graph, '<graph>')
        .replaceAll('https://dp.stackhci.azure.com', '<dataPlane>'),
    simulatedHosts: (text) =>
      text
        .replaceAll(azure.resourceManager, '<resourceManager>')
        .replaceAll(azure.graph, '<graph>')
        .replaceAll(azure.serviceEndpoint, '<dataPlane>'),
  };
}

const toSimulatedUrl = (url: string, azure: SimulatedAzure, ids: Ids): string =>
  ids.toSimulated(
    url.replace(recordedHosts.resourceManager, azure.resourceManager).replace(recordedHosts.graph, azure.graph),
  );

const isSameRequest = (one: RecordedExchange, other: RecordedExchange): boolean =>
  one.method === other.method && one.url === other.url && one.body === other.body;

const Status = Type.Object({ status: Type.String() });
const ended = ['Succeeded', 'Failed', 'Canceled'];

const isRunning = ({ status, body }: Answer): boolean =>
  status === 202 || (Value.Check(Status, body) && !ended.includes(body.status));

/** Without the query: the signed part of an operation's URL changes from poll to poll, and so does the region's case. */
const pathOf = (url: string): string => new URL(url).pathname.toLowerCase();

export function titleOf({ method, url }: RecordedExchange): string {
  const { pathname, searchParams } = new URL(url);
  const filter = searchParams.get('$filter');
  return `${method} ${pathname}${filter === null ? '' : `?$filter=${filter}`}`;
}

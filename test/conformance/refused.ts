import { Value } from 'typebox/value';
import type { SimulatedAzure } from '../simulators/azure/azure.ts';
import type { Client } from '../simulators/azure/client.ts';
import { KnownRefusal } from '../simulators/azure/knownRefusals.ts';
import { compareAnswers } from './compare.ts';
import type { Explainer } from './explanations.ts';
import { createIds } from './ids.ts';
import { comparisonFor, titleOf, withSimulatedAzure, type Case, type Replayed } from './replay.ts';
import type { Answer, RecordedExchange, Recording } from './recordings.ts';

// Recorded refusals. They come from providers that the simulator does not have, so what is compared is the answer (names in the
// message are its own): what a state of the simulator leads to, what its `refuse` fault answers, and both where there are both.

type Call = (method: string, path: string, body?: unknown) => Promise<Answer>;

const apiVersion = '2024-04-01';

interface Provoking {
  readonly call: Call;
  readonly cluster: string;
  readonly azure: SimulatedAzure;
}

/** How the simulator comes to refuse with a code: the last call's answer. */
const provoked: Readonly<Record<string, (provoking: Provoking) => Promise<Answer>>> = {
  CannotDeleteResource: async ({ call, cluster }) => {
    await call('PUT', `${cluster}/arcSettings/default`, {});
    return call('DELETE', cluster);
  },
  AnotherOperationInProgress: async ({ call, cluster }) => {
    await call('POST', `${cluster}/createClusterIdentity`);
    return call('POST', `${cluster}/createClusterIdentity`);
  },
  ResourceRequestsThrottled: ({ call, cluster, azure }) => {
    const action = 'Microsoft.AzureStackHCI/clusters/read';
    azure.settings.resourceRateLimits = [{ action, limit: 0, seconds: 3600 }];
    return call('GET', cluster);
  },
};

export async function replayRefusals(recording: Recording, explainer: Explainer): Promise<Replayed> {
  return withSimulatedAzure(async (azure, client) => {
    const comparison = comparisonFor(recording, azure, createIds({}));
    const cases: Case[] = [];
    for (const exchange of recording.exchanges) {
      for (const { how, answer } of await refused(exchange, azure, client)) {
        const title = `${titleOf(exchange)} ${how}`;
        const differences = compareAnswers(withoutNames(exchange.answer), withoutNames(answer), comparison);
        cases.push({
          title,
          differences,
          skipped: undefined,
          failed: explainer.unexplained(recording.name, title, differences),
        });
      }
    }
    return { cases, traffic: [...azure.log] };
  });
}

async function refused(
  exchange: RecordedExchange,
  azure: SimulatedAzure,
  client: Client,
): Promise<{ how: string; answer: Answer }[]> {
  const codes = codesOf(exchange.answer);
  const provoke = codes.map((code) => provoked[code]).find((known) => known !== undefined);
  // A detail says more than the code above it.
  const refusal = codes.findLast((code): code is KnownRefusal => Value.Check(KnownRefusal, code));
  const answers: { how: string; answer: Answer }[] = [];
  if (provoke !== undefined) {
    const provoking = { call: await caller(azure, client), cluster: await givenCluster(azure, client), azure };
    answers.push({ how: '(provoked)', answer: await provoke(provoking) });
  }
  if (refusal !== undefined) {
    const call = await caller(azure, client);
    await client.send('PUT', `${azure.admin}/faults`, { body: [{ path: '.', times: 1, effect: { refuse: refusal } }] });
    answers.push({ how: '(refuse)', answer: await call(exchange.method, new URL(exchange.url).pathname) });
  }
  if (answers.length === 0) throw new Error(`the simulator cannot refuse with ${codes.join(', ')}`);
  return answers;
}

async function caller(azure: SimulatedAzure, client: Client): Promise<Call> {
  const { clientId, clientSecret } = azure.principals.owner;
  const token = await client.token(clientId, clientSecret);
  return async (method, path, body) => {
    const url = `${azure.resourceManager}${path}?api-version=${apiVersion}`;
    const answer = await client.send(method, url, { token, ...(body === undefined ? {} : { body }) });
    return { status: answer.status, body: answer.body, headers: Object.fromEntries(answer.headers) };
  };
}

async function givenCluster(azure: SimulatedAzure, client: Client): Promise<string> {
  const providers = azure.state.subscriptions[azure.subscriptionId]?.providers;
  if (providers === undefined) throw new Error('the simulated subscription is not there');
  providers['microsoft.azurestackhci'] = 'Registered';
  const id = `/subscriptions/${azure.subscriptionId}/resourceGroups/hci001-rg`;
  azure.state.resourceGroups[id.toLowerCase()] = {
    id,
    name: 'hci001-rg',
    location: 'eastus',
    provisioningState: 'Succeeded',
  };
  const cluster = `${id}/providers/Microsoft.AzureStackHCI/clusters/hci001`;
  await (
    await caller(azure, client)
  )('PUT', cluster, { location: 'eastus' });
  return cluster;
}

/** Of the error and its details, in their order. */
const codesOf = ({ body }: Answer): string[] =>
  [...JSON.stringify(body).matchAll(/"code":"(\w+)"/gi)].flatMap((match) => match.slice(1));

/** The names, ids and addresses in a message are of other resources. */
const withoutNames = (answer: Answer): Answer => ({
  ...answer,
  body: JSON.parse(
    JSON.stringify(answer.body)
      .replaceAll(/'[^']*'/g, "'<name>'")
      .replaceAll(/use uri: [^ "]*/g, 'use uri: <address>.')
      .replaceAll(/\/subscriptions\/[^ "]*[^ ".]/g, '<resource id>')
      .replaceAll(/The namespace \S+ in/g, 'The namespace <name> in')
      .replaceAll(/\bPut\w+Operation\b/g, '<operation>'),
  ),
});

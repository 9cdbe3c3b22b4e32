import { Type } from 'typebox';
import { Value } from 'typebox/value';
import type { SimulatedAzure } from '../simulators/azure/azure.ts';
import type { Exchange } from '../simulators/shared/admin.ts';

/** How often something was called, by words. */
export type Calls = Record<string, number>;

export const tally = (calls: readonly string[]): Calls => {
  const counted: Calls = {};
  for (const call of calls.toSorted()) counted[call] = (counted[call] ?? 0) + 1;
  return counted;
};

/** By method and host: `GET Resource Manager`, and `query Resource Graph`. Without what nodes say themselves, as the principals that registration gives them. */
export function azureCalls(
  exchanges: readonly Exchange[],
  azure: Pick<SimulatedAzure, 'resourceManager' | 'login' | 'graph' | 'state'>,
): Calls {
  const { resourceManager, login, graph, state } = azure;
  const hosts = new Map([
    [resourceManager, 'Resource Manager'],
    [login, 'sign-in'],
    [graph, 'Graph'],
  ]);
  const ofNodes = new Set<string | null | undefined>([
    ...Object.values(state.clusters).map(({ properties }) => properties.aadClientId),
    ...Object.values(state.arcSettings).map(({ properties }) => properties.arcApplicationClientId),
  ]);
  return tally(
    exchanges.flatMap(({ principal, request }) => {
      const host = hosts.get(new URL(request.url).origin);
      if (host === undefined || (principal !== null && ofNodes.has(principal))) return [];
      return request.url.includes('/providers/Microsoft.ResourceGraph/')
        ? ['query Resource Graph']
        : [`${request.method} ${host}`];
    }),
  );
}

const NodeExchange = Type.Object({
  time: Type.String(),
  request: Type.Object({ method: Type.Literal('EXEC'), url: Type.String() }),
});

/** By operation, from the log of the nodes' admin API. */
export function nodeCalls(log: string, since: Date): Calls {
  return tally(
    parseLines(log).flatMap((line) => {
      const { time, request } = Value.Parse(NodeExchange, line);
      return Date.parse(time) < since.getTime() ? [] : [new URL(request.url).pathname.slice(1)];
    }),
  );
}

const AuditEvent = Type.Object({
  auditID: Type.String(),
  verb: Type.String(),
  requestURI: Type.String(),
  user: Type.Object({ username: Type.String() }),
  requestReceivedTimestamp: Type.String(),
  objectRef: Type.Optional(
    Type.Object({ resource: Type.Optional(Type.String()), subresource: Type.Optional(Type.String()) }),
  ),
});

/** By verb and resource: `patch hciclusterregistrations/status`. A watch that goes on through the time is no call in it. */
export function apiServerCalls(auditLog: string, username: string, since: Date): Calls {
  const events = parseLines(auditLog)
    .map((line) => Value.Parse(AuditEvent, line))
    .filter(
      (event) => event.user.username === username && Date.parse(event.requestReceivedTimestamp) >= since.getTime(),
    );
  // A watch has two events: its start and its end.
  const requests = new Map(events.map((event) => [event.auditID, event]));
  return tally(
    [...requests.values()].map(({ verb, objectRef, requestURI }) => {
      const resource = objectRef?.resource ?? requestURI.split('?')[0] ?? '';
      return `${verb} ${resource}${objectRef?.subresource === undefined ? '' : `/${objectRef.subresource}`}`;
    }),
  );
}

const parseLines = (text: string): unknown[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line): unknown => JSON.parse(line));

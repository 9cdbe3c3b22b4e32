import { operations, type OperationName } from '../../src/nodes/operations.ts';
import { isQuery } from '../../src/azure/budget.ts';
import { roles } from '../../src/azure/resource-ids.ts';
import type { Exchange } from '../simulators/shared/admin.ts';

/** Where a write goes. */
export type Series = 'azure' | 'nodes' | 'kubernetes';

/** Whose calls count, and where they go. */
export interface Scope {
  /** The controller's principal: nodes write to Azure as other ones. */
  clientId: string;
  resourceManager: string;
  graph: string;
  /** Names of nodes by address. */
  nodes: ReadonlyMap<string, { cluster: string; node: string }>;
}

/** How a fault of the simulators' admin API finds the write, in any run. */
export type FaultMatch =
  | { series: 'azure'; fault: { method: string; host: 'arm' | 'graph'; path: string; body?: string } }
  | { series: 'nodes'; fault: { cluster: string; node: string; operation: string } };

export interface ExternalWrite {
  /** Two runs call the same write by the same words. */
  words: string;
  match: FaultMatch;
}

const isOperation = (name: string): name is OperationName => Object.hasOwn(operations, name);
const literal = (text: string) => text.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`);
const uuid = '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}';

/**
 * An exchange of the controller that may change Azure or a node. Undefined for all others: reads, polls, sign-ins, and what the nodes
 * send themselves.
 */
export function externalWrite(exchange: Exchange, scope: Scope): ExternalWrite | undefined {
  const { method, url, body } = exchange.request;
  if (method === 'EXEC') return nodeWrite(url, scope.nodes);
  if (!['PUT', 'POST', 'PATCH', 'DELETE'].includes(method) || exchange.principal !== scope.clientId) return undefined;
  const target = new URL(url);
  if (![scope.resourceManager, scope.graph].includes(target.origin) || isQuery(url)) return undefined;
  const [, afterProviders] = /.*\/providers\/(.+)$/i.exec(target.pathname) ?? [];
  const [, afterSubscription] = /^\/+subscriptions\/[^/]+\/(.+)$/i.exec(target.pathname) ?? [];
  const path = (afterProviders ?? afterSubscription ?? target.pathname)
    .replace(/^Microsoft\.AzureStackHCI\/(?=clusters)/i, '')
    .replaceAll(new RegExp(uuid, 'gi'), '<id>');
  const text = JSON.stringify(body);
  const [role, definition] = Object.entries(roles).find(([, id]) => text.includes(id)) ?? [];
  return {
    words: `${method} ${path}${role === undefined ? '' : ` (${role})`}`,
    match: {
      series: 'azure',
      fault: {
        method,
        host: target.origin === scope.graph ? 'graph' : 'arm',
        path: `(^|/)${literal(path.replace(/^\/+/, '')).replaceAll('<id>', uuid)}([?]|$)`,
        ...(definition === undefined ? {} : { body: definition }),
      },
    },
  };
}

function nodeWrite(url: string, nodes: Scope['nodes']): ExternalWrite | undefined {
  const { hostname, pathname } = new URL(url);
  const operation = pathname.slice(1);
  const on = nodes.get(hostname);
  if (on === undefined || !isOperation(operation) || !operations[operation].mutates) return undefined;
  return { words: `${on.node} ${operation}`, match: { series: 'nodes', fault: { ...on, operation } } };
}

/** Counts by name: the second `X` is `X #2`. A name and its count is what a write is found again by. */
export function createNumbering(): (words: string) => string {
  const counts = new Map<string, number>();
  return (words) => {
    const count = (counts.get(words) ?? 0) + 1;
    counts.set(words, count);
    return count === 1 ? words : `${words} #${count}`;
  };
}

/** How many writes of these words come before it. */
export const occurrence = (name: string): number => Number(/ #(\d+)$/.exec(name)?.[1] ?? 1);

/** Writes that a run made more or fewer times than the clean one: `2 more: PUT …`. */
export function compareWrites(clean: readonly string[], crashed: readonly string[]): string[] {
  return [...new Set([...clean, ...crashed])].flatMap((write) => {
    const count = (writes: readonly string[]) => writes.filter((other) => other === write).length;
    const more = count(crashed) - count(clean);
    return more === 0 ? [] : [`${Math.abs(more)} ${more > 0 ? 'more' : 'fewer'}: ${write}`];
  });
}

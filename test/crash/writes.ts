import { operations, type OperationName } from '../../src/nodes/operations.ts';
import { roles } from '../../src/azure/resource-ids.ts';
import type { Exchange } from '../simulators/shared/admin.ts';

/** Whose calls count, and where they go. */
export interface Scope {
  /** The controller's principal: nodes write to Azure as other ones. */
  clientId: string;
  resourceManager: string;
  graph: string;
  /** Names of nodes by address. */
  nodes: ReadonlyMap<string, string>;
}

const isOperation = (name: string): name is OperationName => Object.hasOwn(operations, name);
const uuid = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/gi;

/**
 * The words for an external write: an exchange of the controller that may change Azure or a node. Undefined for all others: reads, polls,
 * sign-ins, and what the nodes send themselves. Two runs call the same write by the same words.
 */
export function externalWrite(exchange: Exchange, scope: Scope): string | undefined {
  const { method, url, body } = exchange.request;
  if (method === 'EXEC') return nodeWrite(url, scope.nodes);
  if (!['PUT', 'POST', 'PATCH', 'DELETE'].includes(method) || exchange.principal !== scope.clientId) return undefined;
  const target = new URL(url);
  if (![scope.resourceManager, scope.graph].includes(target.origin)) return undefined;
  const [, afterProviders] = /.*\/providers\/(.+)$/i.exec(target.pathname) ?? [];
  const [, afterSubscription] = /^\/+subscriptions\/[^/]+\/(.+)$/i.exec(target.pathname) ?? [];
  const path = (afterProviders ?? afterSubscription ?? target.pathname).replace(
    /^Microsoft\.AzureStackHCI\/(?=clusters)/i,
    '',
  );
  const text = JSON.stringify(body);
  const [role] = Object.entries(roles).find(([, definition]) => text.includes(definition)) ?? [];
  return `${method} ${path.replaceAll(uuid, '<id>')}${role === undefined ? '' : ` (${role})`}`;
}

function nodeWrite(url: string, nodes: ReadonlyMap<string, string>): string | undefined {
  const { hostname, pathname } = new URL(url);
  const operation = pathname.slice(1);
  if (!isOperation(operation) || !operations[operation].mutates) return undefined;
  return `${nodes.get(hostname) ?? hostname} ${operation}`;
}

/** Writes that a run made more or fewer times than the clean one: `2 more: PUT …`. */
export function compareWrites(clean: readonly string[], crashed: readonly string[]): string[] {
  return [...new Set([...clean, ...crashed])].flatMap((write) => {
    const count = (writes: readonly string[]) => writes.filter((other) => other === write).length;
    const more = count(crashed) - count(clean);
    return more === 0 ? [] : [`${Math.abs(more)} ${more > 0 ? 'more' : 'fewer'}: ${write}`];
  });
}

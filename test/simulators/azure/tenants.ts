import type { Application, State } from './state.ts';

// Which tenant something is of. The first tenant has all that names none; a further one comes with its subscriptions.

export const tenantsOf = ({ tenantId, subscriptions }: State): ReadonlySet<string> =>
  new Set([tenantId, ...Object.values(subscriptions).flatMap((subscription) => subscription.tenantId ?? [])]);

export const homeOf = ({ tenantId }: State, application: Application): string => application.tenantId ?? tenantId;

/** Of a resource, by its id. */
export const tenantOf = ({ tenantId, subscriptions }: State, id: string): string =>
  subscriptions[/^\/subscriptions\/([^/]+)/i.exec(id)?.[1]?.toLowerCase() ?? '']?.tenantId ?? tenantId;

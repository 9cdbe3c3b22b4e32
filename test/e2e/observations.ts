import { readFile } from 'node:fs/promises';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { operations } from '../../src/nodes/operations.ts';
import { controllerAccount, type Lab } from '../lab/lab.ts';

const mutating = new Set<string>(Object.entries(operations).flatMap(([name, { mutates }]) => (mutates ? [name] : [])));

/** Everything that was written for a cluster by the controller, in order: requests to Azure and operations on nodes. */
export function writesTo(lab: Lab, cluster: string): string[] {
  const { clientId } = lab.azure.principals.controller;
  const addresses = new Set(
    lab.nodes.clusters.find(({ name }) => name === cluster)?.nodes.map(({ address }) => address),
  );
  const azure = lab.azure.log.filter(
    ({ principal, request }) =>
      principal === clientId &&
      request.method !== 'GET' &&
      request.method !== 'HEAD' &&
      !request.url.includes('/oauth2/') &&
      new RegExp(`/${cluster}(-rg)?(/|\\?|$)`, 'i').test(request.url),
  );
  const nodes = lab.nodes.log.filter(({ request }) => {
    const { hostname, pathname } = new URL(request.url);
    return addresses.has(hostname) && mutating.has(pathname.slice(1));
  });
  return [...azure, ...nodes]
    .toSorted((a, b) => a.time.localeCompare(b.time))
    .map(({ request }) => `${request.method} ${new URL(request.url, 'https://azure').pathname}`);
}

const AuditEvent = Type.Object({
  verb: Type.String(),
  user: Type.Object({ username: Type.String() }),
  objectRef: Type.Optional(
    Type.Object({
      apiGroup: Type.Optional(Type.String()),
      resource: Type.Optional(Type.String()),
      subresource: Type.Optional(Type.String()),
    }),
  ),
  responseStatus: Type.Optional(Type.Object({ code: Type.Optional(Type.Integer()) })),
  requestURI: Type.String(),
});
const ClusterRole = Type.Object({
  kind: Type.Literal('ClusterRole'),
  rules: Type.Array(
    Type.Object({
      apiGroups: Type.Array(Type.String()),
      resources: Type.Array(Type.String()),
      verbs: Type.Array(Type.String()),
    }),
  ),
});

const sorted = (values: Iterable<string>) => [...new Set(values)].toSorted();

/** What the controller asked of the API server, by its audit log, and what its role grants: `verb group/resource[/subresource]`. */
export async function usedPermissions(
  lab: Lab,
  documents: unknown[],
): Promise<{ used: string[]; refused: string[]; granted: string[] }> {
  const user = `system:serviceaccount:${controllerAccount.namespace}:${controllerAccount.name}`;
  const lines = (await readFile(lab.controlPlane.auditLog ?? '', 'utf8')).trimEnd().split('\n');
  const events = lines
    .map((line) => Value.Parse(AuditEvent, JSON.parse(line)))
    .filter((event) => event.user.username === user);
  const name = ({ verb, objectRef }: (typeof events)[number]) =>
    `${verb} ${[objectRef?.apiGroup ?? '', objectRef?.resource, objectRef?.subresource].filter((part) => part !== undefined).join('/')}`;
  const rules = documents.flatMap((document) => (Value.Check(ClusterRole, document) ? document.rules : []));
  return {
    used: sorted(
      // Server-side apply of what is not there yet is audited as patch with 201, and needs the right to create as well.
      events
        .filter(({ objectRef }) => objectRef !== undefined)
        .flatMap((event) =>
          event.verb === 'patch' && event.responseStatus?.code === 201
            ? [name(event), name({ ...event, verb: 'create' })]
            : [name(event)],
        ),
    ),
    refused: sorted(
      events
        .filter(({ responseStatus }) => responseStatus?.code === 403)
        .map((event) => `${name(event)} ${event.requestURI}`),
    ),
    granted: sorted(
      rules.flatMap(({ apiGroups, resources, verbs }) =>
        verbs.flatMap((verb) =>
          apiGroups.flatMap((group) => resources.map((resource) => `${verb} ${group}/${resource}`)),
        ),
      ),
    ),
  };
}

import type { Outside } from '../lab/lab.ts';

/** A state by path, in which two runs that did the same differ in nothing: `azure.clusters.….properties.status` → `"Connected"`. */
export type Lines = ReadonlyMap<string, string>;

type Names = Map<string, string>;

/**
 * What is different in each run gets a name that says what it is, so that references stay comparable: the application id that a node holds
 * must be the application of its cluster. A second application of the same name is named `… #2`, and shows.
 */
export function normalize(outside: Outside, namespace: string): Lines {
  const { azure, nodes } = outside;
  const names = nameAzure(azure);
  for (const [clusterName, cluster] of Object.entries(nodes.state().clusters)) {
    give(names, cluster.id, `cluster ${clusterName}`);
    for (const [nodeName, { certificateStore }] of Object.entries(cluster.nodes)) {
      for (const thumbprint of Object.keys(certificateStore)) give(names, thumbprint, `certificate of ${nodeName}`);
    }
  }
  for (const { keyCredentials } of Object.values(azure.state.applications)) {
    for (const { customKeyIdentifier, displayName } of keyCredentials)
      give(names, customKeyIdentifier, `certificate ${displayName}`);
  }
  names.set(`/${namespace}/`, '/<namespace>/');
  const lines = new Map<string, string>();
  // Counters are compared by themselves. Operations are what happened on the way, not where it led.
  const { counters: _, operations: __, ...azureState } = azure.state;
  flatten(canonical({ azure: azureState, nodes: withoutTraces(nodes.state().clusters) }, names), '', lines);
  return lines;
}

/** Logs and process ids of the nodes tell what happened on the way, too. */
const withoutTraces = (clusters: ReturnType<Outside['nodes']['state']>['clusters']): unknown =>
  Object.fromEntries(
    Object.entries(clusters).map(([clusterName, cluster]) => [
      clusterName,
      {
        ...cluster,
        nodes: Object.fromEntries(
          Object.entries(cluster.nodes).map(([nodeName, node]) => {
            const { eventLog: _, files: __, processes: ___, lastProcessId: ____, ...kept } = node;
            return [nodeName, kept];
          }),
        ),
      },
    ]),
  );

function nameAzure({ state, ...azure }: Outside['azure']): Names {
  const names: Names = new Map();
  for (const host of ['resourceManager', 'login', 'graph', 'serviceEndpoint'] as const)
    names.set(azure[host], `<${host}>`);
  give(names, azure.tenantId, 'tenant');
  give(names, azure.subscriptionId, 'subscription');
  for (const { id, displayName, servicePrincipalType } of Object.values(state.servicePrincipals))
    give(names, id, `${servicePrincipalType === 'ManagedIdentity' ? 'identity' : 'service principal'} ${displayName}`);
  for (const { id, appId, displayName, passwordCredentials } of Object.values(state.applications)) {
    give(names, id, `application ${displayName}`);
    give(names, appId, `client id ${displayName}`);
    for (const { secretText } of passwordCredentials) names.set(secretText, `<secret of ${displayName}>`);
  }
  for (const { name, properties } of Object.values(state.clusters)) give(names, properties.cloudId, `cloud id ${name}`);
  return names;
}

function give(names: Names, value: string, name: string): void {
  if (names.has(value)) return;
  const taken = [...names.values()].filter((other) => other === `<${name}>` || other.startsWith(`<${name} #`)).length;
  names.set(value, taken === 0 ? `<${name}>` : `<${name} #${taken + 1}>`);
}

const patterns: readonly [RegExp, string][] = [
  [/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/gi, '<id>'],
  [/\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})/g, '<time>'],
  [/SHA256:[A-Za-z0-9+/]{43}/g, '<fingerprint>'],
  [/^ssh-ed25519 [A-Za-z0-9+/=]+$/g, '<public key>'],
  [/^[A-Za-z0-9+/]{64,}={0,2}$/g, '<base64>'],
  // What the node script keeps in the registry is JSON.
  [/"[A-Za-z0-9+/]{64,}={0,2}"/g, '"<base64>"'],
];

const replaced = (text: string, names: Names): string => {
  let result = text;
  for (const [value, name] of names) result = result.replaceAll(value, name);
  for (const [pattern, name] of patterns) result = result.replaceAll(pattern, name);
  return result;
};

/** Differ in each run, and are not recognised by what they look like. */
const random: readonly string[] = ['etag', 'hint'];

/** Order has no meaning in these states: members and elements are sorted, members of one name are numbered. */
function canonical(value: unknown, names: Names): unknown {
  if (typeof value === 'string') return replaced(value, names);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((element: unknown) => canonical(element, names)).toSorted(byJson);
  const members = Object.entries(value)
    .map(([key, member]): [string, unknown] => [
      replaced(key, names),
      random.includes(key) ? `<${key}>` : canonical(member, names),
    ])
    .toSorted(byJson);
  const seen = new Map<string, number>();
  return Object.fromEntries(
    members.map(([key, member]) => {
      const count = (seen.get(key) ?? 0) + 1;
      seen.set(key, count);
      return [count === 1 ? key : `${key} #${count}`, member];
    }),
  );
}

const byJson = (a: unknown, b: unknown): number => {
  const [left, right] = [JSON.stringify(a), JSON.stringify(b)];
  return left < right ? -1 : left > right ? 1 : 0;
};

function flatten(value: unknown, path: string, lines: Map<string, string>): void {
  if (typeof value !== 'object' || value === null || Object.keys(value).length === 0) {
    lines.set(path, JSON.stringify(value));
    return;
  }
  for (const [key, member] of Object.entries(value)) flatten(member, path === '' ? key : `${path}.${key}`, lines);
}

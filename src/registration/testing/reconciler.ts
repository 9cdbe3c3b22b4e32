import { AzureStackHCIClient } from '@azure/arm-azurestackhci';
import { ResourceManagementClient } from '@azure/arm-resources';
import type { TokenCredential } from '@azure/core-auth';
import { createHttpHeaders, type HttpClient } from '@azure/core-rest-pipeline';
import { pino } from 'pino';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { fieldManager, finalizer } from '../../api/group.ts';
import { RegistrationStatus } from '../../api/status.ts';
import { AzureError } from '../../azure/errors.ts';
import type { ArcSettings, ClusterResource } from '../../azure/models.ts';
import type { ResourceManager } from '../../azure/resource-manager.ts';
import type { KubeClient, KubeRequest } from '../../kube/client.ts';
import { secrets } from '../../kube/core.ts';
import { get } from '../../kube/resource.ts';
import type { KubeObject } from '../../kube/schema.ts';
import { operations, type ClusterProbe, type OperationName, type Probe } from '../../nodes/operations.ts';
import { createNodePool } from '../../nodes/pool.ts';
import type { NodeTransport } from '../../nodes/transport.ts';
import { valueOf } from '../facts.ts';
import { createReconciler } from '../reconcile.ts';
import { createInventory } from '../../azure/inventory.ts';
import type { Session, Sessions } from '../../sign-in/sessions.ts';
import {
  buildArcSettings,
  buildCluster,
  buildObserved,
  buildProbe,
  buildRegistration,
  buildResource,
  createdCertificate,
  endpoints,
  instanceId,
  nodeNames,
  now as start,
  setCertificate,
  subscriptionId,
} from './builders.ts';

// The real reconciler over an Azure, nodes and an API server that are plain data, with a clock that the test moves.

export interface StoredRegistration extends KubeObject {
  spec: unknown;
  status?: RegistrationStatus;
}

/** What there is, for the test to change at any time. A registration that is as it should be is the start. */
export interface Surroundings {
  object: StoredRegistration;
  cluster: ClusterResource | undefined;
  arcSettings: ArcSettings | undefined;
  probes: Record<string, Probe>;
  clusterProbe: ClusterProbe;
  /** Rows of one of Resource Graph's tables, or an AzureError that is thrown. By itself it shows what is there. */
  resourceGraph: (table: string) => object[];
  /** Content of the Secret that the spec names. */
  sshKey: string;
  /** The controller's own Secret with what it knows of the Arc secret. */
  arcSecret: { annotations: Record<string, string>; data?: Record<string, string> };
  /** Its key known_hosts. */
  knownHosts: string | undefined;
  /** Fingerprints of nodes that look at who knows them; others let everybody in. */
  hostKeys: Record<string, string>;
  /** Nodes that do not answer. */
  silent: Set<string>;
  /** A write to Azure arrives: it changes what is there, or throws an AzureError. By itself a write has no effect. */
  azureWrite(method: string, path: string): void;
  /** An operation that mutates is run on a node. */
  nodeWrite(node: string, operation: OperationName): void;
}

/** Nothing yields to the test runner's own timer, so a reconciler that spins has to be stopped here. */
const mostPasses = 3000;

const SecretBody = Type.Object({
  metadata: Type.Object({ annotations: Type.Record(Type.String(), Type.String()) }),
  data: Type.Optional(Type.Record(Type.String(), Type.String())),
});
const StatusBody = Type.Object({ status: RegistrationStatus });
const GivenSecret = Type.Object({ appId: Type.String(), keyId: Type.String() });
const QueryBody = Type.Object({ query: Type.String() });
const FinalizersBody = Type.Object({ metadata: Type.Object({ finalizers: Type.Array(Type.String()) }) });

export function startReconciler(changes: Partial<Surroundings> = {}) {
  const registration = buildRegistration();
  let clock = start.getTime();
  let isLookedAt = false;
  const now = () => new Date(clock);
  const surroundings: Surroundings = {
    object: { ...registration, metadata: { ...registration.metadata, finalizers: [finalizer] } },
    cluster: buildResource(),
    arcSettings: buildArcSettings(),
    probes: Object.fromEntries(nodeNames.map((name) => [name, buildProbe(name)])),
    clusterProbe: buildCluster(),
    resourceGraph: (table) => rowsOf(surroundings, table, now()),
    sshKey: 'key',
    arcSecret: {
      annotations: {
        'azurestackhci.io/app-id': 'arc-client-id',
        'azurestackhci.io/key-id': 'key-1',
        'azurestackhci.io/not-before': '2026-02-01T00:00:00Z',
        'azurestackhci.io/not-after': '2028-02-01T00:00:00Z',
      },
    },
    knownHosts: undefined,
    hostKeys: {},
    silent: new Set(),
    azureWrite: () => {},
    nodeWrite: () => {},
    ...changes,
  };
  /** Every call, in order: `ARM GET cluster`, `NODE NODE1 probe`, `KUBE PATCH status`, `sign in`. */
  const calls: string[] = [];
  const events: string[] = [];

  const arm = createArm(surroundings, calls, now);
  let signInIsRefused = false;
  const newSession = (): Session => ({
    arm,
    graph: noGraph,
    inventory: createInventory(arm, now),
    credentialValidity: undefined,
    checkSignIn: async () => {
      calls.push('sign in');
      if (signInIsRefused) throw new AzureError({ status: 401, code: 'AADSTS7000215', message: 'no' });
    },
  });
  let session = newSession();
  const sessions: Sessions = {
    endpoints: () => endpoints,
    open: async () => session,
    tryClientSecret: async () => {
      calls.push('sign in with a secret');
      return 'arc-principal-id';
    },
  };
  const kube = createKube(surroundings, calls);
  const reconciler = createReconciler({
    kube,
    secrets: { read: (name, signal) => get(kube, secrets, name, { signal }) },
    nodes: createNodePool(createTransport(surroundings, calls, now)),
    sessions,
    instanceId,
    now,
    events: { record: async (_, { reason, note }) => void events.push(`${reason} ${note}`) },
    log: pino({ level: 'silent' }),
    clean: (text) => text,
    read: () => surroundings.object,
    list: () => [surroundings.object],
    massDeletion: { limit: 10, windowMinutes: 10 },
    record: () => {},
    lookAt: () => {
      isLookedAt = true;
    },
  });

  /** One pass; milliseconds until the next one is due, or undefined when only a change of the object brings one. */
  const pass = async () => {
    const { requeueAfterMs } = await reconciler.reconcile('edge/hci001', new AbortController().signal, (work) =>
      work(),
    );
    const wasAskedFor = isLookedAt;
    isLookedAt = false;
    return wasAskedFor ? 0 : requeueAfterMs;
  };

  return {
    surroundings,
    calls,
    events,
    now,
    pass,
    secretChanged: () => reconciler.secretChanged('edge/hci001'),
    refuseSignIn(refused: boolean) {
      signInIsRefused = refused;
    },
    /** The Secret of the identity holds something else. */
    changeIdentity() {
      session = newSession();
    },
    advance: (ms: number) => {
      clock += ms;
    },
    count: (prefix: string) => calls.filter((call) => call.startsWith(prefix)).length,
    condition: (type: string) => surroundings.object.status?.conditions?.find((condition) => condition.type === type),
    /** Pass after pass, each when it is due and each 50 ms long, until the time is over. Ends at when the next one is due. */
    async run(ms: number): Promise<void> {
      const end = clock + ms;
      for (let passes = 1; clock < end; passes++) {
        if (passes > mostPasses) throw new Error(`more than ${mostPasses} passes: it does not come to rest`);
        const due = await pass();
        clock = due === undefined ? end : clock + Math.max(50, due);
      }
    },
  };
}

function createKube(surroundings: Surroundings, calls: string[]): KubeClient {
  let version = 1;
  const store = (changed: Partial<StoredRegistration>) => {
    const object = { ...surroundings.object, ...changed };
    version += 1;
    surroundings.object = { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } };
    return structuredClone(surroundings.object);
  };
  return {
    async request({ method, path, body }: KubeRequest) {
      const name = path.slice(path.lastIndexOf('/') + 1);
      if (path.includes('/secrets/')) {
        calls.push(`KUBE ${method} secret`);
        const metadata = { name, namespace: 'edge', uid: 'uid-of-a-secret', resourceVersion: '1' };
        const labels = { 'app.kubernetes.io/managed-by': fieldManager };
        if (!name.endsWith('arc-service-principal')) {
          const data = encoded({ 'ssh-privatekey': surroundings.sshKey, known_hosts: surroundings.knownHosts });
          return { metadata: { ...metadata, finalizers: [finalizer] }, data };
        }
        if (method === 'PATCH') {
          const { metadata: written, data } = Value.Parse(SecretBody, body);
          surroundings.arcSecret = { annotations: written.annotations, ...(data === undefined ? {} : { data }) };
        }
        const { annotations, ...content } = structuredClone(surroundings.arcSecret);
        return { metadata: { ...metadata, annotations, labels }, ...content };
      }
      if (name === 'status') {
        calls.push('KUBE PATCH status');
        return store({ status: Value.Parse(StatusBody, body).status });
      }
      if (method !== 'PATCH') throw new Error(`not expected: ${method} ${path}`);
      calls.push('KUBE PATCH finalizers');
      const { finalizers } = Value.Parse(FinalizersBody, body).metadata;
      return store({ metadata: { ...surroundings.object.metadata, finalizers } });
    },
    stream: () => Promise.reject(new Error('not expected: a watch')),
    close: async () => {},
  };
}

const encoded = (content: Record<string, string | undefined>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(content).flatMap(([key, text]) =>
      text === undefined ? [] : [[key, Buffer.from(text).toString('base64')]],
    ),
  );

function createTransport(surroundings: Surroundings, calls: string[], now: () => Date): NodeTransport {
  const answer = (node: string, operation: OperationName, given: unknown): unknown => {
    if (operation === 'clusterProbe') return surroundings.clusterProbe;
    const probe = surroundings.probes[node];
    if (probe === undefined) throw new Error(`there is no node ${node}`);
    if (operation !== 'probe') {
      surroundings.nodeWrite(node, operation);
      if (operation === 'initializeArcIntegration') {
        const { appId, keyId } = Value.Parse(GivenSecret, given);
        probe.arcSecret = { appId, keyId };
      }
      if (operation === 'newRegistrationCertificate') {
        const created = createdCertificate(`${node}/${now().toISOString()}`, { createdTime: now().toISOString() });
        probe.certificate = { ...probe.certificate, created };
        return created;
      }
      if (operation === 'setRegistrationCertificate' && probe.certificate.created !== null)
        probe.certificate.set = { ...setCertificate(node), ...probe.certificate.created };
      return {};
    }
    const { connectionStatus } = probe.registration;
    const lastConnected = connectionStatus === 'Connected' ? hourBefore(now()) : probe.registration.lastConnected;
    return {
      ...probe,
      registration: { ...probe.registration, lastConnected },
      os: { ...probe.os, currentTime: now().toISOString() },
    };
  };
  return {
    async run({ name, hostKeys }, operation, given) {
      const seenHostKey = surroundings.hostKeys[name];
      if (seenHostKey !== undefined && !hostKeys.includes(seenHostKey)) {
        calls.push(`NODE ${name} refused`);
        return { kind: 'unreachable', cause: 'hostKey', detail: `${operation} on ${name}: not pinned`, seenHostKey };
      }
      calls.push(`NODE ${name} ${operation}`);
      if (surroundings.silent.has(name))
        return { kind: 'unreachable', cause: 'refused', detail: `${operation} on ${name}: refused` };
      const schema: (typeof operations)[typeof operation]['result'] = operations[operation].result;
      const value = structuredClone(answer(name, operation, given));
      if (!Value.Check(schema, value)) throw new Error(`what the test gives ${operation} to answer does not fit`);
      return { kind: 'ok', durationSeconds: 0, value };
    },
    scanHostKey: async () => ({ kind: 'unreachable', cause: 'refused', detail: 'no host key here' }),
    close: async () => {},
  };
}

function createArm(surroundings: Surroundings, calls: string[], now: () => Date): ResourceManager {
  const answer = (method: string, path: string, query: URLSearchParams): unknown => {
    calls.push(`ARM ${method} ${shortName(path)}`);
    if (method !== 'GET') {
      surroundings.azureWrite(method, path);
      return shortName(path) === 'generatePassword' ? password(now()) : {};
    }
    const { cluster, arcSettings } = surroundings;
    switch (shortName(path)) {
      case 'permissions':
        return { value: [{ actions: ['*'], notActions: [] }] };
      case 'machines':
        return { value: [] };
      case 'roleAssignments': {
        const { providerRoles, arcRoles } = buildObserved();
        const ofProvider = query.get('$filter')?.includes('provider-principal-id') === true;
        return { value: valueOf(ofProvider ? providerRoles : arcRoles) };
      }
      case 'arcSettings':
        return present(arcSettings);
      case 'cluster': {
        const { properties, ...rest } = present(cluster);
        return { ...rest, properties: { ...properties, lastSyncTimestamp: hourBefore(now()) } };
      }
      case 'group':
        return { name: 'hci001-rg', location: 'eastus', properties: { provisioningState: 'Succeeded' } };
      default:
        return {
          registrationState: 'Registered',
          resourceTypes: [{ resourceType: 'clusters', locations: ['East US'] }],
        };
    }
  };

  const credential: TokenCredential = {
    getToken: async () => ({ token: 'token', expiresOnTimestamp: Number.MAX_SAFE_INTEGER }),
  };
  const httpClient: HttpClient = {
    async sendRequest(request) {
      const { pathname, searchParams } = new URL(request.url);
      const body = answer(request.method, pathname, searchParams);
      const headers = createHttpHeaders({ 'content-type': 'application/json' });
      return { request, status: 200, headers, bodyAsText: JSON.stringify(body) };
    },
  };
  const options = { httpClient, retryOptions: { maxRetries: 0 } };
  return {
    subscriptionId,
    clockSkewMs: () => 0,
    async send({ method, path, query, body: sent }) {
      if (path.endsWith('/Microsoft.ResourceGraph/resources')) {
        const [table = ''] = Value.Parse(QueryBody, sent).query.split('\n');
        calls.push(`QUERY ${table}`);
        const data = structuredClone(surroundings.resourceGraph(table));
        const answered = { totalRecords: data.length, count: data.length, data, resultTruncated: 'false' };
        return { status: 200, body: answered, operationUrl: undefined };
      }
      const body = structuredClone(answer(method, path, new URLSearchParams(query)));
      return { status: 200, body, operationUrl: path.endsWith('/uploadCertificate') ? 'operation' : undefined };
    },
    follow: async () => ({ status: 200, body: { status: 'Succeeded' }, operationUrl: undefined }),
    resources: new ResourceManagementClient(credential, subscriptionId, options),
    stackHci: new AzureStackHCIClient(credential, subscriptionId, options),
  };
}

const names: [RegExp, string][] = [
  [/\/permissions$/, 'permissions'],
  [/\/machines$/, 'machines'],
  [/\/roleAssignments(\/|$)/, 'roleAssignments'],
  [/\/generatePassword$/, 'generatePassword'],
  [/\/uploadCertificate$/, 'uploadCertificate'],
  [/\/arcSettings\/default$/, 'arcSettings'],
  [/\/clusters\/[^/]+$/, 'cluster'],
  [/\/resourcegroups\/[^/]+$/i, 'group'],
  [/\/providers\/[^/]+$/, 'provider'],
];

function shortName(path: string): string {
  const known = names.find(([pattern]) => pattern.test(path));
  if (known === undefined) throw new Error(`not expected in Azure: ${path}`);
  return known[1];
}

function present<T>(resource: T | undefined): T {
  if (resource !== undefined) return resource;
  throw new AzureError({ status: 404, code: 'ResourceNotFound', message: 'there is no such resource' });
}

function rowsOf({ cluster }: Surroundings, table: string, now: Date): object[] {
  switch (table) {
    case 'resources': {
      if (cluster === undefined) return [];
      const { properties, ...resource } = cluster;
      const lastSyncTimestamp = hourBefore(now);
      return [{ ...resource, type: 'microsoft.azurestackhci/clusters', ...properties, lastSyncTimestamp }];
    }
    case 'resourcecontainers': {
      const id = `/subscriptions/${subscriptionId}/resourceGroups/hci001-rg`;
      return [{ id, name: 'hci001-rg', location: 'eastus', tags: null, provisioningState: 'Succeeded' }];
    }
    default: {
      const { providerRoles, arcRoles } = buildObserved();
      return [...(valueOf(providerRoles) ?? []), ...(valueOf(arcRoles) ?? [])].map(({ properties, ...role }) => ({
        ...role,
        ...properties,
      }));
    }
  }
}

const password = (at: Date) => ({
  secretText: 'secret text',
  keyId: `key-of-${at.toISOString()}`,
  startDateTime: at.toISOString(),
  endDateTime: new Date(at.getTime() + 730 * 86_400_000).toISOString(),
});

const hourBefore = (at: Date): string => new Date(at.getTime() - 3_600_000).toISOString();

const refuse = () => Promise.reject(new Error('no registration here asks Microsoft Graph'));
const noGraph = { send: refuse, follow: refuse };

import { randomUUID } from 'node:crypto';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { apiVersion, finalizer } from '../../../src/api/group.ts';
import { kind } from '../../../src/api/registration.ts';
import { RegistrationStatus } from '../../../src/api/status.ts';
import type { KubeClient, KubeRequest } from '../../../src/kube/client.ts';
import type { KubeObject } from '../../../src/kube/schema.ts';
import { operations, type ClusterProbe, type OperationName, type Probe } from '../../../src/nodes/operations.ts';
import type { NodeTransport } from '../../../src/nodes/transport.ts';
import { buildCluster, buildProbe, buildSpec } from '../../../src/registration/testing/builders.ts';
import type { SimulatedAzure } from '../../simulators/azure/azure.ts';
import { nodeNames, type FleetCluster } from './azure.ts';

// The API server and the nodes of a fleet, as plain data: what is measured is how often they are asked.

export const namespace = 'edge';
export const dnsSuffix = (name: string): string => `${name}.example.com`;

interface StoredRegistration extends KubeObject {
  status?: RegistrationStatus;
}
const StatusBody = Type.Object({ status: RegistrationStatus });

const base64 = (values: Record<string, string>) =>
  Object.fromEntries(Object.entries(values).map(([key, text]) => [key, Buffer.from(text).toString('base64')]));

/** An API server that holds the registrations and their Secrets. `calls` gets each request. */
export function createApiServer(azure: SimulatedAzure, clusters: readonly FleetCluster[], calls: string[]) {
  const { tenantId, principals } = azure;
  const { clientId, clientSecret } = principals.controller;
  const byName = new Map(clusters.map((cluster) => [cluster.name, cluster]));
  const objects = new Map<string, StoredRegistration>();
  for (const { name, subscriptionId } of clusters) {
    const spec = buildSpec({
      azure: {
        cloud: 'AzureCloud',
        tenantId,
        subscriptionId,
        region: 'eastus',
        identity: { type: 'ClientSecret', clientSecret: { clientId, secretRef: { name: 'sign-in' } } },
      },
    });
    const hosts = nodeNames.map((node) => ({ name: node, address: `${node}.${dnsSuffix(name)}`.toLowerCase() }));
    const object = {
      apiVersion,
      kind,
      metadata: {
        name,
        namespace,
        uid: randomUUID(),
        resourceVersion: '1',
        generation: 1,
        creationTimestamp: '2026-01-01T00:00:00Z',
        finalizers: [finalizer],
      },
      spec: { ...spec, nodes: { ...spec.nodes, hosts } },
    };
    objects.set(`${namespace}/${name}`, object);
  }

  function secret(name: string): unknown {
    const metadata = { name, namespace, uid: `uid-of-${name}`, resourceVersion: '1' };
    const cluster = byName.get(name.replace(/-arc-service-principal$/, ''));
    if (cluster !== undefined) {
      const annotations = {
        'azurestackhci.io/app-id': cluster.arcAppId,
        'azurestackhci.io/key-id': 'key-1',
        'azurestackhci.io/not-after': '2030-01-01T00:00:00Z',
      };
      return { metadata: { ...metadata, annotations } };
    }
    return name === 'sign-in'
      ? { metadata, data: base64({ clientSecret, expiresOn: '2030-01-01T00:00:00Z' }) }
      : { metadata, data: base64({ 'ssh-privatekey': 'key' }) };
  }

  const kube: KubeClient = {
    async request({ method, path, body }: KubeRequest) {
      const parts = path.split('/');
      if (parts.at(-2) === 'secrets') {
        calls.push(`${method.toLowerCase()} secrets`);
        return secret(parts.at(-1) ?? '');
      }
      const [name = '', last] = parts.slice(-2);
      const key = `${namespace}/${name}`;
      const object = objects.get(key);
      if (method !== 'PATCH' || last !== 'status' || object === undefined)
        throw new Error(`not expected of a fleet at rest: ${method} ${path}`);
      calls.push('patch hciclusterregistrations/status');
      const { status } = Value.Parse(StatusBody, body);
      const resourceVersion = String(Number(object.metadata.resourceVersion) + 1);
      const written = { ...object, metadata: { ...object.metadata, resourceVersion }, status };
      objects.set(key, written);
      return structuredClone(written);
    },
    stream: () => Promise.reject(new Error('not expected: a watch')),
    close: async () => {},
  };
  return { kube, objects };
}

/** Nodes that are registered and connected. `calls` gets each operation. */
export function createNodes(clusters: readonly FleetCluster[], azure: SimulatedAzure, calls: string[]): NodeTransport {
  const bySuffix = new Map(clusters.map((cluster) => [dnsSuffix(cluster.name), cluster]));
  const answer = (address: string, name: string, operation: OperationName): Probe | ClusterProbe => {
    const cluster = bySuffix.get(address.slice(address.indexOf('.') + 1));
    if (cluster === undefined) throw new Error(`${address} is no node of the fleet`);
    if (operation === 'clusterProbe') return clusterProbe(cluster);
    if (operation === 'probe') return probe(cluster, name, azure.tenantId);
    throw new Error(`not expected of a fleet at rest: ${operation} on ${address}`);
  };
  return {
    async run({ name, address }, operation) {
      calls.push(operation);
      const schema: (typeof operations)[typeof operation]['result'] = operations[operation].result;
      const value: unknown = answer(address, name, operation);
      if (!Value.Check(schema, value)) throw new Error(`what a node of the fleet answers to ${operation} does not fit`);
      return { kind: 'ok', durationSeconds: 0, value };
    },
    scanHostKey: async () => ({ kind: 'unreachable', cause: 'refused', detail: 'no host key here' }),
    close: async () => {},
  };
}

const clusterProbe = ({ name, clusterId }: FleetCluster): ClusterProbe =>
  buildCluster({
    name,
    id: clusterId,
    dnsName: `${name}.${dnsSuffix(name)}`,
    dnsSuffix: dnsSuffix(name),
    nodes: nodeNames.map((node) => ({ name: node, state: 'Up', statusInformation: null, drainStatus: null })),
  });

function probe(cluster: FleetCluster, name: string, tenantId: string): Probe {
  const { resourceId, resourceGroup, subscriptionId, appId, arcAppId, cloudId } = cluster;
  const now = new Date();
  const healthy = buildProbe(name, {
    registration: {
      azureResourceName: cluster.name,
      azureResourceUri: resourceId,
      lastConnected: new Date(now.getTime() - 3_600_000).toISOString(),
    },
    arc: {
      clusterArcStatus: 'Enabled',
      nodesArcStatus: Object.fromEntries(nodeNames.map((node) => [node.toLowerCase(), 'Enabled'])),
      applicationId: arcAppId,
    },
  });
  const { agent, certificate } = healthy;
  return {
    ...healthy,
    certificate: {
      created: certificate.created === null ? null : { ...certificate.created, notAfter: '2030-01-01T00:00:00Z' },
      set: certificate.set === null ? null : { ...certificate.set, appId, cloudId },
    },
    agent: agent === null ? null : { ...agent, resourceGroup, subscriptionId, tenantId },
    os: { ...healthy.os, currentTime: now.toISOString() },
  };
}

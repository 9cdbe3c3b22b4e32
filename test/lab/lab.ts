import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { stringify } from 'yaml';
import { controlPlaneBinaries } from '../controlplane/binaries.ts';
import { temporaryFolder } from './command.ts';
import { startControlPlane, type ControlPlane } from '../controlplane/start.ts';
import { startSimulatedAzure, type AzureOptions, type SimulatedAzure } from '../simulators/azure/azure.ts';
import { mergePatch, type OnExchange } from '../simulators/shared/admin.ts';
import { startSimulatedNodes, type SimulatedNodes, type SimulatedNodesOptions } from '../simulators/nodes/simulator.ts';

const LabFile = Type.Object({ kubeconfig: Type.String() });
const root = join(import.meta.dirname, '../..');
export const sampleNamespace = 'edge';
export const controllerAccount = { namespace: 'hci-system', name: 'hci-registration-controller' } as const;

/** May sign in as the application `controller` by workload identity federation. */
export const workloadAccount = { namespace: 'federated', name: 'hci-edge' } as const;

/** Its objects may use the identity of the host that the controller runs on. */
export const managedIdentityNamespace = 'managed';

/** The world outside the controller: simulated Azure and simulated nodes, and the configuration that points at them. */
export interface Outside {
  directory: string;
  azure: SimulatedAzure;
  nodes: SimulatedNodes;
  /** Path of the controller's configuration. */
  controllerConfig: string;
  close(): Promise<void>;
}

export interface Lab extends Outside {
  controlPlane: ControlPlane;
}

export const sampleCluster = {
  name: 'hci001',
  dnsSuffix: 'corp.example.com',
  nodes: ['NODE1', 'NODE2', 'NODE3', 'NODE4'],
} as const;

export async function startOutside(options: {
  directory: string;
  serviceAccountIssuer?: AzureOptions['serviceAccountIssuer'];
  clusters?: SimulatedNodesOptions['clusters'];
  azureSettings?: AzureOptions['settings'];
  nodeSettings?: SimulatedNodesOptions['settings'];
  /** Sees the exchanges of both simulators before they are answered. */
  onExchange?: OnExchange;
}): Promise<Outside> {
  const { directory } = options;
  await mkdir(directory, { recursive: true });
  const azure = await startSimulatedAzure({
    directory,
    ...(options.serviceAccountIssuer === undefined ? {} : { serviceAccountIssuer: options.serviceAccountIssuer }),
    ...(options.azureSettings === undefined ? {} : { settings: options.azureSettings }),
    ...(options.onExchange === undefined ? {} : { onExchange: options.onExchange }),
  });
  try {
    const nodes = await startSimulatedNodes({
      directory,
      azure,
      clusters: options.clusters ?? [sampleCluster],
      ...(options.nodeSettings === undefined ? {} : { settings: options.nodeSettings }),
      ...(options.onExchange === undefined ? {} : { onExchange: options.onExchange }),
    });
    const controllerConfig = join(directory, 'controller.yaml');
    const { resourceManager, login, graph } = azure;
    await writeFile(
      controllerConfig,
      stringify({
        clouds: { AzureCloud: { resourceManager, login, graph } },
        certificateAuthorityFile: azure.caFile,
        managedIdentityNamespaces: [managedIdentityNamespace],
        allowLoopbackNodeAddresses: true,
        // One controller at a time; one that was killed is followed at once, not when its lease runs out.
        leaderElection: { enabled: false },
        server: { address: '127.0.0.1', port: 0 },
      }),
    );
    const close = async () => {
      await Promise.all([nodes.close(), azure.close()]);
    };
    return { directory, azure, nodes, controllerConfig, close };
  } catch (error) {
    await azure.close();
    throw error;
  }
}

/** A control plane with the CRDs and the controller's own account and rights, and the world outside. */
export async function startLab(
  options: {
    audit?: boolean;
    say?: (line: string) => void;
    clusters?: SimulatedNodesOptions['clusters'];
    azureSettings?: AzureOptions['settings'];
    nodeSettings?: SimulatedNodesOptions['settings'];
    /** Sees the exchanges of both simulators before they are answered. */
    onExchange?: OnExchange;
  } = {},
): Promise<Lab> {
  await controlPlaneBinaries(options.say ?? (() => undefined)); // before anything is made that would have to be removed
  const { path: directory, remove } = await temporaryFolder('hci-lab-');
  const controlPlane = await startControlPlane({
    directory: join(directory, 'controlplane'),
    ...(options.audit === undefined ? {} : { audit: options.audit }),
    ...(options.say === undefined ? {} : { say: options.say }),
  });
  try {
    await controlPlane.kubectl(
      'apply',
      '--server-side',
      '-f',
      join(root, 'crds'),
      '-f',
      join(root, 'deploy/controller.yaml'),
    );
    await controlPlane.kubectl(
      'wait',
      '--for=condition=Established',
      '--timeout=30s',
      'crd/hciclusterregistrations.azurestackhci.io',
    );
    await controlPlane.kubectl('create', 'namespace', sampleNamespace);
    const outside = await startOutside({
      directory: join(directory, 'outside'),
      serviceAccountIssuer: {
        ...controlPlane.serviceAccountIssuer,
        subjects: [`system:serviceaccount:${workloadAccount.namespace}:${workloadAccount.name}`],
      },
      ...(options.clusters === undefined ? {} : { clusters: options.clusters }),
      ...(options.azureSettings === undefined ? {} : { azureSettings: options.azureSettings }),
      ...(options.nodeSettings === undefined ? {} : { nodeSettings: options.nodeSettings }),
      ...(options.onExchange === undefined ? {} : { onExchange: options.onExchange }),
    });
    const close = async () => {
      await Promise.all([outside.close(), controlPlane.stop()]);
      await remove();
    };
    return { ...outside, directory, controlPlane, close };
  } catch (error) {
    await controlPlane.stop();
    await remove();
    throw error;
  }
}

/** Manifests for one simulated cluster: its Secrets and its HciClusterRegistration. */
export async function sampleManifests(
  outside: Outside,
  options: {
    namespace: string;
    cluster?: string;
    /** JSON merge patch for the HciClusterRegistration. */ patch?: unknown;
  },
): Promise<string> {
  const cluster = outside.nodes.clusters.find(({ name }) => name === (options.cluster ?? sampleCluster.name));
  if (cluster === undefined) throw new Error(`no simulated cluster ${options.cluster}`);
  const { namespace } = options;
  const { tenantId, subscriptionId, principals, state } = outside.azure;
  const application = Object.values(state.applications).find(({ appId }) => appId === principals.controller.clientId);
  const expiresOn = application?.passwordCredentials[0]?.endDateTime;
  const secret = (name: string, type: string, stringData: Record<string, string>) => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace },
    type,
    stringData,
  });
  return [
    secret(`${cluster.name}-azure`, 'Opaque', {
      clientSecret: principals.controller.clientSecret,
      ...(expiresOn === undefined ? {} : { expiresOn }),
    }),
    secret(`${cluster.name}-ssh`, 'kubernetes.io/ssh-auth', {
      'ssh-privatekey': await readFile(cluster.ssh.privateKeyFile, 'utf8'),
    }),
    {
      apiVersion: 'azurestackhci.io/v1alpha1',
      kind: 'HciClusterRegistration',
      metadata: { name: cluster.name, namespace },
      spec: {
        azure: {
          tenantId,
          subscriptionId,
          region: 'East US',
          identity: {
            type: 'ClientSecret',
            clientSecret: { clientId: principals.controller.clientId, secretRef: { name: `${cluster.name}-azure` } },
          },
        },
        nodes: {
          hosts: cluster.nodes.map(({ name, address, hostKey }) => ({ name, address, hostKeys: [hostKey] })),
          transport: {
            type: 'SSH',
            ssh: { user: cluster.ssh.user, port: cluster.ssh.port, secretRef: { name: `${cluster.name}-ssh` } },
          },
        },
        arc: { defaultExtensions: 'Consent' },
      },
    },
  ]
    .map((manifest) => stringify(manifest.kind === 'Secret' ? manifest : mergePatch(manifest, options.patch ?? {})))
    .join('---\n');
}

/** Writes lab.json, as test/README.md describes it, unless it is that of a lab that still stands. */
export async function writeLabFile(lab: Lab, file: string): Promise<void> {
  const other: unknown = await readFile(file, 'utf8').then(JSON.parse, () => undefined);
  if (Value.Check(LabFile, other) && existsSync(other.kubeconfig)) {
    throw new Error(`${file} is that of another lab, which still runs: stop it first, or work in another folder.`);
  }
  const { azure, nodes, controlPlane } = lab;
  const { resourceManager, login, graph, serviceEndpoint, instanceMetadata, caFile, admin } = azure;
  const { tenantId, subscriptionId, principals, managedIdentity } = azure;
  const content = {
    kubeconfig: controlPlane.kubeconfig,
    kubectl: controlPlane.binaries.kubectl,
    controllerConfig: lab.controllerConfig,
    azure: {
      resourceManager,
      login,
      graph,
      serviceEndpoint,
      instanceMetadata,
      caFile,
      admin,
      tenantId,
      subscriptionId,
      principals,
      managedIdentity,
    },
    nodes: { admin: nodes.admin, clusters: nodes.clusters },
  };
  await writeFile(file, `${JSON.stringify(content, undefined, 2)}\n`, { mode: 0o600 });
}

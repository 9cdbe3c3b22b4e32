import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { startControlPlane, type ControlPlane } from '../controlplane/start.ts';
import { mergePatch } from '../simulators/shared/admin.ts';

const root = join(import.meta.dirname, '../..');

describe('what the API server makes of the CRD', () => {
  let directory: string;
  let controlPlane: ControlPlane;
  let sample: unknown;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'admission-'));
    controlPlane = await startControlPlane({ directory });
    await controlPlane.kubectl('apply', '--server-side', '-f', join(root, 'crds'));
    await controlPlane.kubectl(
      'wait',
      '--for=condition=Established',
      '--timeout=30s',
      'crd/hciclusterregistrations.azurestackhci.io',
    );
    await controlPlane.kubectl('create', 'namespace', 'edge');
    sample = parse(await readFile(join(root, 'deploy/samples/hciclusterregistration.yaml'), 'utf8'));
  });
  afterAll(async () => {
    await controlPlane?.stop();
    await rm(directory, { recursive: true, force: true });
  });

  const apply = async (patch: unknown, ...flags: string[]): Promise<string> => {
    const file = join(directory, 'object.yaml');
    await writeFile(file, stringify(mergePatch(sample, patch)));
    return controlPlane.kubectl('apply', '-f', file, ...flags);
  };

  it('accepts the sample, under every short name', async () => {
    await apply({});
    for (const name of ['hciregistrations', 'hciregistration', 'hcireg', 'hci', 'azure']) {
      expect(await controlPlane.kubectl('get', name, '-n', 'edge')).toMatch(
        /NAME +READY +REASON +REGISTERED +CONNECTED +ARC +CRED-EXPIRES +AGE\n(hciclusterregistration\.azurestackhci\.io\/)?hci001/,
      );
    }
    const byField = await controlPlane.kubectl(
      'get',
      'hcireg',
      '-A',
      '--field-selector=spec.azure.subscriptionId=none',
    );
    expect(byField).not.toContain('hci001');
  });

  it('fills in the defaults', async () => {
    const { spec } = JSON.parse(await controlPlane.kubectl('get', 'hcireg', 'hci001', '-n', 'edge', '-o', 'json'));
    expect(spec).toMatchObject({
      azure: { cloud: 'AzureCloud' },
      arc: { state: 'Enabled', onboarding: { type: 'ResourceProvider' } },
      nodes: { discovery: 'Cluster', transport: { ssh: { user: 'hcireg', port: 22, execution: 'Dispatcher' } } },
      credentialRotation: { mode: 'Auto', renewBefore: '720h' },
      managementPolicy: 'Manage',
      adoptionPolicy: 'IfOwned',
      deletion: { whenNodesUnreachable: 'Wait', extensions: 'Wait' },
      suspend: false,
      syncInterval: '15m',
      nodeProbeInterval: '1h',
    });
    expect(spec.deletion.policy).toBeUndefined();
  });

  it.each([
    [
      'a malformed region',
      { spec: { azure: { region: 'East-US!' } } },
      /region is the name of an Azure region, such as eastus/,
    ],
    ['an unknown enum', { spec: { managementPolicy: 'Managed' } }, /supported values: "Manage", "Observe"/],
    [
      'two union members',
      { spec: { azure: { identity: { managedIdentity: {} } } } },
      /exactly the member that type names may be set/,
    ],
    [
      'a union without its member',
      { spec: { azure: { identity: { type: 'WorkloadIdentity' } } } },
      /set workloadIdentity when type is WorkloadIdentity/,
    ],
    ['a tenant that is no GUID', { spec: { azure: { tenantId: 'contoso' } } }, /tenantId is a GUID such as/],
    [
      'a resource group that ends with a period',
      { spec: { azure: { resourceGroup: 'rg.' } } },
      /does not end with a period/,
    ],
    [
      'an address with a port',
      { spec: { nodes: { hosts: [{ name: 'NODE1', address: 'node1/22' }] } } },
      /the port stands in transport/,
    ],
    [
      'an address with a colon and a port',
      { spec: { nodes: { hosts: [{ name: 'NODE1', address: '127.1.1.1:22' }] } } },
      /the port stands in transport/,
    ],
    [
      'one node under two names',
      {
        spec: {
          nodes: {
            hosts: [
              { name: 'NODE1', address: 'a' },
              { name: 'node1', address: 'b' },
            ],
          },
        },
      },
      /each node once/,
    ],
    [
      'a host key that is no fingerprint',
      { spec: { nodes: { hosts: [{ name: 'NODE1', address: 'node1', hostKeys: ['ssh-rsa AAAA'] }] } } },
      /its SHA-256 fingerprint/,
    ],
    [
      'a host name that is too long',
      { spec: { nodes: { hosts: [{ name: 'A234567890123456', address: 'node1' }] } } },
      /NetBIOS computer name|Too long/,
    ],
    ['no hosts', { spec: { nodes: { hosts: [] } } }, /should have at least 1 items/],
    ['a duration in days', { spec: { syncInterval: '1d' } }, /a duration of hours, minutes and seconds/],
    ['a duration that is too short', { spec: { syncInterval: '1s' } }, /at least 1m/],
    [
      'an own Arc service principal without a Secret',
      { spec: { arc: { onboarding: { type: 'ServicePrincipal' } } } },
      /set servicePrincipal when type is ServicePrincipal/,
    ],
    ['a name that is too long for the mark', { metadata: { name: 'a'.repeat(101) } }, /at most 100 characters/],
  ])('refuses %s, and says what to do', async (_, patch, message) => {
    await expect(apply(patch)).rejects.toThrow(message);
  });

  it('keeps what a registration is in Azure fixed once it is registered, and names the way out', async () => {
    const before = { spec: { azure: { subscriptionId: '00000000-0000-0000-0000-000000000001' } } };
    await apply(before); // a typo can be corrected before
    await controlPlane.kubectl(
      'patch',
      'hcireg',
      'hci001',
      '-n',
      'edge',
      '--subresource=status',
      '--type=merge',
      '-p',
      JSON.stringify({
        status: {
          azure: {
            resourceId: '/Subscriptions/1/resourceGroups/hci001-rg/providers/Microsoft.AzureStackHCI/clusters/hci001',
            resourceGroup: 'hci001-rg',
            resourceName: 'hci001',
          },
        },
      }),
    );
    const refused = /the cluster is registered as \/Subscriptions\/1\/.*unregister the cluster, delete this object/s;
    for (const azure of [
      { subscriptionId: '00000000-0000-0000-0000-000000000002' },
      { tenantId: '00000000-0000-0000-0000-000000000002' },
      { cloud: 'AzureUSGovernment' },
      { region: 'westeurope' },
      { resourceGroup: 'another' },
      { resourceName: 'another' },
    ]) {
      await expect(apply(mergePatch(before, { spec: { azure } })), JSON.stringify(azure)).rejects.toThrow(refused);
    }
    // The same in other words is no change.
    await apply(
      mergePatch(before, {
        spec: { azure: { region: 'East US', resourceGroup: 'HCI001-RG', resourceName: 'hci001' } },
      }),
    );
  });

  it('explains every field', async () => {
    const explained = await controlPlane.kubectl('explain', 'hciregistration.spec.azure');
    expect(explained).toContain('Azure region of the cluster resource');
    const crd = JSON.parse(
      await controlPlane.kubectl('get', 'crd', 'hciclusterregistrations.azurestackhci.io', '-o', 'json'),
    );
    expect(withoutDescription(crd.spec.versions[0].schema.openAPIV3Schema.properties, 'spec')).toEqual([]);
  });

  it('accepts the deployment in a restricted namespace', async () => {
    await controlPlane.kubectl('apply', '--server-side', '-f', join(root, 'deploy/controller.yaml'));
    const documents = parseAllDocuments(await readFile(join(root, 'deploy/controller.yaml'), 'utf8')).map(
      (document): unknown => document.toJS(),
    );
    const deployment = documents.find((document): document is { spec: { template: object } } => isDeployment(document));
    const pod = join(directory, 'pod.yaml');
    // A bad Deployment only warns; a Pod made of its template is refused.
    await writeFile(pod, stringify({ apiVersion: 'v1', kind: 'Pod', ...mergeName(deployment?.spec.template) }));
    expect(await controlPlane.kubectl('apply', '--dry-run=server', '-f', pod)).toContain(
      'pod/try created (server dry run)',
    );
  });
});

const isDeployment = (document: unknown): boolean =>
  typeof document === 'object' && document !== null && 'kind' in document && document.kind === 'Deployment';

const mergeName = (template: object | undefined): object => ({
  ...template,
  metadata: { name: 'try', namespace: 'hci-system' },
});

/** Paths of properties that have no description. */
function withoutDescription(properties: unknown, path: string): string[] {
  if (typeof properties !== 'object' || properties === null) return [];
  return Object.entries(properties).flatMap(([name, schema]: [string, unknown]): string[] => {
    if (typeof schema !== 'object' || schema === null || ['apiVersion', 'kind', 'metadata'].includes(name)) return [];
    const here = `${path}.${name}`;
    const own = 'description' in schema ? [] : [here];
    const below = 'properties' in schema ? withoutDescription(schema.properties, here) : [];
    const items =
      'items' in schema && typeof schema.items === 'object' && schema.items !== null && 'properties' in schema.items
        ? withoutDescription(schema.items.properties, `${here}[]`)
        : [];
    return [...own, ...below, ...items];
  });
}

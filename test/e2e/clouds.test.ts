import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import type { RegistrationStatus } from '../../src/api/status.ts';
import { cloudEndpoints, type CloudName } from '../../src/azure/clouds.ts';
import { agreement } from '../lab/agreement.ts';
import { lastLines, startController, type RunningController } from '../lab/controller.ts';
import { controllerAccount, sampleManifests, startLab, startOutside, type Lab, type Outside } from '../lab/lab.ts';
import { applyManifests, condition, readStatus } from '../lab/registration.ts';

const places = {
  AzureCloud: { cluster: 'public', region: 'East US', location: 'eastus', portal: 'https://portal.azure.com' },
  AzureChinaCloud: {
    cluster: 'china',
    region: 'China East 2',
    location: 'chinaeast2',
    portal: 'https://portal.azure.cn',
  },
  AzureUSGovernment: {
    cluster: 'government',
    region: 'USGov Virginia',
    location: 'usgovvirginia',
    portal: 'https://portal.azure.us',
  },
} as const satisfies Record<CloudName, unknown>;
const clouds = ['AzureCloud', 'AzureChinaCloud', 'AzureUSGovernment'] as const;
const clusterOf = (cloud: CloudName) => places[cloud].cluster;

const labOf = (cloud: CloudName) => ({
  clusters: [clusterOf(cloud), `${clusterOf(cloud)}-lost`].map((name) => ({
    name,
    dnsSuffix: 'corp.example.com',
    nodes: ['NODE1', 'NODE2'],
  })),
  azureSettings: { cloud },
});

const Configuration = Type.Object({ certificateAuthorityFile: Type.String() });

describe('three clouds, each with a tenant and endpoints of its own, under one controller', () => {
  let lab: Lab;
  let controller: RunningController;
  const outside = new Map<CloudName, Outside>();
  const at = (cloud: CloudName): Outside => {
    const found = outside.get(cloud);
    if (found === undefined) throw new Error(`no lab of ${cloud}`);
    return found;
  };

  beforeAll(async () => {
    lab = await startLab(labOf('AzureCloud'));
    outside.set('AzureCloud', lab);
    for (const cloud of clouds.slice(1)) {
      const directory = join(lab.directory, cloud);
      await mkdir(directory);
      outside.set(cloud, await startOutside({ directory, ...labOf(cloud) }));
    }
    const authorities = await Promise.all(clouds.map((cloud) => readFile(at(cloud).azure.caFile, 'utf8')));
    const certificateAuthorityFile = join(lab.directory, 'authorities.pem');
    await writeFile(certificateAuthorityFile, authorities.join('\n'));
    const config = join(lab.directory, 'clouds.yaml');
    const configuration = Value.Parse(Configuration, parse(await readFile(lab.controllerConfig, 'utf8')));
    const endpoints = clouds.map((cloud) => {
      const { resourceManager, login, graph } = at(cloud).azure;
      return [cloud, { resourceManager, login, graph }];
    });
    await writeFile(
      config,
      stringify({ ...configuration, certificateAuthorityFile, clouds: Object.fromEntries(endpoints) }),
    );
    const kubeconfig = await lab.controlPlane.kubeconfigFor(controllerAccount);
    controller = startController({ kubeconfig, config, logFile: join(lab.directory, 'controller.log') });
  });
  afterAll(async () => {
    await controller?.stop();
    for (const cloud of clouds.slice(1)) await outside.get(cloud)?.close();
    await lab?.close();
  });

  async function register(
    cloud: CloudName,
    cluster: string,
    patch: object,
  ): Promise<() => Promise<RegistrationStatus>> {
    const namespace = `ns-${cluster}`;
    await lab.controlPlane.kubectl('create', 'namespace', namespace);
    const manifests = await sampleManifests(at(cloud), { namespace, cluster, patch: { spec: { azure: patch } } });
    await applyManifests(lab.controlPlane, manifests, lab.directory);
    return () => readStatus(lab.controlPlane, namespace, cluster);
  }
  const until = async (read: () => Promise<RegistrationStatus>, holds: (status: RegistrationStatus) => boolean) => {
    try {
      await expect.poll(async () => holds(await read()), { timeout: 45_000, interval: 150 }).toBe(true);
    } catch (cause) {
      const { conditions, plan } = await read();
      throw new Error(`${JSON.stringify({ conditions, plan })}\n${await lastLines(controller.logFile)}`, { cause });
    }
    return read();
  };
  /** Arguments of an operation that was run on a node. */
  const given = (cloud: CloudName, operation: string) =>
    at(cloud).nodes.log.find(({ request }) => new URL(request.url).pathname === `/${operation}`)?.request.body;

  it.each(clouds)('%s: registered, with its region, scopes, authority, Arc cloud and portal', async (cloud) => {
    const { region, location, portal } = places[cloud];
    const cluster = clusterOf(cloud);
    const { azure } = at(cloud);
    const status = await register(cloud, cluster, { cloud, region });
    const seen = await until(status, (current) => condition(current, 'Ready')?.status === 'True');
    expect(agreement(at(cloud), cluster).filter(({ holds }) => !holds)).toEqual([]);

    const { billingServiceApiScope, graphScope, arcEnvironment, resourceManagerScope } = cloudEndpoints(cloud);
    const made = Object.values(azure.state.clusters).find(({ name }) => name === cluster);
    expect(made?.location).toBe(location);
    expect(seen.azure?.portalUrl).toMatch(
      new RegExp(
        `^${portal}/#@${azure.tenantId}/resource/Subscriptions/${azure.subscriptionId}/.*/${cluster}/overview$`,
      ),
    );
    expect(given(cloud, 'setRegistration')).toMatchObject({
      arguments: {
        serviceEndpoint: made?.properties.serviceEndpoint,
        billingServiceApiScope,
        graphServiceApiScope: graphScope,
        aadAuthority: azure.login,
        tenantId: azure.tenantId,
      },
    });
    expect(given(cloud, 'initializeArcIntegration')).toMatchObject({
      arguments: { cloud: arcEnvironment, region: location },
    });

    const { clientId } = azure.principals.controller;
    const scopes = azure.log
      .filter(({ principal, request }) => principal === clientId && request.url.includes('/oauth2/'))
      .map(({ request }) => new URLSearchParams(String(request.body)).get('scope')?.split(' ')[0]);
    expect(new Set(scopes)).toEqual(new Set([resourceManagerScope]));
    const registered = azure.log.flatMap(
      ({ request }) => /providers\/(Microsoft\.\w+)\/register/.exec(request.url)?.[1] ?? [],
    );
    expect(registered.toSorted()).toEqual(cloudEndpoints(cloud).resourceProviders.toSorted());
  });

  it.each([
    ['AzureCloud', 'China East 2', 'eastus'],
    ['AzureChinaCloud', 'East US', 'chinaeast2'],
    ['AzureUSGovernment', 'East US', 'usgovvirginia'],
  ] as const)('%s has no region %s, and it is said which it has', async (cloud, region, offered) => {
    const status = await register(cloud, `${clusterOf(cloud)}-lost`, { cloud, region });
    const seen = await until(status, (current) => condition(current, 'Stalled')?.reason === 'InvalidRegion');
    expect(condition(seen, 'Stalled')?.message).toContain(offered);
    expect(Object.values(at(cloud).azure.state.clusters).some(({ name }) => name.endsWith('-lost'))).toBe(false);
  });
});

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { startSimulatedAzure, type AzureOptions, type SimulatedAzure } from './azure.ts';
import { createClient, type Answer, type Call, type Client } from './client.ts';
import type { PrincipalName } from './seed.ts';
import type { Settings } from './settings.ts';

/** One simulated Azure for a test file, with what its tests need all the time. */
export interface Fixture {
  readonly azure: SimulatedAzure;
  readonly client: Client;
  /** A call to Resource Manager as a seeded principal (default controller), or with a token. */
  readonly arm: (
    method: string,
    path: string,
    call?: Call & { as?: PrincipalName; apiVersion?: string },
  ) => Promise<Answer>;
  readonly admin: (method: string, path: string, body?: unknown) => Promise<unknown>;
  readonly settings: (settings: Partial<Settings>) => Promise<unknown>;
  /** The provider registered and the group there. */
  readonly givenGroup: (name: string) => Promise<string>;
  readonly givenCluster: (group: string, name: string) => Promise<string>;
  /** Waits until the operation that an answer started is over. */
  readonly finished: (answer: Answer) => Promise<void>;
}

const hci = '2023-08-01';
const apiVersions: Readonly<Record<string, string>> = {
  'microsoft.azurestackhci': hci,
  'microsoft.hybridcompute': '2022-12-27',
  'microsoft.authorization': '2022-04-01',
};

const Status = Type.Object({ status: Type.String() });

export function fixture(options: Omit<AzureOptions, 'directory'> = {}): () => Fixture {
  let current: (Fixture & { directory: string; initial: Settings }) | undefined;
  beforeAll(async () => {
    const directory = await mkdtemp(join(tmpdir(), 'azure-'));
    const settings = { operationSeconds: 0.05, providerRegistrationSeconds: 0.05, groupDeletionSeconds: 0.05 };
    const azure = await startSimulatedAzure({ directory, ...options, settings: { ...settings, ...options.settings } });
    current = { ...create(azure, createClient(azure)), directory, initial: structuredClone(azure.settings) };
  });
  afterEach(() => current?.settings(current.initial));
  afterAll(async () => {
    if (current === undefined) return;
    await current.client.close();
    await current.azure.close();
    await rm(current.directory, { recursive: true });
  });
  return () => {
    if (current === undefined) throw new Error('the simulated Azure is not up');
    return current;
  };
}

function create(azure: SimulatedAzure, client: Client): Fixture {
  const tokens = new Map<PrincipalName, Promise<string>>();
  const tokenOf = (name: PrincipalName) => {
    const { clientId, clientSecret } = azure.principals[name];
    const token = tokens.get(name) ?? client.token(clientId, clientSecret);
    tokens.set(name, token);
    return token;
  };
  const arm: Fixture['arm'] = async (method, path, { as = 'controller', apiVersion, ...call } = {}) => {
    const url = new URL(azure.resourceManager + path);
    if (!url.searchParams.has('api-version')) {
      const namespace = /\/providers\/([^/?]+)\/[^?]*$/i.exec(path)?.at(1)?.toLowerCase() ?? '';
      const last = path.toLowerCase().includes('/providers/microsoft.authorization/')
        ? 'microsoft.authorization'
        : namespace;
      url.searchParams.set('api-version', apiVersion ?? apiVersions[last] ?? '2022-09-01');
    }
    return client.send(method, url.href, { token: call.token ?? (await tokenOf(as)), ...call });
  };
  const admin: Fixture['admin'] = async (method, path, body) => {
    const answer = await client.send(method, azure.admin + path, body === undefined ? {} : { body });
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
  const subscription = `/subscriptions/${azure.subscriptionId}`;
  const register = async (namespace: string) => {
    await arm('POST', `${subscription}/providers/${namespace}/register`, { apiVersion: '2022-09-01' });
    await expect
      .poll(() => azure.state.subscriptions[azure.subscriptionId]?.providers[namespace.toLowerCase()], {
        timeout: 5000,
      })
      .toBe('Registered');
  };
  return {
    azure,
    client,
    arm,
    admin,
    settings: (settings) => admin('PUT', '/settings', settings),
    givenGroup: async (name) => {
      await register('Microsoft.AzureStackHCI');
      await register('Microsoft.HybridCompute');
      await arm('PUT', `${subscription}/resourceGroups/${name}`, { body: { location: 'eastus' } });
      return `${subscription}/resourceGroups/${name}`;
    },
    givenCluster: async (group, name) => {
      const id = `${group}/providers/Microsoft.AzureStackHCI/clusters/${name}`;
      expect((await arm('PUT', id, { body: { location: 'eastus' } })).status).toBe(200);
      return id;
    },
    finished: async (answer) => {
      expect(answer.status).toBe(202);
      expect(answer.body).toBeNull();
      const url = answer.headers.get('azure-asyncoperation') ?? '';
      const token = await tokenOf('controller');
      const poll = async () => {
        const { body } = await client.send('GET', url, { token });
        return Value.Check(Status, body) ? body.status : body;
      };
      await expect.poll(poll, { timeout: 5000, interval: 20 }).toBe('Succeeded');
    },
  };
}

/** A PEM certificate as base64 DER. */
export async function certificateBase64(file: string): Promise<string> {
  return (await readFile(file, 'utf8')).replaceAll(/-----[^-]+-----/g, '').replaceAll(/\s/g, '');
}

/** One member of an answer's body, by path. */
export function at(body: unknown, ...path: string[]): unknown {
  return path.reduce<unknown>((value, key) => {
    if (typeof value !== 'object' || value === null) return undefined;
    return Object.entries(value).find(([name]) => name === key)?.[1];
  }, body);
}

/** The same where it must be text. */
export function textAt(body: unknown, ...path: string[]): string {
  const value = at(body, ...path);
  if (typeof value !== 'string') throw new Error(`${path.join('.')} is ${typeof value} in ${JSON.stringify(body)}`);
  return value;
}

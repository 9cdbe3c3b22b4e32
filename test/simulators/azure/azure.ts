import { randomUUID } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Type, type TSchema } from 'typebox';
import { Value } from 'typebox/value';
import { InvalidAdminInput, mergePatch, startAdminServer, type Exchange, type OnExchange } from '../shared/admin.ts';
import { createCertificateAuthority } from '../../controlplane/certificates.ts';
import { createDataPlane } from './dataPlane.ts';
import { createFaults, Fault, type Host } from './faults.ts';
import { createGraph } from './graph/graph.ts';
import { createInstanceMetadata } from './instanceMetadata.ts';
import { startListener, type Reply, type Request } from './listener.ts';
import { createLogin } from './login.ts';
import { effects } from './resourceManager/effects.ts';
import { advance } from './resourceManager/operations.ts';
import { createResourceManager } from './resourceManager/resourceManager.ts';
import { createResourceGraphIndex } from './resourceGraph/tables.ts';
import {
  seed,
  seedManagedIdentity,
  type ManagedIdentity,
  type Principal,
  type PrincipalName,
  type ServiceAccountIssuer,
} from './seed.ts';
import { defaultSettings, Settings } from './settings.ts';
import { emptyState, State } from './state.ts';
import { claimedAppId, createTokens } from './tokens.ts';
import type { World } from './world.ts';

export interface AzureOptions {
  /** For the CA and the principals' certificates; made if missing. */
  readonly directory: string;
  readonly serviceAccountIssuer?: ServiceAccountIssuer;
  readonly settings?: Partial<Settings>;
  /** Appended to; its own by default. */
  readonly log?: Exchange[];
  readonly onExchange?: OnExchange;
}

export interface SimulatedAzure {
  readonly resourceManager: string;
  readonly login: string;
  readonly graph: string;
  readonly serviceEndpoint: string;
  /** The Instance Metadata Service of the controller's host, over HTTP: for AZURE_POD_IDENTITY_AUTHORITY_HOST. */
  readonly instanceMetadata: string;
  readonly admin: string;
  readonly caPem: string;
  readonly caFile: string;
  readonly tenantId: string;
  readonly subscriptionId: string;
  readonly principals: Readonly<Record<PrincipalName, Principal>>;
  /** The one that the host of the controller has; its rights are those of `controller`. */
  readonly managedIdentity: ManagedIdentity;
  /** The state now: everything that was due has happened. Changes made to it count. */
  readonly state: State;
  readonly settings: Settings;
  readonly log: readonly Exchange[];
  readonly close: () => Promise<void>;
}

/** Starts Entra, Resource Manager, Graph and the HCI data plane, each on its own HTTPS port, and the admin API over HTTP. */
export async function startSimulatedAzure(options: AzureOptions): Promise<SimulatedAzure> {
  const log = options.log ?? [];
  const faults = createFaults();
  const tenantId = randomUUID();
  const subscriptionId = randomUUID();
  const urls = { resourceManager: '', login: '', graph: '', dataPlane: '' };
  const world: World = {
    state: emptyState(tenantId, subscriptionId, randomUUID()),
    settings: { ...structuredClone(defaultSettings), ...options.settings },
    urls,
    now: () => new Date(Date.now() + world.settings.clockOffsetSeconds * 1000),
  };
  await mkdir(options.directory, { recursive: true });
  const authority = await createCertificateAuthority('Simulated Azure CA');
  const caFile = join(options.directory, 'azure-ca.pem');
  await writeFile(caFile, authority.certificatePem);
  const principals = await seed(world, subscriptionId, options.directory, options.serviceAccountIssuer);
  const managedIdentity = seedManagedIdentity(world, subscriptionId, 'controller-host');

  const tokens = await createTokens(world);
  const index = createResourceGraphIndex(world);
  const upToDate = (handle: (request: Request) => Promise<Reply>) => async (request: Request) => {
    advance(world, effects);
    index.observe();
    const reply = await handle(request);
    index.observe();
    return reply;
  };
  const closing: (() => Promise<void>)[] = [];
  const close = async () => {
    await Promise.all(closing.splice(0).map((stop) => stop()));
  };
  const listen = async (host: Host, handle: (request: Request) => Promise<Reply>) => {
    const listener = await startListener({
      host,
      certificate:
        host === 'instanceMetadata'
          ? undefined
          : await authority.issueServer([
              { type: 'ip', value: '127.0.0.1' },
              { type: 'dns', value: 'localhost' },
            ]),
      handle: upToDate(handle),
      principal: (request) =>
        host === 'login'
          ? new URLSearchParams(request.text).get('client_id')
          : claimedAppId(request.headers['authorization']),
      latencySeconds: () => world.settings.latencySeconds,
      now: world.now,
      faults,
      log,
      onExchange: options.onExchange,
    });
    closing.push(listener.close);
    return listener;
  };
  const state = () => {
    advance(world, effects);
    return world.state;
  };
  try {
    const listeners = {
      resourceManager: await listen('arm', createResourceManager(world, tokens, index)),
      login: await listen('login', createLogin(world, tokens)),
      graph: await listen('graph', createGraph(world, tokens)),
      dataPlane: await listen('dataPlane', createDataPlane(world, tokens)),
      instanceMetadata: await listen(
        'instanceMetadata',
        createInstanceMetadata(world, tokens, [managedIdentity.objectId]),
      ),
    };
    urls.resourceManager = listeners.resourceManager.url;
    urls.login = listeners.login.url;
    urls.graph = listeners.graph.url;
    urls.dataPlane = listeners.dataPlane.url;
    const admin = await startAdminServer({
      getState: state,
      putState: (input) => {
        world.state = structuredClone(checked(State, input));
      },
      settings: {
        get: () => world.settings,
        put: (input) => {
          world.settings = checked(Settings, mergePatch(world.settings, input));
        },
      },
      putFaults: (input) => faults.replace(checked(Type.Array(Fault), input)),
      log,
    });
    closing.push(admin.close);
    return {
      resourceManager: urls.resourceManager,
      login: urls.login,
      graph: urls.graph,
      serviceEndpoint: urls.dataPlane,
      instanceMetadata: listeners.instanceMetadata.url,
      admin: admin.url,
      caPem: authority.certificatePem,
      caFile,
      tenantId,
      subscriptionId,
      principals,
      managedIdentity,
      get state() {
        return state();
      },
      get settings() {
        return world.settings;
      },
      log,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function checked<T extends TSchema>(schema: T, input: unknown) {
  if (Value.Check(schema, input)) return input;
  const error = Value.Errors(schema, input)[0];
  throw new InvalidAdminInput(`${error?.instancePath ?? ''} ${error?.message ?? 'is not as expected'}`);
}

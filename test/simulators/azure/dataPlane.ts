import { Type } from 'typebox';
import { Value } from 'typebox/value';
import type { Reply, Request } from './listener.ts';
import { linkMachines } from './resourceManager/effects.ts';
import { ReportedNode } from './state.ts';
import { isFor, type Tokens } from './tokens.ts';
import { instant, newEtag, type World } from './world.ts';

const Sync = Type.Object(
  {
    clusterName: Type.String(),
    clusterId: Type.String(),
    clusterVersion: Type.String(),
    diagnosticLevel: Type.String(),
    imdsAttestation: Type.String(),
    nodes: Type.Array(ReportedNode, { minItems: 1, maxItems: 16 }),
  },
  { additionalProperties: false },
);

const refuse = (status: number, code: string, message: string): Reply => ({
  status,
  body: { error: { code, message } },
});

/** The HCI service that nodes talk to (test/README.md): `<region>/health` and `<region>/clusters/<cloudId>/sync`. */
export function createDataPlane(world: World, tokens: Tokens): (request: Request) => Promise<Reply> {
  return async (request) => {
    const path = request.url.pathname.replaceAll(/\/{2,}/g, '/');
    if (request.method === 'GET' && /^\/[a-z0-9]+\/health$/.test(path))
      return { status: 200, body: { status: 'Healthy' } };
    const cloudId = /^\/[a-z0-9]+\/clusters\/([^/]+)\/sync$/.exec(path)?.[1];
    if (request.method !== 'POST' || cloudId === undefined) return refuse(404, 'NotFound', `There is no '${path}'.`);
    const caller = await tokens.verify(request.headers['authorization']);
    if (typeof caller === 'string') return refuse(401, 'Unauthorized', `The token is ${caller}.`);
    if (!isFor(world, caller.audience, 'billing')) {
      return refuse(401, 'Unauthorized', `The token is for '${caller.audience}'.`);
    }
    const cluster = Object.values(world.state.clusters).find((candidate) => candidate.properties.cloudId === cloudId);
    if (cluster === undefined) return refuse(404, 'NotFound', `There is no cluster '${cloudId}'.`);
    const { properties } = cluster;
    if (properties.aadClientId !== caller.appId) {
      return refuse(403, 'Forbidden', `The application '${caller.appId}' does not belong to cluster '${cloudId}'.`);
    }
    if (!Value.Check(Sync, request.body)) {
      const error = Value.Errors(Sync, request.body)[0];
      return refuse(
        400,
        'BadRequest',
        `${error?.instancePath ?? ''} ${error?.message ?? 'the body is not as expected'}`,
      );
    }
    const now = instant(world);
    properties.reportedProperties = { ...request.body, lastUpdated: now };
    properties.status = 'ConnectedRecently';
    properties.connectivityStatus = 'Connected';
    properties.registrationTimestamp ??= now;
    properties.lastSyncTimestamp = now;
    properties.lastBillingTimestamp = now;
    cluster.etag = newEtag();
    linkMachines(world, cluster);
    return { status: 200, body: { lastSyncTimestamp: now, nextSync: instant(world, 12 * 3600) } };
  };
}

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { markTag } from '../../src/registration/target.ts';
import { applyManifests, readEvents } from '../lab/registration.ts';
import { eventually, startProcessLab, type Process, type ProcessLab } from './process-harness.ts';
import { longAgo, readSweep, sweepManifests } from './sweeps.ts';

const instanceId = 'lab';
const configuration = { instanceId };

describe('a sweep', () => {
  let world: ProcessLab;
  beforeAll(async () => {
    world = await startProcessLab(['hci001']);
  });
  afterAll(async () => {
    await world?.stop();
  });

  const apply = (namespace: string, spec?: Record<string, unknown>) =>
    applyManifests(world.lab.controlPlane, sweepManifests(world.lab, namespace, spec), world.lab.directory);
  const deletes = () => world.lab.azure.log.filter(({ request }) => request.method === 'DELETE').length;

  /** A registered cluster that is copied as one that fell silent long ago. */
  function givenOrphan(name: string, mark: string): string {
    const { state } = world.lab.azure;
    const living = Object.values(state.clusters).find((cluster) => cluster.name === 'hci001');
    if (living === undefined) throw new Error('hci001 is not registered');
    const orphan = structuredClone(living);
    orphan.name = name;
    orphan.id = living.id.replace(/hci001$/, name);
    orphan.tags = { [markTag]: mark };
    orphan.systemData.createdAt = longAgo;
    // The provider deletes a cluster's identity with it.
    for (const field of ['aadClientId', 'aadApplicationObjectId', 'aadServicePrincipalObjectId'] as const)
      delete orphan.properties[field];
    orphan.properties.status = 'Disconnected';
    orphan.properties.connectivityStatus = 'Disconnected';
    orphan.properties.registrationTimestamp = longAgo;
    orphan.properties.lastSyncTimestamp = longAgo;
    if (orphan.properties.reportedProperties !== undefined) orphan.properties.reportedProperties.lastUpdated = longAgo;
    state.clusters[orphan.id.toLowerCase()] = orphan;
    return orphan.id;
  }

  it('through the shipped controller: deletes the orphan, keeps the living cluster and the other installation', async () => {
    const process = await world.start(undefined, { configuration });
    await world.given('edge', 'hci001');
    await eventually(process, async () => expect(await world.condition('edge', 'hci001', 'Ready')).toBe('True/Ready'));
    const before = Object.keys(world.lab.azure.state.machines);
    const orphan = givenOrphan('gone', `${instanceId}/edge/gone`);
    const foreign = givenOrphan('foreign', 'another/edge/foreign');
    await apply('edge', { mode: 'Report' });
    await sweptWith(process, { gone: 'Report', foreign: 'Leave' });
    expect(deletes()).toBe(0);
    expect(await world.lab.controlPlane.kubectl('get', 'hciorphansweeps', '-n', 'edge')).toMatch(
      /^NAME +READY +REASON +MODE +ORPHANS +CLUSTERS +MACHINES +LAST-SWEEP +AGE\nsweep +True +Succeeded +Report +2 +2 +0 /,
    );
    expect(await process.metric('hci_orphans{namespace="edge",name="sweep",kind="Cluster"}')).toBe(2);

    await apply('edge');
    await eventually(process, async () =>
      expect(Object.values(world.lab.azure.state.clusters).map(({ name }) => name)).toEqual(['hci001', 'foreign']),
    );
    expect(await process.metric('hci_orphan_deletions_total{kind="Cluster",result="accepted"}')).toBe(1);
    const events = await readEvents(world.lab.controlPlane, 'edge');
    expect(events).toContainEqual(expect.objectContaining({ reason: 'OrphanDeleted', note: `Deleted ${orphan}.` }));
    expect(Object.keys(world.lab.azure.state.machines)).toEqual(before);
    expect(world.lab.azure.state.clusters[foreign.toLowerCase()]).toBeDefined();
    expect(await world.condition('edge', 'hci001', 'Ready')).toBe('True/Ready');
    expect(await process.stop()).toBe(0);
  });

  it('of a controller for one namespace reports and deletes nothing', async () => {
    givenOrphan('gone', `${instanceId}/edge/gone`);
    const soFar = deletes();
    const process = await world.start('edge', { configuration });
    await apply('edge', { mode: 'Delete', minimumAge: '1s' });
    await sweptWith(process, { gone: 'Hold', foreign: 'Leave' });
    const { conditions } = await readSweep(world.lab.controlPlane, 'edge');
    expect(conditions).toContainEqual(
      expect.objectContaining({ type: 'Ready', status: 'False', reason: 'DeletionHeld' }),
    );
    expect(deletes()).toBe(soFar);
    expect(await process.stop()).toBe(0);
  });

  const sweptWith = (process: Process, actions: Record<string, string>) =>
    eventually(process, async () => {
      const { orphans = [] } = await readSweep(world.lab.controlPlane, 'edge');
      const seen = Object.fromEntries(orphans.map(({ id, action }) => [id.split('/').at(-1), action]));
      expect(seen).toEqual(actions);
    });
});

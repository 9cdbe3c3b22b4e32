import { describe } from 'vitest';
import { buildCluster, buildMachine, resourceId, unregistered } from './testing/builders.ts';
import { emptyStart, ownStart } from './testing/starts.ts';
import {
  all,
  allProviders,
  arc,
  certificates,
  identity,
  only,
  register,
  table,
  type Case,
} from './testing/state-table.ts';
import type { World } from './testing/world.ts';

// What becomes of a registered cluster whose nodes change, and of one on whose nodes somebody works.

const known = (world: World) => {
  if (world.resource !== undefined)
    world.resource.properties.reportedProperties = { clusterName: 'hci001', clusterId: buildCluster().id };
};
/** As a node that has just joined, or was installed anew. */
const fresh = (name: string) =>
  only(name, (probe) => {
    Object.assign(probe.registration, unregistered);
    probe.certificate = { created: null, set: null };
    probe.agent = null;
    if (probe.arc !== null) probe.arc.nodesArcStatus = {};
  });
const notShown = (name: string) => (world: World) => {
  const properties = world.arcSettings?.properties;
  if (properties !== undefined)
    properties.perNodeDetails = (properties.perNodeDetails ?? []).filter((detail) => detail.name !== name);
};
const machine = (name: string, status: string) => (world: World) => {
  const made = buildMachine(name, resourceId);
  world.machines.push({ ...made, properties: { ...made.properties, status } });
};
const inState = (name: string, state: string, forSeconds?: number) => (world: World) => {
  world.nodeStates.set(name, { state });
  if (forSeconds !== undefined)
    world.later.push({
      at: new Date(world.now.getTime() + forSeconds * 1000),
      happen: () => world.nodeStates.delete(name),
    });
};
const join = [
  'NewRegistrationCertificate',
  'UploadCertificate',
  'SetRegistrationCertificate',
  'SetRegistration',
  'StartArcRegistrationTask',
  'Sync',
];
const three = { ...ownStart, nodeCount: 3 };
const registerAll = [
  'CreateResourceGroup',
  allProviders,
  'CreateCluster',
  ...identity,
  ...certificates,
  ...register,
  ...arc,
];

const rows: Record<string, Case> = {
  'a node was added': { start: three, change: all(fresh('NODE3'), notShown('NODE3')), writes: join, ends: 'Ready' },
  'a node was added to a cluster whose certificates the cmdlet made': {
    start: { ...three, certificates: ['none'] },
    change: all(fresh('NODE3'), notShown('NODE3')),
    writes: ['NewRegistrationCertificate'],
    ends: 'CertificateMissing',
    conditions: {
      Registered: 'False NotRegistered',
      Connected: 'False NotConnectedRecently',
      ArcConnected: 'False NodesNotConnected',
      InSync: 'False DriftDetected',
    },
    says: 'azurestackhci.io/repair-requested-at',
  },
  'a node was replaced under its name': {
    start: ownStart,
    change: all(fresh('NODE2'), notShown('NODE2'), machine('NODE2', 'Disconnected')),
    writes: join,
    ends: 'Ready',
  },
  'a node was evicted, and is still listed': {
    start: ownStart,
    change: all(known, ({ formerHosts }) => formerHosts.push('NODE9')),
    writes: [],
    ends: 'Ready',
  },
  'a node was evicted, and its Arc-enabled server is Disconnected': {
    start: ownStart,
    change: all(known, machine('NODE9', 'Disconnected')),
    writes: ['RemoveStaleMachine'],
    ends: 'Ready',
  },
  'a node was evicted, and its Arc-enabled server is connected': {
    start: ownStart,
    change: all(known, machine('NODE9', 'Connected')),
    writes: [],
    ends: 'Ready',
  },
  'a node is paused, and nothing is to be done': {
    start: ownStart,
    change: inState('NODE2', 'Paused'),
    writes: [],
    ends: 'Ready',
  },
  'a node is paused for a while': {
    start: emptyStart,
    change: inState('NODE2', 'Paused', 600),
    writes: registerAll.toSpliced(
      registerAll.indexOf('NewRegistrationCertificate ×2'),
      1,
      'NewRegistrationCertificate',
      'NewRegistrationCertificate',
    ),
    ends: 'Ready',
  },
  'a node stays paused': {
    start: ownStart,
    change: all(inState('NODE2', 'Paused'), fresh('NODE2'), notShown('NODE2')),
    writes: [],
    ends: 'NodePaused',
    says: 'NewRegistrationCertificate on NODE2: NODE2 is paused in the cluster.',
    conditions: {
      Registered: 'False NotRegistered',
      Connected: 'False NotConnectedRecently',
      ArcConnected: 'False NodesNotConnected',
      InSync: 'False DriftDetected',
    },
  },
  'the cluster says that a node is down that answers': {
    start: { ...ownStart, connected: false, shown: [false] },
    change: inState('NODE2', 'Down'),
    writes: [],
    ends: 'NodeDown',
    conditions: {
      Connected: 'False NotConnectedRecently',
      ArcConnected: 'False ArcSyncPending',
      InSync: 'False DriftDetected',
    },
  },
  'an upgrade is under way': {
    start: ownStart,
    change: all(
      only('NODE2', (probe) => Object.assign(probe, { arc: null, agent: null })),
      notShown('NODE2'),
    ),
    writes: [],
    ends: 'MixedBuilds',
    says: 'NODE2 22H2 (20349.2700)',
    conditions: { ArcConnected: 'False MixedBuilds' },
  },
};

describe('nodes that change', () => {
  table(rows);
});

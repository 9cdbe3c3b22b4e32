import { describe } from 'vitest';
import { now } from './testing/builders.ts';
import { noTrouble } from './testing/simulate.ts';
import { emptyStart, ownStart } from './testing/starts.ts';
import {
  all,
  certificates,
  eachNode,
  identity,
  only,
  allProviders,
  registration,
  resource,
  table,
  type Case,
} from './testing/state-table.ts';

// Each piece of a registration is judged by itself, and so is each node.

const pieces: Record<string, Case> = {
  "the provider's role": {
    start: { ...ownStart, providerRole: false },
    writes: ['AssignResourceManagerRole'],
    ends: 'Ready',
  },
  "the provider's object id": {
    start: { ...ownStart, providerObjectId: false },
    writes: ['RefreshResourceProviderObjectId', 'AssignResourceManagerRole'],
    ends: 'Ready',
  },
  'the system-assigned identity': {
    start: { ...ownStart, identity: 'none' },
    writes: ['SetSystemAssignedIdentity'],
    ends: 'Ready',
  },
  'the identity, beside one of the user': {
    start: { ...ownStart, identity: 'UserAssigned' },
    writes: ['SetSystemAssignedIdentity'],
    ends: 'Ready',
  },
  'the mark': {
    start: { ...ownStart, marked: false },
    spec: { adoptionPolicy: 'IfOwned' },
    writes: ['AdoptCluster'],
    ends: 'Ready',
  },
  'a role of the Arc service principal': {
    start: { ...ownStart, arcRoles: [true, false] },
    writes: ['AssignArcRoles'],
    ends: 'Ready',
  },
  'the Arc group': {
    start: { ...ownStart, separateArcGroup: true },
    change: (world) => {
      world.groups.delete('arc-rg');
      world.providerRoles.clear();
      world.arcRoles.clear();
    },
    writes: ['CreateResourceGroup', 'AssignResourceManagerRole', 'AssignArcRoles ×2'],
    ends: 'Ready',
  },
  'the clustered task': {
    start: { ...ownStart, task: 'none' },
    writes: ['RegisterArcRegistrationTask'],
    ends: 'Ready',
  },
  'a resource provider': {
    start: ownStart,
    change: ({ providers }) => {
      providers['Microsoft.GuestConfiguration'] = 'NotRegistered';
    },
    writes: ['RegisterResourceProvider'],
    ends: 'Ready',
  },
  'the certificate of one node, which is not registered': {
    start: {
      ...ownStart,
      certificates: ['set', 'none'],
      registered: [true, false],
      agents: [true, false],
      shown: [true, false],
    },
    writes: [
      'NewRegistrationCertificate',
      'UploadCertificate',
      'SetRegistrationCertificate',
      'SetRegistration',
      'StartArcRegistrationTask',
      'Sync',
    ],
    ends: 'Ready',
  },
  'the application, with nodes that lost their connection': {
    start: ownStart,
    change: all(
      resource(({ properties }) => {
        delete properties.aadClientId;
        delete properties.aadApplicationObjectId;
        delete properties.aadServicePrincipalObjectId;
      }),
      registration({ connectionStatus: 'Disconnected' }),
      eachNode(({ certificate }) => {
        if (certificate.set !== null) certificate.set.appId = 'deleted-client-id';
      }),
      ({ uploaded }) => uploaded.clear(),
    ),
    writes: ['CreateClusterIdentity', 'UploadCertificate', 'SetRegistrationCertificate ×2', 'Sync'],
    ends: 'Ready',
  },
};

const nodes: Record<string, Case> = {
  'one is down, and nothing is missing': {
    start: ownStart,
    trouble: { ...noTrouble, unreadFor: { 'probe/NODE2': Infinity } },
    writes: [],
    ends: 'NodeUnreachable',
    conditions: {
      NodesReachable: 'False NodeUnreachable',
      Registered: 'Unknown NotObserved',
      Connected: 'Unknown NotObserved',
      InSync: 'Unknown NotObserved',
    },
  },
  'one is down, and a role is missing: it is assigned': {
    start: { ...ownStart, providerRole: false },
    trouble: { ...noTrouble, unreadFor: { 'probe/NODE2': Infinity } },
    writes: ['AssignResourceManagerRole'],
    ends: 'NodeUnreachable',
    conditions: {
      NodesReachable: 'False NodeUnreachable',
      Registered: 'Unknown NotObserved',
      Connected: 'Unknown NotObserved',
      InSync: 'Unknown NotObserved',
    },
  },
  'one is down before the first registration: nothing is created': {
    start: { ...emptyStart, providerStates: ['Registered'] },
    trouble: { ...noTrouble, unreadFor: { 'probe/NODE2': Infinity } },
    writes: [],
    ends: 'NodeUnreachable',
    conditions: {
      NodesReachable: 'False NodeUnreachable',
      Registered: 'False NotRegistered',
      Connected: 'Unknown NotObserved',
      ArcConnected: 'False NodesNotConnected',
      InSync: 'Unknown NotObserved',
    },
  },
  '20H2 has no Arc': {
    start: { ...emptyStart, cloudManagement: true },
    change: eachNode((probe) => {
      probe.arc = null;
      probe.agent = null;
      probe.cloudManagementServices = [];
    }),
    writes: [
      'CreateResourceGroup',
      allProviders,
      'CreateCluster',
      ...identity,
      ...certificates,
      'SetRegistration',
      'SyncAfterRegistration',
    ],
    ends: 'ArcUnsupported',
    conditions: { ArcConnected: 'False ArcUnsupported' },
  },
  'one has other firmware and is out of policy': {
    start: ownStart,
    change: all(
      only('NODE2', (probe) => {
        probe.registration.connectionStatus = 'OutOfPolicy';
      }),
      ({ outOfPolicy }) => {
        outOfPolicy.add('NODE2');
      },
    ),
    writes: ['Sync'],
    ends: 'NodeOutOfPolicy',
    says: 'NODE2',
    conditions: { Connected: 'False NodeOutOfPolicy', InSync: 'False DriftDetected' },
  },
  'one asks for a repair of the registration': {
    start: ownStart,
    change: only('NODE2', (probe) => {
      probe.registration.connectionStatus = 'RepairRegistrationRequired';
    }),
    writes: [
      'NewRegistrationCertificate',
      'UploadCertificate',
      'SetRegistrationCertificate',
      'SetRegistration',
      'Sync',
    ],
    ends: 'Ready',
  },
  'one asks for a repair of the registration, and rotation is Manual': {
    start: ownStart,
    spec: { credentialRotation: { mode: 'Manual', renewBefore: '720h' } },
    change: only('NODE2', (probe) => {
      probe.registration.connectionStatus = 'RepairRegistrationRequired';
    }),
    writes: [],
    ends: 'RepairRegistrationRequired',
    says: 'azurestackhci.io/repair-requested-at',
    conditions: { Connected: 'False RepairRegistrationRequired', InSync: 'False DriftDetected' },
  },
  'the nodes of the cmdlet ask for a repair: all get new certificates': {
    start: { ...ownStart, certificates: ['none'] },
    change: only('NODE2', (probe) => {
      probe.registration.connectionStatus = 'RepairRegistrationRequired';
    }),
    writes: [
      'NewRegistrationCertificate ×2',
      'UploadCertificate',
      'SetRegistrationCertificate ×2',
      'SetRegistration',
      'Sync',
    ],
    ends: 'Ready',
  },
  'certificates near their end are renewed, and the cluster stays Ready': {
    start: ownStart,
    change: eachNode(({ certificate }) => {
      if (certificate.set !== null) certificate.set.notAfter = '2026-03-20T00:00:00Z';
      if (certificate.created !== null) certificate.created.notAfter = '2026-03-20T00:00:00Z';
    }),
    writes: ['NewRegistrationCertificate ×2', 'UploadCertificate', 'SetRegistrationCertificate ×2'],
    ends: 'Ready',
  },
  'certificates that have expired are made anew': {
    start: ownStart,
    change: all(
      eachNode(({ certificate, registration: seen }) => {
        if (certificate.set !== null) certificate.set.notAfter = '2026-02-20T00:00:00Z';
        if (certificate.created !== null) certificate.created.notAfter = '2026-02-20T00:00:00Z';
        Object.assign(seen, { connectionStatus: 'Disconnected', lastConnected: '2026-02-19T00:00:00Z' });
      }),
      ({ uploaded }) => {
        uploaded.clear();
      },
    ),
    writes: ['NewRegistrationCertificate ×2', 'UploadCertificate', 'SetRegistrationCertificate ×2', 'Sync'],
    ends: 'Ready',
  },
  'a certificate that has expired by our record, with which a node has connected since, was renewed by the node': {
    start: ownStart,
    change: eachNode(({ certificate }) => {
      if (certificate.set !== null) certificate.set.notAfter = '2026-02-20T00:00:00Z';
    }),
    writes: [],
    ends: 'Ready',
  },
  'a synchronisation that was asked for': {
    start: ownStart,
    trouble: { ...noTrouble, syncRequested: true },
    writes: ['SyncOnRequest'],
    ends: 'Ready',
  },
  'the same with a node that has just booted: it waits, and the cluster stays Ready': {
    start: ownStart,
    trouble: { ...noTrouble, syncRequested: true },
    change: only('NODE2', (probe) => {
      probe.os.bootTime = new Date(now.getTime() - 60_000).toISOString();
    }),
    writes: ['SyncOnRequest'],
    ends: 'Ready',
  },
};

describe('one piece is missing of a cluster that is registered', () => {
  table(pieces);
});
describe('nodes', () => {
  table(nodes);
});

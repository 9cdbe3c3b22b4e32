import { describe } from 'vitest';
import { buildMachine, resourceId } from './testing/builders.ts';
import { cmdletStart, emptyStart, ownStart } from './testing/starts.ts';
import {
  all,
  arc,
  disableArc,
  certificates,
  gone,
  identity,
  localGone,
  onboard,
  allProviders,
  register,
  registration,
  resource,
  table,
  type Case,
} from './testing/state-table.ts';

// Every state in which Register-AzStackHCI, or whoever stopped it, may have left a cluster (registration-flow 3.1, 3.5).

const rows: Record<string, Case> = {
  'registered as this, which exists': { start: ownStart, writes: [], ends: 'Ready' },
  'registered by the cmdlet: one write, the tag': {
    start: cmdletStart,
    spec: { adoptionPolicy: 'IfOwned' },
    writes: ['AdoptCluster'],
    ends: 'Ready',
  },
  'the same under Observe: none': {
    start: cmdletStart,
    spec: { adoptionPolicy: 'IfOwned', managementPolicy: 'Observe' },
    writes: [],
    ends: 'Ready',
    conditions: { InSync: 'False DriftDetected' },
  },
  'registered as this, which is gone (9106)': {
    start: ownStart,
    change: gone,
    writes: [],
    ends: 'ResourceMissing',
    says: '(9106)',
    conditions: {
      Registered: 'False ResourceMissing',
      ArcConnected: 'False NodesNotConnected',
      InSync: 'False DriftDetected',
    },
  },
  'registered as this, which is gone with its group': {
    start: ownStart,
    change: all(gone, ({ groups }) => groups.clear()),
    writes: [],
    ends: 'ResourceMissing',
    says: '(9106)',
    conditions: {
      Registered: 'False ResourceMissing',
      ArcConnected: 'False NodesNotConnected',
      InSync: 'False DriftDetected',
    },
  },
  'registered as another (9107, 9127)': {
    start: ownStart,
    change: registration({ azureResourceUri: resourceId.replace('clusters/hci001', 'clusters/hci002') }),
    writes: [],
    ends: 'RegisteredElsewhere',
    says: '9127',
    conditions: { Registered: 'False RegisteredElsewhere', InSync: 'False DriftDetected' },
  },
  'registered as another, and this does not exist': {
    start: emptyStart,
    change: registration({
      registrationStatus: 'Registered',
      azureResourceUri: resourceId.replace('hci001-rg', 'hci002-rg'),
    }),
    writes: [],
    ends: 'RegisteredElsewhere',
    says: '9125',
    conditions: {
      Registered: 'False RegisteredElsewhere',
      Connected: 'False NotConnectedRecently',
      ArcConnected: 'False NodesNotConnected',
      InSync: 'False DriftDetected',
    },
  },
  'not registered, and it does not exist': {
    start: emptyStart,
    writes: ['CreateResourceGroup', allProviders, 'CreateCluster', ...identity, ...certificates, ...register, ...arc],
    ends: 'Ready',
  },
  'an old install out of policy that holds no id': {
    start: emptyStart,
    change: registration({ registrationStatus: 'OutOfPolicy' }),
    writes: ['CreateResourceGroup', allProviders, 'CreateCluster', ...identity, ...certificates, ...register, ...arc],
    ends: 'Ready',
  },
  'not registered, and it exists with our mark': {
    start: localGone,
    writes: [
      'NewRegistrationCertificate ×2',
      'GeneratePassword',
      'UploadCertificate',
      'SetRegistrationCertificate ×2',
      'SetRegistration',
      'SyncAfterRegistration',
      ...onboard,
    ],
    ends: 'Ready',
  },
  'out of policy without an id, and it exists with our mark': {
    start: localGone,
    change: registration({ registrationStatus: 'OutOfPolicy' }),
    writes: [
      'NewRegistrationCertificate ×2',
      'GeneratePassword',
      'UploadCertificate',
      'SetRegistrationCertificate ×2',
      'SetRegistration',
      'SyncAfterRegistration',
      ...onboard,
    ],
    ends: 'Ready',
  },
  'not registered, and it exists without a mark': {
    start: { ...localGone, marked: false },
    spec: { adoptionPolicy: 'IfOwned' },
    writes: [],
    ends: 'AdoptionRefused',
    conditions: {
      Registered: 'False NotRegistered',
      Connected: 'False NotConnectedRecently',
      ArcConnected: 'False NodesNotConnected',
      InSync: 'False DriftDetected',
    },
  },
  'the same where adoptionPolicy is Always': {
    start: { ...localGone, marked: false },
    writes: [
      'AdoptCluster',
      'NewRegistrationCertificate ×2',
      'GeneratePassword',
      'UploadCertificate',
      'SetRegistrationCertificate ×2',
      'SetRegistration',
      'SyncAfterRegistration',
      ...onboard,
    ],
    ends: 'Ready',
  },
  'out of policy with the id kept: a connection ends it': {
    start: ownStart,
    change: registration({ registrationStatus: 'OutOfPolicy', connectionStatus: 'OutOfPolicy' }),
    writes: ['Sync'],
    ends: 'Ready',
  },
  'out of policy with the id kept, for good': {
    start: ownStart,
    change: all(
      registration({ registrationStatus: 'OutOfPolicy', connectionStatus: 'OutOfPolicy' }),
      ({ outOfPolicy }) => {
        outOfPolicy.add('NODE1').add('NODE2');
      },
    ),
    writes: ['Sync'],
    ends: 'OutOfPolicy',
    conditions: { Connected: 'False OutOfPolicy', InSync: 'False DriftDetected' },
  },
  'in another region (9104)': {
    start: ownStart,
    change: resource((given) => {
      given.location = 'westeurope';
    }),
    writes: [],
    ends: 'InvalidRegion',
    says: '(9104)',
    conditions: { InSync: 'False DriftDetected' },
  },
  'in another region, and not registered': {
    start: localGone,
    change: resource((given) => {
      given.location = 'westeurope';
    }),
    writes: [],
    ends: 'InvalidRegion',
    says: '(9104)',
    conditions: {
      Registered: 'False NotRegistered',
      Connected: 'False NotConnectedRecently',
      ArcConnected: 'False NodesNotConnected',
      InSync: 'False DriftDetected',
    },
  },
  'of another cluster of this name, under our mark': {
    start: ownStart,
    change: resource(({ properties }) => {
      properties.reportedProperties = { clusterName: 'hci001', clusterId: 'another-cluster' };
    }),
    writes: [],
    ends: 'OwnershipConflict',
    says: 'another-cluster',
    conditions: { InSync: 'False DriftDetected' },
  },
  'Arc settings that use another group (9129)': {
    start: ownStart,
    spec: { arc: { state: 'Enabled', resourceGroup: 'hci001-rg', onboarding: { type: 'ResourceProvider' } } },
    change: ({ arcSettings }) => {
      if (arcSettings !== undefined) arcSettings.properties.arcInstanceResourceGroup = 'fleet-arc';
    },
    writes: [],
    ends: 'InvalidSpec',
    says: '(9129)',
    conditions: { ArcConnected: 'False InvalidSpec', InSync: 'False DriftDetected' },
  },
  'a machine of the name of a node belongs to another cluster (9105)': {
    start: emptyStart,
    change: (world) => {
      world.machines = [
        buildMachine('node2', resourceId.replace('clusters/hci001', 'clusters/hci002')),
        buildMachine('NODE1', ''),
      ];
    },
    writes: [
      'CreateResourceGroup',
      allProviders,
      'CreateCluster',
      ...identity.filter((step) => step !== 'AssignResourceManagerRole'),
      ...certificates,
      ...register,
    ],
    ends: 'ArcMachineOwnedElsewhere',
    says: '(9105)',
    conditions: {
      ArcConnected: 'False ArcMachineOwnedElsewhere',
      InSync: 'False DriftDetected',
    },
  },
};

const partial: Record<string, Case> = {
  'only the group': {
    start: { ...emptyStart, group: 'Succeeded' },
    writes: [allProviders, 'CreateCluster', ...identity, ...certificates, ...register, ...arc],
    ends: 'Ready',
  },
  'only the Arc group': {
    start: { ...emptyStart, separateArcGroup: true, arcGroup: 'Succeeded' },
    writes: ['CreateResourceGroup', allProviders, 'CreateCluster', ...identity, ...certificates, ...register, ...arc],
    ends: 'Ready',
  },
  'a cluster resource without identity and application': {
    start: { ...emptyStart, providerStates: ['Registered'], group: 'Succeeded', resource: true, marked: true },
    writes: ['SetSystemAssignedIdentity', ...identity, ...certificates, ...register, ...arc],
    ends: 'Ready',
  },
  'an application without certificates': {
    start: {
      ...emptyStart,
      group: 'Succeeded',
      resource: true,
      marked: true,
      identity: 'SystemAssigned',
      application: true,
      providerObjectId: true,
      providerRole: true,
    },
    writes: [...certificates, ...register, ...arc],
    ends: 'Ready',
  },
  'certificates that are uploaded, and one node without': {
    start: {
      ...emptyStart,
      group: 'Succeeded',
      resource: true,
      marked: true,
      identity: 'SystemAssigned',
      application: true,
      providerObjectId: true,
      providerRole: true,
      certificates: ['set', 'uploaded'],
    },
    writes: ['UploadCertificate', 'SetRegistrationCertificate', ...register, ...arc],
    ends: 'Ready',
  },
  'certificates on all nodes, and not registered': {
    start: {
      ...emptyStart,
      group: 'Succeeded',
      resource: true,
      marked: true,
      identity: 'SystemAssigned',
      application: true,
      providerObjectId: true,
      providerRole: true,
      certificates: ['set'],
    },
    writes: [...register, ...arc],
    ends: 'Ready',
  },
  'registered, and Cloud Management is down': {
    start: { ...ownStart, cloudManagement: false },
    writes: ['StartCloudManagement'],
    ends: 'Ready',
  },
  'Arc settings without identity': {
    start: {
      ...ownStart,
      arcIdentity: false,
      initialized: false,
      task: 'none',
      agents: [false],
      shown: [false],
      secret: 'none',
    },
    writes: ['CreateArcIdentity', 'AssignArcRoles ×2', 'GeneratePassword', ...onboard],
    ends: 'Ready',
  },
  'an Arc service principal without roles': {
    start: {
      ...ownStart,
      arcRoles: [false],
      initialized: false,
      task: 'none',
      agents: [false],
      shown: [false],
      secret: 'none',
    },
    writes: ['AssignArcRoles ×2', 'GeneratePassword', ...onboard],
    ends: 'Ready',
  },
  'initialized, and one node not enabled': {
    start: { ...ownStart, agents: [true, false], shown: [true, false] },
    writes: ['StartArcRegistrationTask', 'Sync'],
    ends: 'Ready',
  },
  'all nodes enabled, and Azure does not show it yet': {
    start: { ...ownStart, shown: [false] },
    writes: ['Sync'],
    ends: 'Ready',
  },
  'Arc that is being disabled (9113)': {
    start: ownStart,
    change: ({ arcSettings }) => {
      if (arcSettings !== undefined) arcSettings.properties.aggregateState = 'DisableInProgress';
    },
    writes: [...disableArc.filter((step) => step !== 'InitializeDisableProcess'), ...arc],
    ends: 'Ready',
  },
  'Arc that is half disabled on the nodes, and gone from Azure (9113)': {
    start: ownStart,
    change: (world) => {
      world.arcSettings = undefined;
      world.arcRoles.clear();
      world.machines = [];
      for (const probe of world.nodes.values()) {
        probe.agent = null;
        probe.arcRegistrationTask = null;
        Object.assign(probe.arc ?? {}, { clusterArcStatus: 'DisableInProgress', nodesArcStatus: {} });
      }
    },
    writes: ['ClearArcIntegration', ...arc],
    ends: 'Ready',
  },
  'Arc that is not wanted any more': {
    start: { ...ownStart, arcState: 'Disabled' },
    change: ({ extensions }) => {
      extensions.set('monitoring', 'User').set('defender', 'Azure');
    },
    writes: [...disableArc.slice(0, 2), 'DeleteExtension', ...disableArc.slice(2), 'RemoveResourceManagerRole'],
    ends: 'Ready',
    conditions: { ArcConnected: 'Unknown NotRequested' },
  },
  'Arc that was never wanted': {
    start: {
      ...ownStart,
      arcState: 'Disabled',
      arcSettings: false,
      initialized: false,
      task: 'none',
      providerRole: false,
      agents: [false],
      secret: 'none',
    },
    writes: [],
    ends: 'Ready',
    conditions: { ArcConnected: 'Unknown NotRequested' },
  },
  'Arc that is not wanted any more, in an empty group that the cmdlet made': {
    start: { ...ownStart, arcState: 'Disabled', separateArcGroup: true },
    change: ({ tagged }) => {
      tagged.add('arc-rg').add('hci001-rg');
    },
    writes: [...disableArc, 'RemoveResourceManagerRole', 'DeleteResourceGroup'],
    ends: 'Ready',
    conditions: { ArcConnected: 'Unknown NotRequested' },
  },
  'the same group with a server of another cluster in it': {
    start: { ...ownStart, arcState: 'Disabled', separateArcGroup: true },
    change: (world) => {
      world.tagged.add('arc-rg').add('hci001-rg');
      world.machines.push(buildMachine('OTHER', resourceId.replace('clusters/hci001', 'clusters/hci002')));
    },
    writes: disableArc,
    ends: 'Ready',
    conditions: { ArcConnected: 'Unknown NotRequested' },
  },
  'Arc that is not wanted any more, and a server of an evicted node': {
    start: { ...ownStart, arcState: 'Disabled' },
    change: (world) => {
      world.machines.push(buildMachine('EVICTED', resourceId));
    },
    writes: [...disableArc.slice(0, 4), 'DeleteMachine', ...disableArc.slice(4), 'RemoveResourceManagerRole'],
    ends: 'Ready',
    conditions: { ArcConnected: 'Unknown NotRequested' },
  },
  'Arc is gone, and the cluster is registered': {
    start: {
      ...ownStart,
      arcSettings: false,
      arcIdentity: false,
      arcRoles: [false],
      initialized: false,
      task: 'none',
      agents: [false],
      shown: [false],
      secret: 'none',
    },
    writes: [...arc],
    ends: 'Ready',
  },
  'the application is deleted under a live cluster: the nodes lose their connection': {
    start: ownStart,
    change: all(registration({ connectionStatus: 'Disconnected' }), ({ outOfPolicy }) => {
      outOfPolicy.clear();
    }),
    writes: ['Sync'],
    ends: 'Ready',
  },
};

describe('3.1: how existing state is decided', () => {
  table(rows);
});
describe('3.5: partial states', () => {
  table(partial);
});

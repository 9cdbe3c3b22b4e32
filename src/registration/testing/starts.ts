import type { RegistrationSpec } from '../../api/spec.ts';
import { buildSpec, buildTarget, now } from './builders.ts';
import { buildWorld, type Start, type World } from './world.ts';

/** Two nodes that were never registered, and nothing in Azure. */
export const emptyStart: Start = {
  nodeCount: 2,
  arcState: 'Enabled',
  onboarding: 'ResourceProvider',
  separateArcGroup: false,
  consent: false,
  providerStates: ['NotRegistered'],
  group: 'absent',
  arcGroup: 'absent',
  resource: false,
  marked: false,
  identity: 'none',
  application: false,
  providerObjectId: false,
  providerRole: false,
  certificates: ['none'],
  registered: [false],
  connected: false,
  customImds: [false],
  cloudManagement: false,
  arcSettings: false,
  arcIdentity: false,
  arcRoles: [false],
  secret: 'none',
  initialized: false,
  task: 'none',
  agents: [false],
  shown: [false],
  justBooted: false,
};

/** Two healthy nodes that Register-AzStackHCI has registered: nothing of ours is anywhere. */
export const cmdletStart: Start = {
  ...emptyStart,
  providerStates: ['Registered'],
  group: 'Succeeded',
  arcGroup: 'Succeeded',
  resource: true,
  identity: 'SystemAssigned',
  application: true,
  providerObjectId: true,
  providerRole: true,
  registered: [true],
  connected: true,
  cloudManagement: true,
  arcSettings: true,
  arcIdentity: true,
  arcRoles: [true],
  initialized: true,
  task: 'ready',
  agents: [true],
  shown: [true],
};

/** The same, under our mark. */
export const ownStart: Start = { ...cmdletStart, marked: true, certificates: ['set'], secret: 'dropped' };

export function worldOf(start: Start): World {
  const spec: RegistrationSpec = buildSpec({
    // An unmarked resource that the nodes do not name is only taken over where that is allowed.
    adoptionPolicy: start.resource && !start.marked ? 'Always' : 'IfOwned',
    arc: {
      state: start.arcState,
      onboarding:
        start.onboarding === 'ServicePrincipal'
          ? { type: 'ServicePrincipal', servicePrincipal: { secretRef: { name: 'own' } } }
          : { type: 'ResourceProvider' },
      ...(start.separateArcGroup ? { resourceGroup: 'arc-rg' } : {}),
      ...(start.consent ? { defaultExtensions: 'Consent' } : {}),
    },
  });
  return buildWorld(start, spec, buildTarget(spec), now);
}

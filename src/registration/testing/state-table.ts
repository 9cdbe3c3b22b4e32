import { isDeepStrictEqual } from 'node:util';
import { expect, test } from 'vitest';
import { reasons, type Reason } from '../../api/reasons.ts';
import type { RegistrationSpec } from '../../api/spec.ts';
import type { Probe } from '../../nodes/operations.ts';
import { endpoints } from './builders.ts';
import { noTrouble, simulate, type Round, type Trouble } from './simulate.ts';
import { ownStart, worldOf } from './starts.ts';
import { isRegistered, type Start, type World } from './world.ts';

// A table of starts: what is written, what stands in Azure and on the nodes at the end, and what the conditions say.

export interface Case {
  start: Start;
  spec?: Partial<RegistrationSpec>;
  change?: (world: World) => void;
  trouble?: Trouble;
  /** Every write, by round; of steps that are done on several things, how often. */
  writes: string[];
  ends: 'Ready' | Reason;
  /** Status and reason of conditions at the end; those that are not named are True. */
  conditions?: Record<string, string>;
  says?: string;
}

const restRounds = 12;

/** Until nothing was written for many rounds. */
function run(world: World, trouble: Trouble) {
  const writes: string[] = [];
  let last: Round | undefined;
  let resting = 0;
  for (const round of simulate(world, trouble)) {
    last = round;
    resting = round.plan.runnable.length === 0 ? resting + 1 : 0;
    if (resting > restRounds) break;
    const steps = round.plan.runnable.map(({ step }) => step);
    for (const step of new Set(steps)) {
      const count = steps.filter((other) => other === step).length;
      writes.push(count === 1 ? step : `${step} ×${count}`);
    }
  }
  if (last === undefined) throw new Error('no round');
  expect(resting, 'it came to rest').toBeGreaterThan(0);
  return { writes, last };
}

const things = ({ groups, resource, arcSettings, nodes, providers, providerRoles, arcRoles, secret }: World) =>
  structuredClone({ groups, resource, arcSettings, nodes, providers, providerRoles, arcRoles, secret });

export const eachNode = (change: (probe: Probe) => void) => (world: World) => {
  for (const probe of world.nodes.values()) change(probe);
};
export const only = (name: string, change: (probe: Probe) => void) => (world: World) => {
  const probe = world.nodes.get(name);
  if (probe !== undefined) change(probe);
};
export const registration = (changes: Partial<Probe['registration']>) =>
  eachNode((probe) => void Object.assign(probe.registration, changes));
export const resource = (change: (given: NonNullable<World['resource']>) => void) => (world: World) => {
  if (world.resource !== undefined) change(world.resource);
};
export const all =
  (...changes: ((world: World) => void)[]) =>
  (world: World) => {
    for (const change of changes) change(world);
  };
export const gone = (world: World) => {
  world.machines = [];
  world.resource = undefined;
  world.arcSettings = undefined;
  world.providerRoles.clear();
  world.arcRoles.clear();
};

export const allProviders = `RegisterResourceProvider ×${endpoints.resourceProviders.length}`;
export const identity = ['CreateClusterIdentity', 'RefreshResourceProviderObjectId', 'AssignResourceManagerRole'];
export const certificates = ['NewRegistrationCertificate ×2', 'UploadCertificate', 'SetRegistrationCertificate ×2'];
export const register = ['SetRegistration', 'StartCloudManagement', 'SyncAfterRegistration'];
export const onboard = [
  'InitializeArcIntegration',
  'DropArcSecret',
  'RegisterArcRegistrationTask',
  'StartArcRegistrationTask ×2',
  'Sync',
];
export const arc = ['CreateArcSettings', 'CreateArcIdentity', 'AssignArcRoles ×2', 'GeneratePassword', ...onboard];
export const disableArc = [
  'StartDisablingArc',
  'InitializeDisableProcess',
  'UnregisterArcRegistrationTask',
  'DisableArcIntegration ×2',
  'RemoveArcRoles ×2',
  'DeleteArcSettings',
  'ClearArcIntegration',
];
const unregisteredNodes = {
  registered: [false],
  connected: false,
  certificates: ['none'],
  initialized: false,
  task: 'none',
  agents: [false],
  shown: [false],
  secret: 'none',
} as const satisfies Partial<Start>;
/** The cluster resource as it is, and nodes that know nothing of it. */
export const localGone: Start = { ...ownStart, ...unregisteredNodes, certificates: ['none'] };

const conditionTypes = [
  'Authenticated',
  'PermissionsSatisfied',
  'NodesReachable',
  'Registered',
  'Connected',
  'ArcConnected',
  'InSync',
];

/** One test for each. */
export const table = (cases: Record<string, Case>): void => {
  test.each(Object.entries(cases))('%s', (_, given) => {
    const world = worldOf(given.start);
    world.spec = { ...world.spec, ...given.spec };
    given.change?.(world);
    const before = things(world);
    const { writes, last } = run(world, given.trouble ?? noTrouble);
    const conditions = new Map(last.status.conditions?.map((condition) => [condition.type, condition]));
    const said = (type: string) => `${conditions.get(type)?.status} ${conditions.get(type)?.reason}`;

    const observing = world.spec.managementPolicy === 'Observe';
    const isReady = given.ends === 'Ready';
    const message = conditions.get('Ready')?.message ?? '';
    expect({
      writes,
      Ready: said('Ready'),
      ...Object.fromEntries(conditionTypes.map((type) => [type, said(type)])),
      isStalledOrReconciling: conditions.has('Stalled') || conditions.has('Reconciling'),
      isRegistered: isReady && isRegistered(world),
      pending: isReady ? last.plan.pending.map(({ step }) => step) : [],
      says: message.includes(given.says ?? '') ? given.says : message,
      isDocumented: isReady || given.ends in reasons,
      isAsBefore: writes.length > 0 || isDeepStrictEqual(things(world), before),
    }).toEqual({
      writes: given.writes,
      Ready: isReady ? 'True Ready' : `False ${given.ends}`,
      ...Object.fromEntries(conditionTypes.map((type) => [type, 'True Succeeded'])),
      ...given.conditions,
      isStalledOrReconciling: !isReady,
      isRegistered: isReady && !observing,
      pending: isReady && observing ? ['AdoptCluster'] : [],
      says: given.says,
      isDocumented: true,
      isAsBefore: true,
    });
  });
};

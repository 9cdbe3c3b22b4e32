import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildMachine, resourceId } from './testing/builders.ts';
import { noTrouble, simulate, type Round, type Trouble } from './testing/simulate.ts';
import { cmdletStart, emptyStart, ownStart, worldOf } from './testing/starts.ts';
import { disableArc } from './testing/state-table.ts';
import { isWithoutArc, type Start, type World } from './testing/world.ts';

const unregister = ['RemoveCloudManagement', 'RemoveRegistration', 'RemoveRegistrationCertificate ×2', 'DeleteCluster'];
const role = 'RemoveResourceManagerRole';
const group = 'DeleteResourceGroup';

function leave(world: World, trouble: Trouble = noTrouble) {
  world.leaving = true;
  const writes: string[] = [];
  const rounds: Round[] = [];
  for (const round of simulate(world, trouble)) {
    rounds.push(round);
    const steps = round.plan.runnable.map(({ step }) => step);
    for (const step of new Set(steps)) {
      const count = steps.filter((other) => other === step).length;
      writes.push(count === 1 ? step : `${step} ×${count}`);
    }
    if (rounds.length > 150) break;
  }
  return { writes, last: rounds.at(-1) };
}

/** Nothing of the cluster is left, in Azure or on a node. */
const isGone = (world: World): boolean =>
  isWithoutArc(world) &&
  world.resource === undefined &&
  !world.cloudManagement &&
  [...world.nodes.values()].every(
    ({ registration, certificate }) =>
      registration.azureResourceUri === null && certificate.created === null && certificate.set === null,
  );

interface Case {
  start: Start;
  change?: (world: World) => void;
  writes: string[];
  /** Groups that are there afterwards. */
  groups: string[];
}

const cases: Record<string, Case> = {
  'a group that we made': {
    start: ownStart,
    change: ({ tagged }) => void tagged.add('hci001-rg'),
    writes: [...disableArc, role, ...unregister, group],
    groups: [],
  },
  'a group that was there before': {
    start: ownStart,
    writes: [...disableArc, role, ...unregister],
    groups: ['hci001-rg'],
  },
  'a group that we made, and others use': {
    start: ownStart,
    change: ({ tagged, foreign }) => {
      tagged.add('hci001-rg');
      foreign.push('hci001-rg');
    },
    writes: [...disableArc, role, ...unregister],
    groups: ['hci001-rg'],
  },
  'two groups that we made': {
    start: { ...ownStart, separateArcGroup: true },
    change: ({ tagged }) => void tagged.add('hci001-rg').add('arc-rg'),
    writes: [...disableArc, role, ...unregister, `${group} ×2`],
    groups: [],
  },
  'an Arc group that other clusters use: the role of the provider stays': {
    start: { ...ownStart, separateArcGroup: true },
    change: (world) => {
      world.tagged.add('hci001-rg').add('arc-rg');
      world.machines.push(buildMachine('OTHER', resourceId.replace('clusters/hci001', 'clusters/hci002')));
    },
    writes: [...disableArc, ...unregister, group],
    groups: ['arc-rg'],
  },
  'extensions of the user and of Azure': {
    start: ownStart,
    change: ({ extensions }) => void extensions.set('monitoring', 'User').set('defender', 'Azure'),
    writes: [...disableArc.slice(0, 2), 'DeleteExtension', ...disableArc.slice(2), role, ...unregister],
    groups: ['hci001-rg'],
  },
  'nothing but a first write on record': { start: emptyStart, writes: [], groups: [] },
  'a resource that nobody ever registered with': {
    start: { ...emptyStart, group: 'Succeeded', resource: true, marked: true },
    writes: ['DeleteCluster'],
    groups: ['hci001-rg'],
  },
  'Azure is gone already': {
    start: ownStart,
    change: (world) => {
      world.resource = undefined;
      world.arcSettings = undefined;
      world.providerRoles.clear();
      world.arcRoles.clear();
      world.groups.clear();
    },
    writes: [
      'StartDisablingArc',
      'UnregisterArcRegistrationTask',
      'DisableArcIntegration ×2',
      'ClearArcIntegration',
      ...unregister.slice(0, 3),
    ],
    groups: [],
  },
};

describe('a cluster that leaves', () => {
  test.each(Object.entries(cases))('%s', (_, { start, change, writes, groups }) => {
    const world = worldOf(start);
    change?.(world);
    const left = leave(world);
    expect(left.writes).toEqual(writes);
    expect(left.last?.plan).toMatchObject({ pending: [], runnable: [], left: [], refusal: undefined });
    expect(left.last?.status.unregistration?.endTime).toBeDefined();
    expect(isGone(world)).toBe(true);
    expect([...world.groups.keys()]).toEqual(groups);
    expect(world.providerRoles.size).toBe(writes.includes(role) || !world.groups.size ? 0 : world.providerRoles.size);
  });

  const silent: Trouble = { ...noTrouble, unreadFor: { 'probe/NODE2': 1000 } };

  test('waits for nodes that do not answer, changes nothing, and says what would free it', () => {
    const world = worldOf(ownStart);
    const { writes, last } = leave(world, silent);
    expect(writes).toEqual([]);
    const deleting = last?.status.conditions?.find(({ type }) => type === 'Deleting');
    expect(deleting?.reason).toBe('NodeUnreachable');
    expect(deleting?.message).toContain('whenNodesUnreachable to AzureOnly');
  });

  test('AzureOnly: what answers is cleaned up, what does not is left, and its server in Azure goes', () => {
    const world = worldOf(ownStart);
    world.spec = { ...world.spec, deletion: { ...world.spec.deletion, whenNodesUnreachable: 'AzureOnly' } };
    const dead = world.nodes.get('NODE2');
    const { last } = leave(world, silent);
    expect(last?.plan.pending).toEqual([]);
    expect(world.resource).toBeUndefined();
    expect(world.arcSettings).toBeUndefined();
    expect(dead?.certificate.created).not.toBeNull();
  });

  test('under someone else’s mark nothing is removed', () => {
    const world = worldOf(ownStart);
    if (world.resource !== undefined) world.resource.tags = { HciClusterRegistration: 'another/edge/other' };
    const { writes, last } = leave(world);
    expect(writes).toEqual([]);
    const deleting = last?.status.conditions?.find(({ type }) => type === 'Deleting');
    expect(deleting?.reason).toBe('OwnershipConflict');
    expect(deleting?.message).toContain('deletion.policy to Detach');
  });

  test('nodes that are registered elsewhere by now are left, and the resource with them', () => {
    const world = worldOf(ownStart);
    for (const { registration } of world.nodes.values())
      registration.azureResourceUri = resourceId.replace('clusters/hci001', 'clusters/hci002');
    const { writes, last } = leave(world);
    expect(writes).toEqual([]);
    expect(last?.status.conditions?.find(({ type }) => type === 'Deleting')?.reason).toBe('RegisteredElsewhere');
  });
});

const flags = fc.array(fc.boolean(), { minLength: 1, maxLength: 3 });
const starts: fc.Arbitrary<Start> = fc
  .record(
    {
      separateArcGroup: fc.boolean(),
      providerRole: fc.boolean(),
      registered: flags,
      cloudManagement: fc.boolean(),
      arcSettings: fc.boolean(),
      arcIdentity: fc.boolean(),
      arcRoles: flags,
      initialized: fc.boolean(),
      agents: flags,
      task: fc.constantFrom<Start['task'][]>('none', 'ready'),
      resource: fc.constantFrom(true, true, false),
      certificates: fc.constantFrom<Start['certificates'][]>(['set'], ['none'], ['usable', 'set']),
    },
    { requiredKeys: [] },
  )
  .map((changes) => ({ ...ownStart, ...changes }));

test(
  'whatever was there, could not be read or failed on the way, nothing is left in the end',
  { timeout: 120_000 },
  () => {
    fc.assert(
      fc.property(
        starts,
        fc.boolean(),
        fc.record({
          unreadFor: fc.dictionary(
            fc.constantFrom(
              'resource',
              'arcSettings',
              'machines',
              'cluster',
              'probe/NODE1',
              'extensions',
              'arcRoles',
              'resourceGroup',
            ),
            fc.integer({ min: 1, max: 15 }),
            { maxKeys: 3 },
          ),
          luck: fc.array(fc.constantFrom<Trouble['luck']>('done', 'done', 'refused', 'lost', 'answerLost'), {
            maxLength: 10,
          }),
          restarts: fc.array(fc.nat(20), { maxLength: 3 }),
        }),
        (start, isTagged, trouble) => {
          const world = worldOf(start);
          world.extensions.set('monitoring', 'User');
          if (world.arcSettings === undefined || [...world.nodes.values()].some(({ agent }) => agent === null))
            world.extensions.clear();
          if (isTagged) world.tagged.add('hci001-rg').add('arc-rg');
          const { last } = leave(world, trouble);
          expect(last?.plan.pending).toEqual([]);
          expect(isGone(world)).toBe(true);
          expect(world.groups.size === 0).toBe(isTagged);
        },
      ),
      { numRuns: 200 },
    );
  },
);

test('a healthy cluster that the cmdlet registered leaves as well', () => {
  const world = worldOf({ ...cmdletStart, marked: true });
  leave(world);
  expect(isGone(world)).toBe(true);
});

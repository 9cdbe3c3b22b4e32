import { describe, expect, test } from 'vitest';
import type { SweepSpec } from '../api/sweep.ts';
import type { Fact } from '../registration/facts.ts';
import type { Observed, Seen } from './observed.ts';
import { mostAtOnce, planSweep } from './plan.ts';
import {
  absent,
  buildApplication,
  buildAssignment,
  buildCharge,
  buildCluster,
  buildGroup,
  buildInput,
  buildMachine,
  candidateOf,
  clusterId,
  daysAgo,
  machineId,
  markOf,
  now,
  present,
  unknown,
} from './testing/builders.ts';

interface Given {
  seen: Seen;
  /** How the resource itself was read. */
  live?: Fact<Seen>;
  spec?: Partial<SweepSpec>;
  observed?: Partial<Observed>;
  firstSeen?: Date;
}

function decide({ seen, live, ...changes }: Given): string {
  const candidates = [candidateOf(seen, live)];
  const { orphans, deletions } = planSweep(
    buildInput([], { ...changes, observed: { candidates, ...changes.observed } }),
  );
  const action = orphans[0]?.action ?? 'no orphan';
  expect(deletions.length).toBe(action === 'Delete' ? 1 : 0);
  return action;
}

const cluster = (changes: Parameters<typeof buildCluster>[0] = {}) => ({ seen: buildCluster(changes) });
const machine = (changes: Parameters<typeof buildMachine>[0] = {}) => ({ seen: buildMachine(changes) });
const group = (changes: Parameters<typeof buildGroup>[0] = {}) => ({ seen: buildGroup(changes) });
const assignment = (changes: Parameters<typeof buildAssignment>[0] = {}) => ({ seen: buildAssignment(changes) });
const application = (changes: Parameters<typeof buildApplication>[0] = {}) => ({ seen: buildApplication(changes) });
const approving = (given: Given): Given => ({
  ...given,
  spec: { ...given.spec, approved: [given.seen.id.toUpperCase()] },
});
const charged = (changes: Parameters<typeof buildCharge>[0]): Partial<Observed> => ({
  fleet: { state: 'known', charges: [buildCharge(), buildCharge(changes)] },
});
const reporting = { mode: 'Report' } as const;
const anyAge = { minimumAge: '0s' } as const;

describe('a cluster resource', () => {
  test.each<[string, Given, string]>([
    ['ours, silent, old', cluster(), 'Delete'],
    ['the same in mode Report', { ...cluster(), spec: reporting }, 'Report'],
    ['unmarked', cluster({ mark: undefined }), 'Approve'],
    ['unmarked, approved', approving(cluster({ mark: undefined })), 'Delete'],
    ['unmarked, approved, in mode Report', approving({ ...cluster({ mark: undefined }), spec: reporting }), 'Report'],
    ['marked by another installation', cluster({ mark: markOf('gone', 'other-instance') }), 'Leave'],
    ['the same, approved', approving(cluster({ mark: markOf('gone', 'other-instance') })), 'Leave'],
    ['with a mark of another form', approving(cluster({ mark: 'production' })), 'Leave'],
    ['its object exists', { ...cluster(), observed: charged({ name: 'edge/gone' }) }, 'no orphan'],
    [
      'another object names it, and it is approved',
      approving({ ...cluster(), observed: charged({ resourceId: clusterId('GONE').toLowerCase() }) }),
      'no orphan',
    ],
    [
      'an object that does not know its resource yet',
      { ...cluster(), observed: charged({ resourceId: undefined }) },
      'Hold',
    ],
    [
      'such an object of another subscription',
      { ...cluster(), observed: charged({ resourceId: undefined, subscriptionId: 'another' }) },
      'Delete',
    ],
    ['seen 29 days ago', { ...approving(cluster({ seenAt: [daysAgo(29)] })), spec: anyAge }, 'no orphan'],
    ['seen 31 days ago', cluster({ seenAt: [daysAgo(31)] }), 'Delete'],
    ['seen by a clock ahead of ours', cluster({ seenAt: [new Date(now.getTime() + 1)] }), 'no orphan'],
    ['a time that cannot be read', approving(cluster({ seenAt: ['unreadable'] })), 'no orphan'],
    ['Connected, whatever its times', cluster({ statuses: ['Disconnected', 'Connected'] }), 'no orphan'],
    ['ConnectedRecently', cluster({ statuses: ['ConnectedRecently'] }), 'no orphan'],
    ['a connected server', cluster({ livingMachines: [machineId('NODE1')] }), 'no orphan'],
    ['made 3 days ago, never seen', { ...cluster({ createdAt: daysAgo(3), seenAt: [] }), spec: anyAge }, 'no orphan'],
    ['never seen, made 31 days ago', cluster({ createdAt: daysAgo(31), seenAt: [] }), 'Delete'],
    [
      'younger than asked',
      { ...cluster({ createdAt: daysAgo(50), seenAt: [] }), spec: { minimumAge: '1440h' } },
      'Wait',
    ],
    [
      'nothing told of its age',
      { ...cluster({ createdAt: undefined, seenAt: [] }), firstSeen: daysAgo(29), spec: anyAge },
      'Wait',
    ],
    [
      'the same, silent since',
      { ...cluster({ createdAt: undefined, seenAt: [] }), firstSeen: daysAgo(31), spec: anyAge },
      'Delete',
    ],
    ['being deleted', cluster({ provisioningState: 'Deleting' }), 'no orphan'],
    ['gone', { ...cluster(), live: absent }, 'no orphan'],
    ['could not be read', approving({ ...cluster(), live: unknown }), 'no orphan'],
    [
      'known by a bulk answer only',
      approving({ ...cluster(), live: { state: 'present', value: buildCluster(), at: now, via: 'bulk' } }),
      'no orphan',
    ],
  ])('%s', (_, given, action) => {
    expect(decide(given)).toBe(action);
  });
});

describe('an Arc-enabled server', () => {
  test.each<[string, Given, string]>([
    ['its cluster is gone', machine(), 'Approve'],
    ['the same, approved', approving(machine()), 'Delete'],
    ['Expired, approved', approving(machine({ status: 'Expired' })), 'Delete'],
    ['Connected', approving(machine({ status: 'Connected' })), 'no orphan'],
    ['no status', approving(machine({ status: '' })), 'no orphan'],
    ['Error', approving(machine({ status: 'Error' })), 'no orphan'],
    ['disconnected a week ago', approving({ ...machine({ changedAt: daysAgo(7) }), spec: anyAge }), 'no orphan'],
    ['made a week ago', approving({ ...machine({ createdAt: daysAgo(7) }), spec: anyAge }), 'no orphan'],
    ['a time that cannot be read', approving(machine({ changedAt: 'unreadable' })), 'no orphan'],
    ['its cluster exists', approving(machine({ parent: present({ mark: undefined }) })), 'no orphan'],
    ['its cluster could not be read', approving(machine({ parent: unknown })), 'no orphan'],
    [
      'its cluster is looked after',
      approving({ ...machine(), observed: charged({ resourceId: clusterId('gone').toLowerCase() }) }),
      'no orphan',
    ],
    [
      'it may be a node of a living cluster',
      approving({
        ...machine(),
        observed: charged({ groups: [machineId('').split('/providers/')[0]?.toLowerCase() ?? ''], nodes: ['node1'] }),
      }),
      'no orphan',
    ],
  ])('%s', (_, given, action) => {
    expect(decide(given)).toBe(action);
  });

  test('of an orphan goes before it, and needs no approval of its own; then Arc settings, then the cluster', () => {
    const parent = buildCluster({ machines: [machineId('NODE1')], hasArcSettings: true });
    const child = buildMachine({ parent: present({ mark: parent.mark }) });
    const first = planSweep(buildInput([parent, child]));
    expect(first.deletions).toEqual([{ id: child.id, kind: 'Machine' }]);
    expect(first.orphans[0]).toMatchObject({ kind: 'Cluster', message: expect.stringContaining('NODE1') });
    const second = planSweep(buildInput([{ ...parent, machines: [] }]));
    expect(second.deletions).toEqual([{ id: parent.id, kind: 'ArcSettings' }]);
    const third = planSweep(buildInput([{ ...parent, machines: [], hasArcSettings: false }]));
    expect(third.deletions).toEqual([{ id: parent.id, kind: 'Cluster' }]);
  });

  test('of a cluster with another sign of life stays', () => {
    const parent = buildCluster({ machines: [machineId('NODE1')], seenAt: [daysAgo(1)] });
    const child = buildMachine({ parent: present({ mark: parent.mark }) });
    expect(planSweep(buildInput([parent, child], { spec: { approved: [child.id] } })).deletions).toEqual([]);
  });
});

describe('a resource group', () => {
  test.each<[string, Given, string]>([
    ['made by a registration, empty', group(), 'Delete'],
    ['without the tag, approved', approving(group({ madeByRegistration: false })), 'no orphan'],
    ['not empty, approved', approving(group({ resources: 1 })), 'no orphan'],
    ['being deleted', group({ provisioningState: 'Deleting' }), 'no orphan'],
    ['first seen a moment ago, whatever the minimum age', { ...group(), spec: anyAge, firstSeen: now }, 'Wait'],
    ['first seen 25 hours ago', { ...group(), spec: anyAge, firstSeen: daysAgo(25 / 24) }, 'Delete'],
    ['of a registration', { ...group(), observed: charged({ groups: [buildGroup().id.toLowerCase()] }) }, 'no orphan'],
    ['maybe of a registration', { ...group(), observed: charged({ resourceId: undefined }) }, 'Hold'],
  ])('%s', (_, given, action) => {
    expect(decide(given)).toBe(action);
  });
});

describe('a role assignment', () => {
  test.each<[string, Given, string]>([
    ['ours, its principal is gone', assignment(), 'Delete'],
    ['of another name', assignment({ namedByController: false }), 'Approve'],
    ['of another name, approved', approving(assignment({ namedByController: false })), 'Delete'],
    ['its principal exists', approving(assignment({ principal: present('living') })), 'no orphan'],
    ['its principal can be restored', approving(assignment({ principal: present('deleted') })), 'no orphan'],
    ['the directory may not be read', approving(assignment({ principal: unknown })), 'no orphan'],
    ['of a user', approving(assignment({ principalType: 'User' })), 'no orphan'],
    ['first seen a moment ago', { ...assignment(), spec: anyAge, firstSeen: now }, 'Wait'],
  ])('%s', (_, given, action) => {
    expect(decide(given)).toBe(action);
  });
});

describe('an app registration', () => {
  test.each<[string, Given, string]>([
    ['no cluster of its name', application(), 'Approve'],
    ['the same, approved', approving(application()), 'Delete'],
    ['its cluster exists', approving(application({ clusters: [clusterId('gone')] })), 'no orphan'],
    [
      'a connected server where it has a role',
      approving(application({ livingMachines: [machineId('A')] })),
      'no orphan',
    ],
    ['made not long ago', approving({ ...application({ createdAt: daysAgo(3) }), spec: anyAge }), 'no orphan'],
  ])('%s', (_, given, action) => {
    expect(decide(given)).toBe(action);
  });
});

const all = [buildCluster(), buildMachine(), buildGroup(), buildAssignment(), buildApplication()];
const approved = all.map(({ id }) => id);

const many = (count: number) =>
  Array.from({ length: count }, (_, index) =>
    buildCluster({ id: clusterId(`gone${index}`), mark: markOf(`gone${index}`) }),
  );

describe('nothing is deleted', () => {
  test.each<[string, Partial<Observed>]>([
    [
      'not all registrations are known',
      { fleet: { state: 'unknown', why: 'this controller sees the namespace edge only' } },
    ],
    ['our clock is behind', { clockSkewMs: 6 * 60_000 }],
    ['our clock is ahead', { clockSkewMs: -6 * 60_000 }],
    ["Azure's clock is not known", { clockSkewMs: undefined }],
  ])('%s, also of what is approved', (_, observed) => {
    const planned = planSweep(buildInput(all, { spec: { approved }, observed }));
    expect(planned.deletions).toEqual([]);
    expect(planned.held).toMatch(/othing is deleted/);
    expect(new Set(planned.orphans.map(({ action }) => action))).toEqual(new Set(['Hold']));
  });

  test('while there is no registration at all, but what is approved', () => {
    const observed: Partial<Observed> = { fleet: { state: 'known', charges: [] } };
    expect(planSweep(buildInput(all, { observed })).deletions).toEqual([]);
    expect(planSweep(buildInput(all, { observed, spec: { approved } })).deletions).toHaveLength(all.length);
  });

  test(`when more than ${mostAtOnce} would go at once, but what is approved`, () => {
    expect(planSweep(buildInput(many(mostAtOnce))).deletions).toHaveLength(mostAtOnce);
    const tooMany = planSweep(buildInput(many(mostAtOnce + 2), { spec: { approved: [clusterId('gone0')] } }));
    expect(tooMany.deletions).toEqual([{ id: clusterId('gone0'), kind: 'Cluster' }]);
    expect(tooMany.orphans.filter(({ action }) => action === 'Hold')).toHaveLength(mostAtOnce + 1);
  });
});

test('the worst come first', () => {
  const kinds = planSweep(buildInput(all.toReversed())).orphans.map(({ kind }) => kind);
  expect(kinds).toEqual(['Cluster', 'Machine', 'Application', 'RoleAssignment', 'ResourceGroup']);
});

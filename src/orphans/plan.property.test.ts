import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Fact } from '../registration/facts.ts';
import type { Observed, Seen, Told } from './observed.ts';
import { planSweep } from './plan.ts';
import {
  absent,
  buildApplication,
  buildAssignment,
  buildCharge,
  buildCluster,
  buildGroup,
  buildMachine,
  candidateOf,
  clusterId,
  daysAgo,
  instanceId,
  machineId,
  markOf,
  now,
  present,
  unknown,
} from './testing/builders.ts';

// Everything is approved and no age is asked for: what is left are the rules that hold whatever a person writes.

const told = fc.oneof<fc.Arbitrary<Told>[]>(
  fc.integer({ min: -2, max: 800 }).map(daysAgo),
  fc.constantFrom<Told>(undefined, 'unreadable'),
);
const name = fc.constantFrom('a', 'b', 'c');
const status = fc.constantFrom(
  'Connected',
  'ConnectedRecently',
  'Disconnected',
  'Expired',
  'Error',
  'NotSpecified',
  '',
);
const mark = fc.option(
  fc.oneof(
    name.map((one) => markOf(one)),
    name.map((one) => markOf(one, 'other')),
    fc.constant('nonsense'),
  ),
  { nil: undefined },
);
const factOf = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<Fact<T>> =>
  fc.oneof(value.map(present), fc.constant(absent), fc.constant(unknown));
const servers = fc.subarray([machineId('a'), machineId('b')]);

const cluster = fc
  .record({
    id: name.map(clusterId),
    createdAt: told,
    mark,
    seenAt: fc.array(told, { maxLength: 3 }),
    statuses: fc.array(status, { maxLength: 2 }),
    livingMachines: servers,
    machines: servers,
    hasArcSettings: fc.boolean(),
  })
  .map(buildCluster);
const machine = fc
  .record({
    id: name.map(machineId),
    createdAt: told,
    status,
    changedAt: told,
    parentId: name.map(clusterId),
    parent: factOf(fc.record({ mark })),
  })
  .map(buildMachine);
const group = fc
  .record({
    madeByRegistration: fc.boolean(),
    resources: fc.nat(1),
    provisioningState: fc.constantFrom('Succeeded', 'Deleting'),
  })
  .map(buildGroup);
const assignment = fc
  .record({
    createdAt: told,
    namedByController: fc.boolean(),
    principalType: fc.constantFrom('ServicePrincipal', 'User'),
    principal: factOf(fc.constantFrom<'living' | 'deleted'>('living', 'deleted')),
  })
  .map(buildAssignment);
const application = fc
  .record({ createdAt: told, clusters: fc.subarray([clusterId('a')]), livingMachines: servers })
  .map(buildApplication);
const seen: fc.Arbitrary<Seen> = fc.oneof(cluster, machine, group, assignment, application);
const charge = fc
  .record({
    name: name.map((one) => `edge/${one}`),
    resourceId: fc.option(
      name.map((one) => clusterId(one).toLowerCase()),
      { nil: undefined },
    ),
  })
  .map(buildCharge);
const fleet: fc.Arbitrary<Observed['fleet']> = fc.oneof(
  { weight: 5, arbitrary: fc.array(charge, { maxLength: 3 }).map((charges) => ({ state: 'known' as const, charges })) },
  { weight: 1, arbitrary: fc.constant({ state: 'unknown' as const, why: 'no' }) },
);
const world = fc.record({
  seen: fc.uniqueArray(seen, { selector: ({ id }) => id, maxLength: 6 }),
  /** Some are not there, or could not be read. */
  lost: fc.array(fc.constantFrom(absent, unknown), { maxLength: 2 }),
  fleet,
  clockSkewMs: fc.constantFrom(0, 0, 0, undefined, 400_000),
  firstSeenDaysAgo: fc.nat(60),
});

const isRecent = (at: Told): boolean => at === 'unreadable' || (at !== undefined && daysAgo(30) < at);

/** In other words than the code under test: does anything say that it lives? */
function signOfLife(one: Seen, charges: readonly { name: string; resourceId: string | undefined }[]): boolean {
  if (one.kind === 'Cluster') {
    const looked = charges.some(
      (each) => each.resourceId === one.id.toLowerCase() || `${instanceId}/${each.name}` === one.mark,
    );
    const speaks = one.statuses.some((each) => each.startsWith('Connected'));
    return looked || speaks || one.livingMachines.length > 0 || [one.createdAt, ...one.seenAt].some(isRecent);
  }
  if (one.kind === 'Machine') {
    const silent = one.status === 'Disconnected' || one.status === 'Expired';
    const looked = charges.some((each) => each.resourceId === one.parentId.toLowerCase());
    return looked || !silent || isRecent(one.changedAt) || isRecent(one.createdAt) || one.parent.state === 'unknown';
  }
  if (one.kind === 'ResourceGroup')
    return one.resources > 0 || !one.madeByRegistration || one.provisioningState !== 'Succeeded';
  if (one.kind === 'RoleAssignment')
    return one.principal.state !== 'absent' || one.principalType !== 'ServicePrincipal';
  return one.clusters.length > 0 || one.livingMachines.length > 0 || isRecent(one.createdAt);
}

test('nothing with a sign of life, of another installation, or not read live is ever deleted', () => {
  let deletions = 0;
  fc.assert(
    fc.property(world, (given) => {
      const candidates = given.seen.map((one, index) => candidateOf(one, given.lost[index]));
      const observed: Observed = { fleet: given.fleet, candidates, unsearched: [], clockSkewMs: given.clockSkewMs };
      const planned = planSweep({
        spec: { mode: 'Delete', minimumAge: '0s', approved: candidates.map(({ id }) => id) },
        observed,
        instanceId,
        firstSeen: new Map(candidates.map(({ id }) => [id.toLowerCase(), daysAgo(given.firstSeenDaysAgo)])),
        now,
      });
      deletions += planned.deletions.length;
      for (const { id } of planned.deletions) {
        const one = candidates.find((candidate) => candidate.id === id)?.live;
        if (one?.state !== 'present' || given.fleet.state !== 'known') throw new Error(`${id} was not read`);
        expect(given.clockSkewMs).toBe(0);
        expect(signOfLife(one.value, given.fleet.charges)).toBe(false);
        const foreign = one.value.kind === 'Cluster' && one.value.mark?.startsWith(`${instanceId}/`) === false;
        expect(foreign).toBe(false);
      }
    }),
    { numRuns: 3000 },
  );
  expect(deletions).toBeGreaterThan(100); // or the property says nothing
});

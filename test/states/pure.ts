import { isDeepStrictEqual } from 'node:util';
import { reasons } from '../../src/api/reasons.ts';
import type { RegistrationSpec } from '../../src/api/spec.ts';
import { buildSpec, buildTarget, now, resourceId } from '../../src/registration/testing/builders.ts';
import { noTrouble, simulate, type Round } from '../../src/registration/testing/simulate.ts';
import { emptyStart } from '../../src/registration/testing/starts.ts';
import { buildWorld, isRegistered, type World } from '../../src/registration/testing/world.ts';
import { expectedEnd, type StateCase } from './cases.ts';

/** Rounds in which nothing is done until a case counts as at rest: the pauses between them grow to an hour. */
const restRounds = 12;

export function worldOfCase(given: StateCase): World {
  const { uri, cloud, identity, arcSettings, arcIdentity } = given;
  const spec: RegistrationSpec = buildSpec({ adoptionPolicy: given.adoptionPolicy });
  const isRegisteredThere = uri === 'same' && identity && cloud !== 'absent';
  const world = buildWorld(
    {
      ...emptyStart,
      nodeCount: given.nodes.length,
      providerStates: ['Registered'],
      group: cloud === 'absent' ? 'absent' : 'Succeeded',
      resource: cloud !== 'absent',
      marked: given.marked,
      identity: identity ? 'SystemAssigned' : 'none',
      application: identity,
      providerObjectId: given.providerRole,
      providerRole: given.providerRole,
      certificates: [given.certificates ? 'set' : 'none'],
      registered: [isRegisteredThere],
      connected: isRegisteredThere,
      arcSettings,
      arcIdentity,
      arcRoles: [arcIdentity],
      initialized: isRegisteredThere && arcIdentity,
      task: isRegisteredThere && arcIdentity ? 'ready' : 'none',
      agents: [isRegisteredThere && arcIdentity],
      shown: [true],
    },
    spec,
    buildTarget(spec),
    now,
  );
  if (world.resource !== undefined && cloud === 'otherRegion') world.resource.location = 'westeurope';
  if (world.resource !== undefined && cloud === 'otherCluster')
    world.resource.properties.reportedProperties = { clusterName: 'hci001', clusterId: 'another-cluster' };

  for (const [index, probe] of [...world.nodes.values()].entries()) {
    const { registration } = probe;
    if (uri !== 'empty' && !isRegisteredThere)
      Object.assign(registration, {
        registrationStatus: 'Registered',
        connectionStatus: 'Disconnected',
        azureResourceUri: uri === 'same' ? resourceId : resourceId.replace('clusters/hci001', 'clusters/hci999'),
      });
    const kind = given.nodes[index];
    if (kind === '20H2') {
      Object.assign(probe, { arc: null, agent: null, arcRegistrationTask: null, cloudManagementServices: [] });
      Object.assign(probe.os, { build: 17784, displayVersion: '20H2' });
    }
    if (kind === 'firmware') {
      probe.bios.version = 'other';
      world.outOfPolicy.add(probe.computerName);
      if (uri !== 'empty') registration.connectionStatus = 'OutOfPolicy';
      registration.registrationStatus = 'OutOfPolicy';
    }
  }
  return world;
}

const things = ({ later: _later, now: _now, ...rest }: World) => structuredClone({ ...rest, spec: {}, target: {} });

export interface Outcome {
  end: string;
  rounds: number;
  writes: number;
  /** Undefined: as expected. */
  problem: string | undefined;
}

/** Plans and acts until nothing is done any more, and judges where that is. */
export function runPure(given: StateCase): Outcome {
  const world = worldOfCase(given);
  const before = things(world);
  const unreadFor: Record<string, number> = {};
  for (const [index, kind] of given.nodes.entries())
    if (kind === 'down') unreadFor[`probe/NODE${index + 1}`] = Number.POSITIVE_INFINITY;
  if (given.nodes.every((kind) => kind === 'down')) unreadFor['cluster'] = Number.POSITIVE_INFINITY;

  let last: Round | undefined;
  let [rounds, writes, resting] = [0, 0, 0];
  try {
    for (const round of simulate(world, { ...noTrouble, unreadFor })) {
      last = round;
      rounds += 1;
      writes += round.plan.runnable.length;
      resting = round.plan.runnable.length === 0 ? resting + 1 : 0;
      if (resting > restRounds) break;
    }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { end: 'thrown', rounds, writes, problem: message };
  }
  const conditions = last?.status.conditions ?? [];
  const ready = conditions.find(({ type }) => type === 'Ready');
  const end = ready?.status === 'True' ? 'Ready' : (ready?.reason ?? 'no condition');
  return { end, rounds, writes, problem: judge() };

  function judge(): string | undefined {
    const { ends, untouched } = expectedEnd(given);
    if (resting === 0) return 'it never came to rest';
    if (end !== 'Ready' && !(end in reasons)) return `${end} is not documented`;
    if (!ends.some((expected) => expected === end))
      return `ended as ${end}, not as ${ends.join(' or ')}: ${ready?.message}`;
    if (end === 'Ready' && !isRegistered(world)) return 'Ready, and not everything is there';
    if (untouched && (writes > 0 || !isDeepStrictEqual(things(world), before)))
      return `${writes} writes where none is right`;
    return undefined;
  }
}

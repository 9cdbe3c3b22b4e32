import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { endpoints } from './testing/builders.ts';
import { maximumRounds, simulate, type Luck, type Round, type Trouble } from './testing/simulate.ts';
import { worldOf } from './testing/starts.ts';
import { isRegistered, type Start, type World } from './testing/world.ts';
import { steps } from './steps/index.ts';

const some = <T>(value: fc.Arbitrary<T>) => fc.array(value, { minLength: 1, maxLength: 3 });

const starts: fc.Arbitrary<Start> = fc.record({
  nodeCount: fc.integer({ min: 1, max: 3 }),
  arcState: fc.constantFrom('Enabled', 'Enabled', 'Disabled', 'Unmanaged'),
  onboarding: fc.constantFrom('ResourceProvider', 'ResourceProvider', 'ServicePrincipal'),
  separateArcGroup: fc.boolean(),
  consent: fc.boolean(),
  providerStates: some(fc.constantFrom('NotRegistered', 'Registering', 'Registered', 'Unregistered')),
  group: fc.constantFrom('absent', 'Succeeded', 'Succeeded', 'Succeeded', 'Deleting'),
  arcGroup: fc.constantFrom('absent', 'Succeeded'),
  resource: fc.constantFrom(true, true, false),
  marked: fc.boolean(),
  identity: fc.constantFrom('none', 'UserAssigned', 'SystemAssigned'),
  application: fc.constantFrom(true, true, false),
  providerObjectId: fc.boolean(),
  providerRole: fc.boolean(),
  certificates: some(fc.constantFrom('none', 'expiring', 'usable', 'uploaded', 'set', 'setForAnother')),
  registered: some(fc.boolean()),
  connected: fc.boolean(),
  customImds: some(fc.boolean()),
  cloudManagement: fc.boolean(),
  arcSettings: fc.constantFrom(true, true, false),
  arcIdentity: fc.constantFrom(true, true, false),
  arcRoles: some(fc.boolean()),
  secret: fc.constantFrom('none', 'held', 'dropped', 'ofAnother'),
  initialized: fc.boolean(),
  task: fc.constantFrom('none', 'ready', 'failed'),
  agents: some(fc.boolean()),
  shown: some(fc.boolean()),
  justBooted: fc.boolean(),
});

const factKeys = [
  'cluster',
  'signIn',
  'permissions',
  'resourceGroup',
  'arcResourceGroup',
  'resource',
  'arcSettings',
  'machines',
  'providerRoles',
  'arcRoles',
  'arcSecret',
  'arcSignIn',
  'onboardingSecret',
  'onboardingRecord',
  'probe/NODE1',
  'probe/NODE2',
  'probe/NODE3',
  ...endpoints.resourceProviders.map((namespace) => `provider/${namespace}`),
];

const troubles: fc.Arbitrary<Trouble> = fc.record({
  unreadFor: fc.dictionary(fc.constantFrom(...factKeys), fc.integer({ min: 1, max: 25 }), { maxKeys: 5 }),
  luck: fc.array(fc.constantFrom<Luck[]>('done', 'done', 'refused', 'lost', 'answerLost'), { maxLength: 12 }),
  restarts: fc.array(fc.nat(30), { maxLength: 3 }),
});

/** Nodes that somebody works on for a while: nothing may be changed on them meanwhile. */
const worked = fc.dictionary(
  fc.constantFrom('NODE1', 'NODE2', 'NODE3'),
  fc.record({ state: fc.constantFrom('Paused', 'Down', 'Joining'), seconds: fc.integer({ min: 5, max: 900 }) }),
  { maxKeys: 2 },
);

function workOn(world: World, nodes: Record<string, { state: string; seconds: number }>): void {
  for (const [name, { state, seconds }] of Object.entries(nodes)) {
    if (!world.nodes.has(name)) continue;
    world.nodeStates.set(name, { state });
    const at = new Date(world.now.getTime() + seconds * 1000);
    world.later.push({ at, happen: () => world.nodeStates.delete(name) });
  }
}

function runToEnd(world: World, trouble?: Trouble): Round[] {
  const rounds: Round[] = [];
  for (const round of simulate(world, trouble)) rounds.push(round);
  return rounds;
}

/** A node that the cmdlet registered, beside one whose certificate must be uploaded: that could lock the first one out, so a person must act. */
function canBeUploaded(start: Start): boolean {
  const states = Array.from({ length: start.nodeCount }, (_, index) => ({
    registered: start.registered[index % start.registered.length] === true,
    certificate: start.certificates[index % start.certificates.length] ?? 'none',
  }));
  return (
    states.every(({ registered, certificate }) => registered && certificate !== 'setForAnother') ||
    !states.some(({ registered, certificate }) => registered && certificate === 'none')
  );
}

const readiness = ({ status }: Round) => status.conditions?.find(({ type }) => type === 'Ready')?.status;

test(
  'any start ends registered, whatever could not be read and whatever failed on the way',
  { timeout: 120_000 },
  () => {
    fc.assert(
      fc.property(starts.filter(canBeUploaded), troubles, worked, (start, trouble, nodes) => {
        const world = worldOf(start);
        workOn(world, nodes);
        const rounds = runToEnd(world, trouble);
        const last = rounds.at(-1);
        expect(last?.plan, `after ${rounds.length} rounds of at most ${maximumRounds}`).toEqual({
          pending: [],
          runnable: [],
          left: [],
          refusal: undefined,
        });
        expect(isRegistered(world)).toBe(true);
        for (const round of rounds) {
          const needed = round.plan.pending.filter(({ step, renews }) => steps[step].optional !== true && !renews);
          expect(readiness(round) === 'True' ? needed : []).toEqual([]);
        }
        expect(last === undefined ? undefined : readiness(last)).toBe('True');
      }),
      { numRuns: 300 },
    );
  },
);

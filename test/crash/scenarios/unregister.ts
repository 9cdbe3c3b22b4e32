import type { Check } from '../../lab/agreement.ts';
import { sampleCluster } from '../../lab/lab.ts';
import { lost, unsent } from '../modes.ts';
import { normalize, type Lines } from '../normalize.ts';
import type { Scenario, World } from '../scenario.ts';
import { isReady, register } from './register.ts';

/** Azure and nodes of each run, before anything was registered. */
const before = new WeakMap<World, Lines>();

/** What unregistering leaves, also when nothing disturbs it. */
const leftBehind: Scenario['ignored'] = [
  { state: /^azure\.deletedItems(\.|$)/, reason: 'Entra keeps what was deleted for 30 days' },
  {
    state: /^azure\.subscriptions\.[^.]+\.providers(\.|$)/,
    reason: 'a subscription keeps its resource providers: other clusters use them',
  },
];

/** A key of the registry that holds no values says as much as none. */
const isEmpty = (value: string | undefined) => value === undefined || value === '{}';

/** A registered cluster, from the deletion of its object until that is gone. */
export const unregister: Scenario = {
  ...register,
  name: 'unregister',
  says: 'unregisters a registered cluster: Azure and nodes are as before it was registered',
  prepare: async (world) => {
    before.set(world, normalize(world.outside, world.namespace));
    await register.prepare(world);
  },
  given: isReady,
  begin: async (world) => {
    await world.kubectl('delete', 'hciregistration', sampleCluster.name, '--wait=false');
  },
  done: (world) => world.status(sampleCluster.name) === undefined,
  checks: async (world) => [...restored(world), await secretsCheck(world)],
  allowances: [],
  ignored: leftBehind,
  awaited: [
    ...register.awaited,
    {
      write: /initializeDisableProcess( #\d+)?$|^DELETE (clusters|resourcegroups)\//i,
      effects: [...lost, ...unsent, 'failed'],
      seconds: 130,
      reason: 'it stands in status as submitted, and is awaited before it is repeated',
    },
  ],
};

/** One check for each line that is not as it was. */
function restored(world: World): Check[] {
  const was = before.get(world);
  if (was === undefined) throw new Error('the state before the registration was not kept');
  const is = normalize(world.outside, world.namespace);
  const changed = [...new Set([...was.keys(), ...is.keys()])].filter(
    (path) =>
      was.get(path) !== is.get(path) &&
      !(isEmpty(was.get(path)) && isEmpty(is.get(path))) &&
      !leftBehind.some(({ state }) => state.test(path)),
  );
  return changed.map((path) => ({
    what: `as before the registration, ${path}: ${is.get(path) ?? 'absent'}, was ${was.get(path) ?? 'absent'}`,
    holds: false,
  }));
}

/** Secrets are held while they are needed to unregister; nobody would let go of them later. */
async function secretsCheck(world: World): Promise<Check> {
  const held = await world.kubectl('get', 'secrets', '-o', 'jsonpath={.items[*].metadata.finalizers}');
  return { what: 'Kubernetes: no Secret is held any more', holds: held.trim() === '' };
}

import { arcSecretName } from '../../../src/registration/arc-secret.ts';
import { markTag } from '../../../src/registration/target.ts';
import { agreement, type Check } from '../../lab/agreement.ts';
import { sampleCluster, sampleManifests } from '../../lab/lab.ts';
import { normalize, type Lines } from '../normalize.ts';
import { scopeOf } from '../run.ts';
import type { Scenario, World } from '../scenario.ts';
import { externalWrite } from '../writes.ts';
import { isReady, register } from './register.ts';

/** Azure and nodes of each run, before the cluster was taken over, and how many exchanges there had been. */
const before = new WeakMap<World, { state: Lines; exchanges: { azure: number; nodes: number } }>();

/** A registered cluster that nobody manages and that bears no mark, from YAML to Ready. */
export const adopt: Scenario = {
  ...register,
  name: 'adopt',
  says: 'takes over a registered cluster, with one write: the mark',
  given: isReady,
  begin: async (world) => {
    await release(world);
    const { azure, nodes } = world.outside;
    before.set(world, {
      state: normalize(world.outside, world.namespace),
      exchanges: { azure: azure.log.length, nodes: nodes.log.length },
    });
    await world.apply(await sampleManifests(world.outside, { namespace: world.namespace }));
  },
  done: (world) => world.status(sampleCluster.name)?.azure?.adopted === true && isReady(world),
  checks: async (world) => Promise.resolve([...agreement(world.outside), ...onlyTheMark(world)]),
  allowances: [],
};

/** What Register-AzStackHCI would have left: all is there but our object, its Secrets and our mark. */
async function release(world: World): Promise<void> {
  const { name } = sampleCluster;
  await world.kubectl(
    'patch',
    'hciregistration',
    name,
    '--type=merge',
    '-p',
    '{"spec":{"deletion":{"policy":"Detach"}}}',
  );
  await world.kubectl('delete', 'hciregistration', name, '--timeout=60s');
  // It belongs to the object that is gone, and is collected.
  await world.kubectl('wait', '--for=delete', `secret/${arcSecretName(name)}`, '--timeout=60s');
  for (const cluster of Object.values(world.outside.azure.state.clusters)) {
    const { [markTag]: _, ...others } = cluster.tags ?? {};
    cluster.tags = { ...others, costCentre: '4711' };
  }
}

/** Adoption changes nothing that works. */
function onlyTheMark(world: World): Check[] {
  const was = before.get(world);
  if (was === undefined) throw new Error('the state before the adoption was not kept');
  const { azure, nodes } = world.outside;
  const scope = scopeOf(world.outside);
  const writes = [...azure.log.slice(was.exchanges.azure), ...nodes.log.slice(was.exchanges.nodes)].flatMap(
    (exchange) => externalWrite(exchange, scope)?.words ?? [],
  );
  const is = normalize(world.outside, world.namespace);
  const changed = [...new Set([...was.state.keys(), ...is.keys()])].filter(
    (path) => was.state.get(path) !== is.get(path),
  );
  return [
    {
      what: `Azure and nodes were asked for nothing but the mark, at most once more than needed: ${writes.join(', ')}`,
      holds: writes.length <= 2 && new Set(writes).size === 1 && writes[0] === `PATCH clusters/${sampleCluster.name}`,
    },
    { what: 'Azure: the cluster resource bears the mark', holds: changed.some(isMark) },
    ...changed
      .filter((path) => !isMark(path))
      .map((path) => ({
        what: `as before the adoption, ${path}: ${is.get(path) ?? 'absent'}, was ${was.state.get(path) ?? 'absent'}`,
        holds: false,
      })),
  ];
}

const isMark = (path: string): boolean => path.startsWith('azure.clusters.') && path.endsWith(`.tags.${markTag}`);

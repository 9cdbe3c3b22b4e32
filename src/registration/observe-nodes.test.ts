import { expect, test } from 'vitest';
import { buildCluster, nodeNames } from './testing/builders.ts';
import { startReconciler } from './testing/reconciler.ts';

const minute = 60_000;
const calls = ({ calls: all }: ReturnType<typeof startReconciler>) => all.filter((call) => call.startsWith('NODE'));

/** All was well for an hour, and NODE2 falls silent right before the nodes are probed again. */
async function silentSecond() {
  const simulation = startReconciler();
  await simulation.run(59 * minute);
  simulation.surroundings.silent.add('NODE2');
  simulation.calls.length = 0;
  return simulation;
}

test('when a node falls silent the others are asked once what the cluster says of it', async () => {
  const simulation = await silentSecond();
  simulation.surroundings.clusterProbe = buildCluster({
    nodes: buildCluster().nodes.map((node) => (node.name === 'NODE2' ? { ...node, state: 'Down' } : node)),
  });
  await simulation.run(2 * minute);
  expect(simulation.surroundings.object.status?.nodes?.items[1]).toMatchObject({
    reason: 'NodeDown',
    message: expect.stringMatching(/^The cluster says that NODE2 is down\. probe on NODE2: refused/),
  });
  expect(simulation.condition('NodesReachable')).toMatchObject({ status: 'False', reason: 'NodeUnreachable' });
  // One question to the cluster for each try in vain, and none to the other node itself.
  expect(simulation.count('NODE NODE1 clusterProbe')).toBeLessThanOrEqual(simulation.count('NODE NODE2 probe') + 1);
  expect(simulation.count('NODE NODE1 probe')).toBe(1);
});

test('once it answers again the others are asked at once whether it is still down', async () => {
  const simulation = await silentSecond();
  const { nodes } = buildCluster();
  simulation.surroundings.clusterProbe = buildCluster({
    nodes: nodes.map((node) => (node.name === 'NODE2' ? { ...node, state: 'Down' } : node)),
  });
  await simulation.run(2 * minute);
  simulation.surroundings.silent.clear();
  simulation.surroundings.clusterProbe = buildCluster();
  await simulation.run(5 * minute);
  expect(simulation.surroundings.object.status?.nodes?.items[1]).not.toHaveProperty('reason');
  expect(simulation.condition('Ready')).toMatchObject({ status: 'True' });
});

test('an evicted node is noticed when it falls silent, and the cluster stays Ready', async () => {
  const simulation = await silentSecond();
  simulation.surroundings.clusterProbe = buildCluster({
    nodes: buildCluster().nodes.filter(({ name }) => name === 'NODE1'),
  });
  await simulation.run(2 * minute);
  expect(simulation.condition('Ready')).toMatchObject({ status: 'True' });
  expect(simulation.surroundings.object.status?.nodes).toMatchObject({
    total: 1,
    items: [{ name: 'NODE1' }, { name: 'NODE2', reason: 'NodeNotMember' }],
  });
  // Told once.
  expect(simulation.events.filter((event) => event.startsWith('NodeNotMember'))).toEqual([
    expect.stringMatching(/^NodeNotMember NODE2 is listed in spec\.nodes\.hosts and is no node/),
  ]);
});

test('where no node answers what the cluster said before stays', async () => {
  const simulation = await silentSecond();
  simulation.surroundings.silent.add('NODE1');
  await simulation.run(2 * minute);
  expect(calls(simulation).filter((call) => call.endsWith('clusterProbe'))).toEqual([]);
  expect(simulation.condition('NodesReachable')).toMatchObject({ status: 'False', reason: 'NodeUnreachable' });
});

test('while all answer the cluster is asked as often as they are', async () => {
  const simulation = startReconciler();
  await simulation.run(179 * minute);
  const probes = nodeNames.map((name) => simulation.count(`NODE ${name} probe`));
  expect(simulation.count('NODE NODE1 clusterProbe')).toBe(probes[0]);
});

import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually, startProcessLab, type ProcessLab } from './process-harness.ts';

const dead = Array.from({ length: 8 }, (_, index) => `dead${index + 1}`);
const nodeNames = ['NODE1', 'NODE2'];

let world: ProcessLab;
beforeAll(async () => {
  world = await startProcessLab([...dead, 'healthy']);
});
afterAll(async () => {
  await world?.stop();
});

it('eight sites that take connections and do not answer do not hold a healthy one, even with one worker', async () => {
  const { nodes, azure } = world.lab;
  for (const cluster of dead) {
    for (const node of nodeNames) {
      const body = JSON.stringify({ state: 'hang' });
      const response = await fetch(`${nodes.admin}/nodes/${cluster}/${node}`, { method: 'PUT', body });
      expect(response.ok, await response.text()).toBe(true);
    }
    await world.given('sites', cluster);
  }
  const process = await world.start('sites', { configuration: { workers: 1 } });
  // All of them are being tried, more than there are workers.
  await eventually(process, async () =>
    expect(
      await process.metric('controller_runtime_active_workers{controller="hciclusterregistration"}'),
    ).toBeGreaterThanOrEqual(dead.length),
  );

  await world.given('sites', 'healthy');
  await eventually(process, async () => expect(await world.condition('sites', 'healthy', 'Ready')).toBe('True/Ready'));
  expect(Object.values(azure.state.clusters).map(({ name }) => name)).toEqual(['healthy']);
  expect(await process.metric('hci_node_operations_total{operation="probe",outcome="ok"}')).toBeGreaterThan(0);
  expect(await process.stop()).toBe(0);
}, 180_000);

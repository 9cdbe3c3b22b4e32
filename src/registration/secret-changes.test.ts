import { expect, test } from 'vitest';
import { nodeNames } from './testing/builders.ts';
import { startReconciler } from './testing/reconciler.ts';

const second = 1000;
const minute = 60 * second;

/** A registration that is as it should be, some minutes before its next sync. */
async function settled() {
  const simulation = startReconciler();
  await simulation.pass();
  simulation.advance(5 * minute);
  simulation.calls.length = 0;
  return simulation;
}

const probes = nodeNames.map((name) => `NODE ${name} probe`);

test('a Secret that was only touched is read, and nothing else is', async () => {
  const simulation = await settled();
  simulation.secretChanged();
  await simulation.pass();
  expect(simulation.calls).toEqual(['KUBE GET secret']);
});

test('another credential is signed in with at once, and Azure is asked for its rights only', async () => {
  const simulation = await settled();
  simulation.changeIdentity();
  simulation.secretChanged();
  await simulation.pass();
  expect(simulation.calls).toEqual(['KUBE GET secret', 'sign in', 'ARM GET permissions']);
});

test('other SSH keys are tried on every node at once', async () => {
  const simulation = await settled();
  simulation.surroundings.sshKey = 'another key';
  simulation.secretChanged();
  await simulation.pass();
  expect(simulation.calls).toEqual(expect.arrayContaining(probes));
  expect(simulation.count('ARM')).toBe(0);
});

test('without a word from the watch both are noticed at the next sync', async () => {
  const simulation = startReconciler();
  const dueInMs = (await simulation.pass()) ?? Infinity;
  expect(dueInMs).toBeLessThan(17 * minute);
  simulation.changeIdentity();
  simulation.surroundings.sshKey = 'another key';
  simulation.calls.length = 0;
  simulation.advance(dueInMs);
  await simulation.pass();
  expect(simulation.count('sign in')).toBe(1);
  expect(simulation.calls).toEqual(expect.arrayContaining(probes));
});

test('after a restart an object that is left alone until its sync is looked at when its Secret changes', async () => {
  const { surroundings } = await settled();
  const restarted = startReconciler({ object: surroundings.object });
  restarted.advance(5 * minute);
  await restarted.pass();
  expect(restarted.calls).toEqual([]);
  restarted.secretChanged();
  await restarted.pass();
  expect(restarted.count('sign in')).toBe(1);
});

test('what was refused with the last credential waits no longer', async () => {
  const simulation = startReconciler();
  simulation.refuseSignIn(true);
  await simulation.pass();
  expect(simulation.condition('Authenticated')).toMatchObject({ status: 'False' });

  simulation.calls.length = 0;
  simulation.advance(second);
  await simulation.pass();
  expect(simulation.calls).toEqual([]); // it waits for its next try
  simulation.changeIdentity();
  simulation.refuseSignIn(false);
  simulation.secretChanged();
  await simulation.pass();
  expect(simulation.condition('Authenticated')).toMatchObject({ status: 'True' });
});

import { describe, expect, test } from 'vitest';
import { arcRefusal } from './arc-guards.ts';
import {
  buildArcSettings,
  buildInput,
  buildMachine,
  buildObserved,
  buildSpec,
  present,
  resourceId,
  unknown,
  unregistered,
  probes,
} from './testing/builders.ts';
import { plan } from './plan.ts';
import { report } from './report.ts';
import { buildRegistration } from './testing/builders.ts';
import type { Observed } from './facts.ts';
import type { PlanInput } from './step.ts';

const observing = (changes: Partial<Observed>) => buildInput({ observed: buildObserved(changes) });
const other = resourceId.replace('clusters/hci001', 'clusters/hci002');
const machineOf = (parent: string) => observing({ machines: present([buildMachine('node2', parent)]) });
const disabling = { arcSettings: present(buildArcSettings({ aggregateState: 'DisableInProgress' })) };

describe('what forbids Arc', () => {
  test.each<[string, PlanInput, string, string]>([
    [
      'Arc settings that use another group',
      observing({ arcSettings: present(buildArcSettings({ arcInstanceResourceGroup: 'other-rg' })) }),
      'InvalidSpec',
      'use resource group other-rg, not hci001-rg (9129). Set spec.arc.resourceGroup to other-rg.',
    ],
    [
      'an Arc-enabled server of the same name in another cluster',
      machineOf(other),
      'ArcMachineOwnedElsewhere',
      `(9105): node2 of ${other}.`,
    ],
  ])('%s', (_, input, reason, message) => {
    const refused = arcRefusal(input);
    expect(refused?.reason).toBe(reason);
    expect(refused?.message).toContain(message);
    const planned = plan(input);
    expect(planned).toMatchObject({ refusal: undefined, arcRefusal: refused });
    const { conditions } = report(buildRegistration(), input, planned);
    for (const type of ['Ready', 'ArcConnected'])
      expect(conditions).toContainEqual(expect.objectContaining({ type, status: 'False', reason }));
    for (const type of ['Registered', 'Connected'])
      expect(conditions).toContainEqual(expect.objectContaining({ type, status: 'True' }));
  });
});

describe('what does not', () => {
  test.each<[string, PlanInput]>([
    [
      'Arc settings with the group in another case',
      observing({ arcSettings: present(buildArcSettings({ arcInstanceResourceGroup: 'HCI001-RG' })) }),
    ],
    ['an Arc-enabled server of this cluster', machineOf(resourceId.toUpperCase())],
    ['an Arc-enabled server of no cluster', machineOf('')],
    ['one of another cluster and another name', observing({ machines: present([buildMachine('NODE9', other)]) })],
    [
      'Arc that somebody else manages',
      buildInput({
        spec: buildSpec({ arc: { state: 'Unmanaged', onboarding: { type: 'ResourceProvider' } } }),
        observed: buildObserved(disabling),
      }),
    ],
    ['nothing that could be read', observing({ arcSettings: unknown(), machines: unknown() })],
  ])('%s', (_, input) => {
    expect(arcRefusal(input)).toBeUndefined();
  });
});

test('the nodes are registered meanwhile, and nothing is done for Arc', () => {
  const input = observing({
    machines: present([buildMachine('NODE1', other)]),
    probes: probes({ registration: unregistered, agent: null, arcRegistrationTask: null }),
  });
  const planned = plan(input);
  expect(planned.runnable.map(({ step }) => step)).toEqual(['SetRegistration']);
  expect(planned.pending).toContainEqual(
    expect.objectContaining({
      step: 'RegisterArcRegistrationTask',
      state: 'Waiting',
      message: 'after SetRegistration',
    }),
  );
  const { conditions } = report(buildRegistration(), input, planned);
  expect(conditions).toContainEqual(expect.objectContaining({ type: 'Ready', reason: 'Progressing' }));
});

test('no group is made for Arc while it is forbidden', () => {
  const spec = buildSpec({
    arc: { state: 'Enabled', resourceGroup: 'arc-rg', onboarding: { type: 'ResourceProvider' } },
  });
  const input = buildInput({
    spec,
    observed: buildObserved({ arcResourceGroup: { state: 'absent', at: new Date(), via: 'live' } }),
  });
  expect(plan(input)).toMatchObject({ arcRefusal: { reason: 'InvalidSpec' }, runnable: [] });
});

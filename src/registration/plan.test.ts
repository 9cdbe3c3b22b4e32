import { describe, expect, test } from 'vitest';
import type { StepFailure } from './memory.ts';
import { createMemory } from './memory.ts';
import { plan } from './plan.ts';
import { stepKey, type Step } from './step.ts';
import { stepNames, steps } from './steps/index.ts';
import {
  absent,
  after,
  before,
  buildInput,
  buildObserved,
  buildResource,
  buildSpec,
  now,
  present,
  probes,
} from './testing/builders.ts';

test('nothing is left to do where everything is as it should be', () => {
  expect(plan(buildInput())).toEqual({ pending: [], runnable: [], left: [], refusal: undefined });
});

describe('the table of steps', () => {
  test('has the order of Register-AzStackHCI', () => {
    expect(stepNames).toEqual([
      'CreateResourceGroup',
      'RegisterResourceProvider',
      'CreateCluster',
      'AdoptCluster',
      'SetSystemAssignedIdentity',
      'CreateClusterIdentity',
      'RefreshResourceProviderObjectId',
      'AssignResourceManagerRole',
      'NewRegistrationCertificate',
      'UploadCertificate',
      'SetRegistrationCertificate',
      'SetRegistration',
      'StartCloudManagement',
      'SyncAfterRegistration',
      'RemoveCustomImdsHostAddress',
      'CreateArcSettings',
      'ConsentToDefaultExtensions',
      'CreateArcIdentity',
      'AssignArcRoles',
      'GeneratePassword',
      'InitializeArcIntegration',
      'DropArcSecret',
      'RegisterArcRegistrationTask',
      'DisconnectAgent',
      'SetAgentProxy',
      'StartArcRegistrationTask',
      'RecordOnboardingSecret',
      'RemoveStaleMachine',
      'Sync',
      'SyncOnRequest',
      'StartDisablingArc',
      'InitializeDisableProcess',
      'DeleteExtension',
      'UnregisterArcRegistrationTask',
      'DisableArcIntegration',
      'DeleteMachine',
      'RemoveArcRoles',
      'DeleteArcSettings',
      'ClearArcIntegration',
      'RemoveResourceManagerRole',
      'RemoveCloudManagement',
      'RemoveRegistration',
      'RemoveRegistrationCertificate',
      'DeleteCluster',
      'DeleteResourceGroup',
    ]);
  });

  test.each(stepNames)('%s comes after steps that stand before it, and none of them twice', (name) => {
    const { after: earlier } = steps[name];
    expect(new Set(earlier).size).toBe(earlier.length);
    const standBefore: string[] = stepNames.slice(0, stepNames.indexOf(name));
    expect(earlier.filter((other) => !standBefore.includes(other))).toEqual([]);
  });

  test.each(stepNames)('%s affects facts that are observed', (name) => {
    const known = [
      ...Object.keys(buildObserved()).filter((key) => !['nodes', 'probes', 'hostKeys'].includes(key)),
      'probe/',
      'groupResources/resourceGroup',
      'groupResources/arcResourceGroup',
    ];
    const step: Pick<Step<unknown>, 'affects'> = steps[name];
    for (const fact of step.affects('NODE1')) {
      expect([...known, 'probe/NODE1', 'provider/NODE1']).toContain(fact);
    }
    // What a write changes is read again: only the upload's effect cannot be read.
    expect(step.affects('NODE1').length > 0).toBe(name !== 'UploadCertificate');
  });
});

const withoutRoles = buildObserved({ providerRoles: absent });
const role = stepKey('AssignResourceManagerRole', 'Azure Connected Machine Resource Manager');
const failure = (changes: Partial<StepFailure>): StepFailure => ({
  count: 2,
  at: before(1),
  nextTry: after(30),
  message: 'It did not work.',
  reason: 'ActionsMissing',
  needsPerson: false,
  ...changes,
});
function planAfter(changes: Partial<StepFailure>) {
  const memory = createMemory();
  memory.failures.set(role, failure(changes));
  const { pending, runnable } = plan(buildInput({ observed: withoutRoles, memory }));
  return { pending: pending.filter(({ step }) => step === 'AssignResourceManagerRole'), runnable };
}

describe('a step whose last try failed', () => {
  test('waits for the time of the next try, and says when that is', () => {
    const { pending, runnable } = planAfter({});
    expect(runnable).toEqual([]);
    expect(pending).toEqual([
      expect.objectContaining({
        state: 'Waiting',
        reason: 'ActionsMissing',
        retrying: true,
        afterSeconds: 30,
        message: `It did not work. Try 3 at ${after(30).toISOString()}.`,
      }),
    ]);
  });
  test('is tried again at that time', () => {
    const { pending, runnable } = planAfter({ nextTry: now });
    expect(runnable.map(({ step }) => step)).toEqual(['AssignResourceManagerRole']);
    expect(pending[0]).toMatchObject({ state: 'Ready', reason: 'ProgressingWithRetry', retrying: true });
  });
  test('what Azure is busy with is waited for, and is no failure', () => {
    const { pending, runnable } = planAfter({ reason: 'WaitingForAzure', nextTry: after(10) });
    expect(runnable).toEqual([]);
    expect(pending).toContainEqual(
      expect.objectContaining({ state: 'Waiting', reason: 'WaitingForAzure', retrying: false, afterSeconds: 10 }),
    );
    expect(planAfter({ reason: 'WaitingForAzure', nextTry: before(1) }).runnable).toHaveLength(1);
  });
  test('is blocked where a person must act, and tried again now and then all the same', () => {
    expect(planAfter({ needsPerson: true, nextTry: before(1) }).runnable).toHaveLength(1);
    const { pending, runnable } = planAfter({ needsPerson: true, nextTry: before(-1000) });
    expect(runnable).toEqual([]);
    expect(pending[0]).toMatchObject({ state: 'Blocked', reason: 'ActionsMissing', message: 'It did not work.' });
  });
  test('tells what it waits for first, where an earlier step is open again', () => {
    const memory = createMemory();
    memory.failures.set(role, failure({ needsPerson: true }));
    const observed = buildObserved({ providerRoles: absent, resourceGroup: absent });
    const { pending } = plan(buildInput({ observed, memory }));
    expect(pending.find(({ step }) => step === 'AssignResourceManagerRole')).toMatchObject({
      state: 'Waiting',
      message: 'after CreateResourceGroup',
    });
  });
});

describe('order', () => {
  test('an optional step that is open holds nothing else', () => {
    const observed = buildObserved({
      probes: probes({ customImdsHostAddress: '127.0.0.1' }),
      resource: present(buildResource()),
      arcSettings: absent,
    });
    const names = plan(buildInput({ observed })).runnable.map(({ step }) => step);
    expect(new Set(names)).toEqual(new Set(['RemoveCustomImdsHostAddress', 'CreateArcSettings', 'Sync']));
  });
  test('managementPolicy Observe shows what would be done and does nothing', () => {
    const planned = plan(buildInput({ spec: buildSpec({ managementPolicy: 'Observe' }), observed: withoutRoles }));
    expect(planned.runnable).toEqual([]);
    expect(planned.pending.map(({ step, state }) => [step, state])).toEqual([['AssignResourceManagerRole', 'Ready']]);
  });
  test('the same input gives the same plan, and is not changed', () => {
    const input = buildInput({ observed: withoutRoles });
    const copy = structuredClone({ ...input, now: input.now });
    expect(plan(input)).toEqual(plan(input));
    expect(input).toEqual(copy);
  });
});

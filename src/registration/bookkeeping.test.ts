import { describe, expect, test } from 'vitest';
import { forgetWhatIsDone, noteFailure, noteSuccess } from './bookkeeping.ts';
import { createMemory, type Memory } from './memory.ts';
import { plan, type Pending } from './plan.ts';
import type { PlanInput } from './step.ts';
import { before, buildArcSettings, buildInput, buildObserved, now, present } from './testing/builders.ts';

// All is well but one thing: Azure does not show the nodes as Arc-connected, so Sync is due.
const syncDue = (memory: Memory): PlanInput =>
  buildInput({ memory, observed: buildObserved({ arcSettings: present(buildArcSettings({ perNodeDetails: [] })) }) });
const syncOf = (memory: Memory): Pending | undefined =>
  plan(syncDue(memory)).pending.find(({ step }) => step === 'Sync');
const failed = {
  reason: 'AzureRequestFailed',
  message: 'no',
  errorClass: 'RetrySoon',
  retryAfterSeconds: undefined,
} as const;

describe('a write whose effect does not show', () => {
  test('is looked at again soon and not repeated before its time, each time later', () => {
    const memory = createMemory();
    expect(plan(syncDue(memory)).runnable.map(({ step }) => step)).toEqual(['Sync']);
    noteSuccess(memory, 'Sync', 'hci001', undefined, before(10));
    expect(plan(syncDue(memory)).runnable).toEqual([]);
    expect(syncOf(memory)).toMatchObject({
      state: 'Waiting',
      reason: 'ArcSyncPending',
      afterSeconds: 5,
      readAgain: expect.arrayContaining(['arcSettings', 'probe/NODE1', 'probe/NODE2']),
    });
    noteSuccess(memory, 'Sync', 'hci001', undefined, before(90));
    expect(memory.successes.get('Sync/hci001')?.nextTry).toEqual(before(-30)); // 60 s the first time, 120 s the second
    for (let time = 0; time < 12; time += 1) noteSuccess(memory, 'Sync', 'hci001', undefined, now);
    expect(memory.successes.get('Sync/hci001')?.nextTry).toEqual(before(-3600));
    expect(syncOf(memory)?.afterSeconds).toBeGreaterThanOrEqual(0.5);
  });

  test('other steps are repeated after a second at first, and within a minute at last', () => {
    const memory = createMemory();
    noteSuccess(memory, 'RefreshResourceProviderObjectId', 'hci001', undefined, now);
    expect(memory.successes.get('RefreshResourceProviderObjectId/hci001')?.nextTry).toEqual(before(-1));
    for (let time = 0; time < 12; time += 1)
      noteSuccess(memory, 'RefreshResourceProviderObjectId', 'hci001', undefined, now);
    expect(memory.successes.get('RefreshResourceProviderObjectId/hci001')?.nextTry).toEqual(before(-60));
  });
});

test('what is done takes its failures and successes with it', () => {
  const memory = createMemory();
  noteFailure(memory, 'Sync/hci001', failed, true, now);
  noteFailure(memory, 'CreateCluster/hci001', failed, true, now);
  noteSuccess(memory, 'CreateCluster', 'hci001', undefined, now);
  forgetWhatIsDone(memory, plan(syncDue(memory)));
  expect([...memory.failures.keys()]).toEqual(['Sync/hci001']);
  expect([...memory.successes.keys()]).toEqual([]);
});

test('what needs a person is looked at again now and then', () => {
  const memory = createMemory();
  noteFailure(memory, 'Sync/hci001', { ...failed, errorClass: 'NeedsPerson' }, true, before(899));
  expect(syncOf(memory)).toMatchObject({ state: 'Blocked', afterSeconds: 1 });
  noteFailure(createMemory(), 'Sync/hci001', failed, true, now);
  memory.failures.clear();
  noteFailure(memory, 'Sync/hci001', { ...failed, errorClass: 'NeedsPerson' }, true, before(900));
  expect(syncOf(memory)).toMatchObject({ state: 'Ready', retrying: true });
});

import { describe, expect, test } from 'vitest';
import { finalizer, unregisterConfirmed } from '../api/group.ts';
import type { HciClusterRegistration } from '../api/registration.ts';
import { deletedTogether, massDeletionGate } from './mass-deletion.ts';
import { buildRegistration, buildSpec } from './testing/builders.ts';

const limit = { limit: 10, windowMinutes: 10 };
const deletedAt = '2026-03-01T12:00:00Z';
const later = new Date('2026-03-01T12:01:00Z');

function deleted(changes: Partial<HciClusterRegistration['metadata']> = {}): HciClusterRegistration {
  const object = buildRegistration({ status: { firstWriteTime: '2026-01-01T00:00:00Z' } });
  const metadata = { ...object.metadata, finalizers: [finalizer], deletionTimestamp: deletedAt, ...changes };
  return { ...object, metadata };
}
const others = (count: number, at = deletedAt) =>
  Array.from({ length: count }, (_, index) => deleted({ uid: `uid-${index}`, deletionTimestamp: at }));

const annotated = (value: string) => deleted({ annotations: { [unregisterConfirmed]: value } });

describe('how many are unregistered together', () => {
  test.each([
    ['itself does not count', [deleted()], 0],
    ['within the window', others(12), 12],
    ['before the window', others(12, '2026-03-01T11:49:00Z'), 0],
    [
      'those that are only detached',
      others(3).map((one) => ({ ...one, spec: buildSpec({ managementPolicy: 'Observe' }) })),
      0,
    ],
    ['those that are not deleted', [buildRegistration()], 0],
  ])('%s', (_, all, count) => {
    expect(deletedTogether(deleted(), all, limit)).toBe(count);
  });
});

describe('the gate', () => {
  test('is open for the tenth, and shut for all of eleven', () => {
    expect(massDeletionGate(deleted(), 9, limit, later)).toEqual({ kind: 'open' });
    const shut = massDeletionGate(deleted(), 10, limit, later);
    expect(shut).toMatchObject({ kind: 'hold', message: expect.stringContaining(`${unregisterConfirmed}=true`) });
  });

  test('waits a moment for those that follow', () => {
    expect(massDeletionGate(deleted(), 0, limit, new Date(deletedAt))).toEqual({ kind: 'settle', untilMs: 5000 });
  });

  test('opens when a person agrees, and not for any other word', () => {
    expect(massDeletionGate(annotated('true'), 50, limit, later)).toEqual({ kind: 'open' });
    expect(massDeletionGate(annotated('yes'), 50, limit, later).kind).toBe('hold');
  });

  test('holds on when the others are gone, and lets go on what was begun', () => {
    const condition = {
      type: 'Deleting',
      status: 'True',
      reason: 'MassDeletionHold',
      message: 'held',
      observedGeneration: 1,
      lastTransitionTime: deletedAt,
    } as const;
    const held = { ...deleted(), status: { firstWriteTime: deletedAt, conditions: [condition] } };
    expect(massDeletionGate(held, 0, limit, later).kind).toBe('hold');
    const begun = { ...deleted(), status: { firstWriteTime: deletedAt, unregistration: { startTime: deletedAt } } };
    expect(massDeletionGate(begun, 50, limit, later)).toEqual({ kind: 'open' });
  });
});

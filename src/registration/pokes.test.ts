import { describe, expect, test } from 'vitest';
import { pokes, fluxPoke } from '../api/group.ts';
import { handledPokes, requestedChange, unansweredPokes } from './pokes.ts';
import { buildRegistration } from './testing/builders.ts';
import type { HciClusterRegistration } from '../api/registration.ts';

function asked(annotations: Record<string, string>, status?: HciClusterRegistration['status']) {
  const registration = buildRegistration({ status });
  return { ...registration, metadata: { ...registration.metadata, annotations } };
}

describe('requests', () => {
  test('each is open until status has its value', () => {
    const all = { [pokes.reconcile]: 'a', [pokes.sync]: 'b', [pokes.rotate]: 'c', [pokes.repair]: 'd' };
    const fields = ['lastHandledReconcileAt', 'lastHandledSyncAt', 'lastHandledRotateAt', 'lastHandledRepairAt'];
    expect(unansweredPokes(asked(all))).toEqual(fields);
    const handled = handledPokes(asked(all));
    expect(Object.keys(handled)).toEqual(fields);
    expect(unansweredPokes(asked(all, handled))).toEqual([]);
    expect(unansweredPokes(asked({ ...all, [pokes.sync]: 'again' }, handled))).toEqual(['lastHandledSyncAt']);
  });
  test('an answer stays when the annotation goes', () => {
    expect(handledPokes(asked({}, { lastHandledSyncAt: 'b' }))).toEqual({ lastHandledSyncAt: 'b' });
    expect(unansweredPokes(asked({}, { lastHandledSyncAt: 'b' }))).toEqual([]);
  });
  test("Flux's own annotation counts as reconcile", () => {
    expect(unansweredPokes(asked({ [fluxPoke]: '1' }))).toEqual(['lastHandledReconcileAt']);
  });
  test('a long value is answered with what status can hold, once', () => {
    const long = { [pokes.repair]: 'x'.repeat(5000) };
    const handled = handledPokes(asked(long));
    expect(handled.lastHandledRepairAt).toHaveLength(256);
    expect(unansweredPokes(asked(long, handled))).toEqual([]);
  });
});

describe('what is worth a pass', () => {
  const registration = asked({});
  const changed = (metadata: Partial<typeof registration.metadata>) =>
    requestedChange(registration, { ...registration, metadata: { ...registration.metadata, ...metadata } });
  test('spec, deletion, a request, another object of the name, coming and going', () => {
    expect(changed({ generation: 2 })).toBe(true);
    expect(changed({ deletionTimestamp: '2026-03-01T00:00:00Z' })).toBe(true);
    expect(changed({ annotations: { [pokes.sync]: '1' } })).toBe(true);
    expect(changed({ uid: 'another' })).toBe(true);
    expect(requestedChange(undefined, registration)).toBe(true);
    expect(requestedChange(registration, undefined)).toBe(true);
  });
  test('not what we write ourselves, nor what others annotate', () => {
    expect(changed({ resourceVersion: '2', finalizers: ['ours'] })).toBe(false);
    expect(changed({ annotations: { 'example.com/note': '1' } })).toBe(false);
  });
});
